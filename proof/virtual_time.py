"""An asyncio loop whose time is a number: whoever sleeps wakes at once, in order, and hours pass in milliseconds.

Rules
- Time moves only when nothing is left to do, and then exactly to the next timer. The same program gives the same run.
- Nothing outside the loop can wake it: no sockets, no threads. A program that waits for one is stuck, and is told so.
It must not know what runs on it.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class NothingWillHappenError(Exception):
    """Every task waits and no timer is set: in real time this program would hang for ever."""


class _JumpingSelector(selectors.SelectSelector):
    """Waits for nothing: remembers by how much time has to move."""

    def __init__(self) -> None:
        super().__init__()
        self.now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingWillHappenError("every task waits and no timer is set")
        self.now_s += max(0.0, timeout)
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """`time()` starts at 0 s and jumps."""

    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def run_virtual(main: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` in virtual time."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
