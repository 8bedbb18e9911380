"""Devices in plain English for the command line: why one cannot be used, and what to do about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from drivers.scanner.events import DeviceStatus, HintKey, NoiseReason, StatusReason
from drivers.scanner.seen import DeviceRole
from drivers.scanner.uri import BadScannerUri
from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

WHY: Final[Mapping[StatusReason, str]] = {
    StatusReason.NOT_FOUND: "it is not plugged in",
    StatusReason.SEVERAL_MATCH: "several devices match",
    StatusReason.PERMISSION: "this account may not open it",
    StatusReason.BUSY: "another program uses it",
    StatusReason.NOT_A_SCANNER: "it does not say that it is a scanner",
    StatusReason.UNPLUGGED: "it was unplugged",
    StatusReason.LIBRARY_MISSING: "a library is missing",
    StatusReason.OPEN_FAILED: "it does not open",
    StatusReason.END_OF_INPUT: "its input has ended",
    StatusReason.INTERNAL: "its driver failed",
}
TODO: Final[Mapping[HintKey, str]] = {
    HintKey.PLUG_IN: "Plug it in; it is found by itself.",
    HintKey.NAME_ONE: "Name one: add its ids or serial number to the URI.",
    HintKey.JOIN_DIALOUT: "Add this account to the group dialout (sudo usermod -aG dialout $USER), then log in again.",
    HintKey.JOIN_VIDEO: "Add this account to the group video (sudo usermod -aG video $USER), then log in again.",
    HintKey.SET_TO_HID_POS: "Set the gun to HID POS or USB serial with the set-up barcode in its manual.",
    HintKey.INSTALL_UDEV_RULE: "Install the udev rule (`guitai doctor --udev-rule` prints it), then plug it in again.",
    HintKey.CLOSE_OTHER_PROGRAM: "If that is the cashier app, all is well; otherwise close the other program.",
    HintKey.CHECK_CABLE: "Check the cable and the port, then plug it in again.",
    HintKey.CHECK_URI: "Check the URI.",
    HintKey.INSTALL_LIBRARY: "Install Guitai with the extra for cameras.",
    HintKey.REPORT: "Please report this with the log.",
}
ROLE: Final[Mapping[DeviceRole, str]] = {
    DeviceRole.SCANNER: "scanner",
    DeviceRole.POSSIBLE: "perhaps a scanner",
    DeviceRole.CAMERA: "camera",
    DeviceRole.OTHER: "other device",
}
NOISE: Final[Mapping[NoiseReason, str]] = {
    NoiseReason.TOO_LONG: "Too much at once for one scan.",
    NoiseReason.BAD_CHECKSUM: "A damaged packet: the checksum is wrong.",
    NoiseReason.BAD_ENCODING: "Bytes that are no text; check the gun's character set.",
    NoiseReason.CONTROL_BYTES: "Control bytes inside a scan; check baud rate and protocol.",
    NoiseReason.FRAGMENT: "Part of a scan only.",
    NoiseReason.EMPTY: "An empty scan.",
    NoiseReason.BAD_PACKET: "A packet that is not of this protocol.",
    NoiseReason.NOT_KEYS: "Keys that are no code.",
    NoiseReason.UNSURE: "Two pictures did not agree.",
}


def uri_stop(bad: BadScannerUri) -> CommandStop:
    """A scanner URI that is none."""
    message = f"The scanner {bad.text!r} cannot be used: {bad.problem}."
    return CommandStop(Exit.USAGE, reason=Reason.USAGE, message=message, hint=f"Try {bad.suggestion}")


def device_stop(uri: str, status: DeviceStatus | None) -> CommandStop:
    """A device that did not open; `status` is its last word."""
    why = WHY[status.reason] if status is not None and status.reason is not None else "it was not found"
    todo = TODO[status.hint] if status is not None and status.hint is not None else TODO[HintKey.CHECK_CABLE]
    return CommandStop(
        Exit.DEVICE,
        reason=Reason.DEVICE_UNAVAILABLE,
        message=f"The scanner {uri} cannot be used: {why}.",
        hint=f"{todo} `guitai doctor` lists every device seen.",
    )
