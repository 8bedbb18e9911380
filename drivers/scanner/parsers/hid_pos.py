"""USB HID POS scanners: 64-byte reports in, codes out; commands as output reports.

Two layouts share report id 2 and are told apart per code: `02 len ] c m data[56]` (Honeywell, Access-IS, Datalogic)
and `02 len data[56]` (Newland); a third, `01 len data[62]`, has no continuation (Microscan). In the first two, bit 0 of
byte 63 says that the code goes on in the next report. Layouts as published by the makers and by the HID Point of Sale
Usage Tables 1.02; the length counts data, not the AIM identifier.

Rules: a reply to a command comes in the same kind of report and never becomes a scan; a code whose rest does not follow
is dropped, never finished with the next one's bytes; memory is bounded. Pure: must not know hidapi, files or clocks.
"""

from __future__ import annotations

from enum import Enum, auto

from msgspec import Struct

from drivers.scanner.events import Noise, NoiseReason, Scan
from drivers.scanner.parsers.text import MAX_CODE_BYTES, read_code
from drivers.scanner.ports import ParserEvent

REPORT_BYTES = 64
CONTINUATION_MS = 400
"""The rest of a long code follows within milliseconds; after this it will not come."""

_POS_REPORT = 0x02
_MICROSCAN_REPORT = 0x01
_DATA_BYTES = 56
_MICROSCAN_DATA_BYTES = 62
_CONTINUED = 0x01
_SUFFIXES = b"\r\n\t\x03\x00"
_REPLY_AIMS = (b"]X", b"]Z")  # Honeywell's answers to menu commands carry these instead of a symbology
_REPLY_STARTS = (b"\x02\x00", b"\x02\x01", b"$$%~")  # answers of Newland's binary, text and short command sets


class _Layout(Enum):
    AIM = auto()
    PLAIN = auto()


class _Report(Struct, frozen=True, kw_only=True):
    """One report taken apart. `aim` is its three bytes, or empty."""

    layout: _Layout
    aim: bytes
    data: bytes
    continued: bool


class HidPosParser:
    """One scanner's reports. Give `feed` whole reports as read, one or several, with or without the report id."""

    def __init__(self, *, device: str, prefix: str = "") -> None:
        """`device` goes into every event; `prefix` is a marker that the gun was told to send first."""
        self._device = device
        self._prefix = prefix
        self._first: _Report | None = None
        self._code = bytearray()
        self._length = 0
        self._last_ms = 0

    @property
    def next_deadline_ms(self) -> int | None:
        """When the rest of a long code is given up."""
        return None if self._first is None else self._last_ms + CONTINUATION_MS

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take the reports of one read."""
        events = self.idle(now_ms)
        if len(data) == REPORT_BYTES - 1:
            data = bytes([_POS_REPORT]) + data  # WebHID and some backends keep the report id to themselves
        if data and len(data) % REPORT_BYTES:
            return [*events, self._noise(NoiseReason.BAD_PACKET, len(data), now_ms)]
        for start in range(0, len(data), REPORT_BYTES):
            events.extend(self._report(data[start : start + REPORT_BYTES], now_ms))
        return events

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Drop a long code whose rest did not come in time."""
        deadline_ms = self.next_deadline_ms
        if deadline_ms is None or now_ms < deadline_ms:
            return []
        length = self._length
        self.reset()
        return [self._noise(NoiseReason.FRAGMENT, length, now_ms)]

    def reset(self) -> None:
        """Forget a code under way: the device was reopened or its input thrown away."""
        self._first = None
        self._code.clear()
        self._length = 0

    def _report(self, raw: bytes, now_ms: int) -> list[ParserEvent]:
        report = _take_apart(raw, self._first)
        if report is None:
            self.reset()
            return [self._noise(NoiseReason.BAD_PACKET, len(raw), now_ms)]
        self._first = self._first or report
        self._last_ms = now_ms
        self._length += len(report.data)
        if len(self._code) <= MAX_CODE_BYTES:
            self._code += report.data
        if report.continued:
            return []
        return self._finish(self._first, now_ms)

    def _finish(self, first: _Report, now_ms: int) -> list[ParserEvent]:
        raw, length = bytes(self._code), self._length
        self.reset()
        if length > MAX_CODE_BYTES:
            return [self._noise(NoiseReason.TOO_LONG, length, now_ms)]
        if first.aim.startswith(_REPLY_AIMS) or raw.startswith(_REPLY_STARTS):
            return []
        return [self._code_of(raw.rstrip(_SUFFIXES), first.aim, now_ms)]

    def _code_of(self, raw: bytes, aim: bytes, now_ms: int) -> Scan | Noise:
        aim_id = aim.decode("ascii") if aim else None
        return read_code(raw, at_ms=now_ms, device=self._device, prefix=self._prefix, aim_id=aim_id)

    def _noise(self, reason: NoiseReason, length: int, now_ms: int) -> Noise:
        return Noise(reason=reason, length=length, at_ms=now_ms, device=self._device)


def _take_apart(raw: bytes, first: _Report | None) -> _Report | None:
    """Read one report of 64 bytes; None where it is none of the layouts. `first` is the first report of this code."""
    length = raw[1]
    if raw[0] == _MICROSCAN_REPORT and first is None:
        if length > _MICROSCAN_DATA_BYTES:
            return None
        return _Report(layout=_Layout.PLAIN, aim=b"", data=raw[2 : 2 + length], continued=False)
    if raw[0] != _POS_REPORT or length > _DATA_BYTES:
        return None
    continued = bool(raw[63] & _CONTINUED)
    if first is not None:
        start = 5 if first.layout is _Layout.AIM and raw[2:5] == first.aim else 2
        return _Report(layout=first.layout, aim=first.aim, data=raw[start : start + length], continued=continued)
    aim_at = _aim_position(raw)
    if aim_at is None:
        return _Report(layout=_Layout.PLAIN, aim=b"", data=raw[2 : 2 + length], continued=continued)
    aim, start = raw[aim_at : aim_at + 3].strip(b"\0"), aim_at + 3
    # A gun of the plain layout that sends AIM identifiers counts them in the length: three NULs too many come along,
    # which go with the suffix.
    return _Report(layout=_Layout.AIM, aim=aim, data=raw[start : start + length], continued=continued)


def _aim_position(raw: bytes) -> int | None:
    """Where the AIM identifier stands: byte 2, one later on some models, or left empty; None in the plain layout."""
    if _is_aim(raw[2:5]) or (raw[2:5] == b"\0\0\0" and raw[5]):
        return 2
    if raw[2] < 0x20 and _is_aim(raw[3:6]):
        return 3
    return None


def _is_aim(three: bytes) -> bool:
    return three[:1] == b"]" and three[1:2].isalpha() and three[2:3].isalnum()


def honeywell_output(command: bytes) -> bytes:
    """Honeywell's output report 0xFD: length, then a serial command such as SYN T CR."""
    return bytes([0xFD, len(command)]) + command


def newland_output(command: bytes) -> bytes:
    """Newland's output report 4: length, then a text or 7E-00 command, 64 bytes in all."""
    return (bytes([0x04, len(command)]) + command).ljust(REPORT_BYTES, b"\0")
