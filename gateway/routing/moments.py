"""A moment as a shop's wall clock shows it, and windows of a day. Pure.

Rules
- A window is `HH:MM-HH:MM`: its first minute is in it, its last is not. `24:00` is the end of the day; a window whose
  end is not after its start goes on past midnight. Of several windows one is enough; none at all is "always".
- The time zone is an argument: finding one reads the system's files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct

DAY_MINUTES: Final = 1_440
_WINDOW: Final = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])-([01][0-9]|2[0-4]):([0-5][0-9])")


class Moment(Struct, frozen=True, kw_only=True):
    """`weekday`: 1 is Monday, 7 Sunday. `minute` of the day: 0 to 1439."""

    weekday: int
    minute: int


class Window(Struct, frozen=True, kw_only=True):
    """Minutes of the day; `until` is not in it."""

    start: int
    until: int

    @property
    def text(self) -> str:
        return f"{self.start // 60:02}:{self.start % 60:02}-{self.until // 60:02}:{self.until % 60:02}"

    def minutes_left(self, minute: int) -> int:
        """How long it still lasts at that minute; 0 outside."""
        length = (self.until - self.start - 1) % DAY_MINUTES + 1
        return max(0, length - (minute - self.start) % DAY_MINUTES)


def moment_of(at_ms: int, zone: tzinfo) -> Moment:
    local = datetime.fromtimestamp(at_ms // 1000, zone)
    return Moment(weekday=local.isoweekday(), minute=local.hour * 60 + local.minute)


def read_window(text: str) -> Window | None:
    found = _WINDOW.fullmatch(text)
    if found is None:
        return None
    start, until = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if start >= DAY_MINUTES or until > DAY_MINUTES:
        return None
    return Window(start=start, until=until)


def minutes_left(windows: Sequence[Window], minute: int) -> int:
    """How long the longest of them still lasts: a whole day without any, 0 outside all."""
    return max((window.minutes_left(minute) for window in windows), default=DAY_MINUTES)
