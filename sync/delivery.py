"""Delivers the journal to the gateway, in order, beside the payments; its empty delivery is the heartbeat.

Idempotent by sequence: a lost answer is answered by sending again from where the gateway says it is. A batch carries
the entries of many orders, each order's in its own sequence, and there is no last try.

One entry that the gateway refuses for good (malformed, too large) is found by halving the batch and parked: it is
delivered as its bare hash, so that the chain goes on over it and nothing behind it waits. Its content stays here, and
is shown. Only a chain that is refused as a whole stops the delivery and raises an alarm: a fork, or so many refusals
after each other that it is the gateway and not an entry that is wrong. Payments and the heartbeat go on.

A fork that is noticed here first is shown to the gateway: only it can stop both tills and tell the owner.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, assert_never

from protocol.messages import JournalAnswer, JournalEntry, Problem
from protocol.reasons import Reason
from sync.engine.events import LineHeard, LineSilent, ProblemAnswer, SilentAnswer
from sync.errors import SyncError
from sync.journal.journal import Journal
from sync.link.calls import UploadAnswer, UploadCall

_BATCH: Final = 200
_BATCH_BYTES: Final = 256 * 1024
_IDLE_MS: Final = 10_000
_SOON_MS: Final = 300
_FIRST_PAUSE_MS: Final = 500
_LONGEST_PAUSE_MS: Final = 5_000
#: Signed refusals of one entry rather than of the moment: smaller batches find it.
_POISON: Final = frozenset({Reason.BAD_REQUEST, Reason.TOO_LARGE, Reason.CONTENT_DIFFERS})
#: So many refused after each other, with none taken between, are no accident of an entry.
_PARKED_IN_A_ROW: Final = 5
#: How long such a gateway is left alone before it is asked again: nothing of a journal is ever given up.
_STOPPED_S: Final = 60.0
#: Troubles of the disk that may be over by the next try.
_DISK: Final = frozenset({Reason.DISK_FULL, Reason.DISK_READ_ONLY, Reason.FOLDER_UNREADABLE})

Ask = Callable[[UploadCall], Awaitable[UploadAnswer | ProblemAnswer | SilentAnswer]]


class Delivery:
    """One loop on the sync thread. `tell` takes what it hears about the line; `stopped` is the alarm.
    `agreed`: in this run the gateway's end of the chain was found in this journal."""

    def __init__(
        self,
        *,
        journal: Journal,
        ask: Ask,
        tell: Callable[[LineHeard | LineSilent], None],
        time_ms: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._ask = ask
        self._tell = tell
        self._time_ms = time_ms
        self._parked_in_a_row = 0
        self._again_s = 0.0
        #: The disk did not give what this delivery needed: it says nothing about the chain.
        self._unread = False
        self._nudged = asyncio.Event()
        self._batch = _BATCH
        self._failures = 0
        self._find_out = True
        #: How far the other chain goes that the gateway holds, until it said so itself.
        self._other_through: int | None = None
        self.stopped: Reason | None = None
        self.agreed = False

    def nudge(self) -> None:
        """There is something new to deliver, or somebody needs to know whether the line is up."""
        self._nudged.set()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._pause(await self._beat())

    async def _pause(self, pause_ms: int) -> None:
        if pause_ms <= 0:
            return
        if self._failures == 0:
            try:
                async with asyncio.timeout(pause_ms / 1000):
                    await self._nudged.wait()
            except TimeoutError:
                return
            # A payment writes several entries within moments: one delivery takes them all.
            await asyncio.sleep(_SOON_MS / 1000)
        else:
            await asyncio.sleep(pause_ms / 1000)

    async def _beat(self) -> int:
        """One delivery; returns the pause until the next in milliseconds."""
        self._nudged.clear()
        entries = self._next_entries()
        answer = await self._ask(UploadCall(entries=entries))
        match answer:
            case UploadAnswer():
                self._tell(LineHeard(server_time_ms=answer.answer.server_time_ms))
                return self._accepted(answer.answer, entries)
            case ProblemAnswer():
                problem = answer.problem
                self._tell(LineHeard(server_time_ms=problem.server_time_ms, refused=problem.reason))
                return self._refused(problem, entries)
            case SilentAnswer():
                self._tell(LineSilent(why=answer.why))
                return self._failed()
            case _:
                assert_never(answer)

    def _next_entries(self) -> tuple[JournalEntry, ...]:
        """Empty while the gateway's end of the chain is not known, or when the delivery is stopped."""
        rested = self.stopped in _POISON and asyncio.get_running_loop().time() >= self._again_s
        if rested:
            self.stopped = None
        self._unread = False
        try:
            if self._other_through is not None:
                shown = min(self._other_through, self._journal.head.seq)
                return self._journal.entries_after(max(0, shown - 1), limit=1, max_bytes=_BATCH_BYTES)
            if self.stopped is not None or self._find_out:
                return ()
            return self._journal.entries_after(
                self._journal.delivered_through, limit=self._batch, max_bytes=_BATCH_BYTES
            )
        except SyncError as error:
            self._disk_failed(error)
            return ()

    def _accepted(self, answer: JournalAnswer, entries: tuple[JournalEntry, ...]) -> int:
        self._failures = 0
        self._find_out = False
        if any(entry.withheld is None for entry in entries):
            self._parked_in_a_row = 0
        if self._unread or (self.stopped is not None and self._other_through is None):
            return _IDLE_MS
        try:
            if self._journal.hash_at(answer.accepted_through) != answer.head:
                # The gateway holds entries that this journal does not have, or other ones: a copied or restored disk.
                # It is shown the latest of ours that it can compare: it decides who may sell, and tells the owner.
                first, self._other_through = self._other_through is None, answer.accepted_through
                self.stopped = Reason.JOURNAL_FORK
                return 0 if first and self._journal.head.seq else _IDLE_MS
            self.agreed = True
            before = self._journal.delivered_through
            self._journal.mark_delivered(answer.accepted_through)
        except SyncError as error:
            self._disk_failed(error)
            return _IDLE_MS
        if answer.accepted_through > before:
            self._batch = min(_BATCH, self._batch * 2)
        more = answer.accepted_through < self._journal.head.seq
        if not more:
            return _IDLE_MS
        # An empty delivery only found out where the gateway is: what waits goes out now.
        return 0 if answer.accepted_through != before or not entries else _SOON_MS

    def _refused(self, problem: Problem, entries: tuple[JournalEntry, ...]) -> int:
        if problem.reason is Reason.JOURNAL_FORK:
            self.stopped, self._other_through = Reason.JOURNAL_FORK, None
            return _IDLE_MS
        if problem.reason is Reason.JOURNAL_GAP:
            self._find_out, self._other_through = True, None
            return self._failed()
        if problem.reason in _POISON and entries and self._other_through is None:
            if len(entries) == 1:
                return self._park(entries[0], problem.reason)
            self._batch = max(1, len(entries) // 2)
            return _SOON_MS
        return self._failed()

    def _park(self, entry: JournalEntry, reason: Reason) -> int:
        """This one entry is refused, whatever stands around it."""
        if entry.withheld is not None or self._parked_in_a_row >= _PARKED_IN_A_ROW:
            self.stopped, self._again_s = reason, asyncio.get_running_loop().time() + _STOPPED_S
            return _IDLE_MS
        try:
            self._journal.park(entry.seq, reason, at_ms=self._time_ms())
        except SyncError as error:
            self._disk_failed(error)
            return _IDLE_MS
        self._parked_in_a_row += 1
        return 0

    def _disk_failed(self, error: SyncError) -> None:
        """Damage stays; a disk in trouble is tried again, and what is known of the chain stays known."""
        self._unread = error.reason in _DISK
        if not self._unread and self.stopped is not Reason.JOURNAL_FORK:
            self.stopped = error.reason

    def _failed(self) -> int:
        self._failures += 1
        return min(_FIRST_PAUSE_MS << min(self._failures - 1, 10), _LONGEST_PAUSE_MS)
