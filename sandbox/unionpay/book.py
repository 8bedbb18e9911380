"""The book of one merchant's trades.

Every look at a trade lets time work on it first, one event after the other; `watch` hears of each change in its order,
with the moment at which it happened. Must not know: HTTP, signatures, forms.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import TypeAlias

from sandbox.unionpay.codes import Code
from sandbox.unionpay.trades import CHARGE_ENDS, Return, Trade, TradeEvent, TradeName, moved, next_event

Watch: TypeAlias = Callable[[Trade, TradeEvent, int], None]
"""Hears the trade after an event, the event, and when it happened."""

_CHARGES = (TradeEvent.BUYER_PAYS, TradeEvent.CHARGE_EXECUTES)


class TradeBook:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._trades: dict[TradeName, Trade] = {}
        self._by_key: dict[str, TradeName] = {}
        """By queryId and QR."""
        self._by_return: dict[TradeName, TradeName] = {}
        """The original's name by that of a refund or cancel."""
        self._by_order_id: dict[str, list[TradeName]] = {}
        self._reversed_unseen: set[TradeName] = set()
        self._charge_ends: list[Code] = []
        self._coming: list[tuple[int, int, TradeName]] = []
        """A heap of moments at which a trade may change; some are out of date, none is missing. The number in the
        middle keeps names from being compared."""
        self._pushed = 0

    def trade(self, name: TradeName, now_ms: int) -> Trade | None:
        """The trade as time has left it by now."""
        trade = self._trades.get(name)
        if trade is None:
            return None
        coming = next_event(trade)
        while coming is not None and coming[0] <= now_ms:
            at_ms, event = coming
            trade = self.move(trade, event, at_ms)
            coming = next_event(trade)
        return trade

    def trade_by(self, key: str, now_ms: int) -> Trade | None:
        """By queryId or QR."""
        name = self._by_key.get(key)
        return None if name is None else self.trade(name, now_ms)

    def trade_of_return(self, name: TradeName, now_ms: int) -> Trade | None:
        """The original of a refund or cancel."""
        original = self._by_return.get(name)
        return None if original is None else self.trade(original, now_ms)

    def trades_with(self, order_id: str, now_ms: int) -> tuple[Trade, ...]:
        """Every trade with that orderId: another txnTime is another trade."""
        found = (self.trade(name, now_ms) for name in self._by_order_id.get(order_id, ()))
        return tuple(trade for trade in found if trade is not None)

    def move(self, trade: Trade, event: TradeEvent, at_ms: int) -> Trade:
        """Makes a move, keeps what came of it, tells the watch."""
        end = self._charge_ends.pop(0) if event in _CHARGES and self._charge_ends else None
        trade = self.keep(moved(trade, event, at_ms, charge_end=end))
        self._watch(trade, event, at_ms)
        return trade

    def keep(self, trade: Trade) -> Trade:
        if trade.name not in self._trades:
            self._by_order_id.setdefault(trade.name.order_id, []).append(trade.name)
        self._trades[trade.name] = trade
        for key in (trade.query_id, trade.qr):
            if key:
                self._by_key[key] = trade.name
        coming = next_event(trade)
        if coming is not None:
            self._pushed += 1
            heapq.heappush(self._coming, (coming[0], self._pushed, trade.name))
        return trade

    def keep_return(self, trade: Trade, one: Return) -> None:
        """So that the refund or cancel finds its original."""
        self._by_return[one.name] = trade.name

    def keep_reversed(self, name: TradeName) -> None:
        """A reversal came of a trade that nobody has seen: it must never come to be."""
        self._reversed_unseen.add(name)

    def is_taken(self, name: TradeName) -> bool:
        """Whether no new trade may have this name."""
        return name in self._trades or name in self._by_return or name in self._reversed_unseen

    def end_next_charge(self, code: Code) -> None:
        assert code in CHARGE_ENDS
        self._charge_ends.append(code)

    def trades(self, now_ms: int) -> Iterator[Trade]:
        """In the order in which they came to be."""
        for name in tuple(self._trades):
            trade = self.trade(name, now_ms)
            if trade is not None:
                yield trade

    def advance(self, now_ms: int) -> None:
        """Lets time work on every trade that it changes by now."""
        while self._coming and self._coming[0][0] <= now_ms:
            self.trade(heapq.heappop(self._coming)[2], now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone will next change a trade."""
        while self._coming:
            at_ms, _, name = self._coming[0]
            coming = next_event(self._trades[name])
            if coming is not None and coming[0] == at_ms:
                return at_ms
            heapq.heappop(self._coming)
        return None
