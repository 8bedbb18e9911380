"""Every verdict in every state: only a row of table P is NOT_PAID, only a verified statement is PAID.

Once a reverse was sent there is no way back, and doubt moves nothing.
"""

from __future__ import annotations

from typing import Any

import pytest

from gateway.channels.port import (
    ChannelReason,
    Closed,
    Declined,
    Failed,
    LineFault,
    Mismatch,
    NoAnswer,
    NotFound,
    NotSent,
    PageReady,
    Pending,
    QrReady,
    QueryVerdict,
    Unknown,
)
from gateway.payments.answers import answer_create, answer_pay, answer_precreate, answer_query
from gateway.payments.values import AlarmKind, ChannelOrder, FailedHow, Payment, UndoHeard
from protocol.messages import LateMoneyState
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import PAID_VERDICT, ended_order, order, payment, undone_order

S = GatewayState
DOUBTS = [
    Unknown(reason=ChannelReason.CHANNEL_ERROR, code="20000"),
    Unknown(reason=ChannelReason.BAD_SIGNATURE),
    NoAnswer(LineFault.READ_TIMEOUT),
    NoAnswer(LineFault.CUT),
    Mismatch(fields=("total_amount",)),
]
OPEN = [S.SENT, S.REVERSING, S.UNDO_BY_REFUND]


@pytest.mark.parametrize("state", [*OPEN, S.PAID, S.NOT_PAID])
@pytest.mark.parametrize("doubt", DOUBTS)
def test_doubt_moves_nothing(state: GatewayState, doubt: Unknown | NoAnswer | Mismatch) -> None:
    row = payment(state)
    for step in (
        answer_pay(row, order(), doubt, said_by="alipay", now_ms=60_000),
        answer_query(row, undone_order(), doubt, said_by="alipay", asked_ms=60_000, now_ms=60_001, even_since_ms=0),
    ):
        assert step.payment == row
        assert (AlarmKind.MISMATCH in {alarm.kind for alarm in step.alarms}) == isinstance(doubt, Mismatch)


@pytest.mark.parametrize(
    ("state", "cancelled", "after"),
    [
        (S.SENT, False, S.PAID),
        (S.SENT, True, S.UNDO_BY_REFUND),
        (S.REVERSING, False, S.REVERSING),
        (S.REVERSING, True, S.REVERSING),
        (S.UNDO_BY_REFUND, True, S.UNDO_BY_REFUND),
        (S.PAID, False, S.PAID),
    ],
)
def test_verified_paid(state: GatewayState, cancelled: bool, after: GatewayState) -> None:
    row = payment(state, cancel_requested_ms=500 if cancelled else None)
    for step in (
        answer_pay(row, order(), PAID_VERDICT, said_by="alipay", now_ms=1_000),
        answer_query(row, order(), PAID_VERDICT, said_by="alipay", asked_ms=900, now_ms=1_000, even_since_ms=0),
    ):
        assert step.payment.state is after
        assert (step.payment.reason is Reason.PAID) == (after is S.PAID and state is not S.PAID)


def test_verified_paid_on_not_paid_is_late_money_only_when_asked_after_the_end() -> None:
    row, ended = payment(S.NOT_PAID), ended_order(watch_step=4)
    early = answer_query(row, ended, PAID_VERDICT, said_by="alipay", asked_ms=49_000, now_ms=51_000, even_since_ms=0)
    assert early.payment == row
    stale = answer_pay(row, ended, PAID_VERDICT, said_by="alipay", now_ms=51_000)
    assert stale.payment == row
    assert stale.order is not None
    assert stale.order.watch_step == 0
    late = answer_query(row, ended, PAID_VERDICT, said_by="alipay", asked_ms=51_000, now_ms=51_001, even_since_ms=0)
    assert late.payment.state is S.NOT_PAID
    assert late.payment.late_state is LateMoneyState.FOUND
    assert [alarm.kind for alarm in late.alarms] == [AlarmKind.LATE_MONEY]
    assert late.order is not None
    undone = answer_query(
        late.payment,
        late.order,
        Closed(code="TRADE_CLOSED"),
        said_by="alipay",
        asked_ms=60_000,
        now_ms=60_000,
        even_since_ms=0,
    )
    assert undone.payment.late_state is LateMoneyState.UNDONE


