"""Undoing a payment whose outcome is open: the cashier's intent, the first reverse, and what cancels are answered.

Rules: the intent is durable before anything is sent; once a reverse was sent there is no way back to PAID; a refusal is
an alarm and a retry, never a state.
"""

from __future__ import annotations

from dataclasses import replace
from typing import assert_never

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
from gateway.payments.answers import ABSENT_UNDO_AFTER_SENT_MS
from gateway.payments.moves import bump
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
from protocol.messages import LateMoneyState
from protocol.states import GatewayEvent, GatewayState, gateway_next

#: An undo that takes longer than this is told to the cashier as "it is refunded by itself" (amber).
AMBER_AFTER_MS = 60_000


def request_cancel(payment: Payment, order: ChannelOrder | None, *, operator: str, now_ms: int) -> Step:
    """The cashier's intent on a payment that exists. A payment that is PAID stays so: undoing it is a refund."""
    said = Said(what="cancel_requested", said_by="till", detail=operator)
    if payment.state is GatewayState.PAID:
        return Step(payment=payment, order=order, said=(replace(said, what="cancel_after_paid"),))
    if payment.cancel_requested_ms is not None:
        return Step(payment=payment, order=order)
    return Step(payment=replace(bump(payment), cancel_requested_ms=now_ms), order=order, said=(said,))


def sending_cancel(payment: Payment, order: ChannelOrder, *, now_ms: int) -> Step:
    """A cancel is about to be sent: durable first. Moves SENT to REVERSING. A payment that settled meanwhile stays."""
    if payment.state.final and payment.late_state is not LateMoneyState.FOUND:
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
    payment: Payment, order: ChannelOrder, verdict: UndoVerdict | NotSent | NoAnswer, *, said_by: str, now_ms: int
) -> Step:
    """A cancel has ended. Its answer is a hint: the query after it decides."""
    match verdict:
        case UndoAcknowledged():
            return _acknowledged(payment, order, verdict, said_by=said_by, now_ms=now_ms)
        case UndoRetry():
            said = Said(what="cancel_retry", said_by=said_by, detail=verdict.code)
            return Step(payment=payment, order=replace(order, undo_heard=UndoHeard.RETRY), said=(said,))
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
    payment: Payment, order: ChannelOrder, verdict: UndoAcknowledged, *, said_by: str, now_ms: int
) -> Step:
    said = Said(what="cancel_acknowledged", said_by=said_by, detail=verdict.action.value)
    sent_ms = order.undo_sent_ms
    certain = sent_ms is not None and sent_ms - order.sent_ms >= ABSENT_UNDO_AFTER_SENT_MS
    heard = replace(order, undo_heard=UndoHeard.ACKNOWLEDGED)
    if certain and heard.certain_undo_ms is None:
        heard = replace(heard, certain_undo_ms=now_ms)
    refunding = verdict.action is UndoAction.REFUND and payment.state is GatewayState.REVERSING
    if refunding and gateway_next(payment.state, GatewayEvent.REVERSE_IMPOSSIBLE) is GatewayState.UNDO_BY_REFUND:
        payment = replace(bump(payment), state=GatewayState.UNDO_BY_REFUND)
    return Step(payment=payment, order=heard, said=(said,))


def _refused(payment: Payment, order: ChannelOrder, verdict: UndoRefused, *, said_by: str) -> Step:
    said = Said(what="cancel_refused", said_by=said_by, detail=verdict.code)
    alarm = Alarm(kind=AlarmKind.UNDO_REFUSED, detail=verdict.code)
    over = verdict.reason is ChannelReason.UNDO_WINDOW_OVER and payment.state is GatewayState.REVERSING
    if over and gateway_next(payment.state, GatewayEvent.REVERSE_IMPOSSIBLE) is GatewayState.UNDO_BY_REFUND:
        payment = replace(bump(payment), state=GatewayState.UNDO_BY_REFUND)
    return Step(payment=payment, order=replace(order, undo_heard=UndoHeard.REFUSED), said=(said,), alarms=(alarm,))


def with_amber(step: Step, *, now_ms: int) -> Step:
    """The cashier's amber light, once an undo takes long: cash is allowed, the money comes back by itself."""
    payment, order = step.payment, step.order
    undoing = payment.state in (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND)
    if order is None or payment.amber or not undoing or payment.late_state is LateMoneyState.FOUND:
        return step
    if order.reverse_sent_ms is None or now_ms - order.reverse_sent_ms < AMBER_AFTER_MS:
        return step
    return replace(step, payment=replace(bump(payment), amber=True))
