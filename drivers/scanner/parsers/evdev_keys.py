"""Key events of the Linux kernel (`struct input_event`) as scans, for a gun whose keyboard is grabbed.

Rules: keys are read by position on a US keyboard, so neither the desktop's layout, nor Caps Lock, nor Num Lock, nor an
input method can change a digit. A grabbed gun has no typing cashier, so its characters are framed like a serial line's.
A key that types nothing known, and events that the kernel dropped, cost the code they fall into: never a shorter code.
Key numbers are those of linux/input-event-codes.h. Pure: must not know files or ioctls.
"""

from __future__ import annotations

import struct
from string import ascii_uppercase

from drivers.scanner.events import Noise, NoiseReason
from drivers.scanner.parsers.line import Framing, LineFramer
from drivers.scanner.ports import ParserEvent

NATIVE_EVENT = struct.Struct("@llHHi")
"""Seconds, microseconds, type, code, value; 24 bytes where a C long has 64 bits, else 16."""

_EV_SYN, _EV_KEY = 0, 1
_SYN_REPORT, _SYN_DROPPED = 0, 3
_RELEASED, _PRESSED = 0, 1  # 2 is autorepeat
_SHIFTS, _CTRLS, _ALTS = frozenset((42, 54)), frozenset((29, 97)), frozenset((56, 100))
_LOCKS_AND_METAS = frozenset((58, 69, 70, 125, 126))
_ENDS = {28: b"\r", 96: b"\r", 15: b"\t"}
_ALT_DIGITS_AT_MOST = 4

# Rows of the keyboard: the first key number, what its keys type, what they type with Shift.
_ROWS = (
    (2, "1234567890-=", "!@#$%^&*()_+"),
    (16, "qwertyuiop[]", "QWERTYUIOP{}"),
    (30, "asdfghjkl;'`", 'ASDFGHJKL:"~'),
    (43, "\\zxcvbnm,./", "|ZXCVBNM<>?"),
    (57, " ", " "),
    (86, "<", ">"),
)
_KEYPAD_DIGITS = {82: "0", 79: "1", 80: "2", 81: "3", 75: "4", 76: "5", 77: "6", 71: "7", 72: "8", 73: "9"}
_KEYPAD_SIGNS = {55: "*", 74: "-", 78: "+", 83: ".", 98: "/", 117: "=", 121: ","}
_KEYPAD = _KEYPAD_DIGITS | _KEYPAD_SIGNS
_PLAIN = {first + i: char for first, plain, _ in _ROWS for i, char in enumerate(plain)} | _KEYPAD
_SHIFTED = {first + i: char for first, _, shifted in _ROWS for i, char in enumerate(shifted)} | _KEYPAD

KEYS_OF_A_GUN = frozenset((*range(2, 12), 28))
"""The digits' keys and Enter: what a keyboard must have to be a scanner."""


class EvdevKeysParser:
    """One grabbed keyboard's events. Feed it bytes as read, cut anywhere."""

    def __init__(self, *, device: str, framing: Framing, event: struct.Struct = NATIVE_EVENT) -> None:
        """`device` goes into every scan; `event` is the kernel's structure where it is not this machine's."""
        self._device = device
        self._event = event
        self._framer = LineFramer(device=device, framing=framing)
        self._rest = b""
        self._held: set[int] = set()
        self._alt_number = ""
        self._dropping = False

    @property
    def next_deadline_ms(self) -> int | None:
        """When silence ends the code under way."""
        return self._framer.next_deadline_ms

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take bytes of events."""
        data = self._rest + data
        whole = len(data) - len(data) % self._event.size
        self._rest = data[whole:]
        events: list[ParserEvent] = []
        for _, _, kind, code, value in self._event.iter_unpack(data[:whole]):
            events.extend(self._take(kind, code, value, now_ms))
        return events

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Let silence end what it ends."""
        return self._framer.idle(now_ms)

    def reset(self) -> None:
        """Forget everything under way."""
        self._framer.reset()
        self._rest = b""
        self._let_go()
        self._dropping = False

    def _take(self, kind: int, code: int, value: int, now_ms: int) -> list[ParserEvent]:
        if kind == _EV_SYN:
            if code == _SYN_DROPPED:
                self._dropping = True
                self._let_go()
                return self._damaged(NoiseReason.FRAGMENT, now_ms)
            self._dropping = self._dropping and code != _SYN_REPORT
            return []
        if kind != _EV_KEY or self._dropping or value not in (_RELEASED, _PRESSED):
            return []
        if code in _SHIFTS | _CTRLS | _ALTS:
            return self._modifier(code, value, now_ms)
        return self._key(code, now_ms) if value == _PRESSED else []

    def _modifier(self, code: int, value: int, now_ms: int) -> list[ParserEvent]:
        if value == _PRESSED:
            self._held.add(code)
            return []
        self._held.discard(code)
        number, self._alt_number = (self._alt_number, "") if code in _ALTS else ("", self._alt_number)
        if not number:
            return []
        if len(number) > _ALT_DIGITS_AT_MOST or not 0 < int(number) < 256:
            return self._damaged(NoiseReason.NOT_KEYS, now_ms)
        return self._framer.feed(chr(int(number)).encode(), now_ms)

    def _key(self, code: int, now_ms: int) -> list[ParserEvent]:
        if code in _LOCKS_AND_METAS:
            return []
        if self._held & _ALTS and code in _KEYPAD_DIGITS:
            self._alt_number = (self._alt_number + _KEYPAD_DIGITS[code])[: _ALT_DIGITS_AT_MOST + 1]
            return []
        if code in _ENDS:
            return self._framer.feed(_ENDS[code], now_ms)
        char = (_SHIFTED if self._held & _SHIFTS else _PLAIN).get(code)
        if char is None:
            return self._damaged(NoiseReason.NOT_KEYS, now_ms)
        if self._held & _CTRLS and char.upper() in ascii_uppercase + "[\\]^_":
            return self._framer.feed(bytes([ord(char.upper()) & 0x1F]), now_ms)
        return self._framer.feed(char.encode(), now_ms)

    def _damaged(self, reason: NoiseReason, now_ms: int) -> list[ParserEvent]:
        """Something is missing from the code under way: leave out the rest of it too."""
        events = self._framer.idle(now_ms)
        self._framer.skip_line(now_ms)
        return [*events, Noise(reason=reason, length=1, at_ms=now_ms, device=self._device)]

    def _let_go(self) -> None:
        self._held.clear()
        self._alt_number = ""
