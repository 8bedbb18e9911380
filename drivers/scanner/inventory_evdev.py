"""The keyboards of this computer (Linux), any of which may be a gun that types.

Rules: nothing is opened or grabbed, because one of them is the cashier's keyboard and must not lose a key; whether it
may be opened is asked of the file system. Devices that cannot type digits and Enter are not listed.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from urllib.parse import quote

from drivers.scanner.brands import DeviceGuess, brand_of
from drivers.scanner.evdev_grab import ListDevices, can_be_gun, describe
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.input_devices import InputDevice, list_input_devices
from drivers.scanner.seen import DeviceRole, DeviceSeen
from drivers.scanner.uri import ScannerKind


def may_read(path: str) -> bool:
    """Whether this user may read a device node."""
    return os.access(path, os.R_OK)


def list_keyboards(
    list_devices: ListDevices = list_input_devices, readable: Callable[[str], bool] = may_read
) -> tuple[DeviceSeen, ...]:
    """List every keyboard, those of scanner makers first."""
    seen = [_look_at(device, readable) for device in list_devices() if can_be_gun(device)]
    return tuple(sorted(seen, key=lambda device: device.role is not DeviceRole.SCANNER))


def _look_at(device: InputDevice, readable: Callable[[str], bool]) -> DeviceSeen:
    is_brand = brand_of(device.vid).guess is DeviceGuess.SCANNER
    allowed = readable(device.path)
    return DeviceSeen(
        kind=ScannerKind.EVDEV,
        role=DeviceRole.SCANNER if is_brand else DeviceRole.POSSIBLE,
        uri=f"evdev:{quote(device.stable_path or device.path)}",
        title=describe(device),
        reason=None if allowed else StatusReason.PERMISSION,
        hint=None if allowed else HintKey.INSTALL_UDEV_RULE,
    )
