"""A hundred seeds: under loss, delay, duplication, crashes and hasty people no rule breaks, and all comes to rest.

The canaries prove that the judge can see: each plants one defect into a copy of the code, and the simulation must find
it. A few run by default, all of them with GUITAI_ALL_CANARIES=1.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from proof.simulation.faults import PROFILES
from proof.simulation.planted import DEFECTS, Defect, run_planted
from proof.simulation.stage import Stage, stage
from proof.simulation.world import run_world

ROOT = Path(__file__).resolve().parents[3]
SEEDS = (
    *(("default", seed) for seed in range(1, 51)),
    *((profile, seed) for profile in ("calm", "slow", "storm", "late", "crash") for seed in range(1, 11)),
)
QUICK_CANARIES = frozenset({"the delivery leaves an entry out", "the request leaves before the journal is written"})


@pytest.fixture(scope="module")
def scenery() -> Generator[Stage, None, None]:
    with stage() as made:
        yield made


@pytest.mark.parametrize(("profile", "seed"), SEEDS)
def test_no_rule_breaks(profile: str, seed: int, scenery: Stage) -> None:
    """The rules of money hold at every step, and after the faults everything comes to rest without a person."""
    outcome = run_world(seed, PROFILES[profile], scenery)
    assert outcome.violation is None, "\n".join((str(outcome.violation), *outcome.timeline))
    assert outcome.orders > 0
    assert outcome.checks > 100


def test_the_same_seed_is_the_same_world_whatever_python_hashes() -> None:
    """A seed that was found once is found again: same seed, same trace, in any process."""
    traces = {_trace_of_seed(3, hash_seed) for hash_seed in ("1", "77")}
    assert len(traces) == 1


def test_another_seed_is_another_world(scenery: Stage) -> None:
    first, second = (run_world(seed, PROFILES["calm"], scenery) for seed in (21, 22))
    assert first.trace != second.trace


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_a_planted_defect_is_found(defect: Defect) -> None:
    """The canary: with this defect in the code, the simulation must fail by one of its rules."""
    if defect.name not in QUICK_CANARIES and os.environ.get("GUITAI_ALL_CANARIES") != "1":
        pytest.skip("GUITAI_ALL_CANARIES=1 runs all of them")
    caught = run_planted(defect, root=ROOT)
    assert caught.exit_status == 1, caught.stderr
    assert caught.invariants, caught.stderr


def _trace_of_seed(seed: int, hash_seed: str) -> str:
    done = subprocess.run(
        (sys.executable, "-m", "guitai", "simulate", "--seeds", "1", "--seed", str(seed)),
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    trace: str = json.loads(done.stdout.splitlines()[-1])["trace"]
    return trace
