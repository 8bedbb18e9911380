"""Alipay's amounts: decimal yuan as text on the wire, integer fen inside. No float ever. Pure."""

import re

_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?", re.ASCII)

MIN_FEN = 1
MAX_FEN = 10_000_000_000
"""¥100,000,000.00: the documented upper limit of total_amount."""


def fen_from_yuan(text: str) -> int | None:
    """`"12.5"` → 1250. None for what Alipay does not take (sign, exponent, third decimal, out of range)."""
    match = _YUAN.fullmatch(text)
    if match is None:
        return None
    fen = int(match.group(1)) * 100 + int((match.group(2) or "").ljust(2, "0"))
    return fen if MIN_FEN <= fen <= MAX_FEN else None


def yuan_from_fen(amount_fen: int) -> str:
    """1250 → `"12.50"`."""
    yuan, fen = divmod(amount_fen, 100)
    return f"{yuan}.{fen:02d}"
