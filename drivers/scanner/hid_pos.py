"""USB HID POS scan guns: finding the collection that a URI means, and reading its reports.

Rules: a scanner is what says so (usage page 0x8C, usage 2); vendor and product id only choose among those. It is looked
for afresh every time, and the one that was in use is preferred when several match. hidapi gives errors without numbers,
so permission is asked of the system before. Must not know threads, nor what a report contains.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from urllib.parse import quote

from msgspec import Struct

from drivers.scanner.commands import Family, encoder_of, family_of
from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.hidapi_backend import HidapiBackend, HidBackend, HidEntry, HidHandle, NodeLocked
from drivers.scanner.parsers.hid_pos import REPORT_BYTES, HidPosParser, honeywell_output, newland_output
from drivers.scanner.ports import Command, Disconnected, Opened, Opener, OpenRefused, Parser
from drivers.scanner.uri import ScannerUri

SCANNER_PAGE = 0x8C
SCANNER_USAGE = 0x02
_FLUSH_AT_MOST = 256  # the kernel keeps 63 reports
_HID_POS_ON = b"\xfe\x01"  # Honeywell's feature report that turns output on
_FRAMES: dict[Family, Callable[[bytes], bytes]] = {
    Family.HONEYWELL: honeywell_output,
    Family.NEWLAND: newland_output,
    Family.MODULE_7E: newland_output,
}


def is_scanner(entry: HidEntry) -> bool:
    """Whether a collection says that it is a bar code scanner."""
    return (entry.usage_page, entry.usage) == (SCANNER_PAGE, SCANNER_USAGE)


class HidTransport:
    """One open HID device; every read is one report."""

    def __init__(self, handle: HidHandle) -> None:
        """Own `handle`, which is open."""
        self._handle: HidHandle | None = handle

    def read(self, timeout_ms: int) -> bytes:
        """Give the next report, or nothing in time."""
        try:
            return bytes(self._live().read(REPORT_BYTES, max(1, timeout_ms)))
        except (OSError, ValueError) as error:  # hidapi: OSError when unplugged, ValueError when closed
            raise Disconnected(f"the scanner stopped answering ({type(error).__name__})") from error

    def write(self, data: bytes) -> None:
        """Send one output report."""
        try:
            sent = self._live().write(data)
        except (OSError, ValueError) as error:
            raise Disconnected(f"the scanner takes no commands any more ({type(error).__name__})") from error
        if sent < 0:
            raise Disconnected("the scanner refused an output report")

    def flush_input(self) -> None:
        """Throw away the reports that the system has kept."""
        for _ in range(_FLUSH_AT_MOST):
            if not self.read(1):
                return

    def wake(self) -> None:
        """Do nothing: hidapi's read cannot be woken, and the supervisor reads in short slices."""

    def close(self) -> None:
        """Let the device go."""
        handle, self._handle = self._handle, None
        if handle is not None:
            handle.close()

    def _live(self) -> HidHandle:
        if self._handle is None:
            raise Disconnected("closed")
        return self._handle


class _Identity(Struct, frozen=True, kw_only=True):
    """What the same gun still is after it is plugged in again, under another path."""

    vid: int
    pid: int
    serial_number: str | None
    location: str | None

    @classmethod
    def of(cls, entry: HidEntry) -> _Identity:
        location = None if entry.serial_number else entry.location
        return cls(vid=entry.vid, pid=entry.pid, serial_number=entry.serial_number, location=location)


