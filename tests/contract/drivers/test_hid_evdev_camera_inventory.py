"""What doctor lists: every device, what it is, and why it cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from drivers.camera.inventory import list_cameras, missing_library
from drivers.inventory import list_devices, serial_as_seen
from drivers.scanner.brands import DeviceGuess
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.hidapi_backend import HidBackend, HidEntry, HidHandle, NodeLocked
from drivers.scanner.input_devices import InputDevice
from drivers.scanner.inventory import SerialDeviceSeen
from drivers.scanner.inventory_evdev import list_keyboards
from drivers.scanner.inventory_hid import list_hid_devices
from drivers.scanner.parsers.evdev_keys import KEYS_OF_A_GUN
from drivers.scanner.seen import DeviceRole
from drivers.scanner.uri import ScannerUri, parse_scanner_uri


class Handle:
    """An open device that must not be read."""

    def __init__(self) -> None:
        self.closed = False

    def read(self, max_length: int, timeout_ms: int = 0, /) -> list[int]:
        raise AssertionError("an inventory reads nothing")

    def write(self, buff: bytes, /) -> int:
        raise AssertionError("an inventory sends nothing")

    def send_feature_report(self, buff: bytes, /) -> int:
        raise AssertionError("an inventory sends nothing")

    def close(self) -> None:
        self.closed = True


class Bus:
    """A hidapi with given devices; `answers` says what opening a path does."""

    def __init__(self, *listed: HidEntry) -> None:
        self.listed = listed
        self.answers: dict[bytes, OSError | None] = {}
        self.forbidden: set[bytes] = set()
        self.handles = list[Handle]()

    def entries(self) -> tuple[HidEntry, ...]:
        return self.listed

    def may_open(self, path: bytes) -> bool:
        return path not in self.forbidden

    def open(self, path: bytes) -> HidHandle:
        answer = self.answers.get(path)
        if answer is not None:
            raise answer
        self.handles.append(Handle())
        return self.handles[-1]


def entry(path: str, usage: tuple[int, int] = (0x8C, 2), vid: int = 0x0C2E, serial: str | None = None) -> HidEntry:
    return HidEntry(
        path=path.encode(),
        vid=vid,
        pid=0x0B61,
        usage_page=usage[0],
        usage=usage[1],
        serial_number=serial,
        location="1-2",
        maker="Maker",
        product="Gun",
    )


def test_hid_devices_are_told_apart() -> None:
    """Scanners first and tried; a scanner maker's keyboard gets its hint; a mouse is a mouse; one line each."""
    bus = Bus(
        entry("a", (1, 2), vid=0x046D),
        entry("b", (1, 6)),
        entry("c", (1, 6)),
        entry("c", serial="A/7"),
    )
    scanner, mouse, keyboard = list_hid_devices(lambda: bus)
    assert (scanner.role, scanner.usable, scanner.uri) == (DeviceRole.SCANNER, True, "hid:0c2e:0b61?serial=A%2F7")
    assert scanner.title == "Maker Gun (0c2e:0b61)"
    assert (mouse.role, mouse.reason, mouse.hint) == (DeviceRole.OTHER, StatusReason.NOT_A_SCANNER, None)
    assert (keyboard.role, keyboard.hint) == (DeviceRole.POSSIBLE, HintKey.SET_TO_HID_POS)
    assert keyboard.uri == "hid:0c2e:0b61?location=1-2"
    assert [handle.closed for handle in bus.handles] == [True]


def test_why_a_hid_scanner_cannot_be_used() -> None:
    """No permission, held by another program and anything else each have a reason and a hint."""
    bus = Bus(entry("a"), entry("b"), entry("c"))
    bus.forbidden = {b"a"}
    bus.answers = {b"b": NodeLocked("taken"), b"c": OSError("open failed")}
    assert [(seen.reason, seen.hint) for seen in list_hid_devices(lambda: bus)] == [
        (StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE),
        (StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM),
        (StatusReason.OPEN_FAILED, HintKey.CHECK_CABLE),
    ]


