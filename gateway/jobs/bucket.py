"""A token bucket per channel account: how many calls the schedule may make. Pure: now is an argument."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """`millitokens` counts thousandths, so that a slow rate does not round away."""

    capacity: int
    per_second: int
    millitokens: int
    at_ms: int

    def take(self, *, now_ms: int) -> Bucket | None:
        """The bucket after one call, or None when there is none to make."""
        passed_ms = max(0, now_ms - self.at_ms)
        filled = min(self.capacity * 1000, self.millitokens + passed_ms * self.per_second)
        if filled < 1000:
            return None
        return replace(self, millitokens=filled - 1000, at_ms=now_ms)


def full(*, capacity: int, per_second: int, now_ms: int) -> Bucket:
    return Bucket(capacity=capacity, per_second=per_second, millitokens=capacity * 1000, at_ms=now_ms)