@pytest.mark.parametrize("known", list(LateMoneyState))
def test_late_money_is_found_once(known: LateMoneyState) -> None:
    """Said again while its case is open, or when a refund ended it: nothing is new, and nothing is opened anew."""
    row, ended = payment(S.NOT_PAID, late_state=known), ended_order(late_state=known, late_found_ms=52_000)
    again = answer_query(row, ended, PAID_VERDICT, said_by="alipay", asked_ms=60_000, now_ms=60_001, even_since_ms=0)
    assert again.payment == row
    assert again.order is not None
    assert (again.order.late_state, again.order.late_found_ms) == (known, 52_000)
    assert again.alarms == ()


def test_late_money_that_only_the_wallet_called_closed_is_found_again() -> None:
    row = payment(S.NOT_PAID, late_state=LateMoneyState.UNDONE)
    ended = ended_order(late_state=LateMoneyState.UNDONE, late_found_ms=52_000, late_closed_ms=55_000)
    stale = answer_query(row, ended, PAID_VERDICT, said_by="alipay", asked_ms=54_000, now_ms=60_001, even_since_ms=0)
    assert stale.payment == row
    again = answer_query(row, ended, PAID_VERDICT, said_by="alipay", asked_ms=60_000, now_ms=60_001, even_since_ms=0)
    assert again.payment.late_state is LateMoneyState.FOUND
    assert [alarm.kind for alarm in again.alarms] == [AlarmKind.LATE_MONEY]
    assert again.order is not None
    assert again.order.late_again == 1


def test_money_on_an_order_that_ended_before_the_clock_was_put_back_is_late_money() -> None:
    step = answer_query(
        payment(S.NOT_PAID), ended_order(), PAID_VERDICT, said_by="alipay", asked_ms=2_000, now_ms=2_100,
        even_since_ms=1_000,
    )  # fmt: skip
    assert step.payment.late_state is LateMoneyState.FOUND


def test_closed_undoes_late_money_only_when_asked_after_it_was_found() -> None:
    late = payment(S.NOT_PAID, late_state=LateMoneyState.FOUND, late_found_ms=70_000)
    found = ended_order(late_state=LateMoneyState.FOUND, late_found_ms=70_000)
    closed = Closed(code="TRADE_CLOSED")
    stale = answer_query(late, found, closed, said_by="alipay", asked_ms=69_000, now_ms=71_000, even_since_ms=0)
    assert stale.payment == late
    assert stale.order is not None
    assert stale.order.late_state is LateMoneyState.FOUND
    news = answer_query(late, found, closed, said_by="alipay", asked_ms=71_000, now_ms=71_500, even_since_ms=0)
    assert news.payment.late_state is LateMoneyState.UNDONE


@pytest.mark.parametrize(("known", "late"), [(PAID_VERDICT.transaction_id, False), ("another", True)])
def test_paid_said_of_money_that_went_back_is_not_new_money(known: str, late: bool) -> None:
    """A query that was under way while its refund was done: UnionPay's refunds are trades of their own, and the one
    that was refunded stays paid in its books."""
    row = payment(S.NOT_PAID, proof_kind=ProofKind.REFUNDED)
    ended = ended_order(ProofKind.REFUNDED, transaction_id=known, paid_at_ms=900)
    step = answer_query(row, ended, PAID_VERDICT, said_by="unionpay", asked_ms=51_000, now_ms=51_001, even_since_ms=0)
    assert (step.payment.late_state is LateMoneyState.FOUND) is late
    assert bool(step.alarms) is late


def test_money_on_an_order_that_the_page_gave_up_is_late_even_while_another_payer_pays() -> None:
    """Two wallets can never both keep the money of one payment."""
    row = payment(S.PAID, page=True, out_trade_no="other")
    late = answer_query(
        row, ended_order(), PAID_VERDICT, said_by="alipay", asked_ms=51_000, now_ms=51_001, even_since_ms=0
    )
    assert late.payment.state is S.PAID
    assert late.order is not None
    assert late.order.late_state is LateMoneyState.FOUND


def test_a_try_that_went_wrong_is_no_end() -> None:
    """WeChat PAYERROR, UnionPay's failures: undone, whatever they sound like."""
    failed = Failed(code="PAYERROR", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=False)
    step = answer_query(payment(), order(), failed, said_by="wechat", asked_ms=3_000, now_ms=3_001, even_since_ms=0)
    assert step.payment.state is S.SENT
    assert step.order is not None
    assert step.order.failed is FailedHow.UNTAKEN


