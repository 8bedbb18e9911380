"""Virtual time: sleepers wake in the order of their times, at exactly those times, and a program that hangs is told."""

from __future__ import annotations

import asyncio

import pytest

from proof.virtual_time import Standstill, VirtualTimeLoop, run_virtual


def test_a_day_passes_at_once_and_sleepers_wake_in_order() -> None:
    woken: list[tuple[float, str]] = []

    async def sleeper(name: str, seconds: float) -> None:
        await asyncio.sleep(seconds)
        woken.append((asyncio.get_running_loop().time(), name))

    async def main() -> None:
        await asyncio.gather(sleeper("day", 86_400.0), sleeper("short", 0.25), sleeper("minute", 60.0))

    run_virtual(main(), VirtualTimeLoop())
    assert woken == [(0.25, "short"), (60.0, "minute"), (86_400.0, "day")]


def test_time_does_not_move_while_there_is_something_to_do() -> None:
    async def main() -> float:
        for _ in range(1000):
            await asyncio.sleep(0)
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), VirtualTimeLoop()) == 0.0


def test_timeouts_work_in_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    assert run_virtual(main(), VirtualTimeLoop()) == 5.0


def test_waiting_for_what_never_comes_is_told() -> None:
    async def main() -> None:
        await asyncio.get_running_loop().create_future()

    with pytest.raises(Standstill):
        run_virtual(main(), VirtualTimeLoop())
