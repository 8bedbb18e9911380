"""Scanner URIs: what an owner types to say which scanner to use and how it speaks.

``serial:/dev/ttyACM0?baud=9600``, ``serial:COM3``, ``serial:?vid=1eab&pid=0d10``, ``hid:``, ``hid:0c2e:0b61``,
``evdev:/dev/input/by-id/...``, ``keyboard:``, ``camera:0``, ``camera:/path``. Rules: pure; a bad URI is a value that
says what is wrong and what to write instead; unknown options are refused. Must not know any device or library.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar
from urllib.parse import parse_qsl, unquote

from msgspec import Struct


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


class ScannerProtocol(StrEnum):
    """How the scanner frames codes and takes commands. AUTO: plain lines, commands by the maker's USB id."""

    AUTO = "auto"
    LINE = "line"
    HONEYWELL = "honeywell"
    NEWLAND = "newland"
    MODULE_7E = "7e"
    SSI = "ssi"


class ScannerUri(Struct, frozen=True, kw_only=True):
    """A scanner URI taken apart. ``path`` is a device path, port name, camera number or file."""

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
    proto: ScannerProtocol = ScannerProtocol.AUTO
    idle_ms: int | None = None


class BadScannerUri(Struct, frozen=True, kw_only=True):
    """A URI that cannot be used: what is wrong with it, and what to write."""

    text: str
    problem: str
    suggestion: str


_SERIAL_OPTIONS = frozenset(
    ("vid", "pid", "serial", "location", "baud", "terminator", "prefix", "proto", "idle_ms"),
)
_OPTIONS = {
    ScannerKind.SERIAL: _SERIAL_OPTIONS,
    ScannerKind.HID: frozenset(("serial", "location", "prefix", "idle_ms")),
    ScannerKind.EVDEV: frozenset(("vid", "pid", "serial", "location", "terminator", "prefix", "idle_ms")),
    ScannerKind.KEYBOARD: frozenset(("terminator", "prefix", "idle_ms")),
    ScannerKind.CAMERA: frozenset[str](),
}
_EXAMPLES = {
    ScannerKind.SERIAL: "serial:/dev/ttyACM0?baud=9600, serial:COM3 or serial:?vid=1eab&pid=0d10",
    ScannerKind.HID: "hid: or hid:0c2e:0b61",
    ScannerKind.EVDEV: "evdev:/dev/input/by-id/usb-...-event-kbd",
    ScannerKind.KEYBOARD: "keyboard:",
    ScannerKind.CAMERA: "camera:0 or camera:/path/to/video-or-image",
}
_HEX_ID = re.compile(r"(?:0x)?[0-9a-fA-F]{1,4}")
_NUMBER = re.compile(r"[0-9]{1,8}")
_COM_PORT = re.compile(r"com[0-9]{1,3}", re.IGNORECASE)
_BAUD_RANGE = (300, 4_000_000)
_IDLE_RANGE_MS = (10, 5_000)
_MAX_PREFIX = 16


_Choice = TypeVar("_Choice", bound=StrEnum)


class _BadPartError(ValueError):
    """One part of a URI is wrong; the text says which and how."""


def parse_scanner_uri(text: str) -> ScannerUri | BadScannerUri:
    """Take a scanner URI apart, or say what is wrong with it and what to write."""
    text = text.strip()
    scheme, colon, rest = text.partition(":")
    kind = next((kind for kind in ScannerKind if kind == scheme.lower()), None)
    if kind is None or not colon:
        if "\uff1a" in text:
            return BadScannerUri(
                text=text, problem="it has a full-width colon", suggestion=text.replace("\uff1a", ":").strip()
            )
        known = ", ".join(f"{kind}:" for kind in ScannerKind)
        return BadScannerUri(
            text=text, problem=f"it does not start with one of {known}", suggestion=_EXAMPLES[ScannerKind.SERIAL]
        )
    try:
        return _parse_rest(text, kind, rest)
    except _BadPartError as error:
        return BadScannerUri(text=text, problem=str(error), suggestion=_EXAMPLES[kind])