def test_money_that_a_failed_try_took_is_not_forgotten_by_a_later_failure() -> None:
    """Once taken is taken: that it went back is told by how the order ends, and booked then."""
    taken = Failed(code="42", reason=ChannelReason.PAYMENT_FAILED, money_taken=True, closed_once_undone=False)
    later = Failed(code="01", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=True)
    held = order()
    for asked_ms, failed in ((3_000, taken), (6_000, later)):
        step = answer_query(
            payment(), held, failed, said_by="unionpay", asked_ms=asked_ms, now_ms=asked_ms + 1, even_since_ms=0
        )
        assert step.order is not None
        held = step.order
        assert held.failed is FailedHow.TAKEN


@pytest.mark.parametrize(("taken", "after"), [(False, S.NOT_PAID), (True, S.UNDO_BY_REFUND)])
def test_unionpay_fails_again_after_its_reversal(taken: bool, after: GatewayState) -> None:
    """Table P, CLOSED: reversal accepted and a code that is not of money taken; 42, 74, 75 go back as a refund."""
    code = "74" if taken else "01"
    failed = Failed(code=code, reason=ChannelReason.PAYMENT_FAILED, money_taken=taken, closed_once_undone=not taken)
    step = answer_query(
        payment(S.REVERSING),
        undone_order(),
        failed,
        said_by="unionpay",
        asked_ms=47_000,
        now_ms=47_001,
        even_since_ms=0,
    )
    assert step.payment.state is after


def test_on_the_page_the_end_of_one_order_leaves_the_payment_open_until_its_time_is_up() -> None:
    row = payment(page=True, qr="https://x/q/t", qr_expires_ms=120_000)
    open_still = answer_query(
        row, order(), Closed(code="CLOSED"), said_by="alipay", asked_ms=30_000, now_ms=30_001, even_since_ms=0
    )
    assert (open_still.payment.state, open_still.payment.out_trade_no) == (S.SENT, None)
    assert open_still.order is not None
    assert open_still.order.ended_kind is ProofKind.CLOSED
    over = answer_query(
        row, order(), Closed(code="CLOSED"), said_by="alipay", asked_ms=121_000, now_ms=121_001, even_since_ms=0
    )
    assert over.payment.state is S.NOT_PAID


@pytest.mark.parametrize("state", [S.SENT, S.REVERSING])
def test_a_listed_refusal_of_the_pay_call_is_declined(state: GatewayState) -> None:
    verdict = Declined(code="ACQ.BUYER_BALANCE_NOT_ENOUGH", reason=ChannelReason.BALANCE_LOW)
    step = answer_pay(payment(state), order(), verdict, said_by="alipay", now_ms=1_000)
    assert (step.payment.state, step.payment.proof_kind) == (S.NOT_PAID, ProofKind.DECLINED)
    assert step.payment.reason is Reason.BALANCE_LOW


def test_a_refusal_after_verified_paid_is_a_conflict() -> None:
    verdict = Declined(code="X", reason=ChannelReason.RISK)
    step = answer_pay(payment(S.PAID), order(), verdict, said_by="alipay", now_ms=1_000)
    assert step.payment.state is S.PAID
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.CONFLICT]


@pytest.mark.parametrize(("calls", "proven"), [(1, True), (2, False)])
def test_not_sent_proves_only_when_no_other_call_was_made(calls: int, proven: bool) -> None:
    verdict = NotSent(LineFault.CONNECT_FAILED)
    step = answer_pay(payment(), order(calls=calls), verdict, said_by="alipay", now_ms=1_000)
    assert (step.payment.proof_kind is ProofKind.NOT_SENT) == proven


def test_a_query_that_was_not_sent_proves_nothing() -> None:
    verdict = NotSent(LineFault.CONNECT_FAILED)
    step = answer_query(payment(), order(), verdict, said_by="alipay", asked_ms=1, now_ms=2, even_since_ms=0)
    assert step.payment.state is S.SENT


@pytest.mark.parametrize(
    ("state", "proof"),
    [(S.SENT, ProofKind.CLOSED), (S.REVERSING, ProofKind.CLOSED), (S.UNDO_BY_REFUND, ProofKind.CLOSED)],
)
def test_verified_closed(state: GatewayState, proof: ProofKind) -> None:
    verdict = Closed(code="TRADE_CLOSED")
    step = answer_query(payment(state), order(), verdict, said_by="alipay", asked_ms=1, now_ms=2, even_since_ms=0)
    assert (step.payment.state, step.payment.proof_kind) == (S.NOT_PAID, proof)


