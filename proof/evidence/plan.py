"""Which experiments the page holds, for a short and for a long run. The seed is the reader's to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from proof.evidence.experiment import Experiment, Figure, Printed, counted, number, tallied


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much of each experiment is run."""

    seeds: int
    kills: int


SHORT: Final = Scope(seeds=40, kills=12)
LONG: Final = Scope(seeds=500, kills=200)


def experiments(scope: Scope, *, seed: int) -> tuple[Experiment, ...]:
    """In the order of the page."""
    return (
        Experiment(
            name="simulation",
            arguments=("simulate", "--seeds", str(scope.seeds), "--seed", str(seed)),
            figures=_simulated,
            repeats=True,
        ),
        Experiment(
            name="torture",
            arguments=("torture", "--cycles", str(scope.kills), "--seed", str(seed)),
            figures=_tortured,
        ),
        Experiment(name="speed", arguments=("bench", "journal", "--json"), figures=_measured),
    )


def _simulated(printed: Printed) -> tuple[Figure, ...]:
    broken = Figure(label="violations", value=number(len(printed["violations"])))
    return (
        broken,
        *counted(printed, "seeds", "orders", "payments", "paid", "virtual_hours", "deaths", "checks"),
        *tallied(printed, "faults"),
        *tallied(printed, "ends"),
        Figure(label="trace", value=str(printed["trace"])),
    )


def _tortured(printed: Printed) -> tuple[Figure, ...]:
    return (
        *counted(printed, "lost", "double", "cycles", "orders", "payments", "refunds", "entries", "settled_after_s"),
        *tallied(printed, "kills"),
        *tallied(printed, "wallets"),
    )


def _measured(printed: Printed) -> tuple[Figure, ...]:
    benches = cast("list[dict[str, Any]]", printed["benches"])
    return tuple(
        Figure(label=str(bench["name"]), value=f"{number(bench['ratio'])} (≤ {number(bench['bound'])})")
        for bench in benches
    )
