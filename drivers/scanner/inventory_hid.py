"""The HID devices of this computer: which are scanners, and whether they can be opened.

Rules: a scanner is opened for a moment, so that a program that holds it shows; nothing is read or sent. A device of a
scanner maker without a scanner collection is a gun in another mode, and the hint says how to change that.
"""

from __future__ import annotations

from collections.abc import Callable

from drivers.scanner.brands import DeviceGuess, brand_of
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.hid_pos import describe, is_scanner, uri_of
from drivers.scanner.hidapi_backend import HidapiBackend, HidBackend, HidEntry, NodeLocked
from drivers.scanner.seen import DeviceRole, DeviceSeen
from drivers.scanner.uri import ScannerKind


def list_hid_devices(load: Callable[[], HidBackend] = HidapiBackend) -> tuple[DeviceSeen, ...]:
    """List every HID device once, scanners first; nothing where hidapi is not installed."""
    try:
        backend = load()
    except ImportError:
        return ()
    by_path: dict[bytes, HidEntry] = {}
    for entry in backend.entries():
        if entry.path not in by_path or is_scanner(entry):
            by_path[entry.path] = entry
    entries = sorted(by_path.values(), key=lambda entry: (not is_scanner(entry), entry.path))
    return tuple(_look_at(entry, backend) for entry in entries)


def _look_at(entry: HidEntry, backend: HidBackend) -> DeviceSeen:
    if is_scanner(entry):
        role, (reason, hint) = DeviceRole.SCANNER, _hindrance(entry, backend)
    elif brand_of(entry.vid).guess is DeviceGuess.SCANNER:
        role, reason, hint = DeviceRole.POSSIBLE, StatusReason.NOT_A_SCANNER, HintKey.SET_TO_HID_POS
    else:
        role, reason, hint = DeviceRole.OTHER, StatusReason.NOT_A_SCANNER, None
    return DeviceSeen(
        kind=ScannerKind.HID, role=role, uri=uri_of(entry), title=describe(entry), reason=reason, hint=hint
    )


def _hindrance(entry: HidEntry, backend: HidBackend) -> tuple[StatusReason | None, HintKey | None]:
    if not backend.may_open(entry.path):
        return StatusReason.PERMISSION, HintKey.INSTALL_UDEV_RULE
    try:
        backend.open(entry.path).close()
    except NodeLocked:
        return StatusReason.BUSY, HintKey.CLOSE_OTHER_PROGRAM
    except OSError:
        return StatusReason.OPEN_FAILED, HintKey.CHECK_CABLE
    return None, None
