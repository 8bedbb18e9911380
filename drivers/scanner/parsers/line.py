"""Line framing: codes that end with CR, LF, CRLF, TAB, ETX or NUL, or with silence.

Rules, in order of weight: two codes never become one; a code cut anywhere by the line is put together again; what a
gun echoes to a command never looks like a scan; memory is bounded whatever comes in. Time is an argument.

AUTO takes any terminator, or silence. Once a terminator was seen the gun is known to send them, and silence must last
longer: a Bluetooth gun may pause in the middle of a code. With a named terminator, a code that silence cuts off is a
FRAGMENT. It must not know transports, nor what a text means.
"""

from __future__ import annotations

from msgspec import Struct

from drivers.scanner.events import Noise, NoiseReason
from drivers.scanner.parsers.text import MAX_CODE_BYTES, read_code
from drivers.scanner.ports import ParserEvent
from drivers.scanner.uri import Terminator

FRAGMENT_MS = 1000
"""Silence after which an unfinished code of a gun that sends terminators is given up."""

_STX = 0x02
_ANY = frozenset(b"\r\n\t\x03\x00")
_ENDERS: dict[Terminator, frozenset[int]] = {
    Terminator.AUTO: _ANY,
    Terminator.NONE: _ANY,
    Terminator.CR: frozenset(b"\r"),
    Terminator.LF: frozenset(b"\n"),
    Terminator.CRLF: frozenset(b"\n"),
    Terminator.TAB: frozenset(b"\t"),
    Terminator.ETX: frozenset(b"\x03"),
    Terminator.NUL: frozenset(b"\x00"),
}
_UNSURE_MS = 500  # longer than the pauses inside a code; a gun without terminator deserves terminator=none
_CERTAIN_MS = 100
_LEFT_OVER = _ANY | frozenset(b"\x04")  # rests of the previous code's framing: CRLF, ETX CR, ETX EOT
_ANSWERS = frozenset(b"\x06\x15\x05")  # ACK, NAK, ENQ after the echo of a command (Honeywell, Newland)
_AFTER_ANSWER = frozenset(b".!,;")
_CHEAP_REPLY = b"$$%~"  # the answer line of "$$%^nnnn" guns


class Framing(Struct, frozen=True, kw_only=True):
    """How one gun ends its codes. ``idle_ms`` is the silence that ends a code where silence may."""

    terminator: Terminator = Terminator.AUTO
    prefix: str = ""
    idle_ms: int | None = None


class LineFramer:
    """Cuts a byte stream into codes."""

    def __init__(self, *, device: str, framing: Framing) -> None:
        """``device`` goes into every event."""
        self._device = device
        self._prefix = framing.prefix
        self._terminator = framing.terminator
        self._enders = _ENDERS[framing.terminator]
        self._idle_ms = framing.idle_ms or (_CERTAIN_MS if framing.terminator is Terminator.NONE else _UNSURE_MS)
        self._terminator_seen = False
        self._last_ms = 0
        self._line = bytearray()
        self._length = 0
        self._control = False
        self._answered = False
        self._skipping = False

    @property
    def next_deadline_ms(self) -> int | None:
        """When silence ends the code under way."""
        if self._length == 0 and not self._skipping:
            return None
        return self._last_ms + self._silence_ms()

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take bytes; a code that an earlier silence ended comes out first."""
        events = self.idle(now_ms)
        if data:
            self._last_ms = now_ms
        for byte in data:
            self._take(byte, now_ms, events)
        return events

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """End the code under way if the silence has lasted long enough."""
        events: list[ParserEvent] = []
        deadline_ms = self.next_deadline_ms
        if deadline_ms is not None and now_ms >= deadline_ms:
            self._end_by_silence(now_ms, events)
        return events

    def skip_line(self, now_ms: int) -> None:
        """Throw away what is under way up to its end: the stream is known to be damaged here."""
        self._start_line()
        self._last_ms = now_ms
        self._skipping = True

    def reset(self) -> None:
        """Forget what is under way; that this gun sends terminators stays known."""
        self._start_line()

    def _silence_ms(self) -> int:
        named = self._terminator not in (Terminator.AUTO, Terminator.NONE)
        known = self._terminator is Terminator.AUTO and self._terminator_seen
        return max(self._idle_ms, FRAGMENT_MS) if named or known else self._idle_ms

    def _take(self, byte: int, now_ms: int, events: list[ParserEvent]) -> None:
        if self._answered:
            self._answered = False
            if byte in _AFTER_ANSWER:
                self._start_line()
                return
            self._control = True
        if byte in self._enders:
            self._terminator_seen = True
            self._end_line(now_ms, events)
        elif byte == _STX:
            self._end_cut_off(now_ms, events)
        elif self._skipping or (self._length == 0 and (byte in _LEFT_OVER or byte in _ANSWERS)):
            return
        elif byte in _ANSWERS:
            self._length += 1
            self._answered = True
        else:
            self._append(byte, now_ms, events)

    def _append(self, byte: int, now_ms: int, events: list[ParserEvent]) -> None:
        self._length += 1
        if self._length > MAX_CODE_BYTES:
            events.append(self._noise(NoiseReason.TOO_LONG, now_ms))
            self.skip_line(now_ms)
        else:
            self._line.append(byte)

    def _end_line(self, now_ms: int, events: list[ParserEvent]) -> None:
        raw = bytes(self._line).rstrip(b"\r\n")
        if self._control:
            events.append(self._noise(NoiseReason.CONTROL_BYTES, now_ms))
        elif raw and not raw.startswith(_CHEAP_REPLY):
            events.append(read_code(raw, at_ms=now_ms, device=self._device, prefix=self._prefix))
        self._start_line()

    def _end_cut_off(self, now_ms: int, events: list[ParserEvent]) -> None:
        if self._length:
            events.append(self._noise(NoiseReason.FRAGMENT, now_ms))
        self._start_line()

    def _end_by_silence(self, now_ms: int, events: list[ParserEvent]) -> None:
        self._control = self._control or self._answered
        if self._terminator in (Terminator.AUTO, Terminator.NONE):
            self._end_line(now_ms, events)
        else:
            self._end_cut_off(now_ms, events)

    def _noise(self, reason: NoiseReason, now_ms: int) -> Noise:
        return Noise(reason=reason, length=self._length, at_ms=now_ms, device=self._device)

    def _start_line(self) -> None:
        self._line.clear()
        self._length = 0
        self._control = False
        self._answered = False
        self._skipping = False
