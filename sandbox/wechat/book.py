"""The book of one merchant's orders.

Every look at an order lets time work on it first, one event after the other; `watch` hears of each change in its order,
with the moment at which it happened. Must not know: HTTP, signatures, XML, JSON.
"""

import heapq
from collections.abc import Callable, Iterator
from typing import TypeAlias

from sandbox.wechat.orders import Order, OrderEvent, Refund, moved, next_event

Watch: TypeAlias = Callable[[Order, OrderEvent, int], None]
"""Hears the order after an event, the event, and when it happened."""


class OrderBook:
    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._orders: dict[str, Order] = {}
        self._number_by: dict[str, str] = {}
        """Order numbers by transaction id, prepay id and code URL."""
        self._number_by_refund: dict[str, str] = {}
        """Order numbers by out_refund_no and refund id."""
        self._coming: list[tuple[int, str]] = []
        """A heap of moments at which an order may change; some are out of date, none is missing."""

    def order(self, out_trade_no: str, now_ms: int) -> Order | None:
        """The order as time has left it by now."""
        order = self._orders.get(out_trade_no)
        if order is None:
            return None
        coming = next_event(order)
        while coming is not None and coming[0] <= now_ms:
            at_ms, event = coming
            order = self.move(order, event, at_ms)
            coming = next_event(order)
        return order

    def order_by(self, name: str, now_ms: int) -> Order | None:
        """By transaction id, prepay id or code URL."""
        number = self._number_by.get(name)
        return None if number is None else self.order(number, now_ms)

    def order_of_refund(self, name: str, now_ms: int) -> Order | None:
        """By out_refund_no or refund id."""
        number = self._number_by_refund.get(name)
        return None if number is None else self.order(number, now_ms)

    def move(self, order: Order, event: OrderEvent, at_ms: int) -> Order:
        """Makes a move, keeps what came of it, tells the watch."""
        order = self.keep(moved(order, event, at_ms))
        self._watch(order, event, at_ms)
        return order

    def keep(self, order: Order) -> Order:
        self._orders[order.number] = order
        for name in (order.transaction_id, order.prepay_id, order.code_url):
            if name:
                self._number_by[name] = order.number
        coming = next_event(order)
        if coming is not None:
            heapq.heappush(self._coming, (coming[0], order.number))
        return order

    def keep_refund(self, order: Order, refund: Refund) -> None:
        """So that the refund finds its order."""
        for name in (refund.out_refund_no, refund.refund_id):
            self._number_by_refund[name] = order.number

    def orders(self, now_ms: int) -> Iterator[Order]:
        """In the order in which they came to be; without those that are hidden."""
        for number in tuple(self._orders):
            order = self.order(number, now_ms)
            if order is not None and not order.hidden:
                yield order

    def advance(self, now_ms: int) -> None:
        """Lets time work on every order that it changes by now."""
        while self._coming and self._coming[0][0] <= now_ms:
            self.order(heapq.heappop(self._coming)[1], now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone will next change an order."""
        while self._coming:
            at_ms, number = self._coming[0]
            coming = next_event(self._orders[number])
            if coming is not None and coming[0] == at_ms:
                return at_ms
            heapq.heappop(self._coming)
        return None
