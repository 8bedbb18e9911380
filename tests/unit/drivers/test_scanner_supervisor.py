"""Supervisor: bytes reach the parser on one thread, a lost device is closed and reopened, a bug is never silent."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager

import pytest

from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, HintKey, Scan, StatusReason
from drivers.scanner.parsers.line import Framing
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from drivers.scanner.parsers.ssi import SsiParser, ack_packet
from drivers.scanner.ports import Command, Disconnected, Opened, OpenRefused, Parser
from drivers.scanner.start import monotonic_ms, start_scanner
from drivers.scanner.supervisor import CommandOutcome, Supervisor
from drivers.scanner.uri import BadScannerUri

WAIT_S = 10.0
GONE = OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN)


class FakeTransport:
    """A device whose bytes a test sends; ``None`` unplugs it."""

    def __init__(self) -> None:
        self.arriving: queue.Queue[bytes | None] = queue.Queue()
        self.written: queue.Queue[bytes] = queue.Queue()
        self.closed = threading.Event()

    def read(self, timeout_ms: int) -> bytes:
        try:
            data = self.arriving.get(timeout=timeout_ms / 1000)
        except queue.Empty:
            return b""
        if data is None:
            raise Disconnected
        return data

    def write(self, data: bytes) -> None:
        self.written.put(data)

    def flush_input(self) -> None:
        while not self.arriving.empty():
            self.arriving.get_nowait()

    def wake(self) -> None:
        self.arriving.put(b"")

    def close(self) -> None:
        self.closed.set()


class FakeOpener:
    """Opens what is plugged in; notes whether a device was still held when it looked."""

    def __init__(self, *devices: FakeTransport | OpenRefused) -> None:
        self.devices = list(devices)
        self.given: list[FakeTransport] = []
        self.looked_while_held = False
        self.greeting: tuple[bytes, ...] = ()

    def open(self) -> Opened | OpenRefused:
        self.looked_while_held |= any(not device.closed.is_set() for device in self.given)
        if not self.devices:
            return GONE
        device = self.devices.pop(0)
        if isinstance(device, OpenRefused):
            return device
        self.given.append(device)
        return Opened(transport=device, description="fake", encode=encode, greeting=self.greeting)


def encode(command: Command) -> bytes | None:
    return b"GO" if command is Command.TRIGGER else None


class Receiver:
    """Collects events; ``until`` waits for one that fits."""

    def __init__(self) -> None:
        self.events: queue.Queue[DeviceEvent] = queue.Queue()

    def __call__(self, event: DeviceEvent) -> None:
        self.events.put(event)

    def until(self, fits: Callable[[DeviceEvent], bool]) -> DeviceEvent:
        while True:
            event = self.events.get(timeout=WAIT_S)
            if fits(event):
                return event

    def state(self, state: DeviceState) -> DeviceEvent:
        return self.until(lambda event: isinstance(event, DeviceStatus) and event.state is state)

    def scan(self) -> str:
        event = self.until(lambda event: isinstance(event, Scan))
        assert isinstance(event, Scan)
        return event.text


@contextmanager
def running(
    opener: FakeOpener, on_event: Callable[[DeviceEvent], None], parser: Parser | None = None
) -> Generator[Supervisor]:
    supervisor = Supervisor(
        device="gun",
        opener=opener,
        parser=parser or SerialStreamParser(device="gun", framing=Framing(idle_ms=50)),
        on_event=on_event,
        clock=monotonic_ms,
    )
    supervisor.start()
    try:
        yield supervisor
    finally:
        supervisor.stop()


def test_a_lost_device_is_closed_before_the_next_look_and_its_successor_is_used() -> None:
    first, second = FakeTransport(), FakeTransport()
    opener, receiver = FakeOpener(first, GONE, second), Receiver()
    with running(opener, receiver):
        first.arriving.put(b"111\r22")
        assert receiver.scan() == "111"
        first.arriving.put(None)
        receiver.state(DeviceState.LOST)
        receiver.state(DeviceState.MISSING)
        receiver.state(DeviceState.READY)
        second.arriving.put(b"333\r")
        assert receiver.scan() == "333"  # not "22333": half a code does not outlive its device
    assert not opener.looked_while_held
    assert second.closed.is_set()


def test_silence_is_told_to_the_parser() -> None:
    device, receiver = FakeTransport(), Receiver()
    with running(FakeOpener(device), receiver):
        device.arriving.put(b"12345")
        assert receiver.scan() == "12345"


def test_answers_and_greeting_are_written() -> None:
    device, receiver = FakeTransport(), Receiver()
    opener = FakeOpener(device)
    opener.greeting = (b"HELLO",)
    packet = bytes.fromhex("07F300000331 32")
    packet += (0x10000 - sum(packet)).to_bytes(2, "big")
    with running(opener, receiver, SsiParser(device="gun")):
        device.arriving.put(packet)
        assert receiver.scan() == "12"
        assert device.written.get(timeout=WAIT_S) == b"HELLO"
        assert device.written.get(timeout=WAIT_S) == ack_packet()


def test_flush_throws_away_what_came_before_and_keeps_what_comes_after() -> None:
    device, receiver = FakeTransport(), Receiver()
    with running(FakeOpener(device), receiver) as supervisor:
        receiver.state(DeviceState.READY)
        device.arriving.put(b"12")
        assert supervisor.flush()
        device.arriving.put(b"345\r")
        assert receiver.scan() == "345"


def test_flush_of_a_missing_device_has_nothing_to_do() -> None:
    receiver = Receiver()
    with running(FakeOpener(), receiver) as supervisor:
        receiver.state(DeviceState.MISSING)
        assert supervisor.flush()
    assert not supervisor.flush()


def test_commands_reach_the_device_and_impossible_ones_are_refused() -> None:
    device, receiver = FakeTransport(), Receiver()
    with running(FakeOpener(GONE, device), receiver) as supervisor:
        receiver.state(DeviceState.MISSING)
        assert supervisor.command(Command.TRIGGER) is CommandOutcome.NOT_READY
        receiver.state(DeviceState.READY)
        assert supervisor.command(Command.BEEP) is CommandOutcome.UNSUPPORTED
        assert supervisor.command(Command.TRIGGER) is CommandOutcome.QUEUED
        assert device.written.get(timeout=WAIT_S) == b"GO"
    assert supervisor.command(Command.TRIGGER) is CommandOutcome.NOT_READY


def test_the_receiver_may_stop_the_scanner() -> None:
    device = FakeTransport()
    stopped: list[Supervisor] = []

    def stop_on_scan(event: DeviceEvent) -> None:
        if isinstance(event, Scan):
            stopped[0].stop()

    with running(FakeOpener(device), stop_on_scan) as supervisor:
        stopped.append(supervisor)
        device.arriving.put(b"1\r")
        assert device.closed.wait(WAIT_S)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_bug_closes_the_device_and_is_told() -> None:
    device, receiver = FakeTransport(), Receiver()

    def broken(event: DeviceEvent) -> None:
        receiver(event)
        if isinstance(event, Scan):
            raise ZeroDivisionError

    with running(FakeOpener(device), broken) as supervisor:
        device.arriving.put(b"1\r")
        status = receiver.state(DeviceState.ERROR)
        assert isinstance(status, DeviceStatus)
        assert (status.reason, status.hint) == (StatusReason.INTERNAL, HintKey.REPORT)
        assert device.closed.wait(WAIT_S)
        assert supervisor.status == status


@pytest.mark.parametrize("uri", ["keyboard:", "nonsense", "serial:"])
def test_a_uri_that_cannot_be_served_is_a_value(uri: str) -> None:
    result = start_scanner(uri, Receiver())
    assert isinstance(result, BadScannerUri)
    assert result.problem
    assert result.suggestion
