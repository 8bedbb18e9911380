"""Is a new payment taken? Pure: the request, every payment of its order, and now.

Rules of SAFETY.md section 1: same number and same content is the first answer again; n+1 only when every earlier
payment is finally NOT_PAID; nothing after a cancel of the order, or for a sale whose late money a person kept; a late
request is a tombstone, never a charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from msgspec import Struct
from msgspec.structs import replace

from gateway.channels.port import OrderKind
from gateway.payments.late import covers
from gateway.payments.values import GATEWAY, ChannelOrder, Payment, PaymentKey, Said, Step
from protocol.messages import LateMoneyState, PaymentRequest, Presented
from protocol.reasons import Reason
from protocol.states import GatewayEvent, GatewayState, ProofKind, gateway_next


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The number exists with this content: the stored answer."""

    payment: Payment


class Refused(Struct, frozen=True, kw_only=True):
    """Nothing is recorded; the till gets a problem with this reason."""

    reason: Reason


class Admitted(Struct, frozen=True, kw_only=True):
    """May be charged. `expired`: came too late, so it becomes a tombstone. `missing`: lower numbers never seen."""

    expired: bool
    missing: tuple[int, ...]


def well_formed(request: PaymentRequest) -> bool:
    """A code exactly when the customer presents one."""
    return (request.auth_code is not None) == (request.presented is Presented.CUSTOMER)


def known(request: PaymentRequest, existing: Payment) -> Known | Refused:
    """Compares every field but the code. A tombstone of a number never seen knows the amount only; what an offline
    order began (it has no `expires`) knows its sale once the till's journal told it."""
    same = existing.amount_fen == request.amount_fen and existing.currency == request.currency
    if existing.sale_id is not None and existing.expires_ms is None:
        same = same and existing.sale_id == request.sale_id and existing.presented is request.presented
    elif existing.sale_id is not None:
        same = same and (
            existing.sale_id == request.sale_id
            and existing.presented is request.presented
            and existing.subject == request.subject
            and existing.operator == request.operator
            and existing.expires_ms == request.expires
        )
    return Known(payment=existing) if same else Refused(reason=Reason.CONTENT_DIFFERS)


def admit(
    request: PaymentRequest, n: int, earlier: Sequence[Payment], *, of_sale: Sequence[Payment] = (), now_ms: int
) -> Admitted | Refused:
    """`earlier`: all payments of the order that exist; none of them has this n. `of_sale`: all of its sale."""
    if any(p.cancel_requested_ms is not None for p in earlier):
        return Refused(reason=Reason.ORDER_CANCELLED)
    # Late money is kept for its whole sale.
    if any(covers(p) for p in earlier) or any(p.late_state is LateMoneyState.ACCEPTED for p in of_sale):
        return Refused(reason=Reason.ORDER_PAID)
    if any(p.state is not GatewayState.NOT_PAID or p.late_state is LateMoneyState.FOUND for p in earlier):
        return Refused(reason=Reason.ORDER_OPEN)
    if any(p.amount_fen != request.amount_fen or p.sale_id not in (None, request.sale_id) for p in earlier):
        return Refused(reason=Reason.CONTENT_DIFFERS)
    seen = {p.key.n for p in earlier}
    missing = tuple(i for i in range(1, n) if i not in seen)
    return Admitted(expired=now_ms > request.expires, missing=missing)


def new_payment(request: PaymentRequest, key: PaymentKey, *, now_ms: int, state_seq: int = 1) -> Payment:
    """The row before anything happens to it. `state_seq`: above all that may have been told of it."""
    return Payment(
        key=key,
        sale_id=request.sale_id,
        amount_fen=request.amount_fen,
        currency=request.currency,
        presented=request.presented,
        subject=request.subject,
        operator=request.operator,
        expires_ms=request.expires,
        created_ms=now_ms,
        state=GatewayState.CREATED,
        state_seq=state_seq,
    )


def send(
    payment: Payment,
    *,
    account_id: str,
    channel: str,
    kind: OrderKind,
    out_trade_no: str,
    open_for_ms: int,
    now_ms: int,
) -> Step:
    """The channel order is made, in the same transaction as its payment, before the channel is called."""
    assert gateway_next(payment.state, GatewayEvent.SEND) is GatewayState.SENT
    sent = replace(
        payment,
        state=GatewayState.SENT,
        account_id=account_id,
        channel=channel,
        out_trade_no=out_trade_no,
    )
    order = ChannelOrder(
        out_trade_no=out_trade_no,
        key=payment.key,
        account_id=account_id,
        amount_fen=payment.amount_fen,
        sent_ms=now_ms,
        deadline_ms=now_ms + open_for_ms,
        kind=kind,
        channel=channel,
    )
    said = (Said(what="accepted", said_by="till", detail=payment.operator), Said(what="sent", said_by=GATEWAY))
    return Step(payment=sent, order=order, said=said)


def tombstone(payment: Payment, *, reason: Reason, now_ms: int) -> Step:
    """Our own row says that no channel order exists for this number or can ever start."""
    assert gateway_next(payment.state, GatewayEvent.TOMBSTONE) is GatewayState.NOT_PAID
    dead = replace(
        payment,
        state=GatewayState.NOT_PAID,
        reason=reason,
        proof_kind=ProofKind.TOMBSTONE,
        proof_said_by=GATEWAY,
        settled_ms=now_ms,
        cancel_requested_ms=now_ms if reason is Reason.CANCELLED else None,
    )
    said = Said(what="not_paid:TOMBSTONE", said_by=GATEWAY, detail=reason.value)
    return Step(payment=dead, order=None, said=(said,))


def unseen(key: PaymentKey, *, amount_fen: int, operator: str, now_ms: int, state_seq: int = 1) -> Payment:
    """The row of a number that was never seen: for a tombstone. `state_seq`: above what was told of it."""
    return Payment(
        key=key,
        sale_id=None,
        amount_fen=amount_fen,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="",
        operator=operator,
        expires_ms=None,
        created_ms=now_ms,
        state=GatewayState.CREATED,
        state_seq=state_seq,
    )
