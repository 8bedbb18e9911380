"""Processes that can be killed: everything a process started stops at once, as if it had never been scheduled again.

Rules
- A callback, task or timer belongs to the process in whose context it was made. A dead process runs nothing: no
  `except`, no `finally`, exactly as after kill -9.
- At the end of the world the dead are buried: what they left standing is cancelled, so that nothing leaks.
It must not know what the processes do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar, TypeVarTuple, Unpack

from proof.virtual_time import VirtualTimeLoop

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Process:
    """One run of one program, from its start to its end. A restart is a new Process."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.dead = False
        self._buried = False
        self._tasks: set[asyncio.Task[Any]] = set()
        self._frozen: list[tuple[Context, Callable[[], object]]] = []
        self._on_death: list[Callable[[], None]] = []

    def __repr__(self) -> str:
        return f"Process({self.name}{', dead' if self.dead else ''})"

    def spawn(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Runs a coroutine inside this process."""
        context = copy_context()
        context.run(_OWNER.set, self)
        return asyncio.get_running_loop().create_task(work, context=context)

    def on_death(self, act: Callable[[], None]) -> None:
        """What the operating system does when the process is gone: files closed, connections cut."""
        self._on_death.append(act)

    def kill(self) -> None:
        if self.dead:
            return
        self.dead = True
        acts, self._on_death = self._on_death, []
        for act in acts:
            outside().run(act)

    def bury(self) -> list[asyncio.Task[Any]]:
        """Lets what was frozen unwind, cancelled. Returns what is to be awaited."""
        self.dead, self._buried = True, True
        tasks = [task for task in self._tasks if not task.done()]
        for task in tasks:
            task.cancel()
        frozen, self._frozen = self._frozen, []
        loop = asyncio.get_running_loop()
        for context, callback in frozen:
            loop.call_soon(callback, context=context)
        return tasks

    def keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def run(self, callback: Callable[[Unpack[Ts]], object], *args: *Ts) -> None:
        """Runs a callback of this process, unless it is dead."""
        if not self.dead or self._buried:
            callback(*args)
        else:
            self._frozen.append((copy_context(), lambda: callback(*args)))


_OWNER: ContextVar[Process | None] = ContextVar("simulated_process", default=None)


def outside() -> Context:
    """A context that belongs to no process: what happens in it outlives every one."""
    context = copy_context()
    context.run(_OWNER.set, None)
    return context


def spawn_outside(work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    return asyncio.get_running_loop().create_task(work, context=outside())


class MortalLoop(VirtualTimeLoop):
    """A virtual-time loop whose callbacks die with the process that made them."""

    def __init__(self) -> None:
        super().__init__()
        self.set_task_factory(_make_task)

    def call_soon(
        self, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        owner = _OWNER.get() if context is None else context.get(_OWNER)
        if owner is None:
            return super().call_soon(callback, *args, context=context)
        return super().call_soon(owner.run, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[Unpack[Ts]], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        owner = _OWNER.get() if context is None else context.get(_OWNER)
        if owner is None:
            return super().call_at(when, callback, *args, context=context)
        return super().call_at(when, owner.run, callback, *args, context=context)


def running_loop() -> MortalLoop:
    """The loop of the world that asks."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, MortalLoop), "worlds live in one of these"
    return loop


def _make_task(
    loop: asyncio.AbstractEventLoop,
    work: Coroutine[Any, Any, T] | Generator[Any, None, T],
    *,
    context: Context | None = None,
) -> asyncio.Task[T]:
    task: asyncio.Task[T] = asyncio.Task(work, loop=loop, context=context)
    owner = _OWNER.get() if context is None else context.get(_OWNER)
    if owner is not None:
        owner.keep(task)
    return task
