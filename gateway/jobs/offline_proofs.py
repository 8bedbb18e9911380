"""An order's proof: signed once, kept, and told again byte for byte, with the digits that a cashier may type instead.

A CLOSED proof closes the order's number in the transaction that keeps it: no later payment can begin under it.
"""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from gateway.jobs.keeping import PaceOf
from gateway.jobs.offline_finding import Found, may_see
from gateway.jobs.offline_orders import PAGE, cancel
from gateway.offline.judge import (
    TYPED_ORDER_LIMIT_FEN,
    Verdict,
)
from gateway.offline.keyring import Ring
from gateway.offline.outcome import Ended, words_of
from gateway.payments.values import Payment, PaymentKey
from gateway.store import offline, restorations
from gateway.store.offline import SeenOrder
from gateway.store.units import Tx
from protocol.offline.order import OfflineOrder, OrderType, SignedOrder
from protocol.offline.proof import ProofType, sign_proof
from protocol.offline.typed_code import derive_code


class Issued(Struct, frozen=True, kw_only=True):
    """A proof, and the digits that a cashier may type instead."""

    type: ProofType
    text: str
    payment: Payment
    typed: str | None


def issue_proof(
    tx: Tx, found: Found, ring: Ring, typed_code_key: bytes, pace_of: PaceOf, *, mark: str | None, now_ms: int
) -> Issued | None:
    """The order's proof for who may see it; None: not proven yet, or not his."""
    signed, ended = found.signed, found.ended
    shown = found.verdict is Verdict.SETTLED or (signed.order.type is OrderType.STATUS and found.verdict is Verdict.NEW)
    if ended is None or not shown or not may_see(found, mark) or _next_may_be_lost(tx, found, ended):
        return None
    raw = offline.proof(tx, signed.digest)
    order = signed.order
    key = ring.signing(order.kid, now_ms=now_ms)
    words = words_of(ended, order_no=order.order_no, kid=key.kid, now_ms=now_ms)
    proof = sign_proof(words, key.private, order_digest=signed.digest)
    if raw is None:
        if ended.type is ProofType.CLOSED:
            _close_number(tx, found, pace_of, now_ms=now_ms)
        offline.add_proof(
            tx,
            signed.digest,
            terminal_id=order.terminal_id,
            order_no=order.order_no,
            type_=ended.type,
            kid=key.kid,
            raw=proof.raw,
            now_ms=now_ms,
        )
    else:
        proof = replace(proof, raw=raw)
    typed = _typed_code(tx, order, signed, typed_code_key) if ended.type is ProofType.PAID else None
    return Issued(type=ended.type, text=proof.text, payment=ended.payment, typed=typed)


def _next_may_be_lost(tx: Tx, found: Found, ended: Ended) -> bool:
    """A STATUS is about whatever payment its order has: after a backup was restored, one may not be here."""
    if found.signed.order.type is not OrderType.STATUS or ended.type is not ProofType.CLOSED:
        return False
    key, n = found.key, ended.payment.key.n + 1
    return restorations.may_be_lost(tx, PaymentKey(terminal_id=key.terminal_id, order_no=key.order_no, n=n))


def _close_number(tx: Tx, found: Found, pace_of: PaceOf, *, now_ms: int) -> None:
    """No later payment of this order can begin."""
    if any(payment.cancel_requested_ms is not None for payment in found.of_order):
        return
    cancel(tx, found.of_order[-1], pace_of, operator=PAGE, said_by=PAGE, now_ms=now_ms)


def _typed_code(tx: Tx, order: OfflineOrder, signed: SignedOrder, key: bytes) -> str | None:
    """An index that two orders name frees neither."""
    if order.release == 0 or order.amount_fen > TYPED_ORDER_LIMIT_FEN:
        return None
    this = SeenOrder(
        terminal_id=order.terminal_id,
        order_no=order.order_no,
        digest=signed.digest,
        epoch=order.epoch,
        oseq=order.oseq,
        release=order.release,
        seen_ms=0,
    )
    if offline.release_used_by_another(tx, this):
        return None
    return derive_code(key, terminal_id=order.terminal_id, epoch=order.epoch, index=order.release)
