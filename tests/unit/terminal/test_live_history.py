"""Every kind of journal entry is told by its rule: what happened, who said it; a payment's words are never guessed."""

from __future__ import annotations

from typing import get_args

import pytest

from protocol.messages import LateMoney, LateMoneyState, OfflineKit, Presented, Proof
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from sync.engine.statements import (
    TILL,
    AnyStatement,
    CancelCause,
    CancelIntended,
    CashBack,
    CashReturned,
    CashTaken,
    CodeTried,
    KitStored,
    LateMoneySeen,
    LineLost,
    OfflineParked,
    OfflineShown,
    ParkWhy,
    PaymentAcked,
    PaymentConflict,
    PaymentObserved,
    PaymentRefused,
    PaymentSettled,
    PaymentSilent,
    PaymentStarted,
    ProofTaken,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    Silence,
    StandingChanged,
    StatusShown,
    StorePaidHeard,
)
from sync.journal.read import TimelineEntry
from terminal.cashier.ports import HistoryEntry
from terminal.cashier.timeline import KINDS
from terminal.live.history import history_of

NUMBER = new_number(bytes(15))
NO = f"{NUMBER}-2"
PROOF = Proof(kind=ProofKind.DECLINED, said_by="alipay", at_ms=1)


def started(presented: Presented) -> PaymentStarted:
    return PaymentStarted(
        payment_no=NO, order_no=NUMBER, n=2, sale_id=NUMBER, amount_fen=1, currency="CNY", presented=presented,
        subject="tea", operator="wang",
    )  # fmt: skip


def observed(state: GatewayState = GatewayState.SENT, *, prompted: bool = False) -> PaymentObserved:
    return PaymentObserved(payment_no=NO, said_by="G1", gateway_state=state, state_seq=1, payer_prompted=prompted)


def settled(*, paid: bool, said_by: str = "G1") -> PaymentSettled:
    return PaymentSettled(
        payment_no=NO, said_by=said_by, paid=paid, state_seq=1, reason=None if paid else Reason.BALANCE_LOW,
        proof=None if paid else PROOF, channel="alipay", transaction_tail="3421" if paid else None,
    )  # fmt: skip


LATE = LateMoney(state=LateMoneyState.FOUND, amount_fen=1, found_at_ms=1)
UNDONE = LateMoney(state=LateMoneyState.UNDONE, amount_fen=1, found_at_ms=1)
KEPT = LateMoney(state=LateMoneyState.ACCEPTED, amount_fen=1, found_at_ms=1)


def refund_settled(*, done: bool) -> RefundSettled:
    return RefundSettled(
        payment_no=NO, refund_no=NUMBER, amount_fen=100, said_by="G1", done=done, state_seq=2, refundable_fen=0,
        reason=Reason.REFUNDED if done else Reason.SELLER_BALANCE_LOW,
    )  # fmt: skip


