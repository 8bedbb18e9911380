"""Alipay's times: `yyyy-MM-dd HH:mm:ss` in Beijing time on the wire, epoch milliseconds inside. Pure: no clock."""

import re
from datetime import date, datetime, timedelta, timezone

_BEIJING = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=_BEIJING) + timedelta(hours=8)
_FORMAT = "%Y-%m-%d %H:%M:%S"
_DURATION = re.compile(r"([1-9][0-9]{0,4})([mhd])", re.ASCII)
_UNIT_MS = {"m": 60_000, "h": 3_600_000, "d": 86_400_000}
_MAX_DURATION_MS = 15 * _UNIT_MS["d"]


def stamp(now_ms: int) -> str:
    """Epoch milliseconds as the wire writes them."""
    return _moment(now_ms).strftime(_FORMAT)


def day_stamp(now_ms: int) -> str:
    """`yyyyMMdd`, the head of a trade number."""
    return _moment(now_ms).strftime("%Y%m%d")


def day_of(now_ms: int) -> date:
    """The Beijing day of a moment."""
    return _moment(now_ms).date()


def day_start_ms(day: date) -> int:
    """Midnight in Beijing."""
    return (datetime(day.year, day.month, day.day, tzinfo=_BEIJING) - _EPOCH) // timedelta(milliseconds=1)


def parse_day(text: str) -> date | None:
    """`yyyy-MM-dd`, or None."""
    if len(text) != len("2026-01-01"):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def parse_stamp(text: str) -> int | None:
    """Epoch milliseconds of a wire time, or None when it is not one."""
    if len(text) != len("2026-01-01 00:00:00"):
        return None
    try:
        moment = datetime.strptime(text, _FORMAT).replace(tzinfo=_BEIJING)
    except ValueError:
        return None
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def parse_duration_ms(text: str, now_ms: int) -> int | None:
    """`timeout_express`: `1m` to `15d`, or `1c`, which ends with the Beijing day. None when it is neither."""
    if text == "1c":
        today = _moment(now_ms).replace(hour=0, minute=0, second=0, microsecond=0)
        return (today + timedelta(days=1) - _EPOCH) // timedelta(milliseconds=1) - now_ms
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    duration_ms = int(match.group(1)) * _UNIT_MS[match.group(2)]
    return duration_ms if duration_ms <= _MAX_DURATION_MS else None


def _moment(now_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=now_ms)
