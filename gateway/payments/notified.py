"""What a verified notification does to a payment or a refund. A notification is a hint: it may be late, repeated or
out of order, so it moves only what it proves whenever it was said.

Rules
- PAID moves an order that nobody began to undo, by the same function that a query's answer goes through.
- Nor does it move one that is in question after a backup was restored: somebody may have undone it, in rows that are
  lost. That is asked at once.
- PAID about an order that ended, or that is being undone, may have been true before the undo: it is asked anew, at
  once. Only an order that was never sent had no undo: there it is late money by itself, and so is money that a try
  took which went wrong.
- "Closed", "failed", "open" and anything else settle nothing: the next query decides. Table P takes queries.
- A refund that is DONE is done; whatever else is said of one is asked about at once.
It must not know tables, wires or wallets' codes.
"""

from __future__ import annotations

from msgspec.structs import replace

from gateway.channels.port import (
    Closed,
    Failed,
    Paid,
    PaymentNotified,
    Pending,
    RefundDone,
    RefundNotified,
    Unknown,
)
from gateway.payments.answers import answer_query
from gateway.payments.moves import to_failed, to_paid
from gateway.payments.values import (
    Alarm,
    AlarmKind,
    ChannelOrder,
    Payment,
    Refund,
    RefundHeard,
    RefundStep,
    Said,
    Step,
)
from protocol.states import GatewayState, ProofKind, RefundState

Notified = Paid | Pending | Closed | Failed | Unknown


def payment_differs(notified: PaymentNotified, order: ChannelOrder) -> tuple[str, ...]:
    """What it says that is not ours. Merchant, application and currency are the channel's own check."""
    verdict = notified.verdict
    return ("amount",) if isinstance(verdict, Paid) and verdict.amount_fen != order.amount_fen else ()


def refund_differs(notified: RefundNotified, refund: Refund) -> tuple[str, ...]:
    verdict = notified.verdict
    fields: list[str] = []
    if notified.out_trade_no and notified.out_trade_no != refund.out_trade_no:
        fields.append("order")
    if isinstance(verdict, RefundDone) and verdict.amount_fen != refund.amount_fen:
        fields.append("amount")
    return tuple(fields)


def notified_wrongly(payment: Payment, order: ChannelOrder | None, fields: tuple[str, ...], *, said_by: str) -> Step:
    """Signed by the wallet, about something of ours, and not what we asked for: nothing moves, a person looks."""
    detail = "a notification differs: " + ", ".join(fields)
    said = Said(what="notification_refused", said_by=said_by, detail=detail)
    return Step(payment=payment, order=order, said=(said,), alarms=(Alarm(kind=AlarmKind.MISMATCH, detail=detail),))


def answer_notification(
    payment: Payment, order: ChannelOrder, verdict: Notified, *, said_by: str, received_ms: int
) -> Step:
    """A verified notification about this order, for this amount."""
    said = Said(what="notified", said_by=said_by, detail=type(verdict).__name__.lower())
    if order.ended_kind is not None:
        return _ended(payment, order, verdict, said, received_ms=received_ms)
    if payment.in_question and isinstance(verdict, Paid):
        return Step(payment=payment, order=replace(order, asked_ms=None, absent_since_ms=None), said=(said,))
    if payment.state is GatewayState.SENT and isinstance(verdict, Paid | Pending):
        # Nothing is counted from it: neither of the two proves that an order is absent.
        at_ms = received_ms
        step = answer_query(payment, order, verdict, said_by=said_by, asked_ms=at_ms, now_ms=at_ms, even_since_ms=at_ms)
        return replace(step, said=(said, *step.said))
    if isinstance(verdict, Paid):
        # Whoever counts "not found" begins anew: the wallet knew the order.
        order = replace(order, absent_since_ms=None)
    return Step(payment=payment, order=order, said=(said,))


def _ended(payment: Payment, order: ChannelOrder, verdict: Notified, said: Said, *, received_ms: int) -> Step:
    if not isinstance(verdict, Paid) and not (isinstance(verdict, Failed) and verdict.money_taken):
        return Step(payment=payment, order=order, said=(said,))
    if order.ended_kind is ProofKind.NOT_SENT:
        if isinstance(verdict, Paid):
            return to_paid(payment, order, verdict, fresh=True, said_by=said.said_by, now_ms=received_ms)
        return to_failed(payment, order, verdict, fresh=True, said_by=said.said_by, now_ms=received_ms)
    # The step of the watch that is over is taken once more: it is due, and nothing waits for it.
    asked = replace(order, watch_step=max(0, order.watch_step - 1), unsettled_asks=0, asked_ms=None)
    return Step(payment=payment, order=asked, said=(said,))


def ask_about_refund(refund: Refund) -> RefundStep:
    """Something is new about it, and what it is the next query tells."""
    if refund.state is not RefundState.SENT:
        return RefundStep(refund=refund)
    return RefundStep(refund=replace(refund, heard=RefundHeard.OPEN, asks=0))


def proves_refund(notified: RefundNotified, refund: Refund) -> bool:
    """Whether it goes the way of a refund query's answer: DONE, of a refund that was sent."""
    return isinstance(notified.verdict, RefundDone) and refund.state is not RefundState.CREATED
