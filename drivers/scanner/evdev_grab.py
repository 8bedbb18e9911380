"""A gun in keyboard mode, taken from the desktop by an exclusive grab (Linux): finding the device that a URI means.

Rules: a device is looked for afresh every time, by path (the by-id names survive replugging) or by USB ids; numbered
paths may belong to another device after a replug, so the identity that was in use wins over the number. Of a gun's
several event devices the one with digits and Enter is taken. Must not know threads, ioctls or what keys mean.
"""

from __future__ import annotations

import os
from collections.abc import Callable

from msgspec import Struct

from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.input_devices import InputDevice, grab, list_input_devices
from drivers.scanner.parsers.evdev_keys import KEYS_OF_A_GUN, EvdevKeysParser
from drivers.scanner.parsers.line import Framing
from drivers.scanner.ports import Opened, Opener, OpenRefused, Parser, Transport
from drivers.scanner.uri import ScannerUri

ListDevices = Callable[[], tuple[InputDevice, ...]]
Grab = Callable[[str], Transport | OpenRefused]


def can_be_gun(device: InputDevice) -> bool:
    """Whether a device can type digits and Enter."""
    return device.keys >= KEYS_OF_A_GUN


class _Identity(Struct, frozen=True, kw_only=True):
    vid: int
    pid: int
    name: str
    serial_number: str | None
    location: str | None

    @classmethod
    def of(cls, device: InputDevice) -> _Identity:
        return cls(
            vid=device.vid,
            pid=device.pid,
            name=device.name,
            serial_number=device.serial_number,
            location=None if device.serial_number else device.location,
        )


class EvdevOpener:
    """Finds and grabs the keyboard of one `evdev:` URI."""

    def __init__(
        self, uri: ScannerUri, *, list_devices: ListDevices = list_input_devices, grab_device: Grab = grab
    ) -> None:
        """`list_devices` and `grab_device` are the kernel's unless a test brings its own."""
        self._uri = uri
        self._list_devices = list_devices
        self._grab = grab_device
        self._used: _Identity | None = None

    def open(self) -> Opened | OpenRefused:
        """Look for the device now and grab it."""
        device = self._find()
        if isinstance(device, OpenRefused):
            return device
        transport = self._grab(device.path)
        if isinstance(transport, OpenRefused):
            return transport
        self._used = _Identity.of(device)
        return Opened(transport=transport, description=describe(device))

    def _find(self) -> InputDevice | OpenRefused:
        devices, uri = self._list_devices(), self._uri
        if uri.path is None:
            return self._only([device for device in devices if self._is_meant(device)])
        real = os.path.realpath(uri.path)
        here = next((device for device in devices if device.path == real), None)
        if self._used is not None and (here is None or _Identity.of(here) != self._used):
            return self._only([device for device in devices if _Identity.of(device) == self._used])
        if here is None:
            return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN, detail=uri.path)
        return self._only([here])

    def _is_meant(self, device: InputDevice) -> bool:
        uri = self._uri
        return (
            uri.vid in (None, device.vid)
            and uri.pid in (None, device.pid)
            and uri.serial_number in (None, device.serial_number)
            and uri.location in (None, device.location)
        )

    def _only(self, devices: list[InputDevice]) -> InputDevice | OpenRefused:
        guns = [device for device in devices if can_be_gun(device)]
        if len(guns) > 1 and self._used is not None:
            guns = [device for device in guns if _Identity.of(device) == self._used] or guns
        match guns:
            case [device]:
                return device
            case [] if devices:
                detail = ", ".join(device.path for device in devices)
                return OpenRefused(reason=StatusReason.NOT_A_SCANNER, hint=HintKey.CHECK_URI, detail=detail)
            case []:
                return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN)
            case _:
                detail = ", ".join(device.path for device in guns)
                return OpenRefused(reason=StatusReason.SEVERAL_MATCH, hint=HintKey.NAME_ONE, detail=detail)


def describe(device: InputDevice) -> str:
    """Name a device for people."""
    return f"{device.name or 'keyboard'} ({device.vid:04x}:{device.pid:04x}, {device.path})"


def open_device(uri: ScannerUri) -> Opener:
    """Give the opener of an `evdev:` URI."""
    return EvdevOpener(uri)


def make_parser(uri: ScannerUri) -> Parser:
    """Give the parser of an `evdev:` URI."""
    framing = Framing(terminator=uri.terminator, prefix=uri.prefix, idle_ms=uri.idle_ms)
    return EvdevKeysParser(device=uri.text, framing=framing)
