"""Serial scan guns: finding the port that a URI means, and the parser and commands that suit it.

Rules: a port is looked for afresh every time, by USB ids, serial number, USB location, path or path pattern; several
that match are an error, never a guess. A gun opened by path whose path is gone is also found under its new name by the
identity it had. It must not know threads.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Callable

from msgspec import Struct

from drivers.scanner.commands import encoder_of, family_of, greeting_of
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.parsers.line import Framing
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from drivers.scanner.parsers.ssi import SsiParser
from drivers.scanner.ports import Opened, Opener, OpenRefused, Parser, Transport
from drivers.scanner.serial_port import SerialPortFound, list_serial_ports, open_serial_port
from drivers.scanner.uri import ScannerProtocol, ScannerUri

ListPorts = Callable[[], tuple[SerialPortFound, ...]]
OpenPort = Callable[[str, int], Transport | OpenRefused]


class MatchRule(Struct, frozen=True, kw_only=True):
    """What a port must be. A part that is None does not matter."""

    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None

    def matches(self, port: SerialPortFound) -> bool:
        """Whether ``port`` is what is meant."""
        return (
            self.vid in (None, port.vid)
            and self.pid in (None, port.pid)
            and (self.serial_number is None or _same_text(self.serial_number, port.serial_number))
            and (self.location is None or _same_text(self.location, port.location))
        )


class SerialOpener:
    """Finds and opens the port of one URI."""

    def __init__(
        self,
        uri: ScannerUri,
        *,
        list_ports: ListPorts = list_serial_ports,
        open_port: OpenPort = open_serial_port,
    ) -> None:
        """``list_ports`` and ``open_port`` are the system's unless a test brings its own."""
        self._uri = uri
        self._list_ports = list_ports
        self._open_port = open_port
        self._identity: MatchRule | None = None

    def open(self) -> Opened | OpenRefused:
        """Look for the port now and open it."""
        found = self._find()
        if isinstance(found, OpenRefused):
            return found
        transport = self._open_port(found.path, self._uri.baud)
        if isinstance(transport, OpenRefused):
            return transport
        self._identity = _identity_of(found)
        family = family_of(self._uri.proto, found.vid)
        return Opened(
            transport=transport,
            description=_describe(found),
            encode=encoder_of(family),
            greeting=greeting_of(family),
        )

    def _find(self) -> SerialPortFound | OpenRefused:
        uri = self._uri
        if uri.path is None:
            rule = MatchRule(vid=uri.vid, pid=uri.pid, serial_number=uri.serial_number, location=uri.location)
            return _only([port for port in self._list_ports() if rule.matches(port)])
        paths = _existing(uri.path)
        if paths:
            return _only([self._known_port(path) for path in paths])
        if self._identity is not None:
            return _only([port for port in self._list_ports() if self._identity.matches(port)])
        return _not_found(uri.path)

    def _known_port(self, path: str) -> SerialPortFound:
        """Give the path as the system lists it, with its USB ids, or bare: ptys and built-in ports are not listed."""
        real = os.path.realpath(path)
        listed = next((port for port in self._list_ports() if port.path in (path, real)), None)
        return listed or SerialPortFound(path=path, description=path)


def open_device(uri: ScannerUri) -> Opener:
    """Give the opener of a ``serial:`` URI."""
    return SerialOpener(uri)


def make_parser(uri: ScannerUri) -> Parser:
    """Give the parser of a ``serial:`` URI."""
    if uri.proto is ScannerProtocol.SSI:
        return SsiParser(device=uri.text, prefix=uri.prefix)
    framing = Framing(terminator=uri.terminator, prefix=uri.prefix, idle_ms=uri.idle_ms)
    return SerialStreamParser(device=uri.text, framing=framing)


def _existing(path: str) -> list[str]:
    if os.name != "posix":
        return [path]
    return sorted({os.path.realpath(name) for name in glob.glob(path) if os.path.exists(name)})


def _only(ports: list[SerialPortFound]) -> SerialPortFound | OpenRefused:
    if len(ports) == 1:
        return ports[0]
    if not ports:
        return _not_found("no listed port matches")
    names = ", ".join(port.path for port in ports)
    return OpenRefused(reason=StatusReason.SEVERAL_MATCH, hint=HintKey.NAME_ONE, detail=names)


def _not_found(detail: str) -> OpenRefused:
    return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN, detail=detail)


def _identity_of(port: SerialPortFound) -> MatchRule | None:
    """Give what the same gun would still be after it is plugged in again; many guns have no serial number."""
    if port.vid is None:
        return None
    location = None if port.serial_number else port.location
    return MatchRule(vid=port.vid, pid=port.pid, serial_number=port.serial_number, location=location)


def _describe(port: SerialPortFound) -> str:
    name = " ".join(part for part in (port.maker, port.product) if part)
    return f"{name} ({port.path})" if name else port.path


def _same_text(wanted: str, seen: str | None) -> bool:
    return seen is not None and wanted.casefold() == seen.casefold()
