"""The serial devices of this computer, for ``guitai doctor`` and set-up: what each is, whether it can be used.

Rules: only USB devices are tried (opening a built-in port proves nothing), each is let go at once, what hinders it is
a reason and the key of a hint. It must not know what the answer is used for.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from drivers.scanner.brands import DeviceGuess, brand_of
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.ports import OpenRefused, Transport
from drivers.scanner.serial_port import SerialPortFound, list_serial_ports, open_serial_port

UDEV_RULE_NAME = "70-guitai-scanner.rules"
_TRIAL_BAUD = 9600


class SerialDeviceSeen(Struct, frozen=True, kw_only=True):
    """One serial port. ``tried`` says whether it was opened; ``reason`` and ``hint`` are set if that failed.

    ``uri`` is what to write to use it: by USB ids where it has them, because names change.
    """

    path: str
    description: str
    brand: str
    guess: DeviceGuess
    uri: str
    tried: bool
    reason: StatusReason | None = None
    hint: HintKey | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None

    @property
    def usable(self) -> bool:
        """Whether it was opened without complaint."""
        return self.tried and self.reason is None


def list_serial_devices(
    *,
    list_ports: Callable[[], tuple[SerialPortFound, ...]] = list_serial_ports,
    open_port: Callable[[str, int], Transport | OpenRefused] = open_serial_port,
) -> tuple[SerialDeviceSeen, ...]:
    """List every serial port the system knows, likely scanners first."""
    seen = [_look_at(port, open_port) for port in list_ports()]
    order = list(DeviceGuess)
    return tuple(sorted(seen, key=lambda device: (order.index(device.guess), device.path)))


def udev_rule_text() -> str:
    """Give the udev rule that lets a cashier's account use scanners on Linux."""
    return (Path(__file__).parent / "udev" / UDEV_RULE_NAME).read_text(encoding="utf-8")


def _look_at(port: SerialPortFound, open_port: Callable[[str, int], Transport | OpenRefused]) -> SerialDeviceSeen:
    brand = brand_of(port.vid)
    refused: OpenRefused | None = None
    if port.vid is not None:
        result = open_port(port.path, _TRIAL_BAUD)
        if isinstance(result, OpenRefused):
            refused = result
        else:
            result.close()
    return SerialDeviceSeen(
        path=port.path,
        description=port.description,
        brand=brand.name,
        guess=brand.guess,
        uri=_uri_of(port),
        tried=port.vid is not None,
        reason=None if refused is None else refused.reason,
        hint=None if refused is None else refused.hint,
        vid=port.vid,
        pid=port.pid,
        serial_number=port.serial_number,
        location=port.location,
    )


def _uri_of(port: SerialPortFound) -> str:
    if port.vid is None or port.pid is None:
        return f"serial:{quote(port.path)}"
    uri = f"serial:?vid={port.vid:04x}&pid={port.pid:04x}"
    return f"{uri}&serial={quote(port.serial_number, safe='')}" if port.serial_number else uri
