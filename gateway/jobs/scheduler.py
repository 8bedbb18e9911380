"""The loop: takes due tasks under a lease, asks each account's token bucket, and hands them to the desk.

What is to be done about an order is read in the transaction that leases its task, for all that are taken together.
It wakes each second (or when told that something is due sooner). Nothing here is remembered over a restart: the tasks
are rows. A task that fails is logged and comes back when its lease ends; it never stops the others. Nor does a wallet
that hangs: each account has calls of its own, and what it cannot do now hides nobody else's work.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Final

import structlog
from msgspec import Struct

from gateway.channels.account import MOST_CONNECT_MS, MOST_READ_MS
from gateway.jobs.bucket import Bucket, full
from gateway.jobs.calls import ChannelCalls, found
from gateway.jobs.desk import Desk, Due
from gateway.payments.values import ChannelOrder, Payment
from gateway.ports import Clock
from gateway.store import guards, payments, tasks
from gateway.store.tasks import Task, TaskKind
from gateway.store.units import Store, StoreFailed, Tx, failed_database

#: Longer than a task's two slowest calls (each may take three connects until it is sent: `channels.http`).
LEASE_MS: Final = 2 * (3 * MOST_CONNECT_MS + MOST_READ_MS) + 10_000
_BATCH: Final = 128
#: Calls of one account under way; its line has room for the tills' own calls besides.
_AT_ONCE: Final = 128
_PRUNE_EVERY_MS: Final = 60_000
_UNKNOWN_ACCOUNT_RATE: Final = 50


class _Taken(Struct, frozen=True, kw_only=True):
    """What a transaction leased, when the next task is due, and which leap and which pruning it knew of."""

    work: Sequence[tuple[Task, Due | None]]
    next_ms: int | None
    even_since_ms: int
    pruned_ms: int


class Scheduler:
    """`longest_sleep_ms` bounds a wait, so that a clock that is set back or forth is noticed."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        calls: ChannelCalls,
        desk: Desk,
        longest_sleep_ms: int = 1_000,
    ) -> None:
        self._store = store
        self._clock = clock
        self._desk = desk
        self._longest_sleep_ms = longest_sleep_ms
        self._calls = calls
        self._buckets: dict[str, Bucket] = {}
        self._busy: Counter[str] = Counter()
        self._soon = asyncio.Event()
        self._running: set[asyncio.Task[None]] = set()
        self._pruned_ms = 0
        self._even_since_ms = clock.even_since_ms()
        self.lag_ms = 0
        self._log = structlog.get_logger("gateway.scheduler")

    def wake(self) -> None:
        """Something may be due now."""
        self._soon.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._soon.clear()
            pause_ms = await self.tick()
            try:
                async with asyncio.timeout(pause_ms / 1000):
                    await self._soon.wait()
            except TimeoutError:
                continue

    async def tick(self) -> int:
        """Starts what is due; returns how long to sleep."""
        under_way = Counter(self._busy)
        taken = await self._store.run(lambda tx: self._take(tx, under_way))
        # Only now: a transaction that was undone is run again, and plans anew again.
        self._even_since_ms, self._pruned_ms = taken.even_since_ms, taken.pruned_ms
        for task, due in taken.work:
            if task.account_id is not None:
                self._busy[task.account_id] += 1
            running = asyncio.create_task(self._do(task, due))
            self._running.add(running)
            running.add_done_callback(self._running.discard)
        if taken.next_ms is None:
            return self._longest_sleep_ms
        return min(max(taken.next_ms - self._clock.now_ms(), 20), self._longest_sleep_ms)

    async def aclose(self) -> None:
        """Gives up what is under way: its leases end with this process."""
        for running in tuple(self._running):
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def _take(self, tx: Tx, under_way: Counter[str]) -> _Taken:
        """`under_way`: calls by account."""
        busy, now_ms = Counter(under_way), self._clock.now_ms()
        even_since_ms = self._clock.even_since_ms()
        pruned_ms = self._pruned_ms
        if even_since_ms != self._even_since_ms:
            # The clock leapt: what was due then is planned anew, and who works now keeps his lease.
            payments.bring_back(tx, now_ms=now_ms, longest_ms=self._desk.longest_shown_ms)
            tasks.look_again(tx, now_ms=now_ms)
            tasks.hold_again(tx, until_ms=now_ms + LEASE_MS)
            pruned_ms = now_ms
        if now_ms - pruned_ms >= _PRUNE_EVERY_MS:
            guards.prune(tx, now_ms=now_ms)
            pruned_ms = now_ms
        work: list[tuple[Task, Due | None]] = []
        stuck: set[str] = set()
        all_seen = False
        while not all_seen and len(work) < _BATCH:
            due = tasks.due(tx, now_ms=now_ms, limit=_BATCH, without=stuck)
            if not work and not stuck:
                self.lag_ms = max((now_ms - task.due_ms for task in due), default=0)
            work += self._leased(tx, [task for task in due if self._may_call(task, busy, stuck, now_ms)], now_ms)
            all_seen = len(due) < _BATCH
        next_ms = now_ms + 100 if stuck else tasks.next_due_ms(tx, now_ms=now_ms)
        return _Taken(work=work, next_ms=next_ms, even_since_ms=even_since_ms, pruned_ms=pruned_ms)

    def _may_call(self, task: Task, busy: Counter[str], stuck: set[str], now_ms: int) -> bool:
        """Whether the task's account can do one more thing now; otherwise the account is `stuck`."""
        account_id = task.account_id
        if account_id is None:
            return True
        if account_id in stuck or busy[account_id] >= _AT_ONCE or not self._take_token(account_id, now_ms):
            stuck.add(account_id)
            return False
        busy[account_id] += 1
        return True

    def _leased(self, tx: Tx, due: list[Task], now_ms: int) -> list[tuple[Task, Due | None]]:
        """Those that are ours now; the work on orders together, with what is due of them."""
        owner, until_ms = self._calls.owner, now_ms + LEASE_MS
        orders = [task for task in due if task.kind is TaskKind.WORK]
        ours = tasks.lease_work(tx, orders, owner=owner, now_ms=now_ms, until_ms=until_ms)
        rows = self._rows(tx, sorted(ours))
        taken: list[tuple[Task, Due | None]] = []
        for task in due:
            if task.kind is not TaskKind.WORK:
                if tasks.lease(tx, task, owner=owner, now_ms=now_ms, until_ms=until_ms):
                    taken.append((task, None))
            elif task.ref in ours and (work := self._taken_up(tx, task, rows.get(task.ref), now_ms)) is not None:
                taken.append((task, work))
        return taken

    def _rows(self, tx: Tx, orders: list[str]) -> dict[str, tuple[Payment, ChannelOrder]]:
        """Read together. When one cannot be read, nothing: each is read by itself then."""
        try:
            return payments.with_orders(tx, orders)
        except Exception as error:
            if failed_database(error):
                raise
            return {}

    def _taken_up(self, tx: Tx, task: Task, both: tuple[Payment, ChannelOrder] | None, now_ms: int) -> Due | None:
        try:
            return self._desk.take_up(tx, *(both or found(tx, task.ref)), now_ms=now_ms)
        except Exception as error:
            if failed_database(error):
                raise
            self._complain(task, error)
            return None

    def _take_token(self, account_id: str, now_ms: int) -> bool:
        bucket = self._buckets.get(account_id)
        if bucket is None:
            account = self._calls.accounts.find(account_id)
            rate = _UNKNOWN_ACCOUNT_RATE if account is None else account.channel.traits.calls_per_second
            bucket = full(capacity=2 * rate, per_second=rate, now_ms=now_ms)
        after = bucket.take(now_ms=now_ms)
        self._buckets[account_id] = after if after is not None else bucket
        return after is not None

    async def _do(self, task: Task, due: Due | None) -> None:
        try:
            await self._desk.work(task, due)
        except StoreFailed:
            return  # the store has told the process to end
        except Exception as error:  # noqa: BLE001 - one poisoned row never stops the queue
            self._complain(task, error)
        finally:
            if task.account_id is not None:
                self._busy[task.account_id] -= 1
            self._soon.set()

    def _complain(self, task: Task, error: Exception) -> None:
        self._log.error("task failed", kind=task.kind.value, about=task.ref, error=type(error).__name__)
