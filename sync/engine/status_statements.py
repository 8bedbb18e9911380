"""From a believed status to the statement that is journaled of it. Decides nothing."""

from __future__ import annotations

from protocol.messages import PaymentStatus
from protocol.states import GatewayState
from sync.engine.statements import PaymentObserved, PaymentSettled


def observed(status: PaymentStatus, said_by: str) -> PaymentObserved:
    return PaymentObserved(
        payment_no=status.payment_no,
        said_by=said_by,
        gateway_state=status.state,
        state_seq=status.state_seq,
        channel=status.channel,
        qr=status.qr,
        qr_expires_ms=status.qr_expires_ms,
        payer_prompted=status.payer_prompted,
        cancel_requested=status.cancel_requested,
        reason=status.reason,
        light=status.light,
    )


def settled(status: PaymentStatus, said_by: str) -> PaymentSettled:
    return PaymentSettled(
        payment_no=status.payment_no,
        said_by=said_by,
        paid=status.state is GatewayState.PAID,
        state_seq=status.state_seq,
        reason=status.reason,
        proof=status.proof,
        light=status.light,
        channel=status.channel,
        transaction_tail=status.transaction_tail,
        paid_at_ms=status.paid_at_ms,
        cancel_requested=status.cancel_requested,
    )
