"""Every device of this computer that can read a code, of all kinds, for set-up and `guitai doctor`.

Rules: each kind is looked at by its own module; the answer is one list of one kind of value, scanners first. Must not
know what is done with it.
"""

from __future__ import annotations

from drivers.camera.inventory import list_cameras
from drivers.scanner.brands import DeviceGuess
from drivers.scanner.inventory import SerialDeviceSeen, list_serial_devices
from drivers.scanner.inventory_evdev import list_keyboards
from drivers.scanner.inventory_hid import list_hid_devices
from drivers.scanner.seen import DeviceRole, DeviceSeen
from drivers.scanner.uri import ScannerKind

_ROLES = {
    DeviceGuess.SCANNER: DeviceRole.SCANNER,
    DeviceGuess.ADAPTER: DeviceRole.POSSIBLE,
    DeviceGuess.UNKNOWN: DeviceRole.OTHER,
}


def list_devices() -> tuple[DeviceSeen, ...]:
    """List every serial port, HID device, keyboard and camera, scanners first."""
    serial = tuple(serial_as_seen(device) for device in list_serial_devices())
    order = list(DeviceRole)
    every = (*serial, *list_hid_devices(), *list_keyboards(), *list_cameras())
    return tuple(sorted(every, key=lambda device: order.index(device.role)))


def serial_as_seen(device: SerialDeviceSeen) -> DeviceSeen:
    """Say of a serial port what is said of every device."""
    name = " ".join(part for part in (device.brand, device.description) if part)
    return DeviceSeen(
        kind=ScannerKind.SERIAL,
        role=_ROLES[device.guess],
        uri=device.uri,
        title=f"{name} ({device.path})" if name and name != device.path else device.path,
        reason=device.reason,
        hint=device.hint,
    )
