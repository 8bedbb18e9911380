"""Which bookings a decision calls for: from the rows after it, so that it does not matter which change came first.

What is asked for again is not booked again: the store knows each business key. `back` and `accepted` are booked only
for money that was booked as taken.
"""

from __future__ import annotations

from gateway.ledger.entries import Entry, Parties, accepted, back, by_hand, late, late_back, paid, refunded, taken
from gateway.payments.values import ChannelOrder, FailedHow, Payment, Refund, RefundCause
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState


def after_order(payment: Payment, order: ChannelOrder, parties: Parties) -> tuple[Entry, ...]:
    """What the order's rows say about its money."""
    amount = order.amount_fen
    mine = payment.out_trade_no == order.out_trade_no
    if mine and payment.state is GatewayState.PAID and order.late_state is None:
        was_taken = order.failed is FailedHow.TAKEN
        return (taken(parties, amount), accepted(parties, amount)) if was_taken else (paid(parties, amount),)
    match order.late_state:
        case LateMoneyState.ACCEPTED:
            return (late(parties, amount), accepted(parties, amount))
        case LateMoneyState.UNDONE if order.late_by_hand:
            return (late(parties, amount), by_hand(parties, amount))
        case LateMoneyState.UNDONE:
            return (late(parties, amount), late_back(parties, amount))
        case LateMoneyState.FOUND:
            return (late(parties, amount),)
        case None:
            return _undone(order, parties)


def _undone(order: ChannelOrder, parties: Parties) -> tuple[Entry, ...]:
    """An order that a channel verifiably took money for, and that is not the sale's: it waits until the order ended."""
    if order.paid_at_ms is None and order.failed is not FailedHow.TAKEN:
        return ()
    booked = taken(parties, order.amount_fen)
    return (booked, back(parties, order.amount_fen)) if order.ended_kind is not None else (booked,)


def after_refund(refund: Refund, parties: Parties) -> tuple[Entry, ...]:
    if refund.state is not RefundState.DONE:
        return ()
    if refund.cause in (RefundCause.TILL, RefundCause.CANCELLED):
        return (refunded(parties, refund.refund_no, refund.amount_fen),)
    if refund.cause is RefundCause.LATE:
        return (late_back(parties, refund.amount_fen),)
    return (back(parties, refund.amount_fen),)
