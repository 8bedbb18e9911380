"""The real clock and the operating system's randomness. Only the serving process builds these."""

from __future__ import annotations

import os
import time


class SystemClock:
    def now_ms(self) -> int:
        return time.time_ns() // 1_000_000


class SystemEntropy:
    def bytes(self, count: int) -> bytes:
        return os.urandom(count)
