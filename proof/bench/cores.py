"""Which processor cores a process may use, where the system lets it say so (Linux). Elsewhere nothing happens."""

from __future__ import annotations

import os
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager


def shared_out() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """One core for what is measured, the others for everything else. Empty: no choice."""
    if sys.platform != "linux":
        return (), ()
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        return (), ()
    return (str(cores[0]),), tuple(map(str, cores[1:]))


def stay_on(cores: Sequence[str]) -> None:
    """This process and the threads that it starts from now on; no cores: wherever it likes."""
    if cores and sys.platform == "linux":
        os.sched_setaffinity(0, {int(core) for core in cores})


@contextmanager
def staying_on(cores: Sequence[str]) -> Generator[None, None, None]:
    """For a while only; processes that are started meanwhile inherit it."""
    if not cores or sys.platform != "linux":
        yield
        return
    before = os.sched_getaffinity(0)
    stay_on(cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
