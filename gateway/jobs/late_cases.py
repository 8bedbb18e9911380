"""Late money as cases for a person: what waits, and what the person's word does. Units of work.

Everything is decided in `gateway.payments.late`; the rows, the ledger and the till's news follow in one transaction.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import select

from gateway.jobs.keeping import PaceOf, keep, keep_refund, refund_by_itself, send_duplicates_back
from gateway.payments.late import LateRefusal, LateWord, accept_late, given_back_by_hand
from gateway.payments.values import AlarmKind, PaymentKey, Refund, RefundCause, RefundHeard, Said
from gateway.store import alarms, cash, payments, refunds
from gateway.store.tables import CHANNEL_ORDERS
from gateway.store.units import Tx
from protocol.messages import LateMoneyState
from protocol.states import RefundState

_WAITING: Final = (
    select(CHANNEL_ORDERS.c.out_trade_no)
    .where(CHANNEL_ORDERS.c.late_state == LateMoneyState.FOUND.value)
    .order_by(CHANNEL_ORDERS.c.late_found_ms, CHANNEL_ORDERS.c.out_trade_no)
)


class LateCase(Struct, frozen=True, kw_only=True):
    """`going_back`: its refund has begun. `refused`: and its wallet refuses it for good."""

    out_trade_no: str
    key: PaymentKey
    channel: str
    amount_fen: int
    found_ms: int
    going_back: bool
    refused: bool


def open_cases(tx: Tx) -> list[LateCase]:
    """What was found and has neither gone back nor been kept, the oldest first."""
    found: list[LateCase] = []
    for number in tx.connection.execute(_WAITING).scalars():
        order = payments.order(tx, number)
        assert order is not None, "it was just read"
        found.append(
            LateCase(
                out_trade_no=number,
                key=order.key,
                channel=order.channel,
                amount_fen=order.amount_fen,
                found_ms=order.late_found_ms or 0,
                going_back=_begun(tx, number),
                refused=any(refund.heard is RefundHeard.NEVER for refund in _open(tx, number)),
            )
        )
    return found


def accept(tx: Tx, out_trade_no: str, word: LateWord, pace_of: PaceOf, *, now_ms: int) -> PaymentKey | LateRefusal:
    """The money is kept for the sale: what else came late for it is a duplicate from now on, and goes back."""
    order = payments.order(tx, out_trade_no)
    payment = None if order is None else payments.find(tx, order.key)
    if order is None or payment is None:
        return LateRefusal.NOT_LATE
    step = accept_late(
        payment,
        order,
        of_sale=payments.of_sale(tx, payment),
        cash_covers=cash.covers(tx, payment),
        entry_withheld=_entry_withheld(tx, payment.key.terminal_id),
        refund_begun=_begun(tx, out_trade_no),
        word=word,
    )
    if isinstance(step, LateRefusal):
        return step
    keep(tx, payment, step, pace_of, now_ms=now_ms, order_before=order)
    send_duplicates_back(tx, payments.of_sale(tx, payment), pace_of, now_ms=now_ms)
    return payment.key


def send_back(tx: Tx, out_trade_no: str, word: LateWord, pace_of: PaceOf, *, now_ms: int) -> PaymentKey | LateRefusal:
    """The money goes back to the payer."""
    order = payments.order(tx, out_trade_no)
    if order is None or order.late_state is not LateMoneyState.FOUND:
        return LateRefusal.NOT_LATE
    said = Said(what="late_money_sent_back", said_by=word.person, detail=word.reason)
    payments.add_events(tx, order.key, (said,), now_ms=now_ms)
    refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)
    return order.key


def by_hand(tx: Tx, out_trade_no: str, word: LateWord, pace_of: PaceOf, *, now_ms: int) -> PaymentKey | LateRefusal:
    """A person gave the money back by other means: nothing is sent to its wallet any more."""
    order = payments.order(tx, out_trade_no)
    payment = None if order is None else payments.find(tx, order.key)
    if order is None or payment is None:
        return LateRefusal.NOT_LATE
    begun = refunds.of_order(tx, out_trade_no)
    given = given_back_by_hand(payment, order, begun, word=word, now_ms=now_ms)
    if isinstance(given, LateRefusal):
        return given
    step, ended = given
    by_number = {refund.refund_no: refund for refund in begun}
    for one in ended:
        keep_refund(tx, by_number[one.refund.refund_no], one, pace_of, now_ms=now_ms)
    keep(tx, payment, step, pace_of, now_ms=now_ms, order_before=order)
    return payment.key


def _entry_withheld(tx: Tx, terminal_id: str) -> bool:
    """Its alarm is open until a named person closes it."""
    return any(
        alarm.kind == AlarmKind.ENTRY_WITHHELD and alarm.about.startswith(f"{terminal_id}#")
        for alarm in alarms.open_alarms(tx)
    )


def _begun(tx: Tx, out_trade_no: str) -> bool:
    """Any refund that may give this money back, whatever it was begun for."""
    return bool(_open(tx, out_trade_no))


def _open(tx: Tx, out_trade_no: str) -> list[Refund]:
    return [refund for refund in refunds.of_order(tx, out_trade_no) if refund.state is not RefundState.FAILED]
