"""Scanner URIs: what an owner types to say which scanner to use and how it speaks.

``serial:/dev/ttyACM0?baud=9600``, ``serial:COM3``, ``serial:?vid=1eab&pid=0d10``, ``hid:``, ``hid:0c2e:0b61``,
``evdev:/dev/input/by-id/...``, ``keyboard:``, ``camera:0``, ``camera:/path``. Rules: pure; a bad URI is a value that
says what is wrong and what to write instead; unknown options are refused. Must not know any device or library.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ScannerKind(StrEnum):
    """The part before the first colon."""

    SERIAL = "serial"
    HID = "hid"
    EVDEV = "evdev"
    KEYBOARD = "keyboard"
    CAMERA = "camera"


class Terminator(StrEnum):
    """What ends a code. AUTO takes any of them, or silence; NONE takes silence."""

    AUTO = "auto"
    CR = "cr"
    LF = "lf"
    CRLF = "crlf"
    TAB = "tab"
    ETX = "etx"
    NUL = "nul"
    NONE = "none"


class Protocol(StrEnum):
    """How the scanner frames codes and takes commands. AUTO: plain lines, commands by the maker's USB id."""

    AUTO = "auto"
    LINE = "line"
    HONEYWELL = "honeywell"
    NEWLAND = "newland"
    MODULE_7E = "7e"
    SSI = "ssi"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScannerUri:
    """A scanner URI taken apart. ``path`` is a device path, port name, camera number or file; ids are lower-case hex."""

    text: str
    kind: ScannerKind
    path: str | None = None
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None
    baud: int = 9600
    terminator: Terminator = Terminator.AUTO
    prefix: str = ""
    proto: Protocol = Protocol.AUTO
    idle_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BadScannerUri:
    """A URI that cannot be used: what is wrong with it, and what to write."""

    text: str
    problem: str
    suggestion: str
