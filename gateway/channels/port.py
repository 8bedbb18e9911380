"""The channel port: what the gateway asks of a wallet, and the only answers it can get.

A `Channel` is one merchant account at one wallet, opened by `gateway.channels.registry.open_channel`. It is pure: it
builds a signed request and reads an answer. The bytes are moved by an `Exchange`, so that a simulation, a test and the
real network run the same code. `PreparedCall.perform` joins the two.

Rules
- Every expected outcome is a value; nothing here raises because a wallet or a line misbehaves.
- `NotSent` means: not one byte of the request left. It is a proof that nothing was charged. Doubt is `NoAnswer`.
- A verdict other than `Unknown` was read from an answer whose signature verified, about this order and this amount.
- `Closed`, `NotFound`, `UndoAcknowledged` are statements, not permissions: the rules of money decide what they prove.

It must not know payments, storage, clocks or sockets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from gateway.channels.verdicts import (
    BillKind,
    BillNotReady,
    BillReady,
    BillVerdict,
    ChannelReason,
    Closed,
    CreateVerdict,
    Declined,
    Failed,
    Forgery,
    LineFault,
    Mismatch,
    NoAnswer,
    NoBill,
    NotBelieved,
    NotFound,
    NotificationVerdict,
    NotifiedNothing,
    NotSent,
    PageReady,
    Paid,
    PayerKnown,
    PayerUnknown,
    PayerVerdict,
    PaymentNotified,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    RefundAbsent,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from protocol.secret import Secret

__all__ = [
    "BillKind",
    "BillNotReady",
    "BillOf",
    "BillReady",
    "BillVerdict",
    "Channel",
    "ChannelReason",
    "ChannelRequest",
    "ChannelResponse",
    "ChannelTraits",
    "Closed",
    "CreateVerdict",
    "Declined",
    "Exchange",
    "Failed",
    "Forgery",
    "LineFault",
    "Mismatch",
    "NoAnswer",
    "NoBill",
    "NotBelieved",
    "NotFound",
    "NotSent",
    "Notification",
    "NotificationReply",
    "NotificationVerdict",
    "NotifiedNothing",
    "OrderKind",
    "OrderRef",
    "PageOrder",
    "PageReady",
    "Paid",
    "PayOrder",
    "PayVerdict",
    "PayerKnown",
    "PayerUnknown",
    "PayerVerdict",
    "PaymentNotified",
    "Pending",
    "PrecreateVerdict",
    "PreparedCall",
    "QrOrder",
    "QrReady",
    "QueryVerdict",
    "RefundAbsent",
    "RefundDone",
    "RefundNotified",
    "RefundOpen",
    "RefundOrder",
    "RefundQueryVerdict",
    "RefundRefused",
    "RefundVerdict",
    "UndoAcknowledged",
    "UndoAction",
    "UndoRefused",
    "UndoRetry",
    "UndoVerdict",
    "Unknown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRequest:
    """One HTTP request. Neither its body nor its query string reach a repr: they carry codes, tokens and signatures.
    `most_answer_bytes`: a longer answer is no answer; only a bill needs more."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    most_answer_bytes: int = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelResponse:
    """One complete HTTP answer; header names are lower-case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Exchange(Protocol):
    """Moves one request. `read_timeout_ms` bounds the whole time from connected to the last byte of the answer."""

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer: ...


VerdictT = TypeVar("VerdictT", covariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreparedCall(Generic[VerdictT]):
    """A signed request and the reader of its answer. Building one signs (about a millisecond of CPU)."""

    request: ChannelRequest
    read: Callable[[ChannelResponse], VerdictT] = field(repr=False)
    connect_timeout_ms: int
    read_timeout_ms: int

    async def perform(self, exchange: Exchange) -> VerdictT | NotSent | NoAnswer:
        answer = await exchange(
            self.request, connect_timeout_ms=self.connect_timeout_ms, read_timeout_ms=self.read_timeout_ms
        )
        if isinstance(answer, ChannelResponse):
            return self.read(answer)
        return answer


class OrderKind(StrEnum):
    """How the customer pays it. A wallet may end each in its own way (WeChat reverses a code and closes a QR)."""

    CODE = "code"
    QR = "qr"
    PAGE = "page"


class OrderRef(Struct, frozen=True, kw_only=True):
    """Names an order at the wallet, with the amount that its answers must repeat.

    `opened_ms`: when the channel order was made durable; UnionPay's txnTime is that second, for ever.
    `transaction_id`: the wallet's own number once it is known (UnionPay: queryId).
    """

    out_trade_no: str
    amount_fen: int
    kind: OrderKind = OrderKind.CODE
    opened_ms: int = 0
    transaction_id: str | None = None


class PayOrder(Struct, frozen=True, kw_only=True):
    """A scanned code to charge. `open_for_ms`: how long the wallet may keep the trade open."""

    out_trade_no: str
    amount_fen: int
    subject: str
    auth_code: Secret
    operator: str
    terminal: str
    store: str
    open_for_ms: int
    opened_ms: int = 0

    @property
    def ref(self) -> OrderRef:
        return OrderRef(
            out_trade_no=self.out_trade_no, amount_fen=self.amount_fen, kind=OrderKind.CODE, opened_ms=self.opened_ms
        )


class QrOrder(Struct, frozen=True, kw_only=True):
    """An order to show as a QR. `open_for_ms`: how long the wallet may keep it payable."""

    out_trade_no: str
    amount_fen: int
    subject: str
    operator: str
    terminal: str
    store: str
    open_for_ms: int
    opened_ms: int = 0

    @property
    def ref(self) -> OrderRef:
        return OrderRef(
            out_trade_no=self.out_trade_no, amount_fen=self.amount_fen, kind=OrderKind.QR, opened_ms=self.opened_ms
        )


class PageOrder(Struct, frozen=True, kw_only=True):
    """An order that one known payer pays in the wallet's own browser. `payer_address`: the phone's IP address."""

    out_trade_no: str
    amount_fen: int
    subject: str
    operator: str
    terminal: str
    store: str
    open_for_ms: int
    opened_ms: int
    payer: Secret
    payer_address: str

    @property
    def ref(self) -> OrderRef:
        return OrderRef(
            out_trade_no=self.out_trade_no, amount_fen=self.amount_fen, kind=OrderKind.PAGE, opened_ms=self.opened_ms
        )


class RefundOrder(Struct, frozen=True, kw_only=True):
    """One refund of one paid order: the same number for ever. `opened_ms`: when it was made durable."""

    refund_no: str
    order: OrderRef
    amount_fen: int
    reason: str
    opened_ms: int


class BillOf(Struct, frozen=True, kw_only=True):
    """`day`: the Beijing day that the bill covers, as YYYY-MM-DD."""

    day: str
    kind: BillKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One request to `POST /notify/{channel}/{account}` as it came; header names are lower-case."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class NotificationReply(Struct, frozen=True, kw_only=True):
    """The wallet's own words for "received" and for "refused"."""

    status: int
    content_type: str
    body: bytes


