"""Rounds of ours and of the reference, interleaved so that a busy machine slows both; medians; ratio and bound."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

#: One round: runs it and gives its milliseconds.
Round = Callable[[], Awaitable[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One benchmark. `ours_ms` and `reference_ms` are medians; `reported` has no bound."""

    name: str
    reference: str
    ours_ms: float
    reference_ms: float
    bound: float
    rounds: int
    reported: Mapping[str, float] = field(default_factory=dict[str, float])

    @property
    def ratio(self) -> float:
        return self.ours_ms / self.reference_ms

    @property
    def within(self) -> bool:
        return self.ratio <= self.bound

    def as_values(self) -> dict[str, Any]:
        return {**asdict(self), "ratio": round(self.ratio, 2), "within": self.within}


async def interleaved(ours: Round, reference: Round, *, rounds: int, warm: int = 3) -> tuple[float, float]:
    """The medians of both, after some rounds that do not count."""
    mine: list[float] = []
    theirs: list[float] = []
    for number in range(rounds + warm):
        first, second = await ours(), await reference()
        if number >= warm:
            mine.append(first)
            theirs.append(second)
    return median(mine), median(theirs)
