"""Runs the engine: one event at a time, its appends committed before anything is sent or shown.

Everything happens on one asyncio loop and thread: the real one's, or a simulation's in virtual time. Network, clock and
chance are ports; the journal is SQLite, called inline. A commit that fails undoes the step; the event waits (a new
payment or refund is refused instead) until the disk takes it. No event is skipped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol, assert_never

from msgspec.structs import replace

from protocol.reasons import Reason
from sync.asked import event_of
from sync.completing import completed
from sync.delivery import Delivery
from sync.doubt import InDoubt, came_before
from sync.engine.events import (
    Append,
    CashAsked,
    CashBackAsked,
    Effect,
    Event,
    LineHeard,
    LineSilent,
    Now,
    Opened,
    ProblemAnswer,
    Publish,
    RefundAsked,
    Reread,
    Said,
    Send,
    SilentAnswer,
    StartAsked,
    Wake,
    WakeAt,
)
from sync.engine.model import (
    Command,
    Published,
)
from sync.engine.offline_events import CheckCode, CodeChecked
from sync.engine.record import PaymentRecord
from sync.engine.schedule import WATCH_DAYS_MS
from sync.engine.state import EngineState, restored
from sync.engine.step import step
from sync.engine.views import time_at_till
from sync.errors import CommitUnknownError, JournalGuardError, SyncError
from sync.journal.journal import Head, Journal
from sync.line_picture import LinePicture
from sync.link.calls import Credentials, Stamp, UploadAnswer, UploadCall, build, read, read_upload, timeouts_of
from sync.link.exchange import Exchange
from sync.offline_desk import COMMANDS, Asked, OfflineDesk, OfflineMeans, refusal_of
from sync.ports import Clock, Entropy

_DISK_AGAIN_S: Final = 1.0


class RoomPort(Protocol):
    """Room on the disk (sync.journal.room)."""

    def refusing(self) -> Reason | None: ...
    def fill(self) -> None: ...
    def release(self) -> bool: ...


class Runner:
    """See the module. Build it on the thread that will run it; only `submit` and `stop` may be called from others."""

    def __init__(
        self,
        *,
        journal: Journal,
        room: RoomPort,
        exchange: Exchange,
        credentials: Credentials,
        clock: Clock,
        entropy: Entropy,
        publish: Callable[[Published], None],
        offline: OfflineMeans | None = None,
    ) -> None:
        self._journal = journal
        self._room = room
        self._exchange = exchange
        self._who = credentials
        self._clock = clock
        self._entropy = entropy
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._delivery = Delivery(journal=journal, ask=self._upload, tell=self._tell, time_ms=self._time_ms)
        self._head = journal.head
        self._tidy_seq = -1
        self._desk = None if offline is None else OfflineDesk(offline, journal, credentials.terminal_id, self._time_ms)
        self._state: EngineState = restored(
            credentials.terminal_id,
            self._unfinished(),
            journal.open_refunds(),
            journal.store_seen(),
            kit=None if self._desk is None else self._desk.kit(),
            standing=None if self._desk is None else journal.standing(),
        )
        self._waiting: deque[Event] = deque()
        self._doubt: InDoubt | None = None
        #: Payments and refunds that a commit in doubt began, if it happened, each with the request that asked for it.
        self._perhaps: Mapping[str, str] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._picture = LinePicture(journal, self._delivery, publish)

    # --- from other threads --------------------------------------------------------------------------------------

    def submit(self, command: Command) -> None:
        """Hands a command over; what comes of it is published."""
        self._loop.call_soon_threadsafe(self._take, command)

    def stop(self) -> None:
        """Ends `run` soon. What is open stays open in the journal and is settled after the next start."""
        self._loop.call_soon_threadsafe(self._events.put_nowait, None)

    def signed_time_s(self) -> int | None:
        """The till's clock in Unix seconds, once the gateway signed a time."""
        known = self._state.line.gateway_ms is not None
        return time_at_till(self._state, self._now()) // 1000 if known else None

    # --- the loop ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until `stop`. A bug ends it with its exception; the journal is right at every moment."""
        self._room.fill()
        self._state = replace(self._state, storage=self._room.refusing())
        under_way: set[asyncio.Task[None]] = set()
        async with asyncio.TaskGroup() as group:

            def begin(send: Send) -> None:
                task = group.create_task(self._perform(send))
                under_way.add(task)
                task.add_done_callback(under_way.discard)

            delivering = group.create_task(self._delivery.run())
            self._handle(Opened(), begin)
            while (event := await self._events.get()) is not None:
                self._handle(event, begin)
            delivering.cancel()
            for task in list(under_way):
                task.cancel()
        self._set_timer(None)
        if self._desk is not None:
            self._desk.leave(self._now())
        self._ended = True
        held, self._state = self._state.held, replace(self._state, held=())
        for event in held:
            if event.command.request_id not in self._perhaps.values():
                self._decline(event)
        while not self._events.empty():
            self._decline(self._events.get_nowait())

    def _take(self, command: Command) -> None:
        event = event_of(command, self._entropy)
        if self._ended:
            self._decline(event)
        else:
            self._events.put_nowait(event)

    def _decline(self, event: Event | None) -> None:
        """A command that this till ends without having looked at: nothing came of it, and its screen may go on."""
        if isinstance(event, COMMANDS) and not self._came_before(event):
            self._publish(refusal_of(event, Reason.GATEWAY_UNREACHABLE))

    def _came_before(self, event: Asked) -> bool:
        return came_before(event, self._state, self._doubt, self._perhaps)

    def _tell(self, event: LineHeard | LineSilent) -> None:
        self._events.put_nowait(replace(event, heard=self._now()) if isinstance(event, LineHeard) else event)

    def _time_ms(self) -> int:
        return time_at_till(self._state, self._now())

    # --- one event -----------------------------------------------------------------------------------------------

    def _handle(self, event: Event, begin: Callable[[Send], None]) -> None:
        if isinstance(event, Wake) and self._waiting:
            self._retry(begin)
        elif self._waiting and not isinstance(event, (*COMMANDS, Wake)):
            self._waiting.append(event)
        else:
            self._attempt(event, begin)
        self._upkeep(event)
        self._picture.show(self._state, last_seq=self._head.seq, at_ms=self._time_ms())

    def _retry(self, begin: Callable[[Send], None]) -> None:
        """The disk is tried again with what has waited longest."""
        waiting, self._waiting = self._waiting, deque()
        while waiting:
            self._attempt(waiting.popleft(), begin)
            if self._waiting:
                self._waiting.extend(waiting)
                return
        self._state = replace(self._state, storage=self._room.refusing())
        self._attempt(Wake(), begin)

    def _attempt(self, event: Event, begin: Callable[[Send], None]) -> None:
        try:
            # What was read again is shown and asked for first; then the event, before any that came after it.
            for effect in self._caught_up():
                self._do(effect, begin)
            effects = self._decide_and_commit(event)
        except JournalGuardError as error:
            if not isinstance(event, COMMANDS):
                raise
            self._publish(refusal_of(event, error.reason))
            return
        except SyncError as error:
            self._disk_refused(event, error)
            return
        for effect in effects:
            self._do(effect, begin)

    def _caught_up(self) -> list[Effect]:
        """Opens a file that had to be given up. Its end may be another one than was thought: then everything is read
        and asked for again. What was in doubt is answered."""
        moved, doubt = self._opened() != self._head, self._doubt
        if not moved and doubt is None:
            self._perhaps = {}
            return []
        begun = doubt is not None and moved and doubt.begun(self._journal)
        # Everything is read before anything is taken for done: the disk may fail at any of these.
        told = [] if doubt is None else doubt.answers(self._journal) if begun else doubt.refusal()
        effects = self._read_again() if moved else []
        self._perhaps = {}
        effects += [Publish(view=view) for view in told]
        if doubt is not None:
            if begun and self._desk is not None:
                self._desk.committed(doubt.commit.statements, self._now())
            if not begun and isinstance(doubt.event, CodeChecked):
                self._events.put_nowait(doubt.event)
            self._doubt = None
        return effects

    def _opened(self) -> Head:
        """The reserve is there for this, too: what runs must be read before it can be recorded."""
        try:
            return self._journal.ready()
        except SyncError as error:
            if error.reason is not Reason.DISK_FULL or not self._room.release():
                raise
            return self._journal.ready()

    def _read_again(self) -> list[Effect]:
        now, head = self._now(), self._journal.head
        found = Reread(
            records=self._reread(),
            refunds=self._journal.open_refunds(),
            store_seen=self._journal.store_seen(),
            asked=self._perhaps if self._doubt is None else {**self._perhaps, **self._doubt.shown()},
        )
        state, effects = step(self._state, found, now)
        try:
            self._commit(effects, state, now)
        except CommitUnknownError as error:
            # It is nobody's command: everything is read once more.
            raise SyncError(error.reason, error.message, hint=error.hint, hint_key=error.hint_key) from error
        self._head = max(head, self._journal.head, key=lambda at: at.seq)
        self._state = state
        return effects

    def _decide_and_commit(self, event: Event) -> list[Effect]:
        now = self._now()
        event = self._completed(event)
        state, effects = step(self._state, event, now)
        self._commit(effects, state, now)
        self._state = state
        return effects

    def _commit(self, effects: list[Effect], state: EngineState, now: Now) -> None:
        statements = [effect.statement for effect in effects if isinstance(effect, Append)]
        if not statements:
            return
        at_ms = time_at_till(state, now)
        try:
            self._head = self._journal.append(statements, at_ms=at_ms)
        except SyncError as error:
            if isinstance(error, CommitUnknownError):
                begun = set(state.pressed) - set(self._state.pressed)
                self._perhaps = {number: asked for asked, number in begun}
            if error.reason is not Reason.DISK_FULL or not self._room.release():
                raise
            self._head = self._journal.append(statements, at_ms=at_ms)
        self._delivery.nudge()
        if self._desk is not None:
            self._desk.committed(statements, now)

    def _completed(self, event: Event) -> Event:
        """A command with what only the journal and the disk know."""
        if isinstance(event, (StartAsked, RefundAsked, CashAsked, CashBackAsked)):
            self._state = replace(self._state, storage=self._room.refusing())
        return completed(event, self._journal, self._desk, self._time_ms)

    def _unfinished(self) -> tuple[PaymentRecord, ...]:
        """By the journal's own last time, not by a wall clock that may be anything."""
        last_ms = self._journal.at_ms_of(self._journal.head.seq) or 0
        return self._journal.unfinished(settled_since_ms=last_ms - WATCH_DAYS_MS)

    def _reread(self) -> tuple[PaymentRecord, ...]:
        found = {record.payment_no: record for record in self._unfinished()}
        for payment_no in self._state.payments:
            record = self._journal.payment(payment_no)
            if record is not None:
                found[payment_no] = record
        return tuple(found.values())

    def _disk_refused(self, event: Event, error: SyncError) -> None:
        """Nothing of the event happened, or nobody knows. What is new is refused; everything else is tried again."""
        self._state = replace(self._state, storage=error.reason)
        answered = isinstance(event, (*COMMANDS, CodeChecked))
        if answered and isinstance(error, CommitUnknownError) and self._doubt is None:
            self._doubt = InDoubt(event=event, commit=error)
        elif isinstance(event, COMMANDS):
            if not self._came_before(event):
                self._publish(refusal_of(event, error.reason))
        elif not isinstance(event, Wake):
            self._waiting.append(event)
        self._set_timer(_DISK_AGAIN_S)

    def _do(self, effect: Effect, begin: Callable[[Send], None]) -> None:
        match effect:
            case Append():
                pass
            case Publish():
                self._publish(effect.view)
            case Send():
                begin(effect)
            case CheckCode():
                assert self._desk is not None, "a code is typed where there is a kit"
                self._events.put_nowait(self._desk.check(effect))
            case WakeAt():
                if not self._waiting:
                    due = effect.mono_ms
                    self._set_timer(None if due is None else max(0, due - self._clock.mono_ms()) / 1000)
            case _:
                assert_never(effect)

    def _set_timer(self, after_s: float | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if after_s is not None:
            self._timer = self._loop.call_later(after_s, self._events.put_nowait, Wake())

    # --- the line ------------------------------------------------------------------------------------------------

    async def _perform(self, send: Send) -> None:
        request = build(send.call, self._who, self._stamp())
        response = await self._exchange(self._who.gateway_url, request, timeouts_of(send.call))
        answer = read(send.call, request, response, self._who)
        self._events.put_nowait(Said(call_id=send.call_id, call=send.call, answer=answer, heard=self._now()))

    async def _upload(self, call: UploadCall) -> UploadAnswer | ProblemAnswer | SilentAnswer:
        request = build(call, self._who, self._stamp())
        response = await self._exchange(self._who.gateway_url, request, timeouts_of(call))
        return read_upload(request, response, self._who)

    def _stamp(self) -> Stamp:
        head = self._journal.head
        return Stamp(
            created_s=self._time_ms() // 1000,
            nonce=self._entropy(16),
            journal=(head.seq, head.hash),
            told=self._journal.delivered_through,
        )

    def _now(self) -> Now:
        clock = self._clock
        return Now(mono_ms=clock.mono_ms(), wall_ms=clock.wall_ms(), slept_ms=clock.slept_ms())

    def _upkeep(self, event: Event) -> None:
        """At idle: the WAL goes into the file, the ballast is made again. The anchor follows the journal."""
        if self._desk is not None:
            self._desk.upkeep(self._delivery, self._now(), idle=not self._state.open_count)
        if not isinstance(event, (LineHeard, LineSilent)) or self._waiting or self._doubt is not None:
            return
        idle = not self._state.open_count
        if idle:
            self._room.fill()
        self._state = replace(self._state, storage=self._room.refusing())
        if not idle:
            return
        if self._head.seq != self._tidy_seq and self._journal.checkpoint():
            self._tidy_seq = self._head.seq
