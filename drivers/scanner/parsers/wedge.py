"""WedgeAssembler: tells a typing gun from a typing person, key by key.

Rules:
- The first keys of anything are given out as `Typed` at once, so that a person never feels a delay. After `hold_after`
  keys at gun speed the rest waits for the verdict, so that a scan hardly flickers; then either a `Burst` takes back
  what was shown, or what waited is given out as `Typed`.
- A run ends at Enter or TAB at once, else by silence (`expire`). A terminator always ends it: two codes never merge.
- The same event seen twice (toolkits hand an ignored key to the parent widget too) counts once. Autorepeat is ignored,
  but within a run there is none (it needs a quarter second to start): there it is two equal digits, and counts.
- Control characters arrive as Ctrl+letter: STX before a run and ETX, CR or LF after it are the gun's frame.
- Alt+numpad sequences become their character, or the whole run is refused by name.
- A finger's key inside a burst shows itself by staying down while many others come and go; the burst is refused.

Pure: time comes with the strokes. Must not know: Qt, amounts, payment codes' meaning.
"""

from __future__ import annotations

from dataclasses import dataclass
from unicodedata import normalize

from msgspec.structs import replace

from drivers.scanner.parsers.wedge_keys import (
    AltCodes,
    Burst,
    Key,
    KeyStroke,
    Modifier,
    Passed,
    RefusalReason,
    Refused,
    StrokeKind,
    Typed,
    WedgeEvent,
    WedgeTiming,
)
from drivers.scanner.parsers.wedge_verdict import Owner, RunKey, judge, strip_marks, text_of

_STX = "\x02"
_FRAME_ENDS = "\x03\x04\t\n\r"
_ALT_DIGITS_AT_MOST = 4
_LAST_ALT_CODE = 0xFF
_FINGER_SPAN = 7  # presses that come and go while a finger's key stays down; guns in "turbo" mode overlap up to six
_KEYS_DOWN_AT_MOST = 32


@dataclass(slots=True)
class _Held:
    """A key that is down."""

    since_ms: int
    others: int = 0


