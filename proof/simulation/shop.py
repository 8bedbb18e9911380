"""What all cashiers of one shop share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from proof.simulation.faults import People, Selling
from proof.simulation.phones import Phones
from proof.simulation.trace import Trace


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`unruly(terminal_id)`: a person is needed for it from now on."""

    phones: Phones
    wallets: Sequence[str]
    people: People
    selling: Selling
    now_ms: Callable[[], int]
    trace: Trace
    unruly: Callable[[str], None]
    folder: Path
