"""What happens to the cashier room: keys, scans, publications of the till, answers of readers, time.

Typed characters and scans arrive already told apart (drivers/scanner: the wedge assembler); `TakeBack` undoes the
characters that a burst had echoed before it proved to be a scan.
"""

from __future__ import annotations

from dataclasses import dataclass

from protocol.secret import Secret
from terminal.cashier.keys import Command
from terminal.cashier.ports import CheckFound, DayRead, HistoryEntry, OrderRow, Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class Typed:
    """One character from a person, or from a gun that is not known as one yet."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """Backspace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakeBack:
    """The last `count` typed characters were a scan's: make as if they had never been typed."""

    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    """A gun's code, from whichever device."""

    text: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanUnreadable:
    """A burst that came from a gun and cannot be believed; `why` is a key of the `scan` sentences."""

    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pressed:
    """A command's key went down, or its button was pressed. `held` keys send no repeats."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Released:
    """The command's key or button went up."""

    command: Command


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A row, an option or a field was touched: its name in the list it belongs to."""

    name: str
    value: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The till told something."""

    publication: Publication


@dataclass(frozen=True, slots=True, kw_only=True)
class OrdersArrived:
    """A reader's answer."""

    rows: tuple[OrderRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryArrived:
    """A reader's answer."""

    order_no: str
    entries: tuple[HistoryEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DayArrived:
    """A reader's answer."""

    days_ago: int
    day: DayRead


@dataclass(frozen=True, slots=True, kw_only=True)
class ChecksArrived:
    """A reader's answer."""

    checks: tuple[CheckFound, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadFailed:
    """A reader could not answer; the page says so and can be run again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseAsked:
    """The window was to be closed while a sale is open or something is unsent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """Time passed. `unix_ms` is for the clock on the screen only."""

    unix_ms: int


Event = (
    Typed | Erased | TakeBack | Scanned | ScanUnreadable | Pressed | Released | Picked | Published
    | OrdersArrived | HistoryArrived | DayArrived | ChecksArrived | ReadFailed | CloseAsked | Tick
)  # fmt: skip
