"""Where time and chance come from: the process's own, or a simulation's."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Protocol

#: n fresh random bytes.
Entropy = Callable[[int], bytes]


class Clock(Protocol):
    def mono_ms(self) -> int:
        """Monotonic milliseconds; the same clock that `StartPayment.scanned_at_ms` is read from."""
        ...

    def wall_ms(self) -> int:
        """This computer's Unix milliseconds; may be anything and may jump."""
        ...


class SystemClock:
    """`time.monotonic` and `time.time`."""

    def mono_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000


def system_entropy(count: int) -> bytes:
    """The operating system's."""
    return os.urandom(count)
