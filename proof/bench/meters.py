"""CPU time by part, counted where the work is done: each part's functions are timed by the clock of their own thread.

Nothing is sampled. A part inside another is taken out of the outer one, a coroutine is timed step by step, and what no
part claims is the rest. It must not know what the parts are.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Generator
from functools import partial, wraps
from typing import Any, TypeVar

T = TypeVar("T")


class Meters:
    """`cpu_ns` by part. Thread-safe as far as one part runs in one thread."""

    def __init__(self) -> None:
        self.cpu_ns: Counter[str] = Counter()
        self.calls: Counter[str] = Counter()
        self._local = threading.local()

    def meter(self, owner: object, name: str, part: str) -> None:
        """From now on the time of this function counts for the part."""
        inner: Callable[..., Any] = getattr(owner, name)

        @wraps(inner)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self.calls[part] += 1
            return self.measure(part, partial(inner, *args, **kwargs))

        setattr(owner, name, timed)

    def meter_steps(self, owner: object, name: str, part: str) -> None:
        """The same for a coroutine function: what it waits for does not count."""
        inner: Callable[..., Coroutine[Any, Any, Any]] = getattr(owner, name)

        @wraps(inner)
        async def timed(*args: Any, **kwargs: Any) -> Any:
            self.calls[part] += 1
            return await _Stepped(self, part, inner(*args, **kwargs))

        setattr(owner, name, timed)

    def measure(self, part: str, work: Callable[[], T]) -> T:
        outer_ns: int = getattr(self._local, "inner_ns", 0)
        self._local.inner_ns = 0
        began_ns = time.thread_time_ns()
        try:
            return work()
        finally:
            took_ns = time.thread_time_ns() - began_ns
            self.cpu_ns[part] += took_ns - self._local.inner_ns
            self._local.inner_ns = outer_ns + took_ns

    def as_values(self) -> dict[str, Any]:
        return {"cpu_ns": dict(self.cpu_ns), "calls": dict(self.calls), "process_ns": time.process_time_ns()}


class _Stepped:
    """Drives a coroutine and times each of its steps."""

    def __init__(self, meters: Meters, part: str, work: Coroutine[Any, Any, Any]) -> None:
        self._meters = meters
        self._part = part
        self._work = work

    def __await__(self) -> Generator[Any, Any, Any]:
        steps = self._work
        step: Callable[[], Any] = partial(steps.send, None)
        while True:
            try:
                waits_for = self._meters.measure(self._part, step)
            except StopIteration as done:
                return done.value
            try:
                heard: Any = yield waits_for
                step = partial(steps.send, heard)
            except GeneratorExit:
                steps.close()
                raise
            except BaseException as error:  # noqa: BLE001 - a cancellation goes where it would have gone
                step = partial(steps.throw, error)
