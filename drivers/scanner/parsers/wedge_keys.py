"""The words of a keyboard wedge: key strokes going in, what they turned out to be coming out, and the timing rules.

A keyboard wedge is a gun that types. Its strokes share the keyboard with the cashier's, so every stroke is either a
person's or a gun's, and that is known only after the fact. These values carry the question and the answer.

Must not know: Qt, X11 or any toolkit (the caller translates its events), amounts, payment codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, Flag, auto

from msgspec import Struct
from msgspec.structs import replace

from drivers.scanner.uri import ScannerUri


class StrokeKind(Enum):
    """Releases matter too: a key held down across others was a finger, and two equal presses need one between."""

    PRESS = auto()
    RELEASE = auto()


class Key(Enum):
    """What a stroke is for. Everything that types something is TEXT."""

    TEXT = auto()
    ENTER = auto()
    TAB = auto()
    ALT = auto()
    MODIFIER = auto()  # Shift, Ctrl, Meta, AltGr, Caps Lock, Num Lock: they belong to the strokes around them
    KEYPAD_MOTION = auto()  # a keypad digit while Num Lock is off: Home, End, an arrow ...
    OTHER = auto()  # Backspace, Esc, F1, arrows


class Modifier(Flag):
    """Held keys that change what a stroke means."""

    NONE = 0
    SHIFT = auto()
    CTRL = auto()
    ALT = auto()
    META = auto()
    KEYPAD = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStroke:
    """One key event as the toolkit gave it.

    `code` names the physical key (native scan code, 0 = unknown); `text` is the one character it types, empty for none
    (with Ctrl held: the letter, not the control character). `timestamp_ms` is the event's own time stamp, taken before
    any queue, on a clock that never goes back.
    """

    kind: StrokeKind
    key: Key
    code: int
    timestamp_ms: int
    text: str = field(default="", repr=False)
    modifiers: Modifier = Modifier.NONE
    autorepeat: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """A person typed this character: show it now. It may be taken back by a later `Burst` or `Refused`."""

    text: str = field(repr=False)


class Passed(Struct, frozen=True, kw_only=True):
    """Not part of any scan: let the application have this stroke (Enter, Backspace, F8, Ctrl+P ...)."""

    stroke: KeyStroke


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """A gun's code. The last `take_back` characters given out as `Typed` belong to it and must disappear.

    `text` has no AIM id, prefix, STX or terminator left, and full-width digits are plain ones. `aim` is the AIM id
    without its bracket, such as `C0` (Code 128) or `Q1` (QR), or empty.
    """

    text: str = field(repr=False)
    take_back: int
    aim: str = ""


class RefusalReason(Enum):
    """Why a burst that surely came from a gun cannot be believed."""

    TOO_LONG = "too_long"
    ALT_CODE = "alt_code"  # gun set to Alt+numpad, and the number is no character
    NUM_LOCK_OFF = "num_lock_off"
    MIXED_WITH_TYPING = "mixed_with_typing"  # a finger's key fell into the burst, or right before it


class Refused(Struct, frozen=True, kw_only=True):
    """A gun's burst that must not be used; take back as for `Burst`, and say why."""

    reason: RefusalReason
    take_back: int


WedgeEvent = Typed | Passed | Burst | Refused


class AltCodes(Enum):
    """Who turns Alt+0065 into `A`: this assembler, or (Windows) the system, which sends `A` by itself afterwards."""

    ASSEMBLED_HERE = auto()
    BY_SYSTEM = auto()


class WedgeTiming(Struct, frozen=True, kw_only=True):
    """When a run of characters is a gun's. The defaults fit USB guns; `SLOW_GUN` fits Bluetooth and delayed ones.

    People reach 10 to 12 keys a second; a USB gun needs 2 to 20 ms a key, and settings for slow hosts add up to 50.
    """

    median_gap_ms: int = 35  # at or above: a person
    max_gap_ms: int = 100  # a longer pause ends the run
    min_length: int = 6  # shorter runs are a person's
    hold_after: int = 4  # so many keys at gun speed, and the rest waits for the verdict instead of being shown
    max_length: int = 1024  # no code is longer; also what bounds memory
    prefix: str = ""  # a marker that the gun was told to send first, such as `*`


SLOW_GUN = WedgeTiming(median_gap_ms=75, max_gap_ms=300)
_MOST_MEDIAN_GAP_MS = SLOW_GUN.median_gap_ms  # slower than this is a person's speed, whatever the pauses


def timing_of(uri: ScannerUri) -> WedgeTiming:
    """Take the timing from a `keyboard:` URI: `idle_ms` is the longest pause within a code, 300 suits slow guns."""
    usual = WedgeTiming(prefix=uri.prefix)
    if uri.idle_ms is None:
        return usual
    median_gap_ms = min(max(usual.median_gap_ms, uri.idle_ms // 4), _MOST_MEDIAN_GAP_MS)
    return replace(usual, max_gap_ms=uri.idle_ms, median_gap_ms=median_gap_ms)
