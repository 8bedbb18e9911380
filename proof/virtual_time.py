"""An asyncio loop on a clock that jumps: when nothing is ready, time moves to the next timer at once.

Deterministic as long as nothing inside waits for a real socket, thread or process; that would be a `Standstill`.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class Standstill(RuntimeError):
    """Every task waits for something that no timer will bring."""


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0
        self.now_ms = 0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Standstill("nothing is left to happen")
        if timeout > 0.0:
            self.now_s += timeout
            self.now_ms = round(self.now_s * 1000)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 and jumps from timer to timer."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s

    def time_ms(self) -> int:
        """The same in whole milliseconds."""
        return self._jumping.now_ms


class VirtualClock:
    """A terminal's clock on a virtual loop. `wall_ms` may be set wrong, and may jump, without touching the other.
    `sleep_ms`: how long the computer slept, while nothing of it ran."""

    def __init__(self, loop: VirtualTimeLoop, *, wall_start_ms: int) -> None:
        self._loop = loop
        self.wall_offset_ms = wall_start_ms
        self.sleep_ms = 0

    def mono_ms(self) -> int:
        return self._loop.time_ms()

    def wall_ms(self) -> int:
        return self.wall_offset_ms + self.mono_ms()

    def slept_ms(self) -> int:
        return self.sleep_ms


def run_virtual(main: Coroutine[Any, Any, Result], loop: VirtualTimeLoop) -> Result:
    """Runs one coroutine to its end on the loop and closes it."""
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        return runner.run(main)
