"""A grabbed keyboard gun through the real supervisor; its bytes come through a pipe, its description through sysfs."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers.scanner.evdev_grab import EvdevOpener, can_be_gun, make_parser
from drivers.scanner.events import DeviceEvent, DeviceState, DeviceStatus, HintKey, Scan, StatusReason
from drivers.scanner.input_devices import InputDevice, InputTransport, grab, list_input_devices
from drivers.scanner.parsers.evdev_keys import KEYS_OF_A_GUN, NATIVE_EVENT
from drivers.scanner.ports import Disconnected, Opened, OpenRefused, Transport
from drivers.scanner.start import monotonic_ms
from drivers.scanner.supervisor import Supervisor
from drivers.scanner.uri import ScannerUri, parse_scanner_uri

CODE = "134567890123456789"


def typed(text: str) -> bytes:
    keys = [11 if char == "0" else int(char) + 1 for char in text] + [28]
    pairs = [(key, value) for key in keys for value in (1, 0)]
    return b"".join(NATIVE_EVENT.pack(0, 0, 1, key, value) + NATIVE_EVENT.pack(0, 0, 0, 0, 0) for key, value in pairs)


def uri(text: str) -> ScannerUri:
    parsed = parse_scanner_uri(text)
    assert isinstance(parsed, ScannerUri)
    return parsed


def device(
    path: str = "/none/event3",
    *,
    pid: int = 0x1010,
    serial: str | None = None,
    keys: frozenset[int] = KEYS_OF_A_GUN,
) -> InputDevice:
    return InputDevice(path=path, name="Gun", vid=0x05FE, pid=pid, serial_number=serial, location="1-1", keys=keys)


class Keyboards:
    """The kernel's side: what is listed, and a pipe for each grab."""

    def __init__(self, *listed: InputDevice) -> None:
        self.listed = listed
        self.grabbed: list[str] = []
        self.typing: list[int] = []
        self.refusal: OpenRefused | None = None

    def devices(self) -> tuple[InputDevice, ...]:
        return self.listed

    def grab(self, path: str) -> Transport | OpenRefused:
        if self.refusal is not None:
            return self.refusal
        reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.grabbed.append(path)
        self.typing.append(writing)
        return InputTransport(reading)

    def opener(self, text: str) -> EvdevOpener:
        return EvdevOpener(uri(text), list_devices=self.devices, grab_device=self.grab)

    def pull(self) -> None:
        os.close(self.typing.pop())


@pytest.fixture
def keyboards() -> Iterator[Keyboards]:
    kernel = Keyboards(device())
    yield kernel
    while kernel.typing:
        kernel.pull()


def opened(result: Opened | OpenRefused) -> None:
    assert isinstance(result, Opened)
    result.transport.close()


def reason(result: Opened | OpenRefused) -> StatusReason:
    assert isinstance(result, OpenRefused)
    return result.reason


def test_a_grabbed_gun_is_read_lost_and_found_again(keyboards: Keyboards) -> None:
    """Keys become scans; a pulled cable is LOST; the same gun under another number is READY again."""
    events: list[DeviceEvent] = []
    changed = threading.Condition()

    def receive(event: DeviceEvent) -> None:
        with changed:
            events.append(event)
            changed.notify_all()

    def wait_for(scans: int, ready: int) -> None:
        def there() -> bool:
            states = [event.state for event in events if isinstance(event, DeviceStatus)]
            return sum(isinstance(e, Scan) for e in events) >= scans and states.count(DeviceState.READY) >= ready

        with changed:
            assert changed.wait_for(there, 5), events

    text = "evdev:?vid=05fe&pid=1010"
    supervisor = Supervisor(
        device=text,
        opener=keyboards.opener(text),
        parser=make_parser(uri(text)),
        on_event=receive,
        clock=monotonic_ms,
    )
    supervisor.start()
    try:
        wait_for(0, 1)
        os.write(keyboards.typing[-1], typed(CODE))
        wait_for(1, 1)
        keyboards.listed = (device("/none/event9"),)
        keyboards.pull()
        wait_for(1, 2)
        os.write(keyboards.typing[-1], typed(CODE))
        wait_for(2, 2)
    finally:
        supervisor.stop()
    assert [event.text for event in events if isinstance(event, Scan)] == [CODE, CODE]
    assert keyboards.grabbed == ["/none/event3", "/none/event9"]


def test_the_event_device_with_digits_is_taken(keyboards: Keyboards) -> None:
    """A gun has several event devices; the one that can type is meant."""
    keyboards.listed = (device("/none/event1", keys=frozenset({113, 114})), device("/none/event2"))
    opened(keyboards.opener("evdev:?vid=05fe&pid=1010").open())
    assert keyboards.grabbed == ["/none/event2"]
    assert [can_be_gun(one) for one in keyboards.listed] == [False, True]


