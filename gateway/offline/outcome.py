"""Which proof an order has, from its payments' rows: PAID, CLOSED, or none yet.

Rules (SAFETY.md section 3, 4)
- PAID is a payment that is PAID. CLOSED is every payment NOT_PAID by table P, with no money that came late and stays.
- The words of a proof come from the rows, not from the moment in which it is asked for.
It must not know tables or keys.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from gateway.payments.values import Payment
from protocol.messages import LateMoneyState
from protocol.offline.proof import CHANNEL_NUMBERS, OfflineProof, ProofType
from protocol.states import GatewayState


class Ended(Struct, frozen=True, kw_only=True):
    """How an order ended; `payment` is the one that was paid, or the last that was not."""

    type: ProofType
    payment: Payment


def outcome_of(of_order: Sequence[Payment]) -> Ended | None:
    """`of_order`: every payment of the order, by n. None: nothing is proven yet."""
    paid = next((payment for payment in of_order if payment.state is GatewayState.PAID), None)
    if paid is not None:
        return Ended(type=ProofType.PAID, payment=paid)
    if not of_order or not all(closed(payment) for payment in of_order):
        return None
    return Ended(type=ProofType.CLOSED, payment=of_order[-1])


def closed(payment: Payment) -> bool:
    """Table P holds, and no money that came after all is still here."""
    return payment.state is GatewayState.NOT_PAID and payment.late_state in (None, LateMoneyState.UNDONE)


def words_of(ended: Ended, *, order_no: str, kid: int, now_ms: int) -> OfflineProof:
    """What the proof says."""
    payment = ended.payment
    at_ms = payment.settled_ms if payment.settled_ms is not None else now_ms
    if ended.type is ProofType.CLOSED:
        return OfflineProof(type=ended.type, kid=kid, order_no=order_no, at_s=at_ms // 1000, channel=None, tail=None)
    assert payment.channel in CHANNEL_NUMBERS, "a wallet took it"
    digits = [c for c in payment.transaction_id or "" if c.isascii() and c.isdigit()]
    tail = "".join(digits[-4:]).rjust(4, "0")
    return OfflineProof(
        type=ended.type, kid=kid, order_no=order_no, at_s=at_ms // 1000, channel=payment.channel, tail=tail
    )
