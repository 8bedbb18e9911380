"""UnionPay's texts for time: Beijing wall time as digits.

Rule: txnTime is part of an order's identity (merId, orderId, txnTime), so it is always made from the moment at which
the order became durable, never from now. It must not know clocks.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAY: Final = timedelta(days=1)
_TXN_TIME: Final = re.compile(r"[0-9]{14}", re.ASCII)
_TRACE_TIME: Final = re.compile(r"[0-9]{10}", re.ASCII)
_DATE: Final = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII)


def txn_time(moment_ms: int) -> str:
    """Unix ms → "20261122100000" in Beijing."""
    assert moment_ms > 0, "an order is durable before the wallet is asked"
    return (_EPOCH + timedelta(milliseconds=moment_ms)).astimezone(_BEIJING).strftime("%Y%m%d%H%M%S")


def unix_ms_of(text: str) -> int | None:
    """ "20261122100000" → Unix ms."""
    moment = _moment(text) if _TXN_TIME.fullmatch(text) else None
    return None if moment is None else _ms(moment)


def traced_ms(trace_time: str, *, opened: str) -> int | None:
    """traceTime ("1122100005") has no year: the first such moment that is not a day before txnTime `opened`."""
    start = _moment(opened) if _TXN_TIME.fullmatch(opened) else None
    if start is None or not _TRACE_TIME.fullmatch(trace_time):
        return None
    for year in (start.year - 1, start.year, start.year + 1):
        moment = _moment(f"{year:04d}{trace_time}")
        if moment is not None and moment >= start - _DAY:
            return _ms(moment)
    return None


def settle_date(day: str) -> str:
    """ "2026-11-22" → "1122"."""
    found = _DATE.fullmatch(day)
    assert found is not None, "a bill's day is YYYY-MM-DD"
    return found[2] + found[3]


def day_end_ms(day: str) -> int:
    """When the Beijing day is over."""
    return _ms(datetime.strptime(day, "%Y-%m-%d").replace(tzinfo=_BEIJING) + _DAY)


def _moment(digits: str) -> datetime | None:
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING)
    except ValueError:
        return None


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
