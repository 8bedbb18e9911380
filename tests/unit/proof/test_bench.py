"""A benchmark runs and reports; how fast this machine is today is not a test. A broken bound is an exit status."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from guitai.cli import run
from proof.bench.journal import measure_journal
from proof.bench.measure import Measured, interleaved
from proof.bench.scan import measure_scan


def measured(*, ours_ms: float) -> Measured:
    return Measured(name="x", reference="y", ours_ms=ours_ms, reference_ms=2.0, bound=1.5, rounds=3)


def test_the_ratio_decides_and_not_the_time() -> None:
    assert measured(ours_ms=3.0).within
    assert not measured(ours_ms=3.1).within
    assert measured(ours_ms=3.0).as_values()["ratio"] == 1.5


def test_rounds_alternate_and_the_first_do_not_count() -> None:
    order: list[str] = []
    times = iter((900.0, 1.0, 2.0, 3.0))

    async def ours() -> float:
        order.append("ours")
        return next(times)

    async def reference() -> float:
        order.append("reference")
        return 7.0

    assert asyncio.run(interleaved(ours, reference, rounds=3, warm=1)) == (2.0, 7.0)
    assert order == ["ours", "reference"] * 4


def test_the_journal_benchmark_runs(tmp_path: Path) -> None:
    found = asyncio.run(measure_journal(tmp_path, rounds=3))
    assert found.ours_ms > 0
    assert found.reference_ms > 0


def test_the_scan_benchmark_runs(tmp_path: Path) -> None:
    found = asyncio.run(measure_scan(tmp_path, rounds=3))
    assert found.ours_ms > 0
    assert found.reference_ms > 0


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "nothing", "--json"]) == 2
    assert "scan, journal, start" in capsys.readouterr().out
