"""What a scanner tells the rest of the program: a scan, noise, or a change of its own state.

Rules: the text of a scan never shows in a ``repr`` (it may be a payment code), noise never carries its bytes, and every
time is monotonic milliseconds. This module must not know what a text means, nor how any device works.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct


class NoiseReason(StrEnum):
    """Why bytes could not be a scan."""

    TOO_LONG = "too_long"
    BAD_CHECKSUM = "bad_checksum"
    BAD_ENCODING = "bad_encoding"
    CONTROL_BYTES = "control_bytes"
    FRAGMENT = "fragment"
    EMPTY = "empty"
    BAD_PACKET = "bad_packet"
    NOT_KEYS = "not_keys"
    UNSURE = "unsure"


class DeviceState(StrEnum):
    """Where a device stands: looked for, being opened, usable, just gone, or refusing."""

    MISSING = "missing"
    OPENING = "opening"
    READY = "ready"
    LOST = "lost"
    ERROR = "error"


class StatusReason(StrEnum):
    """Why a device is not ready."""

    NOT_FOUND = "not_found"
    SEVERAL_MATCH = "several_match"
    PERMISSION = "permission"
    BUSY = "busy"
    NOT_A_SCANNER = "not_a_scanner"
    UNPLUGGED = "unplugged"
    LIBRARY_MISSING = "library_missing"
    OPEN_FAILED = "open_failed"
    END_OF_INPUT = "end_of_input"
    INTERNAL = "internal"


class HintKey(StrEnum):
    """What to do about it; the key of a sentence that the screens and ``guitai doctor`` translate."""

    PLUG_IN = "scanner.hint.plug_in"
    NAME_ONE = "scanner.hint.name_one"
    JOIN_DIALOUT = "scanner.hint.join_dialout"
    JOIN_VIDEO = "scanner.hint.join_video"
    SET_TO_HID_POS = "scanner.hint.set_to_hid_pos"
    INSTALL_UDEV_RULE = "scanner.hint.install_udev_rule"
    CLOSE_OTHER_PROGRAM = "scanner.hint.close_other_program"
    CHECK_CABLE = "scanner.hint.check_cable"
    CHECK_URI = "scanner.hint.check_uri"
    INSTALL_LIBRARY = "scanner.hint.install_library"
    REPORT = "scanner.hint.report"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scan:
    """One code as read: the text exactly as decoded, without framing, prefix and AIM identifier.

    ``aim_id`` is the three characters of ISO/IEC 15424 (``]C0``) where the gun sent them; ``symbology`` is a lower-case
    name (``code128``, ``qr``) where it is known.
    """

    text: str = field(repr=False)
    at_ms: int
    device: str
    aim_id: str | None = None
    symbology: str | None = None


class Noise(Struct, frozen=True, kw_only=True):
    """Bytes that could not be a scan: why, and how many."""

    reason: NoiseReason
    length: int
    at_ms: int
    device: str


class DeviceStatus(Struct, frozen=True, kw_only=True):
    """The state of one configured device. ``device`` is the scanner URI; ``description`` names what was opened."""

    state: DeviceState
    device: str
    description: str = ""
    reason: StatusReason | None = None
    hint: HintKey | None = None


DeviceEvent = Scan | Noise | DeviceStatus
