"""A killed process runs nothing more, not even its `finally`; what it left standing is cancelled at the burial."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from proof.simulation.processes import MortalLoop, Process, spawn_outside


def run(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=MortalLoop) as runner:
        runner.run(main)


def test_a_dead_process_runs_neither_its_next_line_nor_its_finally() -> None:
    lines: list[str] = []

    async def program() -> None:
        try:
            lines.append("before")
            await asyncio.sleep(1)
            lines.append("after")
        finally:
            lines.append("finally")

    async def main() -> None:
        process = Process("till")
        process.spawn(program())
        await asyncio.sleep(0.5)
        process.kill()
        await asyncio.sleep(10)
        assert lines == ["before"]
        await asyncio.gather(*process.bury(), return_exceptions=True)
        assert lines == ["before", "finally"]

    run(main())


def test_children_and_timers_of_a_process_die_with_it() -> None:
    lines: list[str] = []

    async def child() -> None:
        await asyncio.sleep(2)
        lines.append("child")

    async def program() -> None:
        asyncio.get_running_loop().call_later(2, lines.append, "timer")
        await asyncio.gather(child(), child())

    async def main() -> None:
        process = Process("gateway")
        process.spawn(program())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(10)
        assert lines == []
        process.bury()

    run(main())


def test_what_runs_outside_outlives_the_process_that_asked_for_it() -> None:
    lines: list[str] = []

    async def carried() -> None:
        await asyncio.sleep(2)
        lines.append("arrived")

    async def program() -> None:
        spawn_outside(carried())
        await asyncio.sleep(5)

    async def main() -> None:
        process = Process("till")
        process.spawn(program())
        await asyncio.sleep(1)
        process.kill()
        await asyncio.sleep(10)
        assert lines == ["arrived"]
        await asyncio.gather(*process.bury(), return_exceptions=True)

    run(main())


def test_death_closes_what_the_system_would_close_once() -> None:
    closed: list[str] = []
    process = Process("till")
    process.on_death(lambda: closed.append("file"))
    process.kill()
    process.kill()
    assert closed == ["file"]
