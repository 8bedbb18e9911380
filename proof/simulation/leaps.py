"""The gateway's machine clock leaps: by minutes, an hour, a day, both ways, while the program runs or while it is down.

How far it is off and since when is known here alone: every rule that counts in the gateway's time asks here, and a
promise that the program keeps "from the leap on" is counted from it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from proof.simulation.faults import Span

#: No two of them differ by what the window of a signature takes, or by less than a clock takes up slowly.
LEAPS_MS: Final = (0, 1_020_000, -1_020_000, 3_600_000, -3_600_000, 86_400_000, -86_400_000)
_WHILE_DOWN: Final = 0.3


class Leaps:
    """`every`: how often it is set while the program runs; None: never. `told(ms)`: by how much it leapt now."""

    def __init__(
        self, *, every: Span | None, chance: Random, now_ms: Callable[[], int], told: Callable[[int], None]
    ) -> None:
        self._every = every
        self._chance = chance
        self._now_ms = now_ms
        self._told = told
        self._calm = False
        #: How far it is off now, and the most that it ever was.
        self.off_ms = 0
        self.most_ms = 0
        #: When it leapt last, in true time; 0: it never did.
        self.last_ms = 0

    def calm(self) -> None:
        """Somebody puts it right."""
        self._calm = True
        self._leap(0)

    async def happen(self) -> None:
        while self._every is not None:
            await asyncio.sleep(round(self._chance.uniform(*self._every), 3))
            if self._calm:
                return
            self._leap(self._chance.choice(LEAPS_MS))

    def while_down(self) -> None:
        """The program is gone; it may find another time when it starts."""
        if self._every is not None and not self._calm and self._chance.random() < _WHILE_DOWN:
            self._leap(self._chance.choice(LEAPS_MS))

    def _leap(self, off_ms: int) -> None:
        if off_ms != self.off_ms:
            by_ms, self.off_ms = off_ms - self.off_ms, off_ms
            self.most_ms = max(self.most_ms, off_ms)
            self.last_ms = self._now_ms()
            self._told(by_ms)
