"""The book of one merchant's trades, and the orders shown as a QR that nobody has scanned yet.

Every look at a trade lets time work on it first, one event after the other; `watch` hears of each change in its order,
with the moment at which it happened. Must not know: HTTP, signatures, methods.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from sandbox.alipay.trades import Order, Trade, TradeEvent, TradeStatus, moved, next_event

Watch: TypeAlias = Callable[[Trade, TradeEvent, int], None]
"""Hears the trade after an event, the event, and when it happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A precreated order: a QR, and no trade until somebody scans it."""

    order: Order
    qr: str
    expires_ms: int
    void: bool = False
    """The shop cancelled it: the QR opens nothing any more."""


class TradeBook:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._trades: dict[str, Trade] = {}
        self._out_trade_no_by_trade_no: dict[str, str] = {}
        self._offers: dict[str, Offer] = {}
        self._out_trade_no_by_qr: dict[str, str] = {}
        self._coming: list[tuple[int, str]] = []
        """A heap of moments at which a trade may change; some are out of date, none is missing."""

    def trade(self, out_trade_no: str, now_ms: int) -> Trade | None:
        """The trade as time has left it by now."""
        trade = self._trades.get(out_trade_no)
        if trade is None:
            return None
        coming = next_event(trade)
        while coming is not None and coming[0] <= now_ms:
            at_ms, event = coming
            trade = self.move(trade, event, at_ms)
            coming = next_event(trade)
        return trade

    def move(self, trade: Trade, event: TradeEvent, at_ms: int) -> Trade:
        """Makes a move, keeps what came of it, tells the watch."""
        trade = self.keep_trade(moved(trade, event, at_ms))
        self._watch(trade, event, at_ms)
        return trade

    def trade_by_trade_no(self, trade_no: str, now_ms: int) -> Trade | None:
        out_trade_no = self._out_trade_no_by_trade_no.get(trade_no)
        return None if out_trade_no is None else self.trade(out_trade_no, now_ms)

    def keep_trade(self, trade: Trade) -> Trade:
        number = trade.order.out_trade_no
        self._trades[number] = trade
        self._out_trade_no_by_trade_no[trade.trade_no] = number
        coming = next_event(trade)
        # The refund window ends in a year: nobody waits for that.
        if coming is not None and coming[1] is not TradeEvent.REFUND_WINDOW_ENDS:
            heapq.heappush(self._coming, (coming[0], number))
        return trade

    def trades(self, now_ms: int) -> Iterator[Trade]:
        """In the order in which they came to be; without those that are hidden."""
        for out_trade_no in tuple(self._trades):
            trade = self.trade(out_trade_no, now_ms)
            if trade is not None and not trade.hidden:
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
            if offer.void or now_ms >= offer.expires_ms:
                continue
            trade = self.trade(offer.order.out_trade_no, now_ms)
            if trade is None or trade.status is TradeStatus.WAIT_BUYER_PAY:
                yield offer

    def advance(self, now_ms: int) -> None:
        """Lets time work on every trade that it changes by now."""
        while self._coming and self._coming[0][0] <= now_ms:
            self.trade(heapq.heappop(self._coming)[1], now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone will next change a trade."""
        while self._coming:
            at_ms, out_trade_no = self._coming[0]
            coming = next_event(self._trades[out_trade_no])
            if coming is not None and coming[0] == at_ms and coming[1] is not TradeEvent.REFUND_WINDOW_ENDS:
                return at_ms
            heapq.heappop(self._coming)
        return None
