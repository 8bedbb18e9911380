"""How a payment moves: every change of state goes through the total table, and every change that the till may see
raises `state_seq` by one."""

from __future__ import annotations

from dataclasses import replace

from gateway.channels.port import ChannelReason, Paid
from gateway.payments.values import Alarm, AlarmKind, ChannelOrder, Payment, Said, Step, UndoFound, UndoHeard
from protocol.messages import LateMoneyState, Presented
from protocol.reasons import Reason
from protocol.states import GatewayEvent, GatewayState, ProofKind, Verdict, gateway_next

_REASONS = {
    ChannelReason.CODE_INVALID: Reason.CODE_INVALID,
    ChannelReason.CODE_EXPIRED: Reason.CODE_EXPIRED,
    ChannelReason.BALANCE_LOW: Reason.BALANCE_LOW,
    ChannelReason.PAYER_LIMIT: Reason.PAYER_LIMIT,
    ChannelReason.PAYER_FORBIDDEN: Reason.PAYER_REFUSED,
    ChannelReason.PAYER_IS_SELLER: Reason.PAYER_REFUSED,
    ChannelReason.PAYER_GAVE_UP: Reason.PAYER_REFUSED,
    ChannelReason.RISK: Reason.RISK_REFUSED,
    ChannelReason.MERCHANT_LIMIT: Reason.MERCHANT_REFUSED,
    ChannelReason.MERCHANT_BLOCKED: Reason.MERCHANT_REFUSED,
    ChannelReason.MERCHANT_CONFIG: Reason.MERCHANT_REFUSED,
    ChannelReason.SELLER_BALANCE_LOW: Reason.MERCHANT_REFUSED,
}


def declined_reason(reason: ChannelReason) -> Reason:
    """The wire's word for a wallet's refusal."""
    return _REASONS.get(reason, Reason.DECLINED)


def ended_reason(payment: Payment) -> Reason:
    """Why an order that was closed by us ended."""
    if payment.cancel_requested_ms is not None:
        return Reason.CANCELLED
    return Reason.TIMED_OUT if payment.presented is Presented.CUSTOMER else Reason.EXPIRED


def bump(payment: Payment) -> Payment:
    return replace(payment, state_seq=payment.state_seq + 1)


def to_not_paid(
    payment: Payment, order: ChannelOrder | None, event: GatewayEvent, *, kind: ProofKind, said_by: str,
    reason: Reason, detail: str, now_ms: int,
) -> Step:  # fmt: skip
    """Applies a row of table P."""
    said = Said(what=f"not_paid:{kind.value}", said_by=said_by, detail=detail)
    match gateway_next(payment.state, event):
        case GatewayState.NOT_PAID:
            ended = replace(
                bump(payment),
                state=GatewayState.NOT_PAID,
                reason=reason,
                proof_kind=kind,
                proof_said_by=said_by,
                settled_ms=now_ms,
                payer_prompted=False,
            )
            return Step(payment=ended, order=order, said=(said,))
        case Verdict.CONFLICT:
            alarm = Alarm(kind=AlarmKind.CONFLICT, detail=f"paid, and now {said_by} says {kind.value}")
            return Step(payment=payment, order=order, said=(said,), alarms=(alarm,))
        case Verdict.STAY:
            return Step(payment=payment, order=order, said=(said,))
        case move:
            raise AssertionError(f"{payment.state} + {event} = {move}")


def to_paid(payment: Payment, order: ChannelOrder, paid: Paid, *, fresh: bool, said_by: str, now_ms: int) -> Step:
    """Applies a verified statement "paid". `fresh`: asked after the payment was settled (or it is not settled)."""
    said = Said(what="paid", said_by=said_by, detail=paid.transaction_id)
    cancelled = payment.cancel_requested_ms is not None
    known = replace(payment, transaction_id=paid.transaction_id, paid_at_ms=paid.paid_at_ms or now_ms)
    event = GatewayEvent.PROVEN_PAID_CANCELLED if cancelled else GatewayEvent.PROVEN_PAID
    match gateway_next(payment.state, event):
        case GatewayState.PAID:
            moved = replace(
                bump(known), state=GatewayState.PAID, reason=Reason.PAID, settled_ms=now_ms, payer_prompted=False
            )
            return Step(payment=moved, order=order, said=(said,))
        case GatewayState.UNDO_BY_REFUND:
            moved = replace(bump(known), state=GatewayState.UNDO_BY_REFUND, payer_prompted=False)
            return Step(payment=moved, order=order, said=(said,))
        case Verdict.STAY:
            return Step(payment=payment, order=order, said=(said,))
        case Verdict.LATE:
            return _late(payment, order, paid, said, fresh=fresh, now_ms=now_ms)
        case move:
            raise AssertionError(f"{payment.state} + {event} = {move}")


def _late(payment: Payment, order: ChannelOrder, paid: Paid, said: Said, *, fresh: bool, now_ms: int) -> Step:
    """Money on a payment that was given up. A statement from before it was settled is a hint only: ask again."""
    if not fresh:
        hint = replace(said, what="paid_before_settled")
        return Step(payment=payment, order=replace(order, watch_step=0), said=(hint,))
    if payment.late_state is not None:
        found = payment.late_state is LateMoneyState.FOUND
        again = payment if found else replace(bump(payment), late_state=LateMoneyState.FOUND)
        return Step(payment=again, order=replace(order, undo_found=UndoFound.PAID), said=(said,))
    late = replace(
        bump(payment),
        late_state=LateMoneyState.FOUND,
        late_found_ms=now_ms,
        transaction_id=paid.transaction_id,
    )
    start = replace(
        order,
        undo_tries=0,
        undo_sent_ms=None,
        undo_heard=UndoHeard.NOTHING,
        certain_undo_ms=None,
        undo_asked_ms=None,
        undo_found=UndoFound.PAID,
        absent_since_ms=None,
    )
    alarm = Alarm(kind=AlarmKind.LATE_MONEY, detail=f"{payment.amount_fen} fen after {payment.proof_kind}")
    return Step(payment=late, order=start, said=(replace(said, what="late_money"),), alarms=(alarm,))
