"""The one place where the sandbox reads the clock."""

import time
from collections.abc import Callable
from typing import TypeAlias

Clock: TypeAlias = Callable[[], int]
"""Gives epoch milliseconds."""


def wall_clock_ms() -> int:
    return time.time_ns() // 1_000_000