def test_a_number_that_went_to_another_device_is_not_grabbed(keyboards: Keyboards) -> None:
    """After a replug event3 may be the cashier's keyboard: the gun is followed to its new number."""
    opener = keyboards.opener("evdev:/none/event3")
    opened(opener.open())
    keyboards.listed = (device("/none/event3", pid=0x9999), device("/none/event4"))
    opened(opener.open())
    keyboards.listed = (device("/none/event3", pid=0x9999),)
    assert reason(opener.open()) is StatusReason.NOT_FOUND
    assert keyboards.grabbed == ["/none/event3", "/none/event4"]


def test_what_cannot_be_opened_says_why(keyboards: Keyboards) -> None:
    """Not there, no keyboard, several, and what the kernel refuses."""
    assert reason(keyboards.opener("evdev:/none/event77").open()) is StatusReason.NOT_FOUND
    assert reason(keyboards.opener("evdev:?vid=1111&pid=2222").open()) is StatusReason.NOT_FOUND
    keyboards.listed = (device(), device("/none/event4", serial="B"))
    assert reason(keyboards.opener("evdev:?vid=05fe").open()) is StatusReason.SEVERAL_MATCH
    opened(keyboards.opener("evdev:?vid=05fe&serial=B").open())
    keyboards.listed = (device(keys=frozenset({272})),)
    assert reason(keyboards.opener("evdev:/none/event3").open()) is StatusReason.NOT_A_SCANNER
    keyboards.listed = (device(),)
    keyboards.refusal = OpenRefused(reason=StatusReason.BUSY, hint=HintKey.CLOSE_OTHER_PROGRAM)
    assert reason(keyboards.opener("evdev:/none/event3").open()) is StatusReason.BUSY


def test_grabbing_what_is_no_input_device_is_refused(tmp_path: Path) -> None:
    """The kernel's own answers become reasons."""
    file = tmp_path / "file"
    file.touch()
    refused = [grab(str(file)), grab(str(tmp_path / "none"))]
    assert [one.reason for one in refused if isinstance(one, OpenRefused)] == [
        StatusReason.NOT_A_SCANNER,
        StatusReason.NOT_FOUND,
    ]


def test_the_transport_gives_events_wakes_and_ends() -> None:
    """Reads wait, wake early, are flushed, and end as `Disconnected`; close may come twice."""
    reading, writing = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    transport = InputTransport(reading)
    assert transport.read(1) == b""
    transport.wake()
    started_ms = monotonic_ms()
    assert transport.read(20_000) == b""
    assert monotonic_ms() - started_ms < 10_000
    os.write(writing, typed("12"))
    assert transport.read(1_000) == typed("12")
    os.write(writing, typed("99"))
    transport.flush_input()
    assert transport.read(1) == b""
    os.close(writing)
    with pytest.raises(Disconnected):
        transport.read(1)
    transport.close()
    transport.close()
    transport.wake()
    with pytest.raises(Disconnected):
        transport.read(1)


def test_devices_are_described_from_sysfs(tmp_path: Path) -> None:
    """Name, ids, keys and the stable path are known without opening anything."""
    sysfs, dev = tmp_path / "class", tmp_path / "dev"
    (dev / "by-id").mkdir(parents=True)
    (dev / "by-id" / "usb-Gun-event-kbd").symlink_to("../event11")
    for number, keys in ((2, "0"), (11, "402000000 3803078f800d001 feffffdfffefffff fffffffffffffffe")):
        place = tmp_path / f"devices/usb1/1-1/1-1.4/1-1.4:1.0/0003:05FE:1010.0001/input/input{number}"
        (place / "id").mkdir(parents=True)
        (place / "capabilities").mkdir()
        for name, text in (("name", "Gun\n"), ("id/vendor", "05fe\n"), ("id/product", "1010\n"), ("uniq", "\n")):
            (place / name).write_text(text)
        (place / "capabilities" / "key").write_text(keys + "\n")
        (sysfs / f"event{number}").mkdir(parents=True)
        (sysfs / f"event{number}" / "device").symlink_to(place)
    mouse, gun = list_input_devices(sysfs, dev)
    assert (mouse.path, can_be_gun(mouse), mouse.stable_path) == (str(dev / "event2"), False, None)
    assert (gun.name, gun.vid, gun.pid, gun.serial_number, gun.location) == ("Gun", 0x05FE, 0x1010, None, "1-1.4")
    assert can_be_gun(gun)
    assert gun.stable_path == str(dev / "by-id" / "usb-Gun-event-kbd")
    assert list_input_devices(tmp_path / "none", dev) == ()
