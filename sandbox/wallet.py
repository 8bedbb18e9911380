"""What every simulated wallet is to the phone, the web server and a simulation: one protocol without sockets or clocks.

A wallet is reached by its own wire protocol (`routes`), by its customers (`issue_code`, `scan`, `authorize`,
`pay_in_browser`) and by time (`advance`, `due_notifications`). `now_ms` is an argument everywhere. Must not know: any
wallet, any web framework.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import Enum
from typing import Protocol

from msgspec import Struct

from sandbox.billing import BillDiscrepancy
from sandbox.scripts import Script
from sandbox.wire import HttpRequestParts, Reply


class MoneyState(Enum):
    """What became of an order, from the customer's side."""

    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"
    REVERSED = "reversed"
    """Undone by the shop: a paid one shows captured = refunded = amount."""
    REFUNDED = "refunded"
    """Something was given back by refunds, all or a part: see `refunded_fen`."""


class OrderMoney(Struct, frozen=True, kw_only=True):
    """What one order moved: the truth that a shop's records must agree with. `number`: what the wallet calls it."""

    out_trade_no: str
    subject: str
    total_fen: int
    captured_fen: int
    refunded_fen: int
    state: MoneyState
    created_ms: int
    number: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQr:
    qr: str
    out_trade_no: str
    total_fen: int
    subject: str


class ScanResult(Enum):
    """What a customer sees after scanning a QR, or after the wallet's script in its browser."""

    PAID = "paid"
    WAITING = "waiting"
    GAVE_UP = "gave_up"
    QR_EXPIRED = "qr_expired"
    QR_VOID = "qr_void"
    ALREADY_PAID = "already_paid"
    ORDER_CLOSED = "order_closed"
    UNKNOWN_QR = "unknown_qr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    result: ScanResult
    out_trade_no: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One delivery of one notification to the shop's gateway, due now. `id` names this delivery."""

    id: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    before_answer: bool = False
    """Delivered before the answer to the call that caused it goes out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WireRoute:
    """One address of the wallet's servers. `path` ends with `*` when anything may follow. `tls`: only on the port that
    demands a client certificate."""

    path: str
    handle: Callable[[HttpRequestParts, int], Reply]
    methods: tuple[str, ...] = ("GET", "POST")
    tls: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """Where this sandbox answers: base URLs without a slash at the end. `tls` None: no TLS port is open."""

    plain: str
    tls: str | None


class SimulatedWallet(Protocol):
    @property
    def name(self) -> str:
        """`alipay`, `wechat`, `unionpay`."""
        ...

    @property
    def user_agent(self) -> str:
        """What this wallet's own browser calls itself."""
        ...

    def routes(self) -> tuple[WireRoute, ...]: ...

    def about(self, origins: Origins) -> Mapping[str, object]:
        """`GET /merchant/{wallet}`: what an outside SDK needs."""
        ...

    def issue_code(self, script: Script, now_ms: int) -> str:
        """A fresh payment code, good once and for 60 seconds."""
        ...

    def has_shown(self, auth_code: str) -> bool: ...

    def owns_qr(self, qr: str) -> bool:
        """Whether this QR is one of the wallet's own (not a web page)."""
        ...

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans the wallet's own QR and behaves as the script says."""
        ...

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        """The wallet's OAuth page was opened by `customer` (any name: one name is one account): the address to go back
        to, with the code; None: this is not the OAuth page."""
        ...

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """The page in the wallet's browser called the wallet's script with these values."""
        ...

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]: ...

    def orders(self, now_ms: int) -> tuple[OrderMoney, ...]:
        """Every order that exists, the oldest first."""
        ...

    def order(self, out_trade_no: str, now_ms: int) -> OrderMoney | None: ...

    def advance(self, now_ms: int) -> None: ...

    def next_event_ms(self) -> int | None:
        """When time alone next changes an order or makes a notification due."""
        ...

    def due_notifications(self, now_ms: int) -> tuple[Outgoing, ...]:
        """Deliveries to make now. Each is handed out once; `notified` says how it went."""
        ...

    def notified(self, delivery_id: str, *, status: int | None, body: bytes, now_ms: int) -> None:
        """The shop's answer (None: none came). Not the wallet's own word for "received": it comes again, on the
        wallet's published schedule."""
        ...

    def distort_bill(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        """From now on that Beijing day's bill has exactly these discrepancies."""
        ...
