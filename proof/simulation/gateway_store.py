"""The gateway's store in the world: the real one over the real file, with the moments around its commit.

Between a unit of work and its caller there is a moment, as with the real store's thread, in which other things happen
and in which the process may die. A commit may fail, or be undone and done again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Protocol, TypeVar

from gateway.store.anchor import Anchor
from gateway.store.runners import InlineStore
from gateway.store.units import StoreFailed, Tx
from proof.simulation.processes import Process, outside

T = TypeVar("T")

#: How long a unit waits for its commit, during which others go on; None: nobody comes between.
_COMMIT_PAUSES_S = (None, None, None, 0.0, 0.001, 0.004)


class StoreHost(Protocol):
    """The machine whose disk it is."""

    chance: Random
    committed: Callable[[], None]

    async def await_point(self, process: Process) -> None: ...
    def die(self, process: Process) -> None: ...
    def commit_fails(self) -> str | None: ...
    def is_undone(self) -> bool: ...


class AnchorFile:
    """The file beside the database that says how far it went (gateway/store/anchor.py). It outlives each process."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self.path = Anchor(database).path

    def opened(self, process: Process) -> Anchor:
        """As this process has it; its death closes the file."""
        anchor = Anchor(self._database)
        process.on_death(anchor.close)
        return anchor


class SlowStore:
    """See the module."""

    def __init__(self, inner: InlineStore, host: StoreHost, process: Process, anchor: Anchor | None) -> None:
        self._inner = inner
        self._anchor = anchor
        self._host = host
        self._process = process
        self._failed: StoreFailed | None = None

    def _fail(self) -> StoreFailed:
        """The sync failed: what was committed is unknown, nothing is answered any more, the process ends soon."""
        self._failed = StoreFailed("simulated")
        asyncio.get_running_loop().call_later(0.05, self._host.die, self._process, context=outside())
        return self._failed

    async def run(self, unit: Callable[[Tx], T]) -> T:
        host, process = self._host, self._process
        if self._failed is not None:
            raise self._failed
        pause_s = host.chance.choice(_COMMIT_PAUSES_S)
        if pause_s is not None:
            await asyncio.sleep(pause_s)
        await host.await_point(process)
        fails = host.commit_fails()
        if fails == "lost":
            raise self._fail()
        if host.is_undone():
            self._undo(unit)
        result = self._inner.run_now(unit)
        if self._anchor is not None and fails is None:
            self._inner.run_now(self._anchor.write)
        host.committed()
        if fails == "kept":
            raise self._fail()
        if pause_s is not None:
            await asyncio.sleep(0)
        await host.await_point(process)
        return result

    def _undo(self, unit: Callable[[Tx], T]) -> None:
        """Once, and it does not count: on a full disk, or beside a unit that raised. It is run again."""

        def undone(tx: Tx) -> None:
            unit(tx)
            raise _Undone

        try:
            self._inner.run_now(undone)
        except StoreFailed:
            raise
        except Exception:  # noqa: BLE001 - what a unit raises it raises again
            return

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Undone(Exception):
    """There was no room."""
