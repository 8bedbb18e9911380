"""A HID POS scanner through the real supervisor: found by usage, lost, found again under another path."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest

from drivers.scanner.commands import Family
from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, HintKey, Scan, StatusReason
from drivers.scanner.hid_pos import HidOpener, HidTransport, encode_command, make_parser
from drivers.scanner.hidapi_backend import HidapiBackend, HidEntry, HidHandle, NodeLocked, lock_node, usb_place
from drivers.scanner.ports import Command, Disconnected, Opened, OpenRefused
from drivers.scanner.start import RunningScanner, monotonic_ms
from drivers.scanner.supervisor import CommandOutcome, Supervisor
from drivers.scanner.uri import ScannerUri, parse_scanner_uri

CODE = "134567890123456789"
REPORT = (b"\x02\x12]C0" + CODE.encode()).ljust(64, b"\0")


def entry(path: bytes = b"/none/hidraw0", *, usage: tuple[int, int] = (0x8C, 2), pid: int = 0x0B61) -> HidEntry:
    return HidEntry(path=path, vid=0x0C2E, pid=pid, usage_page=usage[0], usage=usage[1], location="1-1", product="Gun")


class FakeGun:
    """One device on the bus: its reports, its cable, what it was sent."""

    def __init__(self) -> None:
        self.reports: deque[bytes] = deque()
        self.written: list[bytes] = []
        self.features: list[bytes] = []
        self.plugged = True
        self.closed = threading.Event()
        self._changed = threading.Condition()

    def send(self, report: bytes) -> None:
        with self._changed:
            self.reports.append(report)
            self._changed.notify_all()

    def unplug(self) -> None:
        with self._changed:
            self.plugged = False
            self._changed.notify_all()

    def read(self, max_length: int, timeout_ms: int = 0, /) -> Sequence[int]:
        assert timeout_ms > 0, "hidapi blocks for ever at 0"
        with self._changed:
            self._changed.wait_for(lambda: self.reports or not self.plugged, timeout_ms / 1000)
            if not self.plugged:
                raise OSError("read error")
            return list(self.reports.popleft()[:max_length]) if self.reports else []

    def write(self, buff: bytes, /) -> int:
        if not self.plugged:
            raise OSError("write error")
        with self._changed:
            self.written.append(buff)
            self._changed.notify_all()
        return len(buff)

    def wait_for_output(self) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.written, 5)

    def send_feature_report(self, buff: bytes, /) -> int:
        self.features.append(buff)
        raise OSError("no such report")

    def close(self) -> None:
        self.closed.set()


class FakeBus:
    """What hidapi would see."""

    def __init__(self, *listed: HidEntry) -> None:
        self.listed = listed
        self.gun = FakeGun()
        self.refusal: OSError | None = None
        self.allowed = True
        self.opened: list[bytes] = []

    def entries(self) -> tuple[HidEntry, ...]:
        return self.listed

    def may_open(self, path: bytes) -> bool:
        return self.allowed

    def open(self, path: bytes) -> HidHandle:
        if self.refusal is not None:
            raise self.refusal
        self.opened.append(path)
        return self.gun


class Receiver:
    """Keeps events and waits for them."""

    def __init__(self) -> None:
        self.events: list[DeviceEvent] = []
        self._changed = threading.Condition()

    def __call__(self, event: DeviceEvent) -> None:
        with self._changed:
            self.events.append(event)
            self._changed.notify_all()

    def wait_for(self, scans: int = 0, states: Sequence[DeviceState] = ()) -> None:
        def there() -> bool:
            seen = [event.state for event in self.events if isinstance(event, DeviceStatus)]
            return len(self.scans) >= scans and all(seen.count(s) >= list(states).count(s) for s in states)

        with self._changed:
            assert self._changed.wait_for(there, 5), self.events

    @property
    def scans(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Scan)]


def uri(text: str) -> ScannerUri:
    parsed = parse_scanner_uri(text)
    assert isinstance(parsed, ScannerUri)
    return parsed


def opener(bus: FakeBus, text: str = "hid:") -> HidOpener:
    return HidOpener(uri(text), load=lambda: bus)


def refused(bus: FakeBus, text: str = "hid:") -> tuple[StatusReason, HintKey]:
    result = opener(bus, text).open()
    assert isinstance(result, OpenRefused)
    return result.reason, result.hint


def test_a_gun_is_read_lost_and_read_again_under_another_path() -> None:
    """Reports become scans; a pulled cable is LOST; the same gun under a new path is READY again."""
    bus, receiver = FakeBus(entry()), Receiver()
    supervisor = Supervisor(
        device="hid:", opener=opener(bus), parser=make_parser(uri("hid:")), on_event=receiver, clock=monotonic_ms
    )
    supervisor.start()
    scanner = RunningScanner(supervisor)
    try:
        receiver.wait_for(states=[DeviceState.READY])
        bus.gun.send(REPORT)
        receiver.wait_for(scans=1)
        assert scanner.trigger() is CommandOutcome.QUEUED
        bus.gun.wait_for_output()
        first, bus.gun = bus.gun, FakeGun()
        bus.listed = (entry(b"/none/hidraw7"),)
        first.unplug()
        receiver.wait_for(states=[DeviceState.LOST, DeviceState.READY, DeviceState.READY])
        bus.gun.send(REPORT)
        receiver.wait_for(scans=2)
    finally:
        scanner.close()
    assert receiver.scans == [CODE, CODE]
    assert bus.opened == [b"/none/hidraw0", b"/none/hidraw7"]
    assert first.written == [bytes.fromhex("fd0316540d")]
    assert first.closed.is_set()
    assert bus.gun.closed.is_set()


def test_a_honeywell_gun_is_asked_to_send_reports() -> None:
    """The feature report is sent at open, and a model that refuses it is used all the same."""
    bus = FakeBus(entry())
    assert isinstance(opener(bus).open(), Opened)
    assert bus.gun.features == [b"\xfe\x01"]


def test_the_usage_chooses_and_the_ids_only_narrow() -> None:
    """Keyboards and mice of the same maker are not scanners; ids without a scanner collection are named as such."""
    keyboard = entry(b"/none/hidraw1", usage=(1, 6))
    assert isinstance(opener(FakeBus(keyboard, entry())).open(), Opened)
    assert isinstance(opener(FakeBus(keyboard, entry()), "hid:0c2e:0b61").open(), Opened)
    assert refused(FakeBus(keyboard)) == (StatusReason.NOT_FOUND, HintKey.PLUG_IN)
    assert refused(FakeBus(keyboard), "hid:0c2e:0b61") == (StatusReason.NOT_A_SCANNER, HintKey.SET_TO_HID_POS)
    assert refused(FakeBus(entry()), "hid:1eab:0110") == (StatusReason.NOT_FOUND, HintKey.PLUG_IN)


def test_two_scanners_are_never_guessed_between() -> None:
    """Two that match are an error, until the URI says which."""
    bus = FakeBus(entry(), entry(b"/none/hidraw1", pid=0x0B8F))
    assert refused(bus) == (StatusReason.SEVERAL_MATCH, HintKey.NAME_ONE)
    assert isinstance(opener(bus, "hid:0c2e:0b8f").open(), Opened)
    assert bus.opened == [b"/none/hidraw1"]


def test_the_scanner_in_use_is_preferred_when_another_appears() -> None:
    """A second gun that is plugged in later does not stop the first from coming back."""
    bus = FakeBus(entry())
    used = opener(bus)
    assert isinstance(used.open(), Opened)
    bus.listed = (entry(b"/none/hidraw4", pid=0x0B8F), entry(b"/none/hidraw5"))
    assert isinstance(used.open(), Opened)
    assert bus.opened[-1] == b"/none/hidraw5"


def test_every_refusal_has_its_reason() -> None:
    """No permission, another program, no library and anything else are told apart."""
    bus = FakeBus(entry())
    bus.allowed = False
    assert refused(bus) == (StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE)
    bus.allowed, bus.refusal = True, NodeLocked("taken")
    assert refused(bus) == (StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM)
    bus.refusal = OSError("open failed")
    assert refused(bus) == (StatusReason.OPEN_FAILED, HintKey.CHECK_CABLE)

    def missing() -> HidapiBackend:
        raise ImportError(name="hidraw")

    result = HidOpener(uri("hid:"), load=missing).open()
    assert isinstance(result, OpenRefused)
    assert (result.reason, result.detail) == (StatusReason.LIBRARY_MISSING, "hidraw")


def test_only_disconnected_leaves_the_transport() -> None:
    """An unplugged or closed device is `Disconnected` on every path; close may come twice."""
    gun = FakeGun()
    transport = HidTransport(gun)
    gun.send(REPORT)
    gun.send(REPORT)
    transport.flush_input()
    assert transport.read(1) == b""
    gun.unplug()
    for use in (lambda: transport.read(1), lambda: transport.write(b"x"), transport.flush_input):
        with pytest.raises(Disconnected):
            use()
    transport.close()
    transport.close()
    with pytest.raises(Disconnected):
        transport.read(1)


def test_commands_are_framed_for_their_family() -> None:
    """Honeywell and Newland take output reports of their own kind; unknown makers take none."""
    assert encode_command(Family.HONEYWELL, Command.STOP) == bytes.fromhex("fd0316550d")
    assert encode_command(Family.HONEYWELL, Command.BEEP) == bytes.fromhex("fd0316070d")
    newland = encode_command(Family.NEWLAND, Command.TRIGGER)
    assert newland is not None
    assert newland.startswith(b"\x04\x10~\x010000#SCNTRG1;\x03")
    assert len(newland) == 64
    assert encode_command(Family.UNKNOWN, Command.TRIGGER) is None


def test_a_node_is_read_by_one_program_only(tmp_path: Path) -> None:
    """hidraw gives every handle every report: the lock keeps a second reader out until the first lets go."""
    node = tmp_path / "hidraw0"
    node.touch()
    first = lock_node(bytes(node))
    assert first is not None
    with pytest.raises(NodeLocked):
        lock_node(bytes(node))
    os.close(first)
    second = lock_node(bytes(node))
    assert second is not None
    os.close(second)


def test_the_installed_hidapi_lists_devices() -> None:
    """The wrapper fits the real library: listing works, and opening nonsense is an OSError."""
    backend = HidapiBackend()
    assert all(isinstance(listed, HidEntry) for listed in backend.entries())
    with pytest.raises(OSError, match="open failed"):
        backend.open(b"/none/hidraw99")


def test_the_usb_place_is_read_from_the_system_path() -> None:
    """The USB port keeps a gun without serial number apart from its twin."""
    path = b"/sys/devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1.2/1-1.2:1.0/0003:0C2E:0B61.0001/hidraw/hidraw0"
    assert usb_place(path) == "1-1.2"
    assert usb_place(b"/sys/devices/virtual/misc/uhid/0003:0C2E:0B61.0001/hidraw/hidraw0") is None
