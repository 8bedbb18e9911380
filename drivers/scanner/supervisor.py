"""One thread per device: looks for it, opens it, pumps its bytes through the parser, brings it back when it is lost.

Rules: what to do is decided in ``supervision``; only this thread touches the transport and the parser, and every event
is handed over on it; ``stop`` joins. A bug (also in the receiver) closes the device, is told as INTERNAL and ends the
thread with its traceback: never a gun that is silently dead. It must not know which kind of device it runs.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from enum import Enum, auto
from typing import assert_never

from msgspec import Struct, field

from drivers.scanner import supervision
from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, HintKey, StatusReason
from drivers.scanner.ports import Command, Disconnected, Opened, Opener, OpenRefused, Outgoing, Parser, ParserEvent

_SLICE_MS = 100
"""The longest wait in one read: a transport that cannot be woken still stops within this."""
_STOP_TIMEOUT_S = 10.0


class CommandOutcome(Enum):
    """What became of a command."""

    QUEUED = auto()
    NOT_READY = auto()
    UNSUPPORTED = auto()


class _Flush(Struct, frozen=True):
    done: threading.Event = field(default_factory=threading.Event)


class _Write(Struct, frozen=True):
    data: bytes


class Supervisor:
    """Keeps one device in use."""

    def __init__(
        self,
        *,
        device: str,
        opener: Opener,
        parser: Parser,
        on_event: Callable[[DeviceEvent], None],
        clock: Callable[[], int],
    ) -> None:
        """``clock`` gives monotonic milliseconds; ``on_event`` is called on the supervisor's thread."""
        self._opener = opener
        self._parser = parser
        self._on_event = on_event
        self._clock = clock
        self._state = supervision.begin(device, clock())
        self._status = self._state.status
        self._open: Opened | None = None
        self._requests: deque[_Flush | _Write] = deque()
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"scanner {device}", daemon=True)

    @property
    def status(self) -> DeviceStatus:
        """The status published last."""
        return self._status

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Close the device and wait for the thread to end; from the thread itself, only ask for it."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        self._wake()
        if threading.current_thread() is self._thread:
            return
        self._thread.join(_STOP_TIMEOUT_S)
        if self._thread.is_alive():
            raise TimeoutError(f"the scanner thread did not end within {_STOP_TIMEOUT_S:.0f} s")

    def flush(self, timeout_ms: int = 2000) -> bool:
        """Throw away everything read or sent so far and not yet told; False if that could not be done in time.

        Waits for the thread, at most one read slice as a rule: not for a thread that ``on_event`` waits for.
        """
        request = _Flush()
        if threading.current_thread() is self._thread:
            self._requests.append(request)
            return True
        if not self._ask(request):
            return False
        return request.done.wait(timeout_ms / 1000)

    def command(self, command: Command) -> CommandOutcome:
        """Queue a command for the device."""
        opened = self._open
        if opened is None or self._status.state is not DeviceState.READY:
            return CommandOutcome.NOT_READY
        data = opened.encode(command)
        if data is None:
            return CommandOutcome.UNSUPPORTED
        return CommandOutcome.QUEUED if self._ask(_Write(data)) else CommandOutcome.NOT_READY

    def _ask(self, request: _Flush | _Write) -> bool:
        with self._changed:
            if self._stopping or not self._thread.is_alive():
                return False
            self._requests.append(request)
            self._changed.notify_all()
        self._wake()
        return True

    def _wake(self) -> None:
        opened = self._open
        if opened is not None:
            opened.transport.wake()

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._handle(supervision.TimePassed())
                if self._open is None:
                    self._wait()
                else:
                    self._pump(self._open)
        except Exception:  # any kind of bug: told, then raised again so that it is seen
            self._close()
            self._publish(
                DeviceStatus(
                    state=DeviceState.ERROR,
                    device=self._status.device,
                    reason=StatusReason.INTERNAL,
                    hint=HintKey.REPORT,
                )
            )
            raise
        finally:
            self._close()
            self._serve_flushes()

    def _wait(self) -> None:
        self._serve_flushes()
        with self._changed:
            if self._stopping or self._requests:
                return
            next_ms = self._state.next_try_ms
            wait_ms = _SLICE_MS if next_ms is None else max(0, next_ms - self._clock())
            self._changed.wait(wait_ms / 1000)

    def _pump(self, opened: Opened) -> None:
        try:
            self._serve(opened)
            deadline_ms = self._parser.next_deadline_ms
            wait_ms = _SLICE_MS if deadline_ms is None else deadline_ms - self._clock()
            data = opened.transport.read(max(0, min(wait_ms, _SLICE_MS)))
            now_ms = self._clock()
            self._deliver(self._parser.feed(data, now_ms) if data else self._parser.idle(now_ms), opened)
        except Disconnected:
            self._handle(supervision.DeviceGone())

    def _serve(self, opened: Opened) -> None:
        while self._requests:
            match self._requests.popleft():
                case _Write(data=data):
                    opened.transport.write(data)
                case _Flush(done=done):
                    try:
                        opened.transport.flush_input()
                        self._parser.reset()
                    finally:
                        done.set()  # a device that is gone holds no bytes either

    def _serve_flushes(self) -> None:
        """Nothing is open: nothing is held, and a command has nobody to go to."""
        while self._requests:
            request = self._requests.popleft()
            if isinstance(request, _Flush):
                request.done.set()

    def _deliver(self, events: list[ParserEvent], opened: Opened) -> None:
        for event in events:
            if isinstance(event, Outgoing):
                opened.transport.write(event.data)
            else:
                self._on_event(event)

    def _handle(self, event: supervision.SupervisionEvent) -> None:
        self._state, actions = supervision.decide(self._state, event, self._clock())
        for action in actions:
            match action:
                case supervision.Publish(status=status):
                    self._publish(status)
                case supervision.CloseHandle():
                    self._close()
                case supervision.TryOpen():
                    self._handle(self._try_open())
                case _:
                    assert_never(action)

    def _try_open(self) -> supervision.SupervisionEvent:
        result = self._opener.open()
        if isinstance(result, OpenRefused):
            return supervision.OpeningRefused(reason=result.reason, hint=result.hint)
        self._parser.reset()
        try:
            for data in result.greeting:
                result.transport.write(data)
        except Disconnected:
            result.transport.close()
            return supervision.OpeningRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.CHECK_CABLE)
        self._open = result
        return supervision.DeviceOpened(description=result.description)

    def _publish(self, status: DeviceStatus) -> None:
        self._status = status
        self._on_event(status)

    def _close(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened.transport.close()
