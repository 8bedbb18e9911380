"""The choice itself, pure. Nothing found is an answer (`None`): the till is told `no_channel`, nothing is sent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from protocol.auth_code import PaymentCode, classify_scan
from protocol.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """One channel account of a merchant. `shown_default`: it makes the QRs."""

    account_id: str
    merchant_id: str
    channel: str
    shown_default: bool


def for_code(candidates: Sequence[Candidate], *, merchant_id: str, auth_code: Secret) -> Candidate | None:
    """The merchant's account at the wallet that issued this code."""
    code = classify_scan(auth_code.reveal())
    if not isinstance(code, PaymentCode):
        return None
    mine = [c for c in candidates if c.merchant_id == merchant_id and c.channel == code.wallet]
    return mine[0] if mine else None


def for_qr(candidates: Sequence[Candidate], *, merchant_id: str) -> Candidate | None:
    """The account that makes the merchant's QRs: the one marked so, else the first."""
    mine = [c for c in candidates if c.merchant_id == merchant_id]
    marked = [c for c in mine if c.shown_default]
    return marked[0] if marked else mine[0] if mine else None