class HidOpener:
    """Finds and opens the scanner of one `hid:` URI."""

    def __init__(self, uri: ScannerUri, *, load: Callable[[], HidBackend] = HidapiBackend) -> None:
        """`load` gives hidapi, unless a test brings its own; it is called at the first `open`."""
        self._uri = uri
        self._load = load
        self._backend: HidBackend | None = None
        self._used: _Identity | None = None

    def open(self) -> Opened | OpenRefused:
        """Look for the scanner now and open it."""
        try:
            self._backend = backend = self._backend or self._load()
        except ImportError as error:
            return OpenRefused(
                reason=StatusReason.LIBRARY_MISSING, hint=HintKey.INSTALL_LIBRARY, detail=error.name or str(error)
            )
        entry = self._choose(backend.entries())
        if isinstance(entry, OpenRefused):
            return entry
        opened = self._open_entry(backend, entry)
        if isinstance(opened, Opened):
            self._used = _Identity.of(entry)
        return opened

    def _choose(self, entries: tuple[HidEntry, ...]) -> HidEntry | OpenRefused:
        meant = [entry for entry in entries if self._is_meant(entry)]
        # usage page 0: this system does not tell usages, so a named vendor and product id must do
        scanners = [e for e in meant if is_scanner(e) or (e.usage_page == 0 and self._uri.vid is not None)]
        if len(scanners) > 1 and self._used is not None:
            scanners = [entry for entry in scanners if _Identity.of(entry) == self._used] or scanners
        match scanners:
            case [entry]:
                return entry
            case [] if meant and self._uri.vid is not None:
                return OpenRefused(
                    reason=StatusReason.NOT_A_SCANNER, hint=HintKey.SET_TO_HID_POS, detail=describe(meant[0])
                )
            case []:
                return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN)
            case _:
                names = ", ".join(uri_of(entry) for entry in scanners)
                return OpenRefused(reason=StatusReason.SEVERAL_MATCH, hint=HintKey.NAME_ONE, detail=names)

    def _is_meant(self, entry: HidEntry) -> bool:
        uri = self._uri
        return (
            uri.vid in (None, entry.vid)
            and uri.pid in (None, entry.pid)
            and uri.serial_number in (None, entry.serial_number)
            and uri.location in (None, entry.location)
            and (uri.path is None or uri.path.encode() == entry.path)
        )

    def _open_entry(self, backend: HidBackend, entry: HidEntry) -> Opened | OpenRefused:
        if not backend.may_open(entry.path):
            return OpenRefused(reason=StatusReason.PERMISSION, hint=HintKey.INSTALL_UDEV_RULE, detail=describe(entry))
        try:
            handle = backend.open(entry.path)
        except NodeLocked:
            return OpenRefused(reason=StatusReason.BUSY, hint=HintKey.CLOSE_OTHER_PROGRAM, detail=describe(entry))
        except OSError as error:
            return OpenRefused(reason=StatusReason.OPEN_FAILED, hint=HintKey.CHECK_CABLE, detail=str(error))
        family = family_of(self._uri.proto, entry.vid)
        if family is Family.HONEYWELL:
            _turn_output_on(handle)
        return Opened(
            transport=HidTransport(handle), description=describe(entry), encode=partial(encode_command, family)
        )


def encode_command(family: Family, command: Command) -> bytes | None:
    """Give a command as the output report of a family, or None where it has none."""
    data, frame = encoder_of(family)(command), _FRAMES.get(family)
    return None if data is None or frame is None else frame(data)


def _turn_output_on(handle: HidHandle) -> None:
    """Ask a Honeywell gun to send HID POS reports. Models without this feature report refuse it and send anyway."""
    try:
        handle.send_feature_report(_HID_POS_ON)
    except OSError:
        return


def describe(entry: HidEntry) -> str:
    """Name a device for people."""
    name = " ".join(part for part in (entry.maker, entry.product) if part)
    ids = f"{entry.vid:04x}:{entry.pid:04x}"
    return f"{name} ({ids})" if name else ids


def uri_of(entry: HidEntry) -> str:
    """The URI that means this very device, also beside another of its model."""
    ids = f"hid:{entry.vid:04x}:{entry.pid:04x}"
    if entry.serial_number:
        return f"{ids}?serial={quote(entry.serial_number, safe='')}"
    return f"{ids}?location={quote(entry.location, safe='')}" if entry.location else ids


def open_device(uri: ScannerUri) -> Opener:
    """Give the opener of a `hid:` URI."""
    return HidOpener(uri)


def make_parser(uri: ScannerUri) -> Parser:
    """Give the parser of a `hid:` URI."""
    return HidPosParser(device=uri.text, prefix=uri.prefix)