@pytest.mark.parametrize("state", [S.SENT, S.UNDO_BY_REFUND, S.PAID])
def test_not_found_proves_nothing_before_a_reverse_or_after_paid(state: GatewayState) -> None:
    row = payment(state)
    seen = undone_order(absent_since_ms=46_000)
    verdict = NotFound(code="ACQ.TRADE_NOT_EXIST")
    step = answer_query(row, seen, verdict, said_by="alipay", asked_ms=90_000, now_ms=90_000, even_since_ms=0)
    assert step.payment == row


ABSENT_CASES: list[tuple[dict[str, Any], int | None, int, bool]] = [
    ({}, 46_000, 51_000, True),
    ({}, 46_000, 50_999, False),
    ({}, None, 90_000, False),
    ({"certain_undo_ms": None}, 46_000, 90_000, False),
    ({"certain_undo_ms": 91_000}, 46_000, 90_000, False),
    ({"call_closed_ms": 25_000}, 46_000, 54_999, False),
    ({"call_closed_ms": 25_000}, 46_000, 60_000, False),
    ({"call_closed_ms": 25_000}, 55_000, 59_999, False),
    ({"call_closed_ms": 25_000}, 55_000, 60_000, True),
    ({"open_calls": 1}, 46_000, 90_000, False),
    ({"open_calls": 1, "call_closed_ms": None}, 46_000, 90_000, False),
]


@pytest.mark.parametrize(("changes", "since_ms", "asked_ms", "proven"), ABSENT_CASES)
def test_absent_needs_every_one_of_its_conditions(
    changes: dict[str, Any], since_ms: int | None, asked_ms: int, proven: bool
) -> None:
    """30 s after the pay socket closed, a cancel acknowledged at least 15 s after send, then two "not found" 5 s apart:
    one that came before then does not count."""
    seen = undone_order(absent_since_ms=since_ms, **changes)
    verdict = NotFound(code="ACQ.TRADE_NOT_EXIST")
    step = answer_query(
        payment(S.REVERSING), seen, verdict, said_by="x", asked_ms=asked_ms, now_ms=asked_ms + 2_000, even_since_ms=0
    )
    assert (step.payment.proof_kind is ProofKind.ABSENT) == proven


def test_the_two_not_founds_lie_apart_from_the_answer_to_the_first_to_the_question_of_the_second() -> None:
    """The first question may have waited for its line: it is known when it was answered, not when the wallet looked."""
    verdict = NotFound(code="ACQ.TRADE_NOT_EXIST")
    first = answer_query(
        payment(S.REVERSING), undone_order(), verdict, said_by="x", asked_ms=60_000, now_ms=64_500, even_since_ms=0
    )
    assert first.order is not None
    for asked_ms, proven in ((65_000, False), (69_499, False), (69_500, True)):
        second = answer_query(
            first.payment, first.order, verdict, said_by="x", asked_ms=asked_ms, now_ms=70_000, even_since_ms=0
        )
        assert (second.payment.proof_kind is ProofKind.ABSENT) == proven


LEAPS: list[tuple[int, int, int | None, bool]] = [
    # The clock's last leap, the query, the first "not found", whether it is proven.
    (44_000, 51_000, 46_000, False),
    (44_000, 79_000, 74_000, True),
    (44_000, 78_999, 74_000, False),
    (44_000, 79_000, 73_999, False),
    # Put back: every moment that was kept lies in the future.
    (1_000, 31_000, 46_000, False),
    (1_000, 36_000, 31_000, True),
]


@pytest.mark.parametrize(("leapt_ms", "asked_ms", "since_ms", "proven"), LEAPS)
def test_a_clock_that_leaps_proves_nothing_absent(
    leapt_ms: int, asked_ms: int, since_ms: int | None, proven: bool
) -> None:
    """Its leap, or the start of the process, is the earliest moment that anything is counted from."""
    seen = undone_order(absent_since_ms=since_ms)
    verdict = NotFound(code="ACQ.TRADE_NOT_EXIST")
    step = answer_query(
        payment(S.REVERSING), seen, verdict, said_by="x", asked_ms=asked_ms, now_ms=asked_ms, even_since_ms=leapt_ms
    )
    assert (step.payment.proof_kind is ProofKind.ABSENT) == proven


@pytest.mark.parametrize("between", [Pending(payer_prompted=True), PAID_VERDICT])
def test_a_trade_that_was_there_between_two_not_founds_starts_the_count_again(between: QueryVerdict) -> None:
    seen = undone_order(absent_since_ms=46_000)
    verdicts: list[QueryVerdict] = [between, NotFound(code="x")]
    row = payment(S.REVERSING)
    for at_ms, verdict in zip((48_000, 60_000), verdicts, strict=True):
        step = answer_query(row, seen, verdict, said_by="alipay", asked_ms=at_ms, now_ms=at_ms, even_since_ms=0)
        assert step.order is not None
        row, seen = step.payment, step.order
    assert row.state is S.REVERSING
    assert seen.absent_since_ms == 60_000


