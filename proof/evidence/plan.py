"""Which experiments the page holds, for a short and for a long run. The seed is the reader's to choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast

from proof.evidence.experiment import Experiment, Figure, Part, Printed, counted, number, tallied


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """How much of each experiment is run."""

    seeds: int
    defects: tuple[str, ...]
    kills: int
    images: int | None
    system_calls: int | None
    fuzz_s: int


SHORT: Final = Scope(
    seeds=40,
    defects=(
        "a time-out at the till is read as not paid",
        "paid is accepted after a reverse was sent",
        "a time-out at the wallet is read as not sent",
    ),
    kills=12,
    images=1_500,
    system_calls=6,
    fuzz_s=1,
)
LONG: Final = Scope(seeds=500, defects=("all",), kills=200, images=None, system_calls=None, fuzz_s=20)


def experiments(scope: Scope, *, seed: int, strace: bool) -> tuple[Experiment, ...]:
    """In the order of the page. Without `strace` no sale can be killed at its system calls, and none is shown."""
    planted = tuple(word for name in scope.defects for word in ("--defects", name))
    found = (
        Experiment(
            name="simulation",
            arguments=("simulate", "--seeds", str(scope.seeds), "--seed", str(seed)),
            figures=_simulated,
            repeats=True,
        ),
        Experiment(name="defects", arguments=("simulate", *planted), figures=_planted, repeats=True),
        Experiment(
            name="torture",
            arguments=("torture", "--cycles", str(scope.kills), "--seed", str(seed)),
            figures=_tortured,
        ),
        Experiment(
            name="images",
            arguments=("torture", "--images", *_limit(scope.images), "--seed", str(seed)),
            figures=_cut,
            repeats=True,
        ),
        Experiment(
            name="system_calls",
            arguments=("torture", "--syscalls", *_limit(scope.system_calls), "--seed", str(seed)),
            figures=_killed,
        ),
        Experiment(
            name="fuzz", arguments=("fuzz", "--plain", "--seconds", str(scope.fuzz_s), "--json"), figures=_fuzzed
        ),
        Experiment(name="speed", arguments=("bench", "journal", "--json"), figures=_measured),
    )
    return tuple(one for one in found if strace or one.name != "system_calls")


def _limit(count: int | None) -> tuple[str, ...]:
    return () if count is None else ("--limit", str(count))


def _planted(printed: Printed) -> tuple[Figure, ...]:
    defects = cast("list[dict[str, Any]]", printed["defects"])
    found = [defect for defect in defects if defect["found"]]
    rules = tuple(Part(kind=defect["name"], value=defect["rule"]) for defect in found)
    return (
        Figure(label="planted", value=number(len(defects))),
        Figure(label="found", value=number(len(found))),
        *((Figure(label="found_by", parts=rules),) if rules else ()),
    )


def _cut(printed: Printed) -> tuple[Figure, ...]:
    return (
        *counted(printed, "lost", "half", "images", "operations", "transactions", "transaction_kinds", "migrations"),
        *counted(printed, "images_per_second"),
        *tallied(printed, "images_by_damage"),
    )


def _killed(printed: Printed) -> tuple[Figure, ...]:
    return (*counted(printed, "lost", "double", "killed", "points"), *tallied(printed, "kills", label="kills_by_call"))


def _fuzzed(printed: Printed) -> tuple[Figure, ...]:
    targets = cast("list[dict[str, Any]]", printed["targets"])
    return (
        Figure(label="rules_broken", value=number(sum(one["defect"] is not None for one in targets))),
        Figure(label="targets", value=number(len(targets))),
        Figure(label="inputs", value=number(sum(one["executions"] for one in targets))),
    )


def _simulated(printed: Printed) -> tuple[Figure, ...]:
    broken = Figure(label="violations", value=number(len(printed["violations"])))
    return (
        broken,
        *counted(printed, "seeds", "orders", "payments", "paid", "virtual_hours", "deaths", "checks"),
        *counted(printed, "orders_per_cpu_second"),
        *tallied(printed, "profiles"),
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