KIT = OfflineKit(
    epoch=1, base_url="https://pay.test", proof_keys=(), codes=(), order_limit_fen=1, typed_order_limit_fen=1,
    typed_shift_limit_fen=1, server_time_ms=1,
)  # fmt: skip
TABLE: list[tuple[AnyStatement, str, str, Reason | None, str]] = [
    (started(Presented.CUSTOMER), "scan_accepted", "till", None, "wang"),
    (started(Presented.MERCHANT), "qr_asked", "till", None, "wang"),
    (observed(), "waiting", "gateway", None, ""),
    (observed(prompted=True), "password", "gateway", None, ""),
    (observed(GatewayState.REVERSING, prompted=True), "cancelling", "gateway", None, ""),
    (PaymentSilent(payment_no=NO, why=Silence.NO_ANSWER), "unknown", "till", Reason.NOT_CONFIRMED, ""),
    (PaymentSilent(payment_no=NO, why=Silence.NOT_SENT), "unknown", "till", Reason.NOT_CONFIRMED, ""),
    (PaymentSilent(payment_no=NO, why=Silence.RESTARTED), "resumed", "till", None, ""),
    (
        PaymentRefused(payment_no=NO, said_by="G1", reason=Reason.AMOUNT_REFUSED),
        "unknown", "gateway", Reason.AMOUNT_REFUSED, "",
    ),
    (
        CancelIntended(payment_no=NO, operator="wang", cause=CancelCause.CASHIER),
        "cancel_asked", "cashier", None, "wang",
    ),
    (CancelIntended(payment_no=NO, operator="", cause=CancelCause.UNKNOWN_NUMBER), "cancel_asked", "till", None, ""),
    (settled(paid=True), "paid", "gateway", None, "alipay …3421"),
    (settled(paid=False), "not_paid", "gateway", Reason.BALANCE_LOW, "DECLINED"),
    (settled(paid=False, said_by=TILL), "not_paid", "till", Reason.BALANCE_LOW, "DECLINED"),
    (LateMoneySeen(payment_no=NO, said_by="G1", state_seq=1, late_money=LATE), "late_money", "gateway", None, ""),
    (LateMoneySeen(payment_no=NO, said_by="G1", state_seq=1, late_money=UNDONE), "late_undone", "gateway", None, ""),
    (LateMoneySeen(payment_no=NO, said_by="G1", state_seq=1, late_money=KEPT), "late_kept", "gateway", None, ""),
    (
        RefundStarted(
            payment_no=NO, refund_no=NUMBER, amount_fen=100, currency="CNY", note="sour", operator="wang"
        ),
        "refund_asked", "cashier", None, "¥1.00 wang",
    ),
    (
        RefundObserved(
            payment_no=NO, refund_no=NUMBER, amount_fen=100, said_by="G1", state_seq=1, refundable_fen=0
        ),
        "refund_taken", "gateway", None, "¥1.00",
    ),
    (
        RefundRefused(
            payment_no=NO, refund_no=NUMBER, amount_fen=100, said_by="G1", reason=Reason.REFUND_EXCEEDS
        ),
        "refund_refused", "gateway", Reason.REFUND_EXCEEDS, "¥1.00",
    ),
    (refund_settled(done=True), "refunded", "gateway", None, "¥1.00"),
    (refund_settled(done=False), "refund_refused", "gateway", Reason.SELLER_BALANCE_LOW, "¥1.00"),
    (
        StorePaidHeard(payment_no=NO, said_by="G1", seq=1, amount_fen=800, paid_at_ms=1),
        "store_paid", "gateway", None, "¥8.00",
    ),
    (
        CashTaken(
            payment_no=NO, order_no=NUMBER, sale_id=NUMBER, amount_fen=1250, currency="CNY", received_fen=2000,
            change_fen=750, operator="wang",
        ),
        "cash_taken", "cashier", None, "12.50 20.00 7.50",
    ),
    (
        CashReturned(payment_no=NO, sale_id=NUMBER, amount_fen=1250, operator="wang", why=CashBack.GOODS_BACK),
        "cash_returned", "cashier", None, "goods_back",
    ),
    (
        PaymentConflict(payment_no=NO, said_by="G1", gateway_state=GatewayState.PAID, state_seq=1),
        "conflict", "gateway", None, "",
    ),
    (PaymentAcked(payment_no=NO, said_by="G1", state_seq=1), "acknowledged", "gateway", None, ""),
    (
        CancelIntended(payment_no=NO, operator="wang", cause=CancelCause.CASHIER, goods_handed=True),
        "goods_handed", "cashier", None, "wang",
    ),
    (
        CancelIntended(payment_no=NO, operator="wang", cause=CancelCause.CASHIER, goods_handed=False),
        "goods_kept", "cashier", None, "wang",
    ),
    (
        OfflineShown(
            payment_no=NO, order_no=NUMBER, sale_id=NUMBER, amount_fen=1, currency="CNY", subject="tea",
            operator="wang",
            order="", epoch=1, oseq=1, kid=1, base_url="https://pay.test", until_ms=1,
        ),
        "offline_shown", "till", None, "wang",
    ),
    (
        StatusShown(
            payment_no=NO, amount_fen=1, operator="wang", order="", epoch=1, oseq=1, kid=1,
            base_url="https://pay.test", until_ms=1,
        ),
        "status_shown", "till", None, "wang",
    ),
    (OfflineParked(payment_no=NO, operator="wang", why=ParkWhy.LEFT), "offline_parked", "cashier", None, "wang"),
    (CodeTried(payment_no=NO, operator="wang"), "code_tried", "cashier", None, "wang"),
    (
        ProofTaken(payment_no=NO, said_by="proof:1", paid=True, operator="wang", kid=1, transaction_tail="0042"),
        "proof_paid", "gateway", None, "…0042",
    ),
    (
        ProofTaken(payment_no=NO, said_by="proof:1", paid=False, operator="wang", kid=1),
        "proof_closed", "gateway", None, "",
    ),
    (ProofTaken(payment_no=NO, said_by="typed", paid=True, operator="wang"), "code_paid", "cashier", None, ""),
    (LineLost(payment_no=NO, operator="wang"), "line_lost", "till", None, "wang"),
    (StandingChanged(payment_no=NO, said_by="G1", refused=Reason.TERMINAL_FROZEN), "other", "till", None, ""),
    (KitStored(payment_no=NO, said_by="G1", kit=KIT), "other", "till", None, ""),
]  # fmt: skip


@pytest.mark.parametrize(("statement", "kind", "said_by", "reason", "detail"), TABLE)
def test_each_statement_is_told_by_its_rule(
    statement: AnyStatement, kind: str, said_by: str, reason: Reason | None, detail: str
) -> None:
    entry = TimelineEntry(seq=1, at_ms=7, kind="payment.x", said_by="", statement=statement)
    (told,) = history_of([entry])
    assert told == HistoryEntry(at_ms=7, kind=kind, said_by=said_by, reason=reason, detail=detail, n=2)


def kinds_of(union: object) -> tuple[object, ...]:
    """The members of a union, however it is put together."""
    members = get_args(union)
    return tuple(kind for member in members for kind in kinds_of(member)) if members else (union,)


def test_the_table_above_has_every_kind_of_statement() -> None:
    assert {type(statement) for statement, *_ in TABLE} == set(kinds_of(AnyStatement))


def test_every_kind_but_a_contradiction_has_its_own_sentence() -> None:
    assert {kind for _, kind, *_ in TABLE} - set(KINDS) <= {"conflict", "other"}


def test_an_entry_of_a_later_version_is_named_by_its_kind() -> None:
    entry = TimelineEntry(seq=1, at_ms=7, kind="payment.blessed", said_by="till", statement=None)
    assert history_of([entry]) == (HistoryEntry(at_ms=7, kind="payment.blessed", said_by="till"),)
