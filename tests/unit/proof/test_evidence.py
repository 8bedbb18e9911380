"""The page of evidence: says what commands printed, hides no failure, and has every word in every language."""

from __future__ import annotations

import json
import re
from html import escape
from importlib import import_module
from typing import Any

import pytest

from proof.evidence.experiment import Experiment, Figure, Result, counted, read_last_line
from proof.evidence.make_face import FACE, characters
from proof.evidence.page import LANGUAGES, Evidence, load_kinds, load_words, render
from proof.evidence.plan import LONG, SHORT, experiments
from proof.evidence.run import run_one
from proof.power.disk import Damage
from proof.simulation.faults import PROFILES
from proof.simulation.mix import MIX
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind

#: What each experiment's command prints, as far as figures are read from it.
PRINTED: dict[str, dict[str, Any]] = {
    "simulation": {
        "violations": [],
        "seeds": 6,
        "orders": 1061,
        "payments": 77,
        "paid": 42,
        "virtual_hours": 0.72,
        "deaths": 72,
        "checks": 9347,
        "orders_per_cpu_second": 25.1,
        "profiles": {"storm": 2},
        "faults": {"lost_answer": 102},
        "ends": {"ABSENT": 7},
        "trace": "89a7",
    },
    "defects": {
        "defects": [
            {"name": "a time-out is read as not paid", "found": True, "rule": "green_is_safe", "seeds": 2},
            {"name": "no poller", "found": False, "rule": None, "seeds": 9},
        ]
    },
    "images": {
        "lost": 0,
        "half": 0,
        "images": 1500,
        "operations": 900,
        "transactions": 120,
        "transaction_kinds": 60,
        "migrations": 7,
        "images_per_second": 345.6,
        "images_by_damage": {"torn": 300},
    },
    "system_calls": {"lost": 0, "double": 0, "killed": 6, "points": 159, "kills": {"fsync": 2}},
    "fuzz": {"targets": [{"target": "order", "executions": 4000, "defect": None}]},
    "torture": {
        "lost": 0,
        "double": 0,
        "cycles": 12,
        "orders": 40,
        "payments": 50,
        "refunds": 3,
        "entries": 300,
        "settled_after_s": 20.5,
        "kills": {"gateway": 4},
        "wallets": {"ali": 20},
    },
    "speed": {"benches": [{"name": "journal", "ratio": 1.26, "bound": 2.0}]},
}


def _results() -> list[Result]:
    return [
        Result(experiment=experiment, exit_status=0, seconds=1.0, printed=PRINTED[experiment.name], words="")
        for experiment in experiments(SHORT, seed=1, strace=True)
    ]


def _page(results: list[Result]) -> str:
    return render(
        Evidence(made_at="now", command="./run evidence", seconds=1.0, results=results, versions={"guitai": "1"})
    )


def test_all_languages_have_the_same_words_and_none_is_empty() -> None:
    words = load_words()
    assert set(words) == {code for code, _ in LANGUAGES}
    first = words["en"]
    for code, _ in LANGUAGES:
        assert list(words[code]) == list(first)
        assert all(words[code].values())


def test_every_word_is_shown_by_some_page() -> None:
    """A page of good results and a page of a failure show all words there are."""
    good, bad = _results(), _results()
    bad[0] = Result(experiment=bad[0].experiment, exit_status=1, seconds=1.0, printed=None, words="")
    both = _page(good) + _page(bad)
    assert [key for key, sentence in load_words()["zh-CN"].items() if f">{sentence}</span>" not in both] == []


def test_each_kind_has_its_words_in_all_languages() -> None:
    """An owner reads what went wrong, not what a programmer called it."""
    codes = {code for code, _ in LANGUAGES}
    kinds = load_kinds()
    assert all(set(words) == codes and all(words.values()) for table in kinds.values() for words in table.values())
    assert set(kinds["images_by_damage"]) == set(Damage)
    assert set(kinds["profiles"]) == {MIX, *PROFILES}
    late = {f"late money {state}" for state in LateMoneyState}
    assert set(kinds["ends"]) == {*ProofKind, GatewayState.PAID, *late}


