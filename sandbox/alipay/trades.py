"""Alipay's trades: the states, the one table of moves, the refunds, and what time alone does to a trade.

Rules: time works on a trade only when somebody looks (`sandbox.alipay.book`): the buyer's password, the time limit, an
undo that takes effect late, a charge that executes in spite of all, a refund that lands, and the end of the refund
window take effect in the order of their moments, whenever the look comes.
Must not know: HTTP, signatures, scripts' names.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from sandbox.codes import Buyer
from sandbox.course import Course

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
    CHARGE_EXECUTES = "charge_executes"
    """A charge that was under way executes, though the trade may be closed by now. Only an unpaid trade can see it."""
    TIME_IS_UP = "time_is_up"
    SHOP_CLOSES = "shop_closes"
    SHOP_CANCELS = "shop_cancels"
    REFUND_LANDS = "refund_lands"
    REFUNDED_IN_FULL = "refunded_in_full"
    REFUND_WINDOW_ENDS = "refund_window_ends"


_WAIT, _PAID = TradeStatus.WAIT_BUYER_PAY, TradeStatus.TRADE_SUCCESS
_FINISHED, _CLOSED = TradeStatus.TRADE_FINISHED, TradeStatus.TRADE_CLOSED

_EXISTING: Mapping[tuple[TradeStatus, TradeEvent], TradeStatus] = {
    (_WAIT, TradeEvent.BUYER_PAYS): _PAID,
    (_WAIT, TradeEvent.CHARGE_EXECUTES): _PAID,
    (_WAIT, TradeEvent.TIME_IS_UP): _CLOSED,
    (_WAIT, TradeEvent.SHOP_CLOSES): _CLOSED,
    (_WAIT, TradeEvent.SHOP_CANCELS): _CLOSED,
    (_PAID, TradeEvent.SHOP_CANCELS): _CLOSED,
    (_PAID, TradeEvent.REFUND_LANDS): _PAID,
    (_PAID, TradeEvent.REFUNDED_IN_FULL): _CLOSED,
    (_PAID, TradeEvent.REFUND_WINDOW_ENDS): _FINISHED,
    (_CLOSED, TradeEvent.CHARGE_EXECUTES): _PAID,
}

TRADE_MOVES: Mapping[tuple[TradeStatus, TradeEvent], TradeStatus | None] = {
    (status, event): _EXISTING.get((status, event)) for status in TradeStatus for event in TradeEvent
}
"""Total: None means that the move does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What the shop asked for. Two requests with the same number must be equal in this, the time limit and the address
    for notifications apart."""

    out_trade_no: str
    total_fen: int
    subject: str
    store_id: str
    terminal_id: str
    expires_ms: int | None = field(compare=False)
    notify_url: str = field(default="", compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One accepted refund request. `lands_ms`: when the money is with the buyer."""

    request_no: str
    amount_fen: int
    asked_ms: int
    lands_ms: int
    landed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    trade_no: str
    order: Order
    buyer: Buyer
    created_ms: int
    course: Course
    status: TradeStatus = TradeStatus.WAIT_BUYER_PAY
    paid_ms: int | None = None
    ended_ms: int | None = None
    """When it was closed, cancelled or given back in full."""
    cancelled: bool = False
    refunds: tuple[Refund, ...] = ()
    auth_code: str | None = field(default=None, repr=False)

    @property
    def hidden(self) -> bool:
        """Alipay has it, and finds it for nobody before the charge has executed."""
        return self.course.hidden and self.paid_ms is None

    @property
    def captured_fen(self) -> int:
        return 0 if self.paid_ms is None else self.order.total_fen

    @property
    def asked_back_fen(self) -> int:
        """What refund requests were accepted for, landed or not."""
        return sum(refund.amount_fen for refund in self.refunds)

    @property
    def refunded_fen(self) -> int:
        """What the buyer has back. A cancel of a paid trade gives everything back at once."""
        if self.cancelled:
            return self.captured_fen
        return sum(refund.amount_fen for refund in self.refunds if refund.landed)


def moved(trade: Trade, event: TradeEvent, at_ms: int) -> Trade:
    """The trade after a move of the table. Asking for a move that does not exist is a bug of the caller."""
    status = TRADE_MOVES[trade.status, event]
    assert status is not None, f"{event.name} in {trade.status.name}"
    match event:
        case TradeEvent.BUYER_PAYS | TradeEvent.CHARGE_EXECUTES:
            assert trade.paid_ms is None
            return replace(trade, status=status, paid_ms=at_ms, ended_ms=None, cancelled=False)
        case TradeEvent.SHOP_CANCELS:
            return replace(trade, status=status, ended_ms=at_ms, cancelled=True)
        case TradeEvent.TIME_IS_UP | TradeEvent.SHOP_CLOSES | TradeEvent.REFUNDED_IN_FULL:
            return replace(trade, status=status, ended_ms=at_ms)
        case TradeEvent.REFUND_LANDS:
            return replace(trade, status=status, refunds=tuple(_landed(one, at_ms) for one in trade.refunds))
        case TradeEvent.REFUND_WINDOW_ENDS:
            return replace(trade, status=status)


def next_event(trade: Trade) -> tuple[int, TradeEvent] | None:
    """What time alone will do to this trade next, and when. At the same moment the trade's end beats the buyer."""
    return min(_coming(trade), key=lambda event: event[0], default=None)


def _coming(trade: Trade) -> list[tuple[int, TradeEvent]]:
    """At the same moment the earlier in the list wins."""
    coming: list[tuple[int | None, TradeEvent]] = []
    match trade.status:
        case TradeStatus.WAIT_BUYER_PAY:
            if not trade.hidden:
                coming += [
                    (trade.order.expires_ms, TradeEvent.TIME_IS_UP),
                    (trade.course.undo_applies_ms, TradeEvent.SHOP_CANCELS),
                    (trade.course.pays_ms(), TradeEvent.BUYER_PAYS),
                ]
            coming.append((trade.course.executes_ms(trade.order.expires_ms), TradeEvent.CHARGE_EXECUTES))
        case TradeStatus.TRADE_SUCCESS:
            assert trade.paid_ms is not None
            landings = (refund.lands_ms for refund in trade.refunds if not refund.landed)
            given_back = trade.refunded_fen == trade.captured_fen
            last_ms = max((refund.lands_ms for refund in trade.refunds), default=None)
            coming += [
                (last_ms if given_back else None, TradeEvent.REFUNDED_IN_FULL),
                (min(landings, default=None), TradeEvent.REFUND_LANDS),
                (trade.paid_ms + REFUND_WINDOW_MS, TradeEvent.REFUND_WINDOW_ENDS),
            ]
        case TradeStatus.TRADE_CLOSED:
            if trade.paid_ms is None:
                coming.append((trade.course.executes_ms(trade.order.expires_ms), TradeEvent.CHARGE_EXECUTES))
        case TradeStatus.TRADE_FINISHED:
            pass
    return [(at_ms, event) for at_ms, event in coming if at_ms is not None]


def _landed(refund: Refund, at_ms: int) -> Refund:
    return replace(refund, landed=True) if refund.lands_ms <= at_ms else refund
