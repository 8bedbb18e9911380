"""The two ways to run units: one writer thread with group commit, or inline for a simulation.

Rules
- One thread owns the connection. Units that wait together share one transaction, in which each fails alone; their
  futures resolve after the COMMIT that made them durable (facts: the storage path decides throughput). After a
  transaction of several, more are waited for a moment; who comes alone is never kept waiting.
- A full disk is met once with `make_room`: SQLite undid the transaction, and its units run again.
- `committed` is called after each COMMIT, before anybody hears of it.
- A broken constraint, or anything else a unit raises, rolls back that unit alone: where one of several raised, all are
  undone and run again, each in a savepoint. So a unit may run twice before it counts: what it changes is rows.
- Database trouble fails the store.
"""

from __future__ import annotations

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.store.units import StoreFailed, Tx, failed_database
from gateway.store.writer import Writer, failed

T = TypeVar("T")
_MOST_UNITS: Final = 128
#: Where units come in company, so long is waited for more of them: a commit costs as much as ten units do. So many of
#: them pay for it by themselves.
_COMPANY_S: Final = 0.002
_ENOUGH: Final = 32


def _no_room() -> bool:
    """Where nothing is kept that could be given up."""
    return False


class InlineStore:
    """Runs each unit at once, in the caller's thread. For simulations and tests: no thread, no wait."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._writer = Writer(engine)

    async def run(self, unit: Callable[[Tx], T]) -> T:
        return self.run_now(unit)

    def run_now(self, unit: Callable[[Tx], T]) -> T:
        try:
            return self._writer.alone(unit)
        except IntegrityError:
            raise
        except DBAPIError as error:
            raise failed(error) from None

    async def aclose(self) -> None:
        self._writer.close()
        self._engine.dispose()


class _Job:
    """One queued unit and the future that waits for it."""

    __slots__ = ("error", "future", "loop", "result", "unit")

    def __init__(self, unit: Callable[[Tx], Any], loop: asyncio.AbstractEventLoop, future: asyncio.Future[Any]) -> None:
        self.unit = unit
        self.loop = loop
        self.future = future
        self.result: Any = None
        self.error: BaseException | None = None

    def tell(self) -> None:
        if self.future.done():
            return
        if self.error is None:
            self.future.set_result(self.result)
        else:
            self.future.set_exception(self.error)


class ThreadedStore:
    """One writer thread with group commit."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_failed: Callable[[StoreFailed], None] | None = None,
        make_room: Callable[[], bool] = _no_room,
        committed: Callable[[Tx], None] | None = None,
    ) -> None:
        self._engine = engine
        self._committed = committed
        self._make_room = make_room
        self._on_failed = on_failed
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._failed: StoreFailed | None = None
        self._thread = threading.Thread(target=self._work, name="gateway-store", daemon=True)
        self._thread.start()

    def run(self, unit: Callable[[Tx], T]) -> Awaitable[T]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(unit, loop, future))
        return future

    async def aclose(self) -> None:
        """Finishes what is queued, then closes the file."""
        loop = asyncio.get_running_loop()
        last: asyncio.Future[None] = loop.create_future()
        self._jobs.put(_Job(_nothing, loop, last))
        self._jobs.put(None)
        await asyncio.wait({last})
        last.exception()  # a failed store is closed all the same
        self._thread.join()
        self._engine.dispose()

    def _work(self) -> None:
        writer = Writer(self._engine)
        batch: list[_Job] = []
        try:
            while True:
                first = self._jobs.get()
                if first is None:
                    return
                if 1 < len(batch) < _ENOUGH:
                    time.sleep(_COMPANY_S)
                batch, last = self._gather(first)
                if self._failed is None:
                    self._commit(writer, batch)
                else:
                    for job in batch:
                        job.error = self._failed
                self._tell(batch)
                if last:
                    return
        finally:
            writer.close()

    def _gather(self, first: _Job) -> tuple[list[_Job], bool]:
        batch = [first]
        while len(batch) < _MOST_UNITS:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                return batch, True
            batch.append(job)
        return batch, False

    def _commit(self, writer: Writer, batch: list[_Job]) -> None:
        try:
            self._with_room(lambda: self._attempt(writer, batch))
            self._with_room(lambda: self._follow(writer))
        except StoreFailed as failure:
            self._fail(failure, batch)

    def _with_room(self, work: Callable[[], None]) -> None:
        """Once more when the disk was full and there was something to give up."""
        try:
            work()
        except StoreFailed as failure:
            if failure.code != sqlite3.SQLITE_FULL or not self._make_room():
                raise
            work()

    def _attempt(self, writer: Writer, batch: list[_Job]) -> None:
        for job in batch:
            job.result, job.error = None, None
        if len(batch) == 1:
            _run_one(writer.alone, batch[0])
        elif not _whole(writer, batch):
            with writer.together():
                for job in batch:
                    _run_one(writer.beside, job)

    def _follow(self, writer: Writer) -> None:
        """Apart from the units: what is committed is not run again because this was not done."""
        if self._committed is not None:
            writer.read(self._committed)

    def _fail(self, failed: StoreFailed, batch: list[_Job]) -> None:
        self._failed = failed
        for job in batch:
            job.error = failed
        if self._on_failed is not None:
            self._on_failed(failed)

    def _tell(self, batch: list[_Job]) -> None:
        loops = {job.loop for job in batch}
        for loop in loops:
            mine = [job for job in batch if job.loop is loop]
            if not loop.is_closed():
                loop.call_soon_threadsafe(_tell_all, mine)


def _tell_all(jobs: list[_Job]) -> None:
    for job in jobs:
        job.tell()


def _nothing(_tx: Tx) -> None:
    """The last unit: when it is done, so is everything before it."""


def _whole(writer: Writer, batch: list[_Job]) -> bool:
    """The batch in one transaction without a savepoint, which is what nearly every one comes to. False: a unit raised,
    nothing is left of any, and they are to be run again."""
    try:
        with writer.together():
            for job in batch:
                job.result = writer.plain(job.unit)
    except StoreFailed:
        raise
    except Exception as error:  # noqa: BLE001 - a unit's own error: it is run again, by itself
        if failed_database(error):
            raise failed(cast("DBAPIError", error)) from None
        return False
    return True


def _run_one(run: Callable[[Callable[[Tx], Any]], Any], job: _Job) -> None:
    """Raises StoreFailed; a unit's own error belongs to its caller, not to the batch."""
    try:
        job.result = run(job.unit)
    except StoreFailed:
        raise
    except IntegrityError as broken:
        job.error = broken
    except DBAPIError as error:
        raise failed(error) from None
    except Exception as error:  # noqa: BLE001 - a unit's own error
        job.error = error
