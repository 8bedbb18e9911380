"""Key presses that are real X events: a person's, or a scan gun's at its own speed (XTEST, by libX11 and libXtst).

Rules: the X server itself waits between the keys (the delay is part of each request), so that a gun's rhythm is the
same however busy this process is; no call returns before the server has done it all. Both libraries come with xdotool.
"""

from __future__ import annotations

import ctypes
from typing import Final

_NAMES: Final = {
    "\r": "Return", "\n": "Linefeed", "\t": "Tab", ".": "period", " ": "space", "-": "minus",
}  # fmt: skip
GUN_MS: Final = 1
PERSON_MS: Final = 120
#: A key stays down so long under a finger.
_FINGER_MS: Final = 60


class Fingers:
    """One keyboard on one display."""

    def __init__(self, display: str) -> None:
        self._x, self._test = _xlib(), _xtest()
        self._display: int | None = self._x.XOpenDisplay(display.encode())
        assert self._display, f"no display {display}"

    def close(self) -> None:
        """Before the display ends: Xlib ends the process when its server goes away."""
        if self._display is not None:
            self._x.XCloseDisplay(self._display)
            self._display = None

    def gun(self, code: str, *, end: str = "\r", gap_ms: int = GUN_MS) -> None:
        """Types a code and its terminator as a keyboard wedge does: press and release, `gap_ms` a key."""
        for char in code + end:
            self._stroke(_name_of(char), before_ms=gap_ms, down_ms=0)
        self._done()

    def person(self, text: str) -> None:
        """Types as a person does."""
        for char in text:
            self._stroke(_name_of(char), before_ms=PERSON_MS - _FINGER_MS, down_ms=_FINGER_MS)
        self._done()

    def press(self, name: str, *, hold_ms: int = _FINGER_MS, before_ms: int = PERSON_MS - _FINGER_MS) -> None:
        """One key by its X name, such as `F2` or `Escape`."""
        self._stroke(name, before_ms=before_ms, down_ms=hold_ms)
        self._done()

    def rest(self, ms: int) -> None:
        """Hands off, for so long by the server's clock: a move of the pointer by nothing."""
        self._test.XTestFakeRelativeMotionEvent(self._display, 0, 0, ms)
        self._done()

    # --- inside ----------------------------------------------------------------------------------------------------

    def _stroke(self, name: str, *, before_ms: int, down_ms: int) -> None:
        code = self._code(name)
        assert code, f"this keyboard has no key {name}"
        self._test.XTestFakeKeyEvent(self._display, code, 1, before_ms)
        self._test.XTestFakeKeyEvent(self._display, code, 0, down_ms)

    def _code(self, name: str) -> int:
        symbol: int = self._x.XStringToKeysym(name.encode())
        code: int = self._x.XKeysymToKeycode(self._display, symbol)
        return code

    def _done(self) -> None:
        self._x.XSync(self._display, 0)


def _name_of(char: str) -> str:
    return _NAMES.get(char, char)


def _xlib() -> ctypes.CDLL:
    library = ctypes.CDLL("libX11.so.6")
    library.XOpenDisplay.argtypes, library.XOpenDisplay.restype = [ctypes.c_char_p], ctypes.c_void_p
    library.XCloseDisplay.argtypes = [ctypes.c_void_p]
    library.XStringToKeysym.argtypes, library.XStringToKeysym.restype = [ctypes.c_char_p], ctypes.c_ulong
    library.XKeysymToKeycode.argtypes = [ctypes.c_void_p, ctypes.c_ulong]
    library.XKeysymToKeycode.restype = ctypes.c_ubyte
    library.XSync.argtypes = [ctypes.c_void_p, ctypes.c_int]
    return library


def _xtest() -> ctypes.CDLL:
    library = ctypes.CDLL("libXtst.so.6")
    library.XTestFakeKeyEvent.argtypes = [ctypes.c_void_p, ctypes.c_uint, ctypes.c_int, ctypes.c_ulong]
    library.XTestFakeRelativeMotionEvent.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_ulong]
    return library
