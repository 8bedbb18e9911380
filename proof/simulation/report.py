"""Runs seeds one after the other and says what was found: numbers for the record, and each violation with its story."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any

from proof.simulation.faults import Profile
from proof.simulation.stage import stage
from proof.simulation.world import Outcome, run_world

#: After this many broken seeds the rest would tell nothing new.
MOST_VIOLATIONS = 5

Progress = Callable[[int, int, Outcome], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A seed that broke an invariant; `timeline` tells what happened to the order, step by step."""

    seed: int
    profile: str
    invariant: str
    about: str
    what: str
    timeline: tuple[str, ...]


@dataclass(kw_only=True)
class Report:
    """`trace` is the hash of the traces of all seeds: the same seeds on the same code give the same one."""

    profile: str
    first_seed: int
    seeds: int = 0
    orders: int = 0
    payments: int = 0
    paid: int = 0
    virtual_hours: float = 0.0
    deaths: int = 0
    checks: int = 0
    seconds: float = 0.0
    faults: Counter[str] = field(default_factory=Counter[str])
    ends: Counter[str] = field(default_factory=Counter[str])
    violations: list[Found] = field(default_factory=list[Found])
    trace: str = ""

    def add(self, outcome: Outcome) -> None:
        self.seeds += 1
        self.orders += outcome.orders
        self.payments += outcome.payments
        self.paid += outcome.paid
        self.virtual_hours += outcome.virtual_s / 3600
        self.deaths += outcome.deaths
        self.checks += outcome.checks
        self.faults.update(outcome.faults)
        self.ends.update(outcome.ends)
        self.trace = sha256(f"{self.trace}{outcome.trace}".encode()).hexdigest()
        violation = outcome.violation
        if violation is not None:
            found = Found(
                seed=outcome.seed,
                profile=outcome.profile,
                invariant=violation.invariant,
                about=violation.about,
                what=violation.what,
                timeline=outcome.timeline,
            )
            self.violations.append(found)

    def as_values(self) -> dict[str, Any]:
        """For programs. Timelines are for people and stay out of it."""
        whole: dict[str, Any] = asdict(self)
        whole["faults"] = dict(sorted(self.faults.items()))
        whole["ends"] = dict(sorted(self.ends.items()))
        whole["virtual_hours"] = round(self.virtual_hours, 2)
        whole["seconds"] = round(self.seconds, 1)
        for found in whole["violations"]:
            del found["timeline"]
        return whole


def simulate(*, seeds: int, first_seed: int, profile: Profile, progress: Progress) -> Report:
    """Runs `seeds` worlds from `first_seed` on."""
    report = Report(profile=profile.name, first_seed=first_seed)
    began = time.monotonic()
    with stage() as scenery:
        for seed in range(first_seed, first_seed + seeds):
            outcome = run_world(seed, profile, scenery)
            report.add(outcome)
            report.seconds = time.monotonic() - began
            progress(report.seeds, seeds, outcome)
            if len(report.violations) >= MOST_VIOLATIONS:
                break
    return report
