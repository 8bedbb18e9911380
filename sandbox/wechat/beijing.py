"""WeChat Pay's times, all of them Beijing's: `yyyyMMddHHmmss` in v2, RFC 3339 in v3, and the bill's own. Epoch
milliseconds inside. Pure: no clock."""

import re
from datetime import date, datetime, timedelta, timezone

_BEIJING = timezone(timedelta(hours=8))
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)  # noqa: UP017  (beside the other zone)
_COMPACT = re.compile(r"[0-9]{14}", re.ASCII)
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII)


def compact_stamp(now_ms: int) -> str:
    """`yyyyMMddHHmmss`."""
    return _moment(now_ms).strftime("%Y%m%d%H%M%S")


def rfc3339_stamp(now_ms: int) -> str:
    return _moment(now_ms).isoformat(timespec="seconds")


def bill_stamp(now_ms: int) -> str:
    """`yyyy-MM-dd HH:mm:ss`."""
    return _moment(now_ms).strftime("%Y-%m-%d %H:%M:%S")


def day_stamp(now_ms: int) -> str:
    """`yyyyMMdd`, a part of transaction numbers."""
    return _moment(now_ms).strftime("%Y%m%d")


def day_of(now_ms: int) -> date:
    """The Beijing day of a moment."""
    return _moment(now_ms).date()


def day_start_ms(day: date) -> int:
    """Midnight in Beijing."""
    return _ms(datetime(day.year, day.month, day.day, tzinfo=_BEIJING))


def moment_utc(now_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=now_ms)


def parse_compact_stamp(text: str) -> int | None:
    if not _COMPACT.fullmatch(text):
        return None
    try:
        return _ms(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING))
    except ValueError:
        return None


def parse_rfc3339(text: str) -> int | None:
    """A moment with its offset; None when it is not one."""
    if not _RFC3339.fullmatch(text):
        return None
    try:
        return _ms(datetime.fromisoformat(text))
    except ValueError:
        return None


def parse_day(text: str) -> date | None:
    """`yyyy-MM-dd` or `yyyyMMdd`."""
    compact = text.replace("-", "") if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", text, re.ASCII) else text
    if not re.fullmatch(r"[0-9]{8}", compact, re.ASCII):
        return None
    try:
        return date(int(compact[:4]), int(compact[4:6]), int(compact[6:]))
    except ValueError:
        return None


def _moment(now_ms: int) -> datetime:
    return (_EPOCH + timedelta(milliseconds=now_ms)).astimezone(_BEIJING)


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
