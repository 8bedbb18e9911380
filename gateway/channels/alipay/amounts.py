"""Alipay's texts for money and time: yuan with at most two decimals, and Beijing wall time. Integers only, no float."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

#: The platform's own limit, 100,000,000.00 yuan.
MAX_FEN: Final = 10_000_000_000
_YUAN: Final = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?", re.ASCII)
_BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MINUTE_MS: Final = 60_000


def yuan_text(amount_fen: int) -> str:
    """1234 fen → "12.34"."""
    assert 1 <= amount_fen <= MAX_FEN, "the gateway checks amounts before a channel is asked"
    return f"{amount_fen // 100}.{amount_fen % 100:02d}"


def fen_of(yuan: object) -> int | None:
    """ "12.3" → 1230 fen; None for anything that is not plainly an amount."""
    found = _YUAN.fullmatch(yuan) if isinstance(yuan, str) else None
    if found is None:
        return None
    return int(found[1]) * 100 + int((found[2] or "").ljust(2, "0"))


def beijing_text(now_ms: int) -> str:
    """Unix ms → "2026-11-22 10:00:00" in Beijing."""
    return (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(_BEIJING).strftime("%Y-%m-%d %H:%M:%S")


def unix_ms_of(beijing: object) -> int | None:
    if not isinstance(beijing, str):
        return None
    try:
        moment = datetime.strptime(beijing, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING)
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def express_text(open_for_ms: int) -> str:
    """How long a trade stays open, in whole minutes, rounded up: at least "1m"."""
    assert open_for_ms > 0, "a trade that is never open cannot be paid"
    return f"{-(-open_for_ms // _MINUTE_MS)}m"
