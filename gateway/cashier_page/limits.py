"""How often one address may ask for one thing. Pure: now is an argument.

A shop's guests share one address behind its Wi-Fi, so the measure is a crowd's, for each page. What is remembered is
bounded; when it is full the oldest is forgotten, which only errs in the caller's favour.
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from gateway.jobs.bucket import Bucket, full

_MOST: Final = 20_000


class Ask(Enum):
    """What is asked for; its value is (at once, per second)."""

    LOOK = (40, 2)
    STRANGE = (20, 1)  # a token that does not exist
    SIGN_IN = (20, 2)
    PRESS = (30, 2)
    STATUS = (60, 4)
    ORDER = (120, 8)  # anything about an offline order: each is a signature to check


class Limits:
    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str, str], Bucket] = {}

    def allow(self, ask: Ask, address: str, about: str, *, now_ms: int) -> bool:
        """Counts one, and says whether there was one left. `about`: the page."""
        capacity, per_second = ask.value
        place = (ask.name, address, about)
        bucket = self._buckets.pop(place, None) or full(capacity=capacity, per_second=per_second, now_ms=now_ms)
        after = bucket.take(now_ms=now_ms)
        # Put back at the end: the first is always the one that was quiet longest.
        self._buckets[place] = bucket if after is None else after
        while len(self._buckets) > _MOST:
            del self._buckets[next(iter(self._buckets))]
        return after is not None
