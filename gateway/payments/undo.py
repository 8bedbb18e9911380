"""Undoing a payment whose outcome is open: the cashier's intent, the first reverse, and what cancels are answered.

Rules: the intent is durable before anything is sent; once a reverse was sent there is no way back to PAID; a refusal is
an alarm and a retry, never a state.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from gateway.channels.port import (
    ChannelReason,
    Mismatch,
    NoAnswer,
    NotSent,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from gateway.payments.answers import ABSENT_UNDO_AFTER_SENT_MS, brought_back_ms, counted_from_ms, last_opened_ms
from gateway.payments.moves import bump, ended_reason, not_paid
from gateway.payments.values import (
    GATEWAY,
    Alarm,
    AlarmKind,
    ChannelOrder,
    Payment,
    Said,
    Step,
    UndoFound,
    UndoHeard,
)
from protocol.states import GatewayEvent, GatewayState, ProofKind, gateway_next

#: An undo that takes longer than this is told to the cashier as "it is refunded by itself" (amber).
AMBER_AFTER_MS = 60_000


def request_cancel(
    payment: Payment, order: ChannelOrder | None, *, operator: str, now_ms: int, last: ChannelOrder | None = None
) -> Step:
    """The cashier's intent on a payment that exists. A payment that is PAID stays so: undoing it is a refund.

    On the page it ends at once when no order is open: nobody pressed (NEVER_OPENED), or what was opened has ended
    (`last`). While it is in question what was opened, the intent waits.
    """
    said = Said(what="cancel_requested", said_by="till", detail=operator)
    if payment.state is GatewayState.PAID:
        return Step(payment=payment, order=order, said=(replace(said, what="cancel_after_paid"),))
    if payment.cancel_requested_ms is not None:
        return Step(payment=payment, order=order)
    intent = Step(payment=replace(bump(payment), cancel_requested_ms=now_ms), order=order, said=(said,))
    # A tombstone has no order either, and has ended: the intent closes its order number.
    waits = order is not None or payment.state.final or payment.in_question
    return intent if waits else page_over(intent, last=last, now_ms=now_ms)


def page_over(step: Step, *, now_ms: int, last: ChannelOrder | None = None) -> Step:
    """A payment on the page ends by our own rows: no order is open. `last`: the order that was tried last, if any."""
    payment = step.payment
    taken_up = last is not None and last.calls == 0
    assert payment.page or taken_up, "only the page's payments are without an order, and what was taken up by mistake"
    assert not payment.in_question, "our own rows do not tell what this page opened"
    if payment.state is GatewayState.CREATED:
        assert gateway_next(payment.state, GatewayEvent.TOMBSTONE) is GatewayState.NOT_PAID
        kind, said_by = ProofKind.NEVER_OPENED, GATEWAY
    else:
        assert gateway_next(payment.state, GatewayEvent.PROVEN_NOT_PAID) is GatewayState.NOT_PAID
        known = last is not None and last.ended_kind is not None
        kind = last.ended_kind if last is not None and last.ended_kind is not None else ProofKind.NEVER_OPENED
        said_by = (last.ended_said_by or GATEWAY) if last is not None and known else GATEWAY
    ended = not_paid(payment, kind=kind, said_by=said_by, reason=ended_reason(payment), now_ms=now_ms)
    said = Said(what=f"not_paid:{kind.value}", said_by=said_by)
    return replace(step, payment=ended, order=None, said=(*step.said, said))


def sending_close(payment: Payment, order: ChannelOrder, *, now_ms: int) -> Step:
    """The page gives an order up for another payer: a close that can end an unpaid order and nothing else. Not an undo:
    the payment stays open, and a payer who was quicker has paid it."""
    if payment.state is not GatewayState.SENT or order.ended_kind is not None:
        return Step(payment=payment, order=order)
    sent = replace(
        order,
        undo_tries=order.undo_tries + 1,
        undo_sent_ms=now_ms,
        undo_heard=UndoHeard.NOTHING,
        undo_asked_ms=None,
        undo_found=UndoFound.NOT_ASKED,
    )
    return Step(payment=payment, order=sent, said=(Said(what="close_sent", said_by=GATEWAY),))


def sending_cancel(payment: Payment, order: ChannelOrder, *, now_ms: int) -> Step:
    """A cancel is about to be sent: durable first. Moves SENT to REVERSING. A payment that settled meanwhile stays."""
    if payment.state not in (GatewayState.SENT, GatewayState.REVERSING) or order.ended_kind is not None:
        return Step(payment=payment, order=order)
    sent = replace(
        order,
        reverse_sent_ms=order.reverse_sent_ms if order.reverse_sent_ms is not None else now_ms,
        undo_tries=order.undo_tries + 1,
        undo_sent_ms=now_ms,
        undo_heard=UndoHeard.NOTHING,
        undo_asked_ms=None,
        undo_found=UndoFound.NOT_ASKED,
    )
    said = Said(what="cancel_sent", said_by=GATEWAY, detail=f"try {sent.undo_tries}")
    if payment.state is GatewayState.SENT:
        assert gateway_next(payment.state, GatewayEvent.REVERSE) is GatewayState.REVERSING
        payment = replace(bump(payment), state=GatewayState.REVERSING, payer_prompted=False)
    return Step(payment=payment, order=sent, said=(said,))


def answer_cancel(
    payment: Payment,
    order: ChannelOrder,
    verdict: UndoVerdict | NotSent | NoAnswer,
    *,
    said_by: str,
    now_ms: int,
    even_since_ms: int,
) -> Step:
    """A cancel has ended. Its answer is a hint: the query after it decides. `even_since_ms`: see `Clock`."""
    match verdict:
        case UndoAcknowledged():
            return _acknowledged(payment, order, verdict, said_by=said_by, now_ms=now_ms, even_since_ms=even_since_ms)
        case UndoRetry():
            said = Said(what="cancel_retry", said_by=said_by, detail=verdict.code)
            return Step(payment=payment, order=replace(order, undo_heard=UndoHeard.RETRY), said=(said,))
        case UndoRefused(reason=ChannelReason.ORDER_NOT_FOUND):
            # Signed: there is nothing to undo. For ABSENT it counts like an undo that was acknowledged.
            nothing = UndoAcknowledged(action=UndoAction.NONE)
            return _acknowledged(payment, order, nothing, said_by=said_by, now_ms=now_ms, even_since_ms=even_since_ms)
        case UndoRefused():
            return _refused(payment, order, verdict, said_by=said_by)
        case Unknown():
            said = Said(what="cancel_unsettled", said_by=said_by, detail=f"{verdict.reason.value} {verdict.code}")
            return Step(payment=payment, order=order, said=(said,))
        case NoAnswer() | NotSent():
            said = Said(what="cancel_unsettled", said_by=GATEWAY, detail=verdict.reason.value)
            return Step(payment=payment, order=order, said=(said,))
        case Mismatch():
            detail = "differs: " + ", ".join(verdict.fields)
            alarm = Alarm(kind=AlarmKind.MISMATCH, detail=detail)
            said = Said(what="cancel_unsettled", said_by=said_by, detail=detail)
            return Step(payment=payment, order=order, said=(said,), alarms=(alarm,))
        case _:
            assert_never(verdict)


def _acknowledged(
    payment: Payment,
    order: ChannelOrder,
    verdict: UndoAcknowledged,
    *,
    said_by: str,
    now_ms: int,
    even_since_ms: int,
) -> Step:
    said = Said(what="cancel_acknowledged", said_by=said_by, detail=verdict.action.value)
    sent_ms, opened_ms = order.undo_sent_ms, last_opened_ms(order)
    undoing = payment.state is GatewayState.REVERSING
    certain = (
        undoing
        and sent_ms is not None
        and opened_ms is not None
        and counted_from_ms(sent_ms, even_since_ms, now_ms) - counted_from_ms(opened_ms, even_since_ms, now_ms)
        >= ABSENT_UNDO_AFTER_SENT_MS
    )
    heard = replace(order, undo_heard=UndoHeard.ACKNOWLEDGED)
    if certain and heard.certain_undo_ms is None:
        heard = replace(heard, certain_undo_ms=now_ms)
    return Step(payment=payment, order=heard, said=(said,))


def _refused(payment: Payment, order: ChannelOrder, verdict: UndoRefused, *, said_by: str) -> Step:
    """The next query decides: paid, and it goes back as a refund; open, and the undo is tried again."""
    said = Said(what="cancel_refused", said_by=said_by, detail=verdict.code)
    over = payment.state.final or order.ended_kind is not None
    if over or verdict.reason is ChannelReason.ORDER_STATE:
        return Step(payment=payment, order=replace(order, undo_heard=UndoHeard.REFUSED), said=(said,))
    alarm = Alarm(kind=AlarmKind.UNDO_REFUSED, detail=verdict.code)
    return Step(payment=payment, order=replace(order, undo_heard=UndoHeard.REFUSED), said=(said,), alarms=(alarm,))


def with_amber(step: Step, *, now_ms: int, even_since_ms: int) -> Step:
    """The cashier's amber light, once an undo takes long: cash is allowed, the money comes back by itself.
    `even_since_ms`: see `Clock`."""
    payment, order = step.payment, step.order
    undoing = payment.state in (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND)
    if order is None or payment.amber or not undoing:
        return step
    # A payment that turned out paid after the cashier's cancel goes back by refund: no reverse was ever sent.
    since = order.reverse_sent_ms if order.reverse_sent_ms is not None else payment.cancel_requested_ms
    if since is None or now_ms - brought_back_ms(since, even_since_ms, now_ms) < AMBER_AFTER_MS:
        return step
    return replace(step, payment=replace(bump(payment), amber=True))