def test_without_hidapi_no_hid_device_is_listed() -> None:
    """A missing library is no crash of doctor."""

    def missing() -> HidBackend:
        raise ImportError(name="hidraw")

    assert list_hid_devices(missing) == ()


def keyboard(path: str, vid: int, *, stable: str | None = None, keys: frozenset[int] = KEYS_OF_A_GUN) -> InputDevice:
    return InputDevice(
        path=path, name="Keys", vid=vid, pid=1, serial_number=None, location=None, keys=keys, stable_path=stable
    )


def test_keyboards_are_listed_with_their_lasting_names() -> None:
    """Scanner makers first; the by-id name is the one to write; power buttons are no keyboards; nothing is opened."""
    devices = (
        keyboard("/none/event0", 0x046D),
        keyboard("/none/event1", 0x05F9, stable="/dev/input/by-id/usb-Gun-event-kbd"),
        keyboard("/none/event2", 0, keys=frozenset({116})),
    )
    gun, plain = list_keyboards(lambda: devices, lambda path: path.endswith("1"))
    assert (gun.role, gun.usable, gun.uri) == (DeviceRole.SCANNER, True, "evdev:/dev/input/by-id/usb-Gun-event-kbd")
    assert (plain.role, plain.uri) == (DeviceRole.POSSIBLE, "evdev:/none/event0")
    assert (plain.reason, plain.hint) == (StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE)


def test_cameras_are_listed_without_switching_them_on(tmp_path: Path) -> None:
    """One line a camera: its metadata node is left out; a missing node or library is told."""
    sysfs, dev = tmp_path / "class", tmp_path / "dev"
    dev.mkdir()
    for number, index, name in ((0, 0, "Front"), (1, 1, "Front"), (10, 0, "Back")):
        (sysfs / f"video{number}").mkdir(parents=True)
        (sysfs / f"video{number}" / "index").write_text(f"{index}\n")
        (sysfs / f"video{number}" / "name").write_text(f"{name}\n")
    (dev / "video0").touch()
    front, back = list_cameras(sysfs, dev, lambda: None)
    assert (front.uri, front.title, front.usable) == ("camera:0", f"Front ({dev}/video0)", True)
    assert (back.uri, back.reason, back.hint) == ("camera:10", StatusReason.PERMISSION, HintKey.JOIN_VIDEO)
    (without, _) = list_cameras(sysfs, dev, lambda: "cv2")
    assert (without.reason, without.hint) == (StatusReason.LIBRARY_MISSING, HintKey.INSTALL_LIBRARY)
    assert missing_library() is None


@pytest.mark.parametrize(
    ("guess", "role"),
    [
        (DeviceGuess.SCANNER, DeviceRole.SCANNER),
        (DeviceGuess.ADAPTER, DeviceRole.POSSIBLE),
        (DeviceGuess.UNKNOWN, DeviceRole.OTHER),
    ],
)
def test_serial_ports_stand_in_the_same_list(guess: DeviceGuess, role: DeviceRole) -> None:
    """What the serial inventory found is said in the same words, its hindrance included."""
    port = SerialDeviceSeen(
        path="/dev/ttyACM0",
        description="Gun",
        brand="Maker",
        guess=guess,
        uri="serial:?vid=1eab&pid=0d10",
        tried=True,
        reason=StatusReason.BUSY,
        hint=HintKey.CLOSE_OTHER_PROGRAM,
    )
    seen = serial_as_seen(port)
    assert (seen.role, seen.uri, seen.title) == (role, port.uri, "Maker Gun (/dev/ttyACM0)")
    assert (seen.usable, seen.hint) == (False, HintKey.CLOSE_OTHER_PROGRAM)


def test_this_computer_can_be_listed() -> None:
    """Doctor's list works on real hardware, and every URI in it can be parsed."""
    assert all(isinstance(parse_scanner_uri(seen.uri), ScannerUri) for seen in list_devices())
