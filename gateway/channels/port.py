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
from typing import Generic, Protocol, TypeVar

from gateway.channels.verdicts import (
    ChannelReason,
    Closed,
    Declined,
    LineFault,
    Mismatch,
    NoAnswer,
    NotFound,
    NotSent,
    Paid,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from protocol.secret import Secret

__all__ = [
    "Channel",
    "ChannelReason",
    "ChannelRequest",
    "ChannelResponse",
    "ChannelTraits",
    "Closed",
    "Declined",
    "Exchange",
    "LineFault",
    "Mismatch",
    "NoAnswer",
    "NotFound",
    "NotSent",
    "OrderRef",
    "Paid",
    "PayOrder",
    "PayVerdict",
    "Pending",
    "PrecreateVerdict",
    "PreparedCall",
    "QrOrder",
    "QrReady",
    "QueryVerdict",
    "UndoAcknowledged",
    "UndoAction",
    "UndoRefused",
    "UndoRetry",
    "UndoVerdict",
    "Unknown",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRequest:
    """One HTTP request. Neither its body nor its query string reach a repr: they carry codes, tokens and signatures."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRef:
    """Names an order at the wallet, with the amount that its answers must repeat."""

    out_trade_no: str
    amount_fen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PayOrder:
    """A scanned code to charge. `open_for_ms`: how long the wallet may keep the trade open."""

    out_trade_no: str
    amount_fen: int
    subject: str
    auth_code: Secret
    operator: str
    terminal: str
    store: str
    open_for_ms: int

    @property
    def ref(self) -> OrderRef:
        return OrderRef(out_trade_no=self.out_trade_no, amount_fen=self.amount_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class QrOrder:
    """An order to show as a QR. `open_for_ms`: how long the wallet may keep it payable."""

    out_trade_no: str
    amount_fen: int
    subject: str
    operator: str
    terminal: str
    store: str
    open_for_ms: int

    @property
    def ref(self) -> OrderRef:
        return OrderRef(out_trade_no=self.out_trade_no, amount_fen=self.amount_fen)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelTraits:
    """What the schedule must know about a wallet. Times in ms."""

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


class Channel(Protocol):
    """One merchant account at one wallet. Pure: `now_ms` (Unix, UTC) is an argument."""

    @property
    def traits(self) -> ChannelTraits: ...

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]: ...

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]: ...

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]: ...

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """Undo of an outcome that is open: closes an unpaid trade, gives a paid one back. Inside `undo_window_ms`."""
        ...

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """Close an unpaid trade; a wallet refuses it for a trade that does not exist yet: use `cancel` then."""
        ...