class WedgeAssembler:
    """One keyboard's strokes, assembled.

    Give it every press and every release, in order, and call `expire` at `deadline_ms`. A press for which nothing is
    returned is consumed, and must not reach any widget.
    """

    def __init__(self, timing: WedgeTiming, alt_codes: AltCodes = AltCodes.ASSEMBLED_HERE) -> None:
        self._timing = timing
        self._alt_codes = alt_codes
        self._run: list[RunKey] = []
        self._fast = 1  # keys at gun speed in a row, at the end of the run
        self._holding = False
        self._fault: RefusalReason | None = None
        self._stx: KeyStroke | None = None
        self._alt_number: str | None = None
        self._alt_run = False
        self._alive_ms = 0  # when the run last grew, steps of an Alt sequence included
        self._down: dict[int, _Held] = {}
        self._releases_seen = False
        self._motions: list[int] = []
        self._last: tuple[StrokeKind, int, str, int] | None = None
        self._scan_ended_ms: int | None = None

    def deadline_ms(self) -> int | None:
        """When `expire` must be called if nothing comes before; None = nothing is waiting."""
        if self._run:
            return self._alive_ms + self._timing.max_gap_ms + 1
        if self._stx is not None:
            return self._stx.timestamp_ms + self._timing.max_gap_ms + 1
        return None

    def expire(self, now_ms: int) -> list[WedgeEvent]:
        """Silence until `now_ms`, on the strokes' clock: end the run if it has waited long enough."""
        deadline = self.deadline_ms()
        return self._close() if deadline is not None and now_ms >= deadline else []

    def key(self, stroke: KeyStroke) -> list[WedgeEvent]:
        """Take one stroke; return what is now known, in order."""
        seen = (stroke.kind, stroke.code, stroke.text, stroke.timestamp_ms)
        if seen == self._last:
            return []
        self._last = seen
        events = self.expire(stroke.timestamp_ms)
        if stroke.kind is StrokeKind.RELEASE:
            self._released(stroke)
            return events + (self._alt_released(stroke) if stroke.key is Key.ALT else [])
        return events + self._pressed(stroke)

    def _pressed(self, stroke: KeyStroke) -> list[WedgeEvent]:
        match stroke.key:
            case Key.MODIFIER:
                return []
            case Key.ALT:
                self._alt_number = ""
                self._alive_ms = stroke.timestamp_ms
                return []
            case Key.ENTER | Key.TAB:
                return self._terminator(stroke)
            case Key.KEYPAD_MOTION:
                return [*self._close(), Passed(stroke=stroke), *self._motion(stroke)]
            case Key.OTHER:
                return [*self._close(), Passed(stroke=stroke)]
            case Key.TEXT:
                return self._text(stroke)

    def _text(self, stroke: KeyStroke) -> list[WedgeEvent]:
        held = stroke.modifiers
        if self._alt_number is not None and Modifier.KEYPAD in held and stroke.text.isascii() and stroke.text.isdigit():
            self._alt_number = (self._alt_number + stroke.text)[: _ALT_DIGITS_AT_MOST + 1]
            self._alive_ms = stroke.timestamp_ms
            return []
        if Modifier.CTRL in held and Modifier.ALT not in held:
            return self._control(stroke)
        if Modifier.META in held or Modifier.ALT in held or not stroke.text:
            return [*self._close(), Passed(stroke=stroke)]
        if stroke.autorepeat and not self._run:
            return []
        self._count_down(stroke)
        return self._char(_plain(stroke.text), stroke.timestamp_ms)

    def _char(self, char: str, at_ms: int) -> list[WedgeEvent]:
        quick = bool(self._run) and at_ms - self._alive_ms < self._timing.median_gap_ms
        self._fast = self._fast + 1 if quick else 1
        self._alive_ms = at_ms
        self._holding = self._holding or self._fast >= self._timing.hold_after
        if len(self._run) >= self._timing.max_length:
            self._fault = RefusalReason.TOO_LONG
            return []
        shown = not self._holding and char.isprintable()
        self._run.append(RunKey(char=char, at_ms=at_ms, shown=shown))
        return [Typed(text=char)] if shown else []

    def _control(self, stroke: KeyStroke) -> list[WedgeEvent]:
        char = chr(ord(stroke.text.upper()[0]) & 0x1F) if stroke.text else ""
        if char == _STX and not self._run and self._stx is None:
            self._stx = stroke
            return []
        if char and char in _FRAME_ENDS and (self._holding or self._in_tail(stroke)):
            return self._terminator(stroke)
        if char and self._holding:
            return self._char(char, stroke.timestamp_ms)
        return [*self._close(), Passed(stroke=stroke)]

    def _terminator(self, stroke: KeyStroke) -> list[WedgeEvent]:
        if not self._run and self._in_tail(stroke):
            return []  # the LF after CR, or a suffix that came late: it belongs to the scan before
        events = self._close()
        if self._scan_ended_ms is not None and any(isinstance(event, Burst | Refused) for event in events):
            self._scan_ended_ms = stroke.timestamp_ms
            return events
        return [*events, Passed(stroke=stroke)]

    def _in_tail(self, stroke: KeyStroke) -> bool:
        ended = self._scan_ended_ms
        return ended is not None and stroke.timestamp_ms - ended <= 2 * self._timing.max_gap_ms

    def _alt_released(self, stroke: KeyStroke) -> list[WedgeEvent]:
        digits, self._alt_number = self._alt_number, None
        if not digits:
            return []
        self._holding = self._alt_run = True
        if self._alt_codes is AltCodes.BY_SYSTEM:
            return []
        code = int(digits)
        if len(digits) > _ALT_DIGITS_AT_MOST or not 0 < code <= _LAST_ALT_CODE:
            self._fault = RefusalReason.ALT_CODE
            return self._char("\0", stroke.timestamp_ms)
        char = chr(code)
        if char in _FRAME_ENDS and self._run:
            events = self._close()
            self._scan_ended_ms = stroke.timestamp_ms
            return events
        return self._char(char, stroke.timestamp_ms)

    def _motion(self, stroke: KeyStroke) -> list[WedgeEvent]:
        if stroke.autorepeat:
            return []
        if self._motions and stroke.timestamp_ms - self._motions[-1] >= self._timing.median_gap_ms:
            self._motions.clear()
        self._motions.append(stroke.timestamp_ms)
        if len(self._motions) == self._timing.min_length:
            return [Refused(reason=RefusalReason.NUM_LOCK_OFF, take_back=0)]
        del self._motions[: -self._timing.min_length - 1]
        return []

    def _released(self, stroke: KeyStroke) -> None:
        held = self._down.pop(stroke.code, None)
        self._releases_seen = True
        if held is not None and self._is_finger(held):
            self._fault = self._fault or RefusalReason.MIXED_WITH_TYPING

    def _is_finger(self, held: _Held) -> bool:
        in_run = bool(self._run) and held.since_ms >= self._run[0].at_ms
        return in_run and held.others >= _FINGER_SPAN and self._releases_seen

    def _count_down(self, stroke: KeyStroke) -> None:
        """Count, for each key that is down, how many others came since."""
        if not stroke.code:
            return
        if len(self._down) >= _KEYS_DOWN_AT_MOST:
            self._down.clear()  # nobody's hands: releases got lost
        for held in self._down.values():
            held.others += 1
        self._down[stroke.code] = _Held(since_ms=stroke.timestamp_ms)

    def _close(self) -> list[WedgeEvent]:
        """End the run, whoever made it."""
        run, fault, stx = self._run, self._fault, self._stx
        timing = _for_alt_codes(self._timing) if self._alt_run else self._timing
        if any(self._is_finger(held) for held in self._down.values()):
            fault = fault or RefusalReason.MIXED_WITH_TYPING
        self._run, self._fault, self._stx, self._fast = [], None, None, 1
        self._holding = self._alt_run = False
        verdict = judge(run, timing)
        if verdict.owner is Owner.PERSON:
            waiting = [key.char for key in run if not key.shown and key.char.isprintable()]
            typed: list[WedgeEvent] = [Typed(text=char) for char in waiting]
            return [Passed(stroke=stx), *typed] if stx is not None else typed
        self._scan_ended_ms = run[-1].at_ms
        take_back = sum(key.shown for key in run[verdict.start :])
        if fault is None and verdict.owner is Owner.UNCLEAR:
            fault = RefusalReason.MIXED_WITH_TYPING
        if fault is not None:
            return [Refused(reason=fault, take_back=take_back)]
        text, aim = strip_marks(text_of(run[verdict.start :]), self._timing)
        return [Burst(text=text, take_back=take_back, aim=aim)]


def _for_alt_codes(timing: WedgeTiming) -> WedgeTiming:
    """An Alt sequence is some ten key events a character, so a gun is slower; nobody types codes so by hand."""
    return replace(timing, median_gap_ms=2 * timing.max_gap_ms, max_gap_ms=3 * timing.max_gap_ms)


def _plain(text: str) -> str:
    """Full-width characters of a Chinese input method as their plain form; anything else as it is."""
    plain = normalize("NFKC", text)
    return plain if len(plain) == 1 else text[0]