def test_a_page_shows_each_command_and_each_figure() -> None:
    page = _page(_results())
    for result in _results():
        assert escape(result.experiment.command).replace("&#x27;", "&#39;") in page
        assert result.figures
        for figure in result.figures:
            assert bool(figure.value) != bool(figure.parts)
            assert not figure.value or f"<td>{escape(figure.value, quote=False)}</td>" in page
            for part in figure.parts:
                known = load_kinds().get(figure.kinds, {}).get(part.kind)
                assert f">{known['en'] if known else escape(part.kind)}</span>" in page
                assert f"<b>{escape(part.value)}</b>" in page
    assert "1,061" in page


@pytest.mark.parametrize(
    ("status", "printed"), [(1, {"violations": []}), (0, None)], ids=["exit status", "no last line"]
)
def test_a_failed_experiment_fails_the_page(status: int, printed: dict[str, Any] | None) -> None:
    """Whatever else it says, and what it said is on the page, escaped."""
    experiment = Experiment(name="simulation", arguments=("simulate",), figures=lambda _: ())
    failed = Result(experiment=experiment, exit_status=status, seconds=1.0, printed=printed, words="<b>boom</b>")
    page = _page([failed])
    assert load_words()["en"]["not_all_passed"] in page
    assert load_words()["en"]["all_passed"] not in page
    assert printed is not None or "&lt;b&gt;boom" in page


def test_the_page_fetches_nothing_and_runs_nothing() -> None:
    page = _page(_results())
    assert re.search(r"<script|<link|<img|url\((?!\"data:)|@import|https?:", page) is None


def test_the_page_brings_the_letters_of_its_own_sentences() -> None:
    """It is read on computers without Chinese fonts too. `python -m proof.evidence.make_face` makes the face again."""
    ttfont: Any = import_module("fontTools.ttLib").TTFont(FACE)
    assert characters() - set(ttfont.getBestCmap()) == set()


def test_a_figure_that_was_not_printed_is_not_shown() -> None:
    assert counted({"seeds": 3}, "seeds", "orders") == (Figure(label="seeds", value="3"),)


@pytest.mark.parametrize("stdout", ["", "no json", "[1]", '{"a": 1}\nlater words'])
def test_only_a_json_object_on_the_last_line_counts(stdout: str) -> None:
    assert read_last_line(stdout) is None


def test_an_experiment_is_the_command_it_prints() -> None:
    """Run for real: its figures are those of its last line."""
    experiment = Experiment(
        name="versions", arguments=("verify", "--data-dir", "/nowhere", "--json"), figures=lambda _: ()
    )
    said: list[str] = []
    result = run_one(experiment, said=said.append)
    assert not result.passed
    assert result.exit_status == 5
    assert json.loads(json.dumps(result.printed))["reason"] == "not_activated"


def test_what_an_experiment_says_is_passed_on_and_one_that_does_not_end_is_ended() -> None:
    experiment = Experiment(name="versions", arguments=("fuzz", "--seconds", "600"), figures=lambda _: ())
    result = run_one(experiment, said=lambda _: None, longest_s=0.2)
    assert (result.exit_status, result.printed, result.words) == (-1, None, "It did not end within 0 s.")
    said: list[str] = []
    run_one(Experiment(name="versions", arguments=("no-such",), figures=lambda _: ()), said=said.append)
    assert any("no-such" in line for line in said)


def test_a_long_run_asks_for_more() -> None:
    for short, long in zip(
        experiments(SHORT, seed=1, strace=True), experiments(LONG, seed=1, strace=True), strict=True
    ):
        assert short.name == long.name


def test_without_strace_the_kills_at_system_calls_are_left_out() -> None:
    names = [one.name for one in experiments(SHORT, seed=1, strace=False)]
    assert "system_calls" not in names
    assert len(names) == len(experiments(SHORT, seed=1, strace=True)) - 1
