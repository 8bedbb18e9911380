"""Seeds of the mix: under every fault no rule breaks, all comes to rest, and rare paths are reached.

The canaries prove that the judge can see: each plants one defect into a copy of the code, and the rule that it names
must find it. A few run by default, all of them with GUITAI_ALL_CANARIES=1 or by `guitai simulate --defects all`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from proof.evidence.page import load_kinds
from proof.simulation.cover import FAULTS, SUITE, chosen, unreached
from proof.simulation.crew import Orders, outcomes
from proof.simulation.defects import DEFECTS
from proof.simulation.faults import PROFILES
from proof.simulation.marks import BY_FLAG, EXPECTED, UNREACHED
from proof.simulation.mix import MIX, profile_of
from proof.simulation.outcome import Outcome
from proof.simulation.planted import MOST_SEEDS, Defect, plant, run_planted
from proof.simulation.report import Report
from proof.simulation.running import run_world
from proof.simulation.shrink import shortest
from proof.simulation.stage import KeyTexts, Stage, make_key_texts, stage

ROOT = Path(__file__).resolve().parents[3]
#: All in a row with the flag; else those that reach everything that is rare.
SEEDS = range(1, 201) if os.environ.get("GUITAI_SLOW_TESTS") == "1" else SUITE
QUICK_CANARIES = frozenset(
    {
        "the delivery leaves an entry out",
        "the request leaves before the journal is written",
        "a refund is not booked",
        "a proof's signature is not looked at",
    }
)


@pytest.fixture(scope="module")
def keys() -> KeyTexts:
    return make_key_texts()


@pytest.fixture(scope="module")
def scenery(keys: KeyTexts) -> Generator[Stage, None, None]:
    with stage(keys) as made:
        yield made


@pytest.fixture(scope="module")
def suite(scenery: Stage) -> dict[int, Outcome]:
    """The seeds of the suite, run once for all tests that look at them."""
    return {seed: run_world(seed, profile_of(MIX, seed), scenery) for seed in SEEDS}


def _holds(outcome: Outcome) -> None:
    assert outcome.violation is None, "\n".join((str(outcome.violation), *outcome.timeline))
    assert outcome.sales
    assert outcome.checks > 100


@pytest.mark.parametrize("seed", SEEDS)
def test_no_rule_breaks(seed: int, suite: dict[int, Outcome]) -> None:
    """The rules of money hold at every step, and after the faults everything comes to rest without a person."""
    _holds(suite[seed])


def test_the_people_are_busy(suite: dict[int, Outcome]) -> None:
    """Seeds in which hardly anything is sold would hold without a reason."""
    assert sum(outcome.orders for outcome in suite.values()) > 5 * len(suite)


def test_rare_paths_are_reached(suite: dict[int, Outcome]) -> None:
    """A simulation that never takes a path proves nothing about it; nor one in which a kind of fault never happens."""
    assert unreached(suite.values()) == [], "choose the suite's seeds again: python -m proof.simulation.cover 200"
    assert not (BY_FLAG | UNREACHED) & EXPECTED
    reached = {mark for outcome in suite.values() for mark in outcome.marks}
    assert not UNREACHED & reached, "it was reached: expect it from now on"


def test_every_kind_of_fault_has_words_for_its_reader(suite: dict[int, Outcome]) -> None:
    happened = {fault for outcome in suite.values() for fault in outcome.faults}
    assert happened >= FAULTS
    assert happened - set(load_kinds()["faults"]) == set(), "the page of evidence has no words for it"


def test_the_seeds_that_are_chosen_reach_what_all_of_them_reach(suite: dict[int, Outcome]) -> None:
    again = chosen(list(suite.values()))
    assert set(again) <= set(SEEDS)
    assert unreached(suite[seed] for seed in again) == []
    assert unreached([]) != []


def test_real_cryptography_changes_nothing_but_its_cost(scenery: Stage) -> None:
    """The keyed-hash signer is a port: the same seed takes the same way with real keys."""
    profile = PROFILES["calm"]
    bulk, real = (run_world(21, profile, scenery, real_crypto=real) for real in (False, True))
    assert (bulk.real_crypto, real.real_crypto) == (False, True)
    assert bulk.trace == real.trace
    assert run_world(50, profile, scenery).real_crypto


def test_the_same_seed_is_the_same_world_whatever_python_hashes(suite: dict[int, Outcome]) -> None:
    """A seed that was found once is found again: same seed, same trace, in any process."""
    traces = {
        _simulated("--seeds", "1", "--seed", str(SEEDS[0]), hash_seed=hash_seed)["trace"] for hash_seed in ("1", "77")
    }
    assert traces == {suite[SEEDS[0]].trace}


def test_the_number_of_processes_changes_no_hash(keys: KeyTexts, scenery: Stage) -> None:
    """Results are joined in the order of the seeds; a single seed replays to the hash that the run gave it."""
    alone = Report(profile="calm", first_seed=21, jobs=1)
    for outcome in outcomes(Orders(seeds=3, first_seed=21, profile="calm"), keys):
        alone.add(outcome)
    two = _simulated("--seeds", "3", "--seed", "21", "--profile", "calm", "--jobs", "2")
    assert alone.trace == two["trace"]
    assert {str(seed): trace for seed, trace in alone.hashes.items()} == two["hashes"]
    assert run_world(22, PROFILES["calm"], scenery).trace.startswith(two["hashes"]["22"])


def test_another_seed_is_another_world(scenery: Stage) -> None:
    first, second = (run_world(seed, PROFILES["calm"], scenery) for seed in (21, 22))
    assert first.trace != second.trace


def test_the_mix_is_drawn_from_the_seed_alone() -> None:
    assert profile_of(MIX, 7) == profile_of(MIX, 7)
    assert len({profile_of(MIX, seed) for seed in range(1, 31)}) > 10
    assert profile_of("calm", 7) is PROFILES["calm"]


def test_a_seed_that_holds_has_no_shortest_failure(scenery: Stage) -> None:
    assert shortest(21, PROFILES["calm"], scenery) is None


def test_there_are_at_least_forty_defects_and_each_fits_its_file(tmp_path: Path) -> None:
    """A replacement that no longer fits would prove nothing."""
    assert len({defect.name for defect in DEFECTS}) == len(DEFECTS) >= 40
    assert all(defect.seeds <= MOST_SEEDS and defect.trips for defect in DEFECTS)
    for number, defect in enumerate(DEFECTS):
        text = (ROOT / defect.file).read_text(encoding="utf-8")
        assert text.count(defect.old) == 1, f"{number}: {defect.name}"
        compile(text.replace(defect.old, defect.new), defect.file, "exec")
    plant(DEFECTS[0], root=ROOT, copy=tmp_path)
    assert DEFECTS[0].new in (tmp_path / DEFECTS[0].file).read_text(encoding="utf-8")


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "-"))
def test_a_planted_defect_is_found(defect: Defect) -> None:
    """The canary: with this defect in the code, the simulation must fail by a rule that the defect names."""
    if defect.name not in QUICK_CANARIES and os.environ.get("GUITAI_ALL_CANARIES") != "1":
        pytest.skip("GUITAI_ALL_CANARIES=1 runs all of them")
    caught = run_planted(defect, root=ROOT)
    assert caught.found, f"{caught.sentence}\n{caught.stderr}"


def _simulated(*arguments: str, hash_seed: str = "0") -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-m", "guitai", "simulate", *arguments),
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return said
