"""The real clock and the operating system's randomness. Only the serving process builds these."""

from __future__ import annotations

import gc
import os
import threading
import time
from collections.abc import Callable
from typing import Final

#: A system clock that is further off than this was wrong, not adjusted: it is followed at once.
FOLLOWED_AT_ONCE_MS: Final = 240_000
#: Otherwise it is followed by at most one part in this many, so that 30 s here are 30 s everywhere.
_SLOWLY: Final = 20


class SystemClock:
    """Unix time that flows evenly. Proofs and deadlines are measured with it: when the system's clock is set by some
    seconds or minutes, none of them may come early or wait. Thread-safe."""

    def __init__(
        self, *, wall_ns: Callable[[], int] = time.time_ns, steady_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._lock = threading.Lock()
        self._seen_ns = steady_ns()
        self._ours_ns = wall_ns()
        self._even_since_ms = self._ours_ns // 1_000_000

    def even_since_ms(self) -> int:
        with self._lock:
            return self._even_since_ms

    def now_ms(self) -> int:
        with self._lock:
            steady_ns = self._steady_ns()
            passed_ns, self._seen_ns = steady_ns - self._seen_ns, steady_ns
            self._ours_ns += passed_ns
            off_ns = self._wall_ns() - self._ours_ns
            leaps = abs(off_ns) > FOLLOWED_AT_ONCE_MS * 1_000_000
            if not leaps:
                most_ns = passed_ns // _SLOWLY
                off_ns = max(-most_ns, min(most_ns, off_ns))
            self._ours_ns += off_ns
            now_ms = self._ours_ns // 1_000_000
            if leaps:
                self._even_since_ms = now_ms
            return now_ms


class SystemEntropy:
    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


def collect_seldom() -> None:
    """For a process that serves: what is there once it has started stays, and of the rest the garbage collector looks
    at more at a time. Its usual pace costs a tenth of the processor."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)
