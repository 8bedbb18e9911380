"""Says what the seeds of a run found: numbers for the record, and each violation with its story. Outcomes are added in
the order of their seeds, whoever ran them, so that the hash of the same seeds on the same code is the same."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from proof.simulation.crew import Orders, outcomes
from proof.simulation.mix import profile_of
from proof.simulation.outcome import Outcome
from proof.simulation.shrink import Shortest, shortest
from proof.simulation.stage import make_key_texts, stage

#: After this many broken seeds the rest would tell nothing new.
MOST_VIOLATIONS = 5
_HASH_CHARACTERS = 16

Progress = Callable[[int, int, Outcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A seed that broke an invariant; `timeline` tells what happened to the order, step by step, in the shortest run
    that still breaks it; `left_out` is what was left out of that run."""

    seed: int
    profile: str
    invariant: str
    about: str
    what: str
    left_out: tuple[str, ...]
    timeline: tuple[str, ...]


@dataclass(kw_only=True)
class Report:
    """`trace` is the hash of all seeds' traces (of a single seed: its own), `hashes` has the beginning of each."""

    profile: str
    first_seed: int
    jobs: int
    seeds: int = 0
    orders: int = 0
    payments: int = 0
    paid: int = 0
    virtual_hours: float = 0.0
    deaths: int = 0
    checks: int = 0
    real_crypto: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    orders_per_cpu_second: float = 0.0
    faults: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[str] = field(default_factory=Counter[str])
    marks: Counter[str] = field(default_factory=Counter[str])
    profiles: Counter[str] = field(default_factory=Counter[str])
    violations: list[Found] = field(default_factory=list[Found])
    trace: str = ""
    hashes: dict[int, str] = field(default_factory=dict[int, str])

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.orders += outcome.orders
        self.payments += outcome.payments
        self.paid += outcome.paid
        self.virtual_hours += outcome.virtual_s / 3600
        self.deaths += outcome.deaths
        self.checks += outcome.checks
        self.real_crypto += outcome.real_crypto
        self.cpu_seconds += outcome.cpu_s
        self.orders_per_cpu_second = round(self.orders / max(self.cpu_seconds, 0.001), 1)
        self.faults.update(outcome.faults)
        self.ends.update(outcome.ends)
        self.marks.update(outcome.marks)
        self.profiles[outcome.profile] += 1
        joined = f"{self.trace}{outcome.trace}".encode()
        self.trace = sha256(joined).hexdigest() if self.trace else outcome.trace
        self.hashes[outcome.seed] = outcome.trace[:_HASH_CHARACTERS]

    def as_values(self) -> dict[str, Any]:
        """For programs. Timelines are for people and stay out of it."""
        whole: dict[str, Any] = asdict(self)
        for name in ("faults", "ends", "marks", "profiles"):
            whole[name] = dict(sorted(getattr(self, name).items()))
        whole["virtual_hours"] = round(self.virtual_hours, 2)
        whole["seconds"], whole["cpu_seconds"] = round(self.seconds, 1), round(self.cpu_seconds, 1)
        for found in whole["violations"]:
            del found["timeline"]
        return whole


def simulate(orders: Orders, *, shrink: bool, progress: Progress, stop_after: int = MOST_VIOLATIONS) -> Report:
    """Runs the worlds and adds them up. `shrink`: looks for the shortest run of the first seed that broke."""
    report = Report(profile=orders.profile, first_seed=orders.first_seed, jobs=orders.jobs)
    began = time.monotonic()
    keys = make_key_texts()
    for outcome in outcomes(orders, keys):
        report.add(outcome)
        report.seconds = time.monotonic() - began
        progress(report.seeds, orders.seeds, outcome)
        if outcome.violation is not None:
            report.violations.append(_found(outcome, None))
            if len(report.violations) >= stop_after:
                break
    if shrink and report.violations:
        first = report.violations[0]
        with stage(keys) as scenery:
            short = shortest(
                first.seed, profile_of(orders.profile, first.seed), scenery, real_crypto=orders.real_crypto
            )
        if short is not None:
            report.violations[0] = _found(short.outcome, short)
    return report


def _found(outcome: Outcome, short: Shortest | None) -> Found:
    violation = outcome.violation
    assert violation is not None, "only broken worlds are found"
    return Found(
        seed=outcome.seed,
        profile=outcome.profile,
        invariant=violation.invariant,
        about=violation.about,
        what=violation.what,
        left_out=() if short is None else short.left_out,
        timeline=outcome.timeline,
    )
