"""What happens to the cashier room: keys, scans, publications of the till, answers of readers, time.

Typed characters and scans arrive already told apart (drivers/scanner: the wedge assembler); `TakeBack` undoes the
characters that a burst had echoed before it proved to be a scan.
"""

from __future__ import annotations

from msgspec import Struct

from protocol.secret import Secret
from terminal.cashier.keys import Command
from terminal.cashier.ports import CheckFound, DayRead, HistoryEntry, OrderRow, Publication


class Typed(Struct, frozen=True, kw_only=True):
    """One character from a person, or from a gun that is not known as one yet."""

    text: str


class Erased(Struct, frozen=True, kw_only=True):
    """Backspace."""


class TakeBack(Struct, frozen=True, kw_only=True):
    """The last `count` typed characters were a scan's: make as if they had never been typed."""

    count: int


class Scanned(Struct, frozen=True, kw_only=True):
    """A gun's code, from whichever device."""

    text: Secret


class ScanUnreadable(Struct, frozen=True, kw_only=True):
    """A burst that came from a gun and cannot be believed; `why` is a key of the `scan` sentences."""

    why: str


class Pressed(Struct, frozen=True, kw_only=True):
    """A command's key went down, or its button was pressed. `held` keys send no repeats."""

    command: Command


class Released(Struct, frozen=True, kw_only=True):
    """The command's key or button went up."""

    command: Command


class Picked(Struct, frozen=True, kw_only=True):
    """A row, an option or a field was touched: its name in the list it belongs to."""

    name: str
    value: str = ""


class Published(Struct, frozen=True, kw_only=True):
    """The till told something."""

    publication: Publication


class OrdersArrived(Struct, frozen=True, kw_only=True):
    """A reader's answer."""

    rows: tuple[OrderRow, ...]


class HistoryArrived(Struct, frozen=True, kw_only=True):
    """A reader's answer."""

    order_no: str
    entries: tuple[HistoryEntry, ...]


class DayArrived(Struct, frozen=True, kw_only=True):
    """A reader's answer."""

    days_ago: int
    day: DayRead


class ChecksArrived(Struct, frozen=True, kw_only=True):
    """A reader's answer."""

    checks: tuple[CheckFound, ...]


class ReadFailed(Struct, frozen=True, kw_only=True):
    """A reader could not answer; the page says so and can be run again."""


class CloseAsked(Struct, frozen=True, kw_only=True):
    """The window was to be closed while a sale is open or something is unsent."""


class Tick(Struct, frozen=True, kw_only=True):
    """Time passed. `unix_ms` is for the clock on the screen only."""

    unix_ms: int


Event = (
    Typed | Erased | TakeBack | Scanned | ScanUnreadable | Pressed | Released | Picked | Published
    | OrdersArrived | HistoryArrived | DayArrived | ChecksArrived | ReadFailed | CloseAsked | Tick
)  # fmt: skip
