"""A machine whose program dies and is started again: at awaits that matter, never after the world became calm."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from proof.simulation.faults import Deaths, Span
from proof.simulation.processes import Process, spawn_outside


class Mortal:
    """Subclasses say what runs (`run`) and what is lost with the process (`went_down`)."""

    def __init__(
        self,
        *,
        name: str,
        chance: Random,
        deaths: Deaths,
        trace: Callable[[str, str], None],
        fell: Callable[[str, BaseException], None],
    ) -> None:
        self.name = name
        self.chance = chance
        self.up = asyncio.Event()
        self._deaths = deaths
        self._trace_death = trace
        self._fell = fell
        self._calm = False
        self._runs: list[Process] = []
        self.deaths = 0
        #: How long it stands still at an await that matters, while whatever came before goes on.
        self.dawdles: Callable[[], float] = lambda: 0.0

    @property
    def process(self) -> Process | None:
        """The process that serves now, if one does."""
        return self._runs[-1] if self.up.is_set() and self._runs and not self._runs[-1].dead else None

    def start(self) -> None:
        """Starts the program."""
        process = Process(f"{self.name}/{len(self._runs) + 1}")
        self._runs.append(process)
        process.spawn(self._watched(process))

    def calm(self) -> None:
        self._calm = True

    async def misfortune(self) -> None:
        """Deaths at any moment, until the world is calm."""
        every = self._deaths.every
        while every is not None:
            await asyncio.sleep(round(self.chance.uniform(*every), 3))
            if self._calm:
                return
            if self.process is not None:
                self.die(self.process)

    async def await_point(self, process: Process) -> None:
        """An await at which the process may die: then this never returns."""
        if not self._calm and not process.dead and self.chance.random() < self._deaths.at_await:
            self.die(process)
        if not self._calm and (pause_s := self.dawdles()):
            await asyncio.sleep(pause_s)
        if process.dead:
            await asyncio.get_running_loop().create_future()

    def die(self, process: Process, down: Span | None = None) -> None:
        """kill -9, and a restart after a while. `down`: how long, where it is not its usual."""
        if process.dead:
            return
        self.deaths += 1
        self.up.clear()
        self.went_down()
        self._trace_death("dies", process.name)
        process.kill()
        spawn_outside(self._return(round(self.chance.uniform(*(down or self._deaths.down)), 3)))

    async def bury(self) -> None:
        """At the end of the world: everything that any run left behind is cancelled."""
        self.up.clear()
        for process in self._runs:
            process.kill()
            await asyncio.gather(*process.bury(), return_exceptions=True)

    async def run(self, process: Process) -> None:
        raise NotImplementedError

    def went_down(self) -> None:
        raise NotImplementedError

    async def _return(self, after_s: float) -> None:
        await asyncio.sleep(after_s)
        self._trace_death("starts", self.name)
        self.start()

    async def _watched(self, process: Process) -> None:
        try:
            await self.run(process)
        except Exception as error:  # noqa: BLE001 - a program that falls over by itself is a finding, whatever it is
            if not process.dead:
                self._fell(self.name, error)