class ChannelTraits(Struct, frozen=True, kw_only=True):
    """What the schedule must know about a wallet (SAFETY.md table S). Times in ms.

    `query_at_ms`: when a scanned code is asked about, from its first pay byte, up to `decide_after_ms`.
    `undo_not_before_ms`: a reverse waits until then. `undo_needs_query`: a query between two undos.
    `pages`: this account can take payments on the page in the wallet's browser.
    """

    channel: str
    display_name: str
    min_query_interval_ms: int
    query_interval_ms: int
    code_open_ms: int
    decide_after_ms: int
    undo_not_before_ms: int
    undo_window_ms: int
    undo_of_paid: UndoAction
    qr_unknown_until_scanned: bool
    query_at_ms: tuple[int, ...] = ()
    undo_needs_query: bool = False
    calls_per_second: int = 50
    pages: bool = False


class Channel(Protocol):
    """One merchant account at one wallet. Pure: `now_ms` (Unix, UTC) is an argument; nonces are derived from the key
    and the content (as RFC 6979 does for signatures), so that building a call needs no chance."""

    @property
    def traits(self) -> ChannelTraits: ...

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]: ...

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]:
        """The wallet's own QR."""
        ...

    def create(self, order: PageOrder, *, now_ms: int) -> PreparedCall[CreateVerdict]:
        """An order for the page in the wallet's browser. Only with `traits.pages`."""
        ...

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]: ...

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """Undo of an outcome that is open, as `ref.kind` needs: reverse or close. Inside `undo_window_ms`."""
        ...

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """Close an unpaid trade; a wallet refuses it for a trade that does not exist yet: use `cancel` then."""
        ...

    def refund(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundVerdict]: ...

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundQueryVerdict]: ...

    def authorize_url(self, *, redirect: str, state: str) -> str | None:
        """Where the wallet's browser is sent to learn who holds it; None: this account cannot. `redirect` comes back
        with the wallet's own query parameters, `state` among them."""
        ...

    def payer(self, query: Mapping[str, str], *, user_agent: str, now_ms: int) -> PreparedCall[PayerVerdict] | None:
        """Exchanges what came back to `redirect`; None: it carries no authorisation code."""
        ...

    def read_notification(self, notification: Notification, *, now_ms: int) -> NotificationVerdict:
        """Verified over the raw bytes before anything is parsed. Never raises for hostile bytes."""
        ...

    def notification_reply(self, *, received: bool) -> NotificationReply: ...

    def bill(self, bill: BillOf, *, now_ms: int) -> PreparedCall[BillVerdict | PreparedCall[BillVerdict]]:
        """The file, or the call that fetches it (an address that lives for seconds: make it at once)."""
        ...