def _parse_rest(text: str, kind: ScannerKind, rest: str) -> ScannerUri:
    place, _, query = rest.partition("?")
    options = _options(kind, query)
    path = unquote(place) or None
    vid, pid = _hex_id("vid", options.get("vid")), _hex_id("pid", options.get("pid"))
    match kind:
        case ScannerKind.HID:
            vid, pid = _hid_ids(path)
            path = None
        case ScannerKind.KEYBOARD:
            if path is not None:
                raise _BadPartError("keyboard: takes no device; every keyboard is read")
        case ScannerKind.CAMERA:
            path = path or "0"
        case ScannerKind.SERIAL | ScannerKind.EVDEV:
            path = path.upper() if path is not None and _COM_PORT.fullmatch(path) else path
            _check_named(path, options.keys())
    return ScannerUri(
        text=text,
        kind=kind,
        path=path,
        vid=vid,
        pid=pid,
        serial_number=options.get("serial"),
        location=options.get("location"),
        baud=_number("baud", options.get("baud", "9600"), _BAUD_RANGE),
        terminator=_one_of("terminator", options.get("terminator", "auto"), Terminator),
        prefix=_prefix(options.get("prefix", "")),
        proto=_one_of("proto", options.get("proto", "auto"), ScannerProtocol),
        idle_ms=_number("idle_ms", options["idle_ms"], _IDLE_RANGE_MS) if "idle_ms" in options else None,
    )


def _options(kind: ScannerKind, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    try:
        pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=20)
    except ValueError as error:
        raise _BadPartError("options are written ?name=value&name=value") from error
    for name, value in pairs:
        if name not in _OPTIONS[kind]:
            allowed = ", ".join(sorted(_OPTIONS[kind])) or "none"
            raise _BadPartError(f"{kind}: has no option {name!r} (it has: {allowed})")
        if name in options:
            raise _BadPartError(f"option {name!r} is given twice")
        if not value:
            raise _BadPartError(f"option {name!r} has no value")
        options[name] = value
    return options


def _check_named(path: str | None, options: Iterable[str]) -> None:
    rules = sorted({"vid", "pid", "serial", "location"}.intersection(options))
    if path is None and not rules:
        raise _BadPartError("it names no device: give a path, or vid and pid")
    if path is not None and rules:
        raise _BadPartError(f"a path and {', '.join(rules)} exclude each other")


def _hid_ids(place: str | None) -> tuple[int | None, int | None]:
    if place is None:
        return None, None
    vid, colon, pid = place.partition(":")
    if not colon:
        raise _BadPartError("the product id is missing")
    return _hex_id("vid", vid), _hex_id("pid", pid)


def _hex_id(name: str, value: str | None) -> int | None:
    if value is None:
        return None
    if not _HEX_ID.fullmatch(value):
        raise _BadPartError(f"{name} {value!r} is not a USB id of four hexadecimal digits")
    return int(value, 16)


def _number(name: str, value: str, bounds: tuple[int, int]) -> int:
    if not (_NUMBER.fullmatch(value) and bounds[0] <= int(value) <= bounds[1]):
        raise _BadPartError(f"{name} {value!r} is not a number from {bounds[0]} to {bounds[1]}")
    return int(value)


def _prefix(value: str) -> str:
    if len(value) > _MAX_PREFIX or not value.isprintable():
        raise _BadPartError(f"prefix is longer than {_MAX_PREFIX} characters or not printable")
    return value


def _one_of(name: str, value: str, choices: type[_Choice]) -> _Choice:
    try:
        return choices(value.lower())
    except ValueError as error:
        allowed = ", ".join(choices)
        raise _BadPartError(f"{name} {value!r} is not one of {allowed}") from error
