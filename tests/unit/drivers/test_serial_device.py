"""Serial devices: a URI finds the port it means and no other, also under a new name; several are never a guess."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from msgspec.structs import replace

from drivers.scanner.brands import DeviceGuess
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.inventory import list_serial_devices, udev_rule_text
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from drivers.scanner.parsers.ssi import SsiParser
from drivers.scanner.ports import Command, Opened, OpenRefused, Transport
from drivers.scanner.serial_device import SerialOpener, make_parser
from drivers.scanner.serial_port import SerialPortFound, refusal_of
from drivers.scanner.uri import ScannerUri, parse_scanner_uri

GUN = SerialPortFound(
    path="/dev/ttyACM0",
    description="ttyACM0",
    vid=0x1EAB,
    pid=0x0D10,
    serial_number="A1",
    maker="Newland",
    product="FM430",
)
TWIN = SerialPortFound(path="/dev/ttyACM1", description="ttyACM1", vid=0x1EAB, pid=0x0D10, location="1-2")
CHIP = SerialPortFound(path="/dev/ttyUSB0", description="ttyUSB0", vid=0x1A86, pid=0x7523, location="1-1.4")
BUILT_IN = SerialPortFound(path="/dev/ttyS0", description="ttyS0")
BUSY = OpenRefused(reason=StatusReason.BUSY, hint=HintKey.CLOSE_OTHER_PROGRAM)


class SilentTransport:
    """An open port on which nothing happens; it counts how often it was closed."""

    def __init__(self) -> None:
        self.closed = 0

    def read(self, timeout_ms: int) -> bytes:
        del timeout_ms
        return b""

    def write(self, data: bytes) -> None:
        del data

    def flush_input(self) -> None: ...

    def wake(self) -> None: ...

    def close(self) -> None:
        self.closed += 1


class System:
    """Ports that are plugged in, and what was opened."""

    def __init__(self, *ports: SerialPortFound) -> None:
        self.ports = ports
        self.opened: list[tuple[str, int]] = []
        self.transports: list[SilentTransport] = []
        self.refusal: OpenRefused | None = None

    def list_ports(self) -> tuple[SerialPortFound, ...]:
        return self.ports

    def open_port(self, path: str, baud: int) -> Transport | OpenRefused:
        self.opened.append((path, baud))
        if self.refusal is not None:
            return self.refusal
        self.transports.append(SilentTransport())
        return self.transports[-1]


def opener(system: System, text: str) -> SerialOpener:
    return SerialOpener(uri(text), list_ports=system.list_ports, open_port=system.open_port)


def uri(text: str) -> ScannerUri:
    parsed = parse_scanner_uri(text)
    assert isinstance(parsed, ScannerUri)
    return parsed


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("serial:?vid=1eab&pid=0d10&serial=a1", "/dev/ttyACM0"),
        ("serial:?serial=A1", "/dev/ttyACM0"),
        ("serial:?location=1-2", "/dev/ttyACM1"),
        ("serial:?vid=1a86&baud=115200", "/dev/ttyUSB0"),
    ],
)
def test_a_rule_finds_its_port(text: str, path: str) -> None:
    system = System(GUN, TWIN, CHIP, BUILT_IN)
    assert isinstance(opener(system, text).open(), Opened)
    assert system.opened == [(path, uri(text).baud)]


def test_several_ports_that_match_are_an_error_that_names_them_and_none_is_opened() -> None:
    system = System(GUN, TWIN, CHIP)
    result = opener(system, "serial:?vid=1eab").open()
    assert isinstance(result, OpenRefused)
    assert (result.reason, result.hint) == (StatusReason.SEVERAL_MATCH, HintKey.NAME_ONE)
    assert "/dev/ttyACM0, /dev/ttyACM1" in result.detail
    assert system.opened == []


def test_no_port_is_missing_not_broken() -> None:
    for text in ("serial:?vid=1eab", "serial:/dev/does-not-exist"):
        result = opener(System(BUILT_IN), text).open()
        assert isinstance(result, OpenRefused)
        assert result.reason is StatusReason.NOT_FOUND


def test_a_refusal_of_the_system_is_passed_on() -> None:
    system = System(GUN)
    system.refusal = BUSY
    assert opener(system, "serial:?vid=1eab").open() == BUSY


@pytest.mark.parametrize("port", [GUN, TWIN], ids=["by serial number", "by location"])
def test_a_gun_opened_by_path_is_found_again_under_another_name(tmp_path: Path, port: SerialPortFound) -> None:
    device = tmp_path / "ttyACM0"
    device.touch()
    here = replace(port, path=str(device))
    system = System(here, CHIP)
    guns = opener(system, f"serial:{device}")
    assert isinstance(guns.open(), Opened)
    device.unlink()
    system.ports = (CHIP,)
    assert isinstance(guns.open(), OpenRefused)
    system.ports = (CHIP, replace(port, path="/dev/ttyACM7"))
    assert isinstance(guns.open(), Opened)
    assert system.opened[-1][0] == "/dev/ttyACM7"


def test_a_port_without_usb_ids_is_not_looked_for_under_another_name(tmp_path: Path) -> None:
    device = tmp_path / "pty"
    device.touch()
    system = System(GUN)
    guns = opener(system, f"serial:{device}")
    assert isinstance(guns.open(), Opened)
    device.unlink()
    assert isinstance(guns.open(), OpenRefused)


def test_a_path_pattern_finds_the_one_that_exists(tmp_path: Path) -> None:
    (tmp_path / "gun-gone").symlink_to(tmp_path / "nothing")
    (tmp_path / "gun-3").touch()
    system = System()
    assert isinstance(opener(system, f"serial:{tmp_path}/gun-*").open(), Opened)
    (tmp_path / "gun-4").touch()
    result = opener(system, f"serial:{tmp_path}/gun-*").open()
    assert isinstance(result, OpenRefused)
    assert result.reason is StatusReason.SEVERAL_MATCH


def test_the_maker_decides_the_commands_and_the_uri_the_parser() -> None:
    opened = opener(System(GUN), "serial:?vid=1eab").open()
    assert isinstance(opened, Opened)
    assert opened.description == "Newland FM430 (/dev/ttyACM0)"
    assert opened.encode(Command.TRIGGER) == b"~\x010000#SCNTRG1;\x03"
    assert opened.greeting == ()
    ssi_gun = opener(System(CHIP), "serial:?vid=1a86&proto=ssi").open()
    assert isinstance(ssi_gun, Opened)
    assert len(ssi_gun.greeting) == 2
    assert isinstance(make_parser(uri("serial:COM3?proto=ssi")), SsiParser)
    assert isinstance(make_parser(uri("serial:COM3")), SerialStreamParser)


def test_inventory_lists_every_port_tries_only_usb_and_lets_go() -> None:
    system = System(BUILT_IN, CHIP, GUN)
    seen = list_serial_devices(list_ports=system.list_ports, open_port=system.open_port)
    assert [(device.path, device.guess, device.usable) for device in seen] == [
        ("/dev/ttyACM0", DeviceGuess.SCANNER, True),
        ("/dev/ttyUSB0", DeviceGuess.ADAPTER, True),
        ("/dev/ttyS0", DeviceGuess.UNKNOWN, False),
    ]
    assert [path for path, _ in system.opened] == ["/dev/ttyUSB0", "/dev/ttyACM0"]
    assert [transport.closed for transport in system.transports] == [1, 1]
    assert [device.brand for device in seen] == ["Newland", "WCH", ""]


def test_inventory_says_what_hinders_and_how_to_name_the_device() -> None:
    system = System(GUN, CHIP, BUILT_IN)
    system.refusal = BUSY
    gun, chip, built_in = list_serial_devices(list_ports=system.list_ports, open_port=system.open_port)
    assert (gun.usable, gun.reason, gun.hint) == (False, StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM)
    assert built_in.reason is None
    assert gun.uri == "serial:?vid=1eab&pid=0d10&serial=A1"
    for device, port in ((gun, GUN), (chip, CHIP)):
        found = opener(System(port, BUILT_IN), device.uri)
        assert isinstance(found.open(), Opened)
    assert uri(built_in.uri).path == "/dev/ttyS0"


def test_the_udev_rule_covers_every_maker_that_is_known_as_a_scanner() -> None:
    text = udev_rule_text()
    for vid in ("0c2e", "23d0", "05e0", "05f9", "1eab", "05fe"):
        assert f'KERNEL=="hidraw*", ATTRS{{idVendor}}=="{vid}"' in text
        assert f'SUBSYSTEM=="tty", ATTRS{{idVendor}}=="{vid}", ENV{{ID_MM_DEVICE_IGNORE}}="1"' in text


@pytest.mark.parametrize(
    ("error", "reason", "hint"),
    [
        (OSError(errno.ENOENT, "gone"), StatusReason.NOT_FOUND, HintKey.PLUG_IN),
        (OSError(errno.ENXIO, "gone"), StatusReason.NOT_FOUND, HintKey.PLUG_IN),
        (OSError("could not open port 'COM3': FileNotFoundError(2, ...)"), StatusReason.NOT_FOUND, HintKey.PLUG_IN),
        (OSError(errno.EACCES, "denied"), StatusReason.PERMISSION, HintKey.JOIN_DIALOUT),
        (OSError(errno.EAGAIN, "locked"), StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM),
        (OSError(errno.EBUSY, "busy"), StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM),
        (
            OSError("could not open port 'COM3': PermissionError(13, ...)"),
            StatusReason.BUSY,
            HintKey.CLOSE_OTHER_PROGRAM,
        ),
        (OSError(errno.EIO, "broken"), StatusReason.OPEN_FAILED, HintKey.CHECK_URI),
        (ValueError("baud rate"), StatusReason.OPEN_FAILED, HintKey.CHECK_URI),
    ],
)
def test_what_the_system_says_becomes_a_reason_and_a_hint(
    error: OSError | ValueError, reason: StatusReason, hint: HintKey
) -> None:
    refused = refusal_of(error)
    assert (refused.reason, refused.hint) == (reason, hint)
    assert refused.detail == str(error)
