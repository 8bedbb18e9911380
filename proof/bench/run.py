"""Which benchmarks there are, and how they are run: one after the other, each in a fresh folder on a real disk."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Protocol

from proof.bench.flow import measure_flow
from proof.bench.images import measure_images
from proof.bench.journal import measure_journal
from proof.bench.measure import Measured
from proof.bench.poll import measure_poll, measure_schedule
from proof.bench.route import measure_route
from proof.bench.scan import measure_scan
from proof.bench.start import measure_start
from proof.bench.sync import measure_sync


class Bench(Protocol):
    def __call__(self, folder: Path, /, *, rounds: int) -> Coroutine[Any, Any, Measured]: ...


#: Each with its usual number of rounds.
BENCHES: Final[Mapping[str, tuple[Bench, int]]] = MappingProxyType(
    {
        "scan": (measure_scan, 200),
        "journal": (measure_journal, 500),
        "start": (measure_start, 7),
        "flow": (measure_flow, 5),
        "poll": (measure_poll, 10),
        "schedule": (measure_schedule, 10),
        "route": (measure_route, 50),
        "images": (measure_images, 7),
        "sync": (measure_sync, 3),
    }
)


def run_benches(names: Sequence[str], *, rounds: int | None, tell: Callable[[Measured], None]) -> list[Measured]:
    """Runs them by name; `rounds` instead of the usual numbers."""
    found: list[Measured] = []
    for name in names:
        bench, usual = BENCHES[name]
        with tempfile.TemporaryDirectory(prefix="guitai-bench-") as folder:
            measured = asyncio.run(bench(Path(folder), rounds=rounds or usual))
        tell(measured)
        found.append(measured)
    return found
