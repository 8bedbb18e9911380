"""Plants one defect after the other and says which were found: several at once, told in the order of the list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

from proof.simulation.planted import Caught, Defect, run_planted

ROOT: Final = Path(__file__).resolve().parents[2]


def hunt(defects: Sequence[Defect], *, jobs: int, told: Callable[[Caught], None]) -> list[Caught]:
    """`told` hears of each as soon as it and all before it are done. Each runs in a process of its own."""
    found: list[Caught] = []
    with ThreadPoolExecutor(jobs) as runners:
        for caught in runners.map(partial(run_planted, root=ROOT), defects):
            told(caught)
            found.append(caught)
    return found
