"""Alipay's trades: the states, the one table of moves, and the orders shown as a QR that nobody has scanned yet.

Rules: time works on a trade only when somebody looks (`settled`): the buyer's password, the time limit and the end of
the refund window take effect in the order of their moments, whenever the look comes. A trade that is shut stays shut.
Must not know: HTTP, signatures, scripts' names.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from sandbox.codes import Buyer
from sandbox.plan import Fault

REFUND_WINDOW_MS = 365 * 86_400_000


class TradeStatus(Enum):
    WAIT_BUYER_PAY = "WAIT_BUYER_PAY"
    TRADE_SUCCESS = "TRADE_SUCCESS"
    TRADE_FINISHED = "TRADE_FINISHED"
    """Paid, and no longer refundable."""
    TRADE_CLOSED = "TRADE_CLOSED"
    """Closed unpaid, or paid and given back in full."""


class TradeEvent(Enum):
    BUYER_PAYS = "buyer_pays"
    TIME_IS_UP = "time_is_up"
    SHOP_CLOSES = "shop_closes"
    SHOP_CANCELS = "shop_cancels"
    REFUND_WINDOW_ENDS = "refund_window_ends"


_WAIT, _PAID = TradeStatus.WAIT_BUYER_PAY, TradeStatus.TRADE_SUCCESS
_FINISHED, _CLOSED = TradeStatus.TRADE_FINISHED, TradeStatus.TRADE_CLOSED

TRADE_MOVES: Mapping[tuple[TradeStatus, TradeEvent], TradeStatus | None] = {
    (_WAIT, TradeEvent.BUYER_PAYS): _PAID,
    (_WAIT, TradeEvent.TIME_IS_UP): _CLOSED,
    (_WAIT, TradeEvent.SHOP_CLOSES): _CLOSED,
    (_WAIT, TradeEvent.SHOP_CANCELS): _CLOSED,
    (_WAIT, TradeEvent.REFUND_WINDOW_ENDS): None,
    (_PAID, TradeEvent.BUYER_PAYS): None,
    (_PAID, TradeEvent.TIME_IS_UP): None,
    (_PAID, TradeEvent.SHOP_CLOSES): None,
    (_PAID, TradeEvent.SHOP_CANCELS): _CLOSED,
    (_PAID, TradeEvent.REFUND_WINDOW_ENDS): _FINISHED,
    (_FINISHED, TradeEvent.BUYER_PAYS): None,
    (_FINISHED, TradeEvent.TIME_IS_UP): None,
    (_FINISHED, TradeEvent.SHOP_CLOSES): None,
    (_FINISHED, TradeEvent.SHOP_CANCELS): None,
    (_FINISHED, TradeEvent.REFUND_WINDOW_ENDS): None,
    (_CLOSED, TradeEvent.BUYER_PAYS): None,
    (_CLOSED, TradeEvent.TIME_IS_UP): None,
    (_CLOSED, TradeEvent.SHOP_CLOSES): None,
    (_CLOSED, TradeEvent.SHOP_CANCELS): None,
    (_CLOSED, TradeEvent.REFUND_WINDOW_ENDS): None,
}
"""Total: None means that the move does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the shop asked for. Two requests with the same number must be equal in this, the time limit apart."""

    out_trade_no: str
    total_fen: int
    subject: str
    store_id: str
    terminal_id: str
    expires_ms: int | None = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    trade_no: str
    order: Order
    buyer: Buyer
    created_ms: int
    status: TradeStatus = TradeStatus.WAIT_BUYER_PAY
    pays_ms: int | None = None
    """When the waiting buyer will have typed the password; None: never."""
    paid_ms: int | None = None
    cancelled: bool = False
    auth_code: str | None = field(default=None, repr=False)
    query_faults: tuple[Fault, ...] = ()

    @property
    def captured_fen(self) -> int:
        return 0 if self.paid_ms is None else self.order.total_fen

    @property
    def refunded_fen(self) -> int:
        return self.captured_fen if self.status is TradeStatus.TRADE_CLOSED else 0


def moved(trade: Trade, event: TradeEvent, at_ms: int) -> Trade:
    """The trade after a move of the table. Asking for a move that does not exist is a bug of the caller."""
    status = TRADE_MOVES[trade.status, event]
    assert status is not None, f"{event.name} in {trade.status.name}"
    paid_ms = at_ms if event is TradeEvent.BUYER_PAYS else trade.paid_ms
    cancelled = trade.cancelled or event is TradeEvent.SHOP_CANCELS
    return replace(trade, status=status, paid_ms=paid_ms, cancelled=cancelled)


def next_event(trade: Trade) -> tuple[int, TradeEvent] | None:
    """What time alone will do to this trade next, and when. At the same moment the time limit beats the buyer."""
    match trade.status:
        case TradeStatus.WAIT_BUYER_PAY:
            limit_ms = trade.order.expires_ms
            if trade.pays_ms is not None and (limit_ms is None or trade.pays_ms < limit_ms):
                return trade.pays_ms, TradeEvent.BUYER_PAYS
            return None if limit_ms is None else (limit_ms, TradeEvent.TIME_IS_UP)
        case TradeStatus.TRADE_SUCCESS:
            assert trade.paid_ms is not None
            return trade.paid_ms + REFUND_WINDOW_MS, TradeEvent.REFUND_WINDOW_ENDS
        case TradeStatus.TRADE_FINISHED | TradeStatus.TRADE_CLOSED:
            return None


def settled(trade: Trade, now_ms: int) -> Trade:
    """The trade as time has left it by now."""
    coming = next_event(trade)
    while coming is not None and coming[0] <= now_ms:
        at_ms, event = coming
        trade = moved(trade, event, at_ms)
        coming = next_event(trade)
    return trade


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A precreated order: a QR, and no trade until somebody scans it."""

    order: Order
    qr: str
    expires_ms: int
    void: bool = False
    """The shop cancelled it: the QR opens nothing any more."""


