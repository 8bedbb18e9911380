"""What the till is told of a payment: the row as the wire's message, nothing decided here."""

from __future__ import annotations

from gateway.payments.values import Payment
from protocol.messages import LateMoney, LateMoneyState, Light, PaymentStatus, Proof
from protocol.states import GatewayState

_TAIL = 4


def status_of(payment: Payment, *, now_ms: int) -> PaymentStatus:
    shown = payment.state in (GatewayState.CREATED, GatewayState.SENT) and payment.cancel_requested_ms is None
    return PaymentStatus(
        terminal_id=payment.key.terminal_id,
        order_no=payment.key.order_no,
        n=payment.key.n,
        payment_no=payment.key.payment_no,
        amount_fen=payment.amount_fen,
        currency="CNY",
        presented=payment.presented,
        state=payment.state,
        state_seq=payment.state_seq,
        server_time_ms=now_ms,
        channel=payment.channel,
        qr=payment.qr if shown else None,
        qr_expires_ms=payment.qr_expires_ms if shown else None,
        payer_prompted=payment.payer_prompted,
        cancel_requested=payment.cancel_requested_ms is not None,
        reason=payment.reason,
        proof=_proof(payment),
        light=_light(payment),
        transaction_tail=None if payment.transaction_id is None else payment.transaction_id[-_TAIL:],
        paid_at_ms=payment.paid_at_ms if payment.state is GatewayState.PAID else None,
        late_money=_late(payment),
        given_back_ms=payment.given_back_ms if payment.state is GatewayState.PAID else None,
    )


def _proof(payment: Payment) -> Proof | None:
    if payment.proof_kind is None or payment.proof_said_by is None or payment.settled_ms is None:
        return None
    return Proof(kind=payment.proof_kind, said_by=payment.proof_said_by, at_ms=payment.settled_ms)


def _light(payment: Payment) -> Light | None:
    """Green is table P and nothing else; it is out while money that came after all is not back."""
    if payment.state is GatewayState.NOT_PAID:
        return Light.GREEN if payment.late_state in (None, LateMoneyState.UNDONE) else None
    undoing = payment.state in (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND)
    return Light.AMBER if payment.amber and undoing else None


def _late(payment: Payment) -> LateMoney | None:
    if payment.late_state is None or payment.late_found_ms is None:
        return None
    return LateMoney(state=payment.late_state, amount_fen=payment.amount_fen, found_at_ms=payment.late_found_ms)
