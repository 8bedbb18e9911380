"""The seams of the scanner drivers: parser, transport, opener.

Rules: a parser is pure (bytes and a time in, events out); a transport moves bytes and lets only ``Disconnected`` across
its edge; an opener looks for its device afresh every time, because a device that is plugged in again may have another
name. This module must not know any library, device or protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

from msgspec import Struct

from drivers.scanner.events import HintKey, Noise, Scan, StatusReason


class Disconnected(OSError):
    """The device is gone or no longer answers. The text names the cause, never what was read."""


class Command(Enum):
    """What a scanner can be told to do."""

    TRIGGER = auto()
    STOP = auto()
    BEEP = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """Bytes that the protocol wants sent back to the device, such as an acknowledgement."""

    data: bytes = field(repr=False)


ParserEvent = Scan | Noise | Outgoing


class Parser(Protocol):
    """Turns what one device sends into events, however it is cut into pieces."""

    def feed(self, data: bytes, now_ms: int) -> list[ParserEvent]:
        """Take bytes just read; give the events they complete, in order."""
        ...

    def idle(self, now_ms: int) -> list[ParserEvent]:
        """Nothing was read up to ``now_ms``; give what the silence completes. Early calls give nothing."""
        ...

    @property
    def next_deadline_ms(self) -> int | None:
        """When silence will mean something, on the clock of ``now_ms``; None while nothing is under way."""
        ...

    def reset(self) -> None:
        """Forget everything under way: the device was reopened or its input thrown away."""
        ...


class Transport(Protocol):
    """An open device. Used by one thread; only ``wake`` may come from another."""

    def read(self, timeout_ms: int) -> bytes:
        """Give what has arrived, waiting at most ``timeout_ms`` for the first byte; ``b""`` on time-out or ``wake``.

        Raises ``Disconnected``.
        """
        ...

    def write(self, data: bytes) -> None:
        """Send all of ``data``. Raises ``Disconnected``."""
        ...

    def flush_input(self) -> None:
        """Throw away everything that has arrived and was not read. Raises ``Disconnected``."""
        ...

    def wake(self) -> None:
        """Make a ``read`` under way in another thread (or the next one) return early. May do nothing."""
        ...

    def close(self) -> None:
        """Let the device go. May be called twice; raises nothing."""
        ...


CommandEncoder = Callable[[Command], bytes | None]
"""One command as the bytes to write, or None where the device has no such command."""


def no_commands(command: Command) -> bytes | None:
    """Be the encoder of a device that takes no commands."""
    _ = command
    return None


class Opened(Struct, frozen=True, kw_only=True):
    """A device is open. ``greeting`` is written first; ``encode`` turns commands into bytes for this device."""

    transport: Transport
    description: str
    encode: CommandEncoder = no_commands
    greeting: tuple[bytes, ...] = ()


class OpenRefused(Struct, frozen=True, kw_only=True):
    """No device was opened: why, what to do, and the system's own words. NOT_FOUND means: not plugged in (yet)."""

    reason: StatusReason
    hint: HintKey
    detail: str = ""


class Opener(Protocol):
    """Finds the device by its match rule and opens it, afresh on every call."""

    def open(self) -> Opened | OpenRefused:
        """Look for the device now and open it."""
        ...
