"""What the cashier room needs from the rest of the till, in its own words; sync, drivers and tests supply it.

`TerminalPort` is all the screen talks to. `submit` returns at once; what happens is told through the subscription, from
any thread. The readers block and are called on a worker thread, over read-only connections.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from msgspec import Struct

from protocol.activation import ActivationTicket
from protocol.digest import DayDigest
from protocol.reasons import Reason
from protocol.secret import Secret
from sync.engine.model import Command, PaymentView, Published, RefundView


class GunState(StrEnum):
    """What a scan gun's supervisor says."""

    NONE = "none"
    READY = "ready"
    SEARCHING = "searching"
    LOST = "lost"


class Identity(Struct, frozen=True, kw_only=True):
    """Who sells here; empty until activated."""

    store: str = ""
    terminal: str = ""
    operator: str = ""

    @property
    def activated(self) -> bool:
        return self.terminal != ""


class GunSeen(Struct, frozen=True, kw_only=True):
    """A gun's supervisor changed its mind; `name` is the device as a person knows it."""

    gun: GunState
    name: str = ""


class ScanRead(Struct, frozen=True, kw_only=True):
    """A gun that is not a keyboard read this. It may be a payment code: it is held as a secret from here on."""

    text: Secret


class ActivationAnswered(Struct, frozen=True, kw_only=True):
    """How an activation ended; `reason` DONE carries the identity."""

    reason: Reason
    identity: Identity | None = None


Publication = Published | GunSeen | ScanRead | ActivationAnswered


class OrderRow(Struct, frozen=True, kw_only=True):
    """One order in the list: its latest payment."""

    payment: PaymentView


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One thing that happened to an order: journaled kind, who said it (`till`, `cashier`, `gateway`), when."""

    at_ms: int
    kind: str
    said_by: str
    reason: Reason | None = None
    detail: str = ""
    n: int = 1


class HourSum(Struct, frozen=True, kw_only=True):
    """What came in within one hour of the day."""

    hour: int
    count: int
    amount_fen: int


class WalletSum(Struct, frozen=True, kw_only=True):
    """What came in by one wallet."""

    channel: str
    count: int
    amount_fen: int


class DayRead(Struct, frozen=True, kw_only=True):
    """One day at a glance, ready to be shown.

    `count` and `amount_fen` are this till's sales, `refunds` and `refunded_fen` what went back by it on that day.
    Cash is a wallet of its own among `wallets`; `cash_back` counts what was given back of it on that day.
    `store` is what the store's static QR took: the store's money, in no till's sum. `digest`: of the journal's day, to
    be compared with the gateway's; None where there is no journal.
    """

    day: str
    count: int
    amount_fen: int
    not_paid: int
    wallets: tuple[WalletSum, ...]
    hours: tuple[HourSum, ...]
    unresolved: tuple[PaymentView, ...]
    refunds: int = 0
    refunded_fen: int = 0
    open_refunds: tuple[RefundView, ...] = ()
    store: tuple[WalletSum, ...] = ()
    digest: DayDigest | None = None
    cash_back: int = 0
    cash_back_fen: int = 0

    @property
    def net_fen(self) -> int:
        """What is left of the day: it can be less than nothing, when more went back than came in."""
        return self.amount_fen - self.refunded_fen - self.cash_back_fen

    @property
    def store_count(self) -> int:
        return sum(wallet.count for wallet in self.store)

    @property
    def store_fen(self) -> int:
        return sum(wallet.amount_fen for wallet in self.store)


class CheckFound(Struct, frozen=True, kw_only=True):
    """One check of the doctor: `name` chooses its sentences, `found` and `todo` are keys, `values` go into them."""

    name: str
    passed: bool | None
    found: str
    todo: str = ""
    values: tuple[tuple[str, str | int], ...] = ()


class TillBlockedError(Exception):
    """The till cannot be opened: its journal is held, damaged, newer or unwritable. Says why; nothing was changed."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason


class TerminalPort(Protocol):
    """The till behind the screen."""

    def identity(self) -> Identity:
        """Who sells here; known without I/O."""
        ...

    def submit(self, command: Command) -> None:
        """Hands a command to sync; returns at once."""
        ...

    def activate(self, *, gateway: str, ticket: ActivationTicket) -> None:
        """Starts binding this till at the gateway's address; the answer is published."""
        ...

    def subscribe(self, callback: Callable[[Publication], None]) -> None:
        """`callback` is called from any thread, first with what is known already."""
        ...

    def read_orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        """The latest orders, newest first. Blocks."""
        ...

    def read_history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        """Everything that happened to one order, oldest first. Blocks."""
        ...

    def read_day(self, days_ago: int) -> DayRead:
        """One day's takings; 0 is today. Blocks."""
        ...

    def run_checks(self) -> tuple[CheckFound, ...]:
        """The doctor's checks. Blocks, at most some seconds."""
        ...

    def close(self) -> None:
        """Ends threads and devices; journaled work goes on at the next start. Blocks, at most some seconds."""
        ...
