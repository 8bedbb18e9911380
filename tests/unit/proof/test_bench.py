"""A benchmark runs and reports; how fast this machine is today is not a test. A broken bound is an exit status."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from gateway.store import tasks
from guitai.cli import run
from proof.bench.flow import measure_flow
from proof.bench.ground import new_tills
from proof.bench.journal import measure_journal
from proof.bench.load import WrongAnswerError, check_paid, make_flows
from proof.bench.measure import Measured, interleaved
from proof.bench.meters import Meters
from proof.bench.poll import measure_poll, measure_schedule
from proof.bench.route import measure_route
from proof.bench.scan import measure_scan
from proof.bench.sync import measure_sync


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


def test_the_flow_benchmark_runs_and_publishes_each_part(tmp_path: Path) -> None:
    found = asyncio.run(measure_flow(tmp_path, rounds=1, payments=4))
    assert found.ours_ms > 0
    assert found.reference_ms > 0
    parts = {"http_in", "http_out", "rsa", "ed25519", "store", "rules"}
    assert {f"{part}_cpu_us" for part in parts} <= set(found.reported)
    assert found.reported["payments_per_s"] > 0


def test_a_flow_counts_only_when_the_gateway_signed_that_it_is_paid() -> None:
    flow = make_flows(1, new_tills(1), "127.0.0.1:1")[0]
    with pytest.raises(WrongAnswerError):
        check_paid([(flow.ask, b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")], {})


def test_the_poll_benchmark_runs(tmp_path: Path) -> None:
    found = asyncio.run(measure_poll(tmp_path, rounds=2, orders=8, settle_s=0.5))
    assert found.reported["taken_per_s"] > 0
    assert found.reported["rsa_cpu_us"] > 0


def test_the_schedule_benchmark_runs_and_leaves_the_store_as_it_was(tmp_path: Path) -> None:
    before = tasks.lease_work
    found = asyncio.run(measure_schedule(tmp_path, rounds=2, orders=8, settle_s=0.5))
    assert found.reported["taken_per_s"] > 0
    assert tasks.lease_work is before


def test_the_route_benchmark_runs(tmp_path: Path) -> None:
    found = asyncio.run(measure_route(tmp_path, rounds=2))
    assert found.ours_ms > 0
    assert found.reference_ms > 0


def test_the_sync_benchmark_runs_and_delivers_everything(tmp_path: Path) -> None:
    found = asyncio.run(measure_sync(tmp_path, rounds=1, entries=20))
    assert found.reported["entries"] == 20
    assert found.ours_ms > 0
    assert found.reference_ms > 0


class _Work:
    def outer(self, spin: int) -> int:
        return self.inner(spin) + 1

    def inner(self, spin: int) -> int:
        return sum(range(spin))

    async def waits(self, answer: asyncio.Future[int]) -> int:
        return await answer


def test_a_part_inside_another_counts_once_and_only_for_itself() -> None:
    meters, work = Meters(), _Work()
    meters.meter(work, "inner", "inner")
    meters.meter(work, "outer", "outer")
    assert work.outer(300_000) == sum(range(300_000)) + 1
    assert meters.calls == {"inner": 1, "outer": 1}
    assert meters.cpu_ns["inner"] > meters.cpu_ns["outer"] >= 0


def test_a_coroutine_that_is_metered_answers_raises_and_is_cancelled_as_before() -> None:
    meters, work = Meters(), _Work()
    meters.meter_steps(work, "waits", "waits")

    async def all_three() -> None:
        loop = asyncio.get_running_loop()
        good, bad, never = loop.create_future(), loop.create_future(), loop.create_future()
        loop.call_soon(good.set_result, 7)
        loop.call_soon(bad.set_exception, ValueError("as it was"))
        assert await work.waits(good) == 7
        with pytest.raises(ValueError, match="as it was"):
            await work.waits(bad)
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0):
                await work.waits(never)
        assert never.cancelled()

    asyncio.run(all_three())
    assert meters.calls["waits"] == 3


def test_an_unknown_name_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["bench", "nothing", "--json"]) == 2
    assert "scan, journal, start, flow, poll, schedule, route, images, sync" in capsys.readouterr().out
