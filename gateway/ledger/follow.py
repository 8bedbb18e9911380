"""Which bookings a decision calls for: from the rows after it, so that it does not matter which change came first.

What is asked for again is not booked again: the store knows each business key. `back` and `accepted` are booked only
for money that was booked as taken.
"""

from __future__ import annotations

from gateway.ledger.entries import Entry, Parties, accepted, back, paid, refunded, taken
from gateway.payments.values import ChannelOrder, FailedHow, Payment, Refund, RefundCause
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState


def after_order(payment: Payment, order: ChannelOrder, parties: Parties) -> tuple[Entry, ...]:
    """What the order's rows say about its money."""
    mine = payment.out_trade_no == order.out_trade_no
    if mine and payment.state is GatewayState.PAID:
        return (paid(parties, order.amount_fen),)
    if not _holds_money(order):
        return ()
    booked = taken(parties, order.amount_fen)
    match order.late_state:
        case LateMoneyState.ACCEPTED:
            return (booked, accepted(parties, order.amount_fen))
        case LateMoneyState.UNDONE:
            return (booked, back(parties, order.amount_fen))
        case LateMoneyState.FOUND:
            return (booked,)
        case None:
            return (booked, back(parties, order.amount_fen)) if order.ended_kind is not None else (booked,)


def after_refund(refund: Refund, parties: Parties) -> tuple[Entry, ...]:
    if refund.state is not RefundState.DONE:
        return ()
    if refund.cause is RefundCause.TILL:
        return (refunded(parties, refund.refund_no, refund.amount_fen),)
    return (back(parties, refund.amount_fen),)


def _holds_money(order: ChannelOrder) -> bool:
    """A channel verifiably said that this order took the payer's money."""
    return order.paid_at_ms is not None or order.failed is FailedHow.TAKEN or order.late_state is not None
