"""Serial ports: the one typed wrapper round pyserial.

Rules: every read and write has a time-out; whatever pyserial or the system raises when a device goes away comes out as
``Disconnected``; a pty is a port like any other. It must not know protocols or match rules.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import serial
from msgspec import Struct
from serial.tools import list_ports

from drivers.scanner.events import HintKey, StatusReason
from drivers.scanner.ports import Disconnected, OpenRefused

_WRITE_TIMEOUT_S = 1.0
_MAX_READ_BYTES = 65_536
_EXCLUSIVE = True if os.name == "posix" else None  # a Windows port is exclusive anyway


def _terminal_errors() -> tuple[type[Exception], ...]:
    """What the terminal calls of a POSIX system raise is no OSError."""
    if os.name != "posix":
        return ()
    import termios

    return (termios.error,)


_TERMINAL_ERRORS = _terminal_errors()

_Result = TypeVar("_Result")


class SerialPortFound(Struct, frozen=True, kw_only=True):
    """One port the system lists. ``location`` is the USB path (``1-1.2``), which survives renumbering."""

    path: str
    description: str
    vid: int | None = None
    pid: int | None = None
    serial_number: str | None = None
    location: str | None = None
    maker: str | None = None
    product: str | None = None


def list_serial_ports() -> tuple[SerialPortFound, ...]:
    """List what the system knows; ptys are not among them. May be slow (tens of milliseconds)."""
    return tuple(
        SerialPortFound(
            path=port.device,
            description=port.description or port.device,
            vid=port.vid,
            pid=port.pid,
            serial_number=port.serial_number,
            location=port.location,
            maker=port.manufacturer,
            product=port.product,
        )
        for port in sorted(list_ports.comports())
    )


class SerialTransport:
    """An open serial port."""

    def __init__(self, port: serial.Serial) -> None:
        """Own ``port``, which is open."""
        self._port = port
        self._descriptors = threading.Lock()

    def read(self, timeout_ms: int) -> bytes:
        """Wait for a first byte, then take all that is there: a code comes out whole, without waiting for more."""
        return _or_disconnected(lambda: self._read_now(timeout_ms))

    def write(self, data: bytes) -> None:
        """Send all of ``data`` within a second."""
        _ = _or_disconnected(lambda: self._port.write(data))

    def flush_input(self) -> None:
        """Throw away what has arrived."""
        _or_disconnected(self._port.reset_input_buffer)

    def wake(self) -> None:
        """End the wait of ``read``."""
        # Under the lock: a wake that races with close would write into whatever file got the descriptor next.
        with self._descriptors, suppress(OSError):
            if self._port.is_open:
                self._port.cancel_read()

    def close(self) -> None:
        """Let the port go."""
        # The device may be gone already; there is nothing left to close then, and nothing to tell.
        with self._descriptors, suppress(OSError, TypeError):
            self._port.close()

    def _read_now(self, timeout_ms: int) -> bytes:
        self._port.timeout = timeout_ms / 1000
        first = self._port.read(1)
        waiting = min(self._port.in_waiting, _MAX_READ_BYTES) if first else 0
        return first + self._port.read(waiting) if waiting else first


def open_serial_port(path: str, baud: int) -> SerialTransport | OpenRefused:
    """Open ``path`` as 8N1 without handshake, for us alone where the system can promise that."""
    try:
        port = serial.Serial(
            port=path, baudrate=baud, timeout=0.05, write_timeout=_WRITE_TIMEOUT_S, exclusive=_EXCLUSIVE
        )
    except (OSError, ValueError) as error:  # SerialException is an OSError; ValueError: a baud rate it cannot do
        return refusal_of(error)
    except _TERMINAL_ERRORS as error:  # unplugged while it was being set up
        return refusal_of(OSError(*error.args))
    return SerialTransport(port)


def refusal_of(error: OSError | ValueError) -> OpenRefused:
    """Name what the system or pyserial says when a port does not open. On Windows only its words tell."""
    number = error.errno if isinstance(error, OSError) else None
    words = str(error)
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV) or "FileNotFoundError" in words:
        return OpenRefused(reason=StatusReason.NOT_FOUND, hint=HintKey.PLUG_IN, detail=words)
    if number in (errno.EAGAIN, errno.EBUSY) or "PermissionError" in words:
        return OpenRefused(reason=StatusReason.BUSY, hint=HintKey.CLOSE_OTHER_PROGRAM, detail=words)
    if number in (errno.EACCES, errno.EPERM):
        return OpenRefused(reason=StatusReason.PERMISSION, hint=HintKey.JOIN_DIALOUT, detail=words)
    return OpenRefused(reason=StatusReason.OPEN_FAILED, hint=HintKey.CHECK_URI, detail=words)


def _or_disconnected(call: Callable[[], _Result]) -> _Result:
    try:
        return call()
    except (OSError, TypeError, AttributeError, *_TERMINAL_ERRORS) as error:
        # TypeError and AttributeError: pyserial touches its closed descriptor when the device vanishes under it.
        raise Disconnected(errno.ENODEV, type(error).__name__) from error
