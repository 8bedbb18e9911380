"""Which days' bills are wanted, when each is asked for, and when it is missed. Pure: the rows and `now` decide.

A wallet makes a Beijing day's bill about 9:00 on the day after; it is asked for from 10:00 (facts 6.3), every half hour
while it is not ready. A bill that is missing at 18:00 is told to a person, and asked for on, more slowly.
Times are Unix ms; days are Beijing days, YYYY-MM-DD.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from enum import StrEnum
from typing import Final

_BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * _HOUR_MS
FIRST_ASKED_MS: Final = DAY_MS + 10 * _HOUR_MS
MISSING_MS: Final = DAY_MS + 18 * _HOUR_MS
NOT_READY_MS: Final = _HOUR_MS // 2
#: After no answer, an unreadable file or one that settles nothing: by how often that was.
_AGAIN_MS: Final = (60_000, 300_000, 900_000, NOT_READY_MS)
_SLOWLY_MS: Final = 2 * _HOUR_MS
#: WeChat keeps bills for three months; nothing is asked for longer.
GIVEN_UP_MS: Final = 90 * DAY_MS
#: Days that are caught up on at most, after a gateway was away.
_MOST_DAYS: Final = 60


#: A wallet may count what was paid around midnight to the other day.
_AROUND_MIDNIGHT_MS: Final = 600_000
#: UnionPay's settlement day ends in the evening, at an hour that is not published with the interface.
EVENING_MS: Final = 2 * _HOUR_MS
_DAY_ENDS_EARLY_MS: Final = {"unionpay": EVENING_MS}


class BillState(StrEnum):
    """What is known of one day's bill."""

    WANTED = "wanted"
    KEPT = "kept"  # its file and its lines
    NONE = "none"  # the wallet says that there was nothing that day
    UNREADABLE = "unreadable"  # its file is kept and not believed; it is asked for again
    GIVEN_UP = "given_up"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillOutcome:
    """What one try came to. `code`: the wallet's word, or the fault. `soon`: not made yet, no trouble."""

    state: BillState
    code: str
    soon: bool = False


def day_of(at_ms: int) -> str:
    """The Beijing day of a moment, YYYY-MM-DD."""
    return _day(at_ms).isoformat()


def day_start_ms(day: str) -> int:
    moment = datetime.combine(date.fromisoformat(day), datetime.min.time(), _BEIJING)
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def surely_in_bill_ms(day: str, channel: str) -> tuple[int, int]:
    """From when until when this wallet counts what was paid to this day's bill, whatever it thinks of its edges."""
    begin_ms = day_start_ms(day)
    early_ms = _DAY_ENDS_EARLY_MS.get(channel, _AROUND_MIDNIGHT_MS)
    return begin_ms + _AROUND_MIDNIGHT_MS, begin_ms + DAY_MS - early_ms


def is_day(text: str) -> bool:
    """Whether it is a day, written as one."""
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def first_asked_ms(day: str) -> int:
    return day_start_ms(day) + FIRST_ASKED_MS


def next_plan_ms(now_ms: int) -> int:
    """The next 10:00 in Beijing: then another day's bills are wanted."""
    today = day_start_ms(day_of(now_ms)) + 10 * _HOUR_MS
    return today if today > now_ms else today + DAY_MS


def wanted_days(*, first_order_ms: int | None, known: Collection[str], now_ms: int) -> tuple[str, ...]:
    """The days that are over and not asked for yet. `known`: those that are, in any order: a person may ask for a later
    one first. `first_order_ms`: when this account first took an order: before it there is nothing to compare."""
    if first_order_ms is None:
        return ()
    yesterday = _day(now_ms) - timedelta(days=1)
    begin = max(_day(first_order_ms), yesterday - timedelta(days=_MOST_DAYS - 1))
    over = ((begin + timedelta(days=step)).isoformat() for step in range((yesterday - begin).days + 1))
    return tuple(day for day in over if day not in known)


def next_try_ms(day: str, outcome: BillOutcome, *, tries: int, now_ms: int) -> int | None:
    """When it is asked for again; None: never. `tries`: how often it was."""
    if outcome.state in (BillState.KEPT, BillState.NONE, BillState.GIVEN_UP):
        return None
    if now_ms >= day_start_ms(day) + MISSING_MS:
        return now_ms + _SLOWLY_MS
    return now_ms + (NOT_READY_MS if outcome.soon else _AGAIN_MS[min(max(tries, 1), len(_AGAIN_MS)) - 1])


def is_missing(day: str, outcome: BillOutcome, *, now_ms: int) -> bool:
    """Past its deadline: a person must know."""
    missed = outcome.state in (BillState.WANTED, BillState.UNREADABLE, BillState.GIVEN_UP)
    return missed and now_ms >= day_start_ms(day) + MISSING_MS


def given_up(day: str, *, now_ms: int) -> bool:
    return now_ms >= day_start_ms(day) + GIVEN_UP_MS


def _day(at_ms: int) -> date:
    return (_EPOCH + timedelta(milliseconds=at_ms)).astimezone(_BEIJING).date()
