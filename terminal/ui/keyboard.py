"""From Qt key events to the wedge assembler's strokes, and from its answers to the cashier's events.

Rules: every press and release is taken once, at the window; nothing of a scan reaches a widget. Digits of the main row
and of the numeric pad, and the keys of `Command`s, are told apart by Qt's key, never by a layout's text alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from drivers.scanner.parsers.wedge import WedgeAssembler
from drivers.scanner.parsers.wedge_keys import (
    AltCodes,
    Burst,
    Key,
    KeyStroke,
    Modifier,
    Passed,
    Refused,
    StrokeKind,
    Typed,
    WedgeEvent,
    WedgeTiming,
)
from protocol.secret import Secret
from terminal.cashier import events as e

_K = Qt.Key
_MODIFIER_KEYS: Final = frozenset(
    {_K.Key_Shift, _K.Key_Control, _K.Key_Meta, _K.Key_AltGr, _K.Key_CapsLock, _K.Key_NumLock, _K.Key_ScrollLock}
)
_MOTIONS: Final = frozenset(
    {_K.Key_Home, _K.Key_End, _K.Key_PageUp, _K.Key_PageDown, _K.Key_Up, _K.Key_Down, _K.Key_Left, _K.Key_Right,
     _K.Key_Clear, _K.Key_Insert}
)  # fmt: skip
_NAMES: Final = {
    _K.Key_Escape: "Esc", _K.Key_Up: "Up", _K.Key_Down: "Down", _K.Key_Left: "Left", _K.Key_Right: "Right",
    _K.Key_Return: "Enter", _K.Key_Enter: "Enter", _K.Key_Tab: "Tab", _K.Key_Backtab: "Tab",
    _K.Key_Backspace: "Backspace", _K.Key_Delete: "Delete",
}  # fmt: skip


def key_name(key: int) -> str:
    """A key as the key strip writes it (`F2`, `Esc`); empty for one that no command can be bound to."""
    if _K.Key_F1.value <= key <= _K.Key_F12.value:
        return f"F{key - _K.Key_F1.value + 1}"
    return next((name for known, name in _NAMES.items() if known.value == key), "")


def stroke_of(event: QKeyEvent) -> KeyStroke:
    """One Qt key event as the assembler's stroke."""
    key, held = event.key(), event.modifiers()
    keypad = bool(held & Qt.KeyboardModifier.KeypadModifier)
    control = bool(held & Qt.KeyboardModifier.ControlModifier)
    text = event.text()
    if control and 0x41 <= key <= 0x5A:
        text = chr(key).lower()
    kind = StrokeKind.PRESS if event.type() == QEvent.Type.KeyPress else StrokeKind.RELEASE
    return KeyStroke(
        kind=kind,
        key=_kind_of(key, text, keypad=keypad),
        code=event.nativeScanCode() or key,
        timestamp_ms=event.timestamp(),
        text=text if len(text) == 1 and text.isprintable() else "",
        modifiers=_modifiers(held),
        autorepeat=event.isAutoRepeat(),
    )


def _kind_of(key: int, text: str, *, keypad: bool) -> Key:
    if key in (_K.Key_Return, _K.Key_Enter):
        return Key.ENTER
    if key in (_K.Key_Tab, _K.Key_Backtab):
        return Key.TAB
    if key == _K.Key_Alt:
        return Key.ALT
    if key in _MODIFIER_KEYS:
        return Key.MODIFIER
    if keypad and key in _MOTIONS:
        return Key.KEYPAD_MOTION
    return Key.TEXT if len(text) == 1 and text.isprintable() else Key.OTHER


def _modifiers(held: Qt.KeyboardModifier) -> Modifier:
    found = Modifier.NONE
    for theirs, ours in (
        (Qt.KeyboardModifier.ShiftModifier, Modifier.SHIFT),
        (Qt.KeyboardModifier.ControlModifier, Modifier.CTRL),
        (Qt.KeyboardModifier.AltModifier, Modifier.ALT),
        (Qt.KeyboardModifier.MetaModifier, Modifier.META),
        (Qt.KeyboardModifier.KeypadModifier, Modifier.KEYPAD),
    ):
        if held & theirs:
            found |= ours
    return found


class Keyboard:
    """One window's keyboard. `emit` takes the cashier's events, `command` a key's name (True: it was a command's)."""

    def __init__(self, *, emit: Callable[[e.Event], None], command: Callable[[str, bool], bool]) -> None:
        self._emit, self._command = emit, command
        codes = AltCodes.BY_SYSTEM if sys.platform == "win32" else AltCodes.ASSEMBLED_HERE
        self._wedge = WedgeAssembler(WedgeTiming(), codes)
        self._names: dict[int, str] = {}
        self._down: set[str] = set()
        self._clock_ahead_ms = 0

    def take(self, event: QKeyEvent, *, now_ms: int) -> None:
        """One press or release, from the window. `now_ms` is monotonic; strokes carry the event's own clock."""
        stroke = stroke_of(event)
        self._clock_ahead_ms = stroke.timestamp_ms - now_ms
        name = key_name(event.key())
        self._names[stroke.code] = name
        if stroke.kind is StrokeKind.RELEASE and not event.isAutoRepeat() and name in self._down:
            self._down.discard(name)
            self._command(name, False)
        self._say(self._wedge.key(stroke))

    def let_go(self) -> None:
        """The window lost the keyboard: of a key that is still down no release will come."""
        down, self._down = self._down, set()
        for name in sorted(down):
            self._command(name, False)

    def deadline_ms(self) -> int | None:
        """When `expire` must be called, on the caller's clock."""
        deadline = self._wedge.deadline_ms()
        return None if deadline is None else deadline - self._clock_ahead_ms

    def expire(self, now_ms: int) -> None:
        """Time passed without a key."""
        self._say(self._wedge.expire(now_ms + self._clock_ahead_ms))

    def _say(self, events: list[WedgeEvent]) -> None:
        for event in events:
            match event:
                case Typed(text=text):
                    self._emit(e.Typed(text=text))
                case Burst(text=text, take_back=count):
                    self._emit(e.TakeBack(count=count))
                    self._emit(e.Scanned(text=Secret(text)))
                case Refused(reason=reason, take_back=count):
                    self._emit(e.TakeBack(count=count))
                    self._emit(e.ScanUnreadable(why=reason.value))
                case Passed(stroke=stroke):
                    self._passed(stroke)

    def _passed(self, stroke: KeyStroke) -> None:
        name = self._names.get(stroke.code, "")
        if name == "" or stroke.kind is StrokeKind.RELEASE:
            return
        if name in ("Backspace", "Delete"):
            self._emit(e.Erased())
        elif not stroke.autorepeat or name in ("Up", "Down"):
            self._down.add(name)
            self._command(name, True)