class TradeBook:
    """All trades and offers of one merchant, each looked at through `settled`."""

    def __init__(self) -> None:
        self._trades: dict[str, Trade] = {}
        self._out_trade_no_by_trade_no: dict[str, str] = {}
        self._offers: dict[str, Offer] = {}
        self._out_trade_no_by_qr: dict[str, str] = {}

    def trade(self, out_trade_no: str, now_ms: int) -> Trade | None:
        trade = self._trades.get(out_trade_no)
        if trade is None:
            return None
        self._trades[out_trade_no] = current = settled(trade, now_ms)
        return current

    def trade_by_trade_no(self, trade_no: str, now_ms: int) -> Trade | None:
        out_trade_no = self._out_trade_no_by_trade_no.get(trade_no)
        return None if out_trade_no is None else self.trade(out_trade_no, now_ms)

    def keep_trade(self, trade: Trade) -> Trade:
        self._trades[trade.order.out_trade_no] = trade
        self._out_trade_no_by_trade_no[trade.trade_no] = trade.order.out_trade_no
        return trade

    def trades(self, now_ms: int) -> Iterator[Trade]:
        """In the order in which they came to be."""
        for out_trade_no in tuple(self._trades):
            trade = self.trade(out_trade_no, now_ms)
            if trade is not None:
                yield trade

    def offer(self, out_trade_no: str) -> Offer | None:
        return self._offers.get(out_trade_no)

    def offer_by_qr(self, qr: str) -> Offer | None:
        out_trade_no = self._out_trade_no_by_qr.get(qr)
        return None if out_trade_no is None else self._offers[out_trade_no]

    def keep_offer(self, offer: Offer) -> Offer:
        self._offers[offer.order.out_trade_no] = offer
        self._out_trade_no_by_qr[offer.qr] = offer.order.out_trade_no
        return offer

    def open_offers(self, now_ms: int) -> Iterator[Offer]:
        """QRs that a customer could still pay, the newest first."""
        for offer in reversed(self._offers.values()):
            trade = self.trade(offer.order.out_trade_no, now_ms)
            waits = trade is None or trade.status is TradeStatus.WAIT_BUYER_PAY
            if waits and not offer.void and now_ms < offer.expires_ms:
                yield offer

    def next_event_ms(self) -> int | None:
        """When time alone will next change a trade that waits for its buyer."""
        waiting = (trade for trade in self._trades.values() if trade.status is TradeStatus.WAIT_BUYER_PAY)
        return min((event[0] for event in map(next_event, waiting) if event is not None), default=None)
