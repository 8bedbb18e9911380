"""A token bucket per channel account: how many calls the schedule may make. Pure: now is an argument."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from msgspec.structs import replace

_SECOND_MS: Final = 1_000


class Bucket(Struct, frozen=True, kw_only=True):
    """`millitokens` counts thousandths, so that a slow rate does not round away."""

    capacity: int
    per_second: int
    millitokens: int
    at_ms: int

    def take(self, *, now_ms: int, count: int = 1) -> Bucket | None:
        """The bucket after so many calls, or None when there are not so many to make."""
        filled = self._filled(now_ms)
        if filled < count * 1000:
            return None
        return replace(self, millitokens=filled - count * 1000, at_ms=now_ms)

    def _filled(self, now_ms: int) -> int:
        """Where the clock was put back, what has passed is not known: a second is given, and it is counted from now."""
        passed_ms = now_ms - self.at_ms if now_ms >= self.at_ms else _SECOND_MS
        return min(self.capacity * 1000, self.millitokens + passed_ms * self.per_second)

    def wait_ms(self, *, now_ms: int, count: int = 1) -> int:
        """How long until there are so many calls to make; at least 1 when there are not now."""
        missing = count * 1000 - self._filled(now_ms)
        return max(1, -(-missing // self.per_second)) if missing > 0 else 0


def full(*, capacity: int, per_second: int, now_ms: int) -> Bucket:
    return Bucket(capacity=capacity, per_second=per_second, millitokens=capacity * 1000, at_ms=now_ms)
