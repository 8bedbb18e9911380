"""WeChat Pay's texts for time, all Beijing's: `yyyyMMddHHmmss` in v2, RFC 3339 in v3. It must not know clocks."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

_BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COMPACT: Final = re.compile(r"[0-9]{14}", re.ASCII)
_SPACED: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)
_RFC3339: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?(?:Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)


def rfc3339_text(moment_ms: int) -> str:
    """Unix ms → "2026-11-22T10:00:00+08:00", rounded up to the second."""
    return (_EPOCH + timedelta(seconds=-(-moment_ms // 1000))).astimezone(_BEIJING).isoformat(timespec="seconds")


def unix_ms_of(text: str) -> int | None:
    """Any of the three forms that answers use; None for anything else."""
    try:
        if _COMPACT.fullmatch(text):
            return _ms(datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=_BEIJING))
        if _SPACED.fullmatch(text):
            return _ms(datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=_BEIJING))
        return _ms(datetime.fromisoformat(text)) if _RFC3339.fullmatch(text) else None
    except ValueError:
        return None


def _ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)
