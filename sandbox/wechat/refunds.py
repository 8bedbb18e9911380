"""Refunds, whichever protocol asks.

Rules, the real one's: a refund number is one refund for ever, and with another amount an error; refunds together never
exceed what was paid, are at most fifty, and end a year after the payment; accepted is not yet refunded.
Must not know: XML, JSON, HTTP, signatures.
"""

from dataclasses import dataclass, field, replace

from sandbox.course import ask_refund
from sandbox.wechat.beijing import day_stamp
from sandbox.wechat.book import OrderBook
from sandbox.wechat.orders import Api, Order, OrderEvent, Refund, TradeState
from sandbox.wechat.refusals import No
from sandbox.wire import RandomBytes, random_digits

REFUND_WINDOW_MS = 365 * 86_400_000
MOST_REFUNDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedRefund:
    out_refund_no: str
    amount_fen: int
    total_fen: int
    api: Api
    notify_url: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refunded:
    order: Order
    refund: Refund


class Refunds:
    def __init__(self, *, book: OrderBook, random_bytes: RandomBytes) -> None:
        self._book = book
        self._random_bytes = random_bytes

    def refund(self, order: Order, asked: AskedRefund, now_ms: int) -> Refunded | No:
        holder = self._book.order_of_refund(asked.out_refund_no, now_ms)
        if holder is not None:
            earlier = refund_named(holder, asked.out_refund_no)
            same = holder.number == order.number and earlier.amount_fen == asked.amount_fen
            same = same and asked.total_fen == order.asked.total_fen
            return Refunded(order=holder, refund=earlier) if same else No.REFUND_DIFFERS
        refused = _why_not(order, asked, now_ms)
        if refused is not None:
            return refused
        course, balance_low = ask_refund(order.course)
        order = self._book.keep(replace(order, course=course))
        return No.REFUND_BALANCE_LOW if balance_low else self._begin(order, asked, now_ms)

    def find(self, name: str, sub_mchid: str, now_ms: int) -> Refunded | No:
        """By out_refund_no or refund id."""
        order = self._book.order_of_refund(name, now_ms)
        if order is None or order.asked.sub_mchid != sub_mchid:
            return No.REFUND_UNKNOWN
        if order.course.in_maintenance(now_ms):
            return No.SYSTEM_ERROR
        return Refunded(order=order, refund=refund_named(order, name))

    def _begin(self, order: Order, asked: AskedRefund, now_ms: int) -> Refunded:
        random = random_digits(self._random_bytes, 17)
        refund = Refund(
            out_refund_no=asked.out_refund_no,
            refund_id=f"5030{random[:6]}{day_stamp(now_ms)}{random[6:]}",
            amount_fen=asked.amount_fen,
            asked_ms=now_ms,
            lands_ms=now_ms + order.course.plan.refund.processing_ms,
            api=asked.api,
            notify_url=asked.notify_url,
        )
        order = replace(order, refunds=(*order.refunds, refund))
        self._book.keep_refund(order, refund)
        self._book.move(order, OrderEvent.REFUND_BEGINS, now_ms)
        settled = self._book.order(order.number, now_ms)
        assert settled is not None
        return Refunded(order=settled, refund=refund_named(settled, asked.out_refund_no))


def refund_named(order: Order, name: str) -> Refund:
    """The order's refund with that out_refund_no or refund id."""
    return next(refund for refund in order.refunds if name in (refund.out_refund_no, refund.refund_id))


def _why_not(order: Order, asked: AskedRefund, now_ms: int) -> No | None:
    if order.state not in (TradeState.SUCCESS, TradeState.REFUND) or order.paid_ms is None:
        return No.REFUND_UNPAID
    if asked.total_fen != order.asked.total_fen:
        return No.REFUND_TOTAL_DIFFERS
    if order.asked_back_fen + asked.amount_fen > order.asked.total_fen:
        return No.REFUND_TOO_MUCH
    if now_ms >= order.paid_ms + REFUND_WINDOW_MS:
        return No.REFUND_OVERDUE
    return No.REFUND_TOO_MANY if len(order.refunds) >= MOST_REFUNDS else None
