"""Where time and chance come from: the process's own, or a simulation's."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from typing import Final, Protocol

#: No computer sleeps for less.
_NAP_MS: Final = 100

#: n fresh random bytes.
Entropy = Callable[[int], bytes]


class Clock(Protocol):
    def mono_ms(self) -> int:
        """Monotonic milliseconds; the same clock that `StartPayment.scanned_at_ms` is read from."""
        ...

    def wall_ms(self) -> int:
        """This computer's Unix milliseconds; may be anything and may jump."""
        ...

    def slept_ms(self) -> int:
        """How long this computer slept since it was started, as far as `mono_ms` did not count it."""
        ...


def _boot_ns() -> int:
    """Since boot, sleep counted in, where the monotonic clock leaves it out; elsewhere the same as that."""
    if sys.platform == "linux":
        return time.clock_gettime_ns(time.CLOCK_BOOTTIME)
    return time.monotonic_ns()


class SystemClock:
    """`time.monotonic` and `time.time`, and what Linux tells of sleep."""

    def __init__(
        self, *, mono_ns: Callable[[], int] = time.monotonic_ns, boot_ns: Callable[[], int] = _boot_ns
    ) -> None:
        self._mono_ns, self._boot_ns = mono_ns, boot_ns
        self._slept_ms = 0

    def mono_ms(self) -> int:
        return self._mono_ns() // 1_000_000

    def wall_ms(self) -> int:
        return time.time_ns() // 1_000_000

    def slept_ms(self) -> int:
        # The two are not read at the same instant: what is less than a nap would let time go back and forth.
        found_ms = (self._boot_ns() - self._mono_ns()) // 1_000_000
        if found_ms - self._slept_ms >= _NAP_MS:
            self._slept_ms = found_ms
        return self._slept_ms


def system_entropy(count: int) -> bytes:
    """The operating system's."""
    return os.urandom(count)
