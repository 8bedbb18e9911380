"""How a payment moves: every change of state goes through the total table, and every change that the till may see
raises `state_seq` by one."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from gateway.channels.port import ChannelReason, Failed, Paid
from gateway.payments.values import (
    GATEWAY,
    Alarm,
    AlarmKind,
    ChannelOrder,
    FailedHow,
    Payment,
    Said,
    Step,
    UndoHeard,
)
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


def order_ended(order: ChannelOrder, *, kind: ProofKind, said_by: str, now_ms: int) -> ChannelOrder:
    """A row of table P holds for this order: it can take no money, as far as anybody can know."""
    return replace(order, ended_kind=kind, ended_said_by=said_by, ended_ms=now_ms, watch_step=0)


def stays_open(payment: Payment, order: ChannelOrder, *, now_ms: int) -> bool:
    """A payment on the page whose order ended goes on: another payer, or the same one, may try until its time is up.
    While it is in question it goes on without any: it may have had other orders. So does what a person took up, where
    that never held money: another number of its order may be the right one."""
    in_time = payment.qr_expires_ms is not None and now_ms < payment.qr_expires_ms
    taken_up = order.calls == 0 and order.transaction_id is None
    if payment.in_question and (payment.page or taken_up):
        return payment.state in (GatewayState.SENT, GatewayState.REVERSING)
    return payment.page and payment.state is GatewayState.SENT and payment.cancel_requested_ms is None and in_time


#: Rows of table P that say no money ever moved: they cannot follow a verified "paid" about the same order.
_BEFORE_ANY_MONEY: Final = frozenset({ProofKind.DECLINED, ProofKind.NOT_SENT})


def to_not_paid(
    payment: Payment, order: ChannelOrder, event: GatewayEvent, *, kind: ProofKind, said_by: str,
    reason: Reason, detail: str, now_ms: int,
) -> Step:  # fmt: skip
    """Applies a row of table P to an order, and to its payment unless the page may still take it."""
    said = Said(what=f"not_paid:{kind.value}", said_by=said_by, detail=detail)
    if order.ended_kind is not None:
        return Step(payment=payment, order=order, said=(said,))
    move = gateway_next(payment.state, event)
    paid = order.paid_at_ms is not None and kind in _BEFORE_ANY_MONEY
    if move is Verdict.CONFLICT or paid:
        alarm = Alarm(kind=AlarmKind.CONFLICT, detail=f"paid, and now {said_by} says {kind.value}")
        return Step(payment=payment, order=order, said=(said,), alarms=(alarm,))
    assert move is GatewayState.NOT_PAID, f"{payment.state} + {event} = {move}"
    ended = order_ended(order, kind=kind, said_by=said_by, now_ms=now_ms)
    if stays_open(payment, order, now_ms=now_ms):
        free = replace(bump(payment), account_id=None, channel=None, out_trade_no=None, payer_prompted=False)
        return Step(payment=free, order=ended, said=(replace(said, what=f"order_ended:{kind.value}"),))
    return Step(
        payment=not_paid(payment, kind=kind, said_by=said_by, reason=reason, now_ms=now_ms), order=ended, said=(said,)
    )


def not_paid(payment: Payment, *, kind: ProofKind, said_by: str, reason: Reason, now_ms: int) -> Payment:
    """The payment with its proof. The caller asked the table."""
    return replace(
        bump(payment),
        state=GatewayState.NOT_PAID,
        reason=reason,
        proof_kind=kind,
        proof_said_by=said_by,
        settled_ms=now_ms,
        payer_prompted=False,
    )


def to_paid(payment: Payment, order: ChannelOrder, paid: Paid, *, fresh: bool, said_by: str, now_ms: int) -> Step:
    """Applies a verified statement "paid". `fresh`: asked after the order ended (or it has not ended)."""
    said = Said(what="paid", said_by=said_by, detail=paid.transaction_id)
    if order.ended_kind is not None:
        return _late(payment, order, paid.transaction_id, said, fresh=fresh, now_ms=now_ms)
    order = replace(order, transaction_id=paid.transaction_id, paid_at_ms=paid.paid_at_ms or now_ms)
    cancelled = payment.cancel_requested_ms is not None
    known = replace(payment, transaction_id=paid.transaction_id, paid_at_ms=order.paid_at_ms)
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
            return _paid_while_undoing(payment, order, said)
        case move:
            raise AssertionError(f"{payment.state} + {event} = {move}")


#: "Paid" said this often after an acknowledged undo: the undo does nothing, the money is refunded.
_PAID_AFTER_UNDO: Final = 3


def _paid_while_undoing(payment: Payment, order: ChannelOrder, said: Said) -> Step:
    """An undo that was refused, or that keeps doing nothing, ends as a refund."""
    if payment.state is not GatewayState.REVERSING:
        return Step(payment=payment, order=order, said=(said,))
    if order.undo_heard is UndoHeard.ACKNOWLEDGED:
        order = replace(order, paid_seen=order.paid_seen + 1)
    if order.undo_heard is UndoHeard.REFUSED or order.paid_seen >= _PAID_AFTER_UNDO:
        return by_refund(payment, order, said)
    return Step(payment=payment, order=order, said=(said,))


def by_refund(payment: Payment, order: ChannelOrder, *said: Said) -> Step:
    """The undo goes on as a refund: from REVERSING only."""
    assert gateway_next(payment.state, GatewayEvent.REVERSE_IMPOSSIBLE) is GatewayState.UNDO_BY_REFUND
    moved = replace(bump(payment), state=GatewayState.UNDO_BY_REFUND)
    return Step(payment=moved, order=order, said=(*said, Said(what="undo_by_refund", said_by=GATEWAY)))


def _late(payment: Payment, order: ChannelOrder, transaction_id: str, said: Said, *, fresh: bool, now_ms: int) -> Step:
    """Money on an order that was given up. A statement from before it ended is a hint only: ask again."""
    if order.ended_kind is ProofKind.REFUNDED and transaction_id in ("", order.transaction_id):
        # It is the money that went back: a wallet whose refunds are trades of their own goes on calling this one paid.
        return Step(payment=payment, order=order, said=(said,))
    if not fresh:
        hint = replace(said, what="paid_before_settled")
        return Step(payment=payment, order=replace(order, watch_step=0), said=(hint,))
    again = order.late_state is LateMoneyState.UNDONE and order.late_closed_ms is not None
    if order.late_state is not None and not again:
        return Step(payment=payment, order=order, said=(said,))
    found = replace(
        order,
        transaction_id=transaction_id or order.transaction_id,
        late_state=LateMoneyState.FOUND,
        late_found_ms=now_ms,
        late_again=order.late_again + 1 if again else order.late_again,
        late_closed_ms=None,
    )
    late = replace(bump(payment), late_state=LateMoneyState.FOUND, late_found_ms=now_ms)
    if late.transaction_id is None:
        late = replace(late, transaction_id=found.transaction_id)
    alarm = Alarm(kind=AlarmKind.LATE_MONEY, detail=f"{payment.amount_fen} fen after {order.ended_kind}")
    return Step(payment=late, order=found, said=(replace(said, what="late_money"),), alarms=(alarm,))


def to_failed(payment: Payment, order: ChannelOrder, failed: Failed, *, fresh: bool, said_by: str, now_ms: int) -> Step:
    """A try that went wrong in words that prove nothing: it is undone. Money that was taken goes back."""
    said = Said(what="failed", said_by=said_by, detail=failed.code)
    if order.ended_kind is not None:
        if not failed.money_taken:
            return Step(payment=payment, order=order, said=(said,))
        return _late(payment, order, failed.transaction_id, said, fresh=fresh, now_ms=now_ms)
    # Once taken is taken: that it went back is told by how the order ends.
    how = FailedHow.TAKEN if failed.money_taken or order.failed is FailedHow.TAKEN else FailedHow.UNTAKEN
    order = replace(order, failed=how, transaction_id=failed.transaction_id or order.transaction_id)
    undone = payment.state is GatewayState.REVERSING and order.undo_heard is UndoHeard.ACKNOWLEDGED
    if undone and failed.money_taken:
        return by_refund(payment, order, said)
    reversed_ = payment.state is GatewayState.UNDO_BY_REFUND and order.undo_heard is UndoHeard.ACKNOWLEDGED
    closed = undone or reversed_
    if closed and failed.closed_once_undone and not failed.money_taken:
        return to_not_paid(
            payment,
            order,
            GatewayEvent.PROVEN_NOT_PAID,
            kind=ProofKind.CLOSED,
            said_by=said_by,
            reason=ended_reason(payment),
            detail=failed.code,
            now_ms=now_ms,
        )
    return Step(payment=payment, order=order, said=(said,))


def given_back(payment: Payment, order: ChannelOrder, said: Said, *, now_ms: int) -> Step:
    """A paid payment that its till had cancelled went back whole: it stays PAID, and the till is told."""
    return Step(payment=replace(bump(payment), given_back_ms=now_ms), order=order, said=(said,))


def late_undone(payment: Payment, order: ChannelOrder, said: Said) -> Step:
    """Late money went back by a refund. That is the end of it: the wallet may go on calling its order paid."""
    return _undone(payment, replace(order, late_closed_ms=None), said)


def late_closed(payment: Payment, order: ChannelOrder, said: Said, *, now_ms: int) -> Step:
    """Late money went back by the wallet's word alone: that is watched like any other "closed"."""
    return _undone(payment, replace(order, late_closed_ms=now_ms, watch_step=0), said)


def _undone(payment: Payment, order: ChannelOrder, said: Said) -> Step:
    back = replace(order, late_state=LateMoneyState.UNDONE)
    told = replace(bump(payment), late_state=LateMoneyState.UNDONE)
    return Step(payment=told, order=back, said=(replace(said, what="late_money_undone"),))