NOT_SHOWN: list[tuple[Payment, ChannelOrder]] = [
    (payment(cancel_requested_ms=500), order()),
    (payment(S.REVERSING), order()),
    (payment(S.UNDO_BY_REFUND), order()),
    (payment(S.PAID), order()),
    (payment(S.NOT_PAID), ended_order()),
    (payment(), ended_order()),
    (payment(qr="https://first", payer_prompted=True), order()),
]


@pytest.mark.parametrize(("row", "before"), NOT_SHOWN)
def test_a_qr_or_a_page_that_comes_too_late_or_a_second_time_is_shown_to_nobody(
    row: Payment, before: ChannelOrder
) -> None:
    for step in (
        answer_precreate(row, before, QrReady(qr="https://x"), shown_for_ms=9_000, said_by="alipay", now_ms=1_000),
        answer_create(row, before, PageReady(bridge={}), said_by="alipay", now_ms=1_000),
    ):
        assert step.payment == row
        assert step.order is not None
        assert (step.order.deadline_ms, step.order.call_closed_ms) == (before.deadline_ms, 1_000)


def test_a_qr_is_shown_for_its_time_from_when_it_came() -> None:
    step = answer_precreate(
        payment(), order(), QrReady(qr="https://x"), shown_for_ms=9_000, said_by="alipay", now_ms=1_000
    )
    assert (step.payment.qr, step.payment.qr_expires_ms, step.payment.state_seq) == ("https://x", 10_000, 2)
    assert step.order is not None
    assert (step.order.deadline_ms, step.order.open_calls) == (10_000, 0)


def test_a_page_that_is_ready_is_told() -> None:
    step = answer_create(payment(), order(), PageReady(bridge={}), said_by="alipay", now_ms=1_000)
    assert (step.payment.payer_prompted, step.payment.state_seq) == (True, 2)


def test_what_was_paid_is_known_by_the_wallets_own_number() -> None:
    """Its refund names it."""
    step = answer_query(payment(), order(), PAID_VERDICT, said_by="x", asked_ms=1, now_ms=2, even_since_ms=0)
    assert step.order is not None
    assert step.order.transaction_id == step.payment.transaction_id == PAID_VERDICT.transaction_id
    assert step.order.paid_at_ms == step.payment.paid_at_ms == PAID_VERDICT.paid_at_ms


def test_the_prompt_is_told_once() -> None:
    first = answer_pay(payment(), order(), Pending(payer_prompted=True), said_by="alipay", now_ms=1)
    again = answer_query(
        first.payment,
        order(),
        Pending(payer_prompted=True),
        said_by="alipay",
        asked_ms=3_000,
        now_ms=3_000,
        even_since_ms=0,
    )
    assert (first.payment.state_seq, again.payment.state_seq) == (2, 2)


@pytest.mark.parametrize("kind", [ProofKind.CLOSED, ProofKind.ABSENT, ProofKind.DECLINED])
def test_what_is_said_of_an_order_that_ended_ends_no_other_order_of_its_page(kind: ProofKind) -> None:
    """The first payer's order was given up; another payer's is open."""
    row = payment(page=True, qr_expires_ms=120_000, out_trade_no="another")
    ended = ended_order(kind)
    failed = Failed(
        code="x", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=True, transaction_id=""
    )
    for verdict in (Closed(code="TRADE_CLOSED"), NotFound(code="x"), failed):
        step = answer_query(row, ended, verdict, said_by="x", asked_ms=60_000, now_ms=60_001, even_since_ms=0)
        assert step.payment == row
        assert step.order is not None
        assert (step.order.ended_kind, step.order.ended_ms, step.order.late_state) == (kind, ended.ended_ms, None)


def test_paid_said_again_while_it_goes_back_by_refund_changes_nothing() -> None:
    row = payment(S.UNDO_BY_REFUND)
    seen = order(paid_at_ms=900, undo_heard=UndoHeard.REFUSED, paid_seen=9)
    step = answer_query(row, seen, PAID_VERDICT, said_by="x", asked_ms=60_000, now_ms=60_001, even_since_ms=0)
    assert step.payment.state is S.UNDO_BY_REFUND
    assert step.payment.state_seq == row.state_seq
