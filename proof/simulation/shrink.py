"""The shortest run of a seed that still breaks the same rule: faults and sales are left out one after the other, and
what is not needed stays out. Bounded: a few dozen runs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from proof.simulation.faults import Profile
from proof.simulation.mask import HABITS, NOTHING, PARTS, Mask
from proof.simulation.outcome import Outcome
from proof.simulation.running import run_world
from proof.simulation.stage import Stage

MOST_RUNS: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortest:
    """`left_out`: in words; `runs`: how many were needed to find it."""

    outcome: Outcome
    mask: Mask
    left_out: tuple[str, ...]
    runs: int


def shortest(seed: int, profile: Profile, scenery: Stage, *, real_crypto: bool = False) -> Shortest | None:
    """None: the seed breaks no rule."""

    def run(mask: Mask) -> Outcome:
        return run_world(seed, profile, scenery, real_crypto=real_crypto, mask=mask)

    best, mask, runs = run(NOTHING), NOTHING, 1
    if best.violation is None:
        return None
    broken = best.violation.invariant
    for candidate in _candidates(best):
        if runs >= MOST_RUNS:
            break
        tried = Mask(quiet=mask.quiet | candidate.quiet, skipped=mask.skipped | candidate.skipped)
        outcome, runs = run(tried), runs + 1
        if outcome.violation is not None and outcome.violation.invariant == broken:
            best, mask = outcome, tried
    return Shortest(outcome=best, mask=mask, left_out=_words(mask), runs=runs)


def _candidates(outcome: Outcome) -> Iterator[Mask]:
    """The most at once first: whole tills, kinds of faults, single sales."""
    sales = outcome.sales
    for till in sorted({till for till, _ in sales}):
        yield Mask(skipped=frozenset(sale for sale in sales if sale[0] == till))
    for part in (*PARTS, *HABITS):
        yield Mask(quiet=frozenset({part}))
    for sale in sales:
        yield Mask(skipped=frozenset({sale}))


def _words(mask: Mask) -> tuple[str, ...]:
    return (*sorted(mask.quiet), *(f"{till} sale {number}" for till, number in sorted(mask.skipped)))
