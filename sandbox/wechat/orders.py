"""WeChat Pay's orders: the states, the one table of moves, the refunds, and what time alone does to an order.

Rules: time works on an order only when somebody looks (`sandbox.wechat.book`): the buyer's password, the order's expiry
(45 s for a scanned code), an undo that takes effect late, a charge that executes in spite of all and a refund that
lands take effect in the order of their moments, whenever the look comes. Must not know: HTTP, XML, JSON, signatures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from sandbox.codes import Buyer
from sandbox.course import Course
from sandbox.plan import Effect, UndoPlan

CODE_ORDER_LIFE_MS = 45_000
_ORDINARY = UndoPlan()


class TradeType(Enum):
    MICROPAY = "MICROPAY"
    """A scanned code, by v2 or v3."""
    NATIVE = "NATIVE"
    JSAPI = "JSAPI"
    MWEB = "MWEB"
    """H5."""


class Api(Enum):
    """The protocol of a call; a refund's callback comes in that of its request."""

    V2 = "v2"
    V3 = "v3"


class TradeState(Enum):
    NOTPAY = "NOTPAY"
    USERPAYING = "USERPAYING"
    SUCCESS = "SUCCESS"
    REFUND = "REFUND"
    """Was paid, and a refund of all or a part has begun."""
    CLOSED = "CLOSED"
    REVOKED = "REVOKED"
    """A scanned code's order, reversed: unpaid, or paid and given back in full."""
    PAYERROR = "PAYERROR"


class OrderEvent(Enum):
    BUYER_PAYS = "buyer_pays"
    CHARGE_EXECUTES = "charge_executes"
    """A charge that was under way executes, though the order may be closed by now. Only an unpaid order can see it."""
    EXPIRES = "expires"
    AUTO_REVERSES = "auto_reverses"
    SHOP_CLOSES = "shop_closes"
    SHOP_REVERSES = "shop_reverses"
    REFUND_BEGINS = "refund_begins"
    REFUND_LANDS = "refund_lands"


_NOTPAY, _USERPAYING, _SUCCESS = TradeState.NOTPAY, TradeState.USERPAYING, TradeState.SUCCESS
_REFUND, _CLOSED, _REVOKED, _PAYERROR = TradeState.REFUND, TradeState.CLOSED, TradeState.REVOKED, TradeState.PAYERROR

_EXISTING: Mapping[tuple[TradeState, OrderEvent], TradeState] = {
    (_NOTPAY, OrderEvent.BUYER_PAYS): _SUCCESS,
    (_USERPAYING, OrderEvent.BUYER_PAYS): _SUCCESS,
    (_NOTPAY, OrderEvent.CHARGE_EXECUTES): _SUCCESS,
    (_USERPAYING, OrderEvent.CHARGE_EXECUTES): _SUCCESS,
    (_CLOSED, OrderEvent.CHARGE_EXECUTES): _SUCCESS,
    (_REVOKED, OrderEvent.CHARGE_EXECUTES): _SUCCESS,
    (_NOTPAY, OrderEvent.EXPIRES): _CLOSED,
    (_NOTPAY, OrderEvent.AUTO_REVERSES): _REVOKED,
    (_USERPAYING, OrderEvent.AUTO_REVERSES): _REVOKED,
    (_PAYERROR, OrderEvent.AUTO_REVERSES): _REVOKED,
    (_NOTPAY, OrderEvent.SHOP_CLOSES): _CLOSED,
    (_NOTPAY, OrderEvent.SHOP_REVERSES): _REVOKED,
    (_USERPAYING, OrderEvent.SHOP_REVERSES): _REVOKED,
    (_PAYERROR, OrderEvent.SHOP_REVERSES): _REVOKED,
    (_SUCCESS, OrderEvent.SHOP_REVERSES): _REVOKED,
    (_SUCCESS, OrderEvent.REFUND_BEGINS): _REFUND,
    (_REFUND, OrderEvent.REFUND_BEGINS): _REFUND,
    (_REFUND, OrderEvent.REFUND_LANDS): _REFUND,
}

ORDER_MOVES: Mapping[tuple[TradeState, OrderEvent], TradeState | None] = {
    (state, event): _EXISTING.get((state, event)) for state in TradeState for event in OrderEvent
}
"""Total: None means that the move does not exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the shop asked for. Two requests with the same number must be equal in this."""

    out_trade_no: str
    trade_type: TradeType
    total_fen: int
    description: str
    appid: str
    sub_mchid: str = ""
    """Empty: a direct merchant's order."""
    sub_appid: str = ""
    attach: str = ""
    openid: str = field(default="", repr=False)
    """JSAPI: who alone may pay."""
    expires_ms: int | None = None
    """v3's time_expire, v2's own; None: the product's limit."""
    notify_url: str = field(default="", repr=False)

    @property
    def is_partner(self) -> bool:
        return bool(self.sub_mchid)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """One accepted refund. `lands_ms`: when the money is with the buyer."""

    out_refund_no: str
    refund_id: str
    amount_fen: int
    asked_ms: int
    lands_ms: int
    api: Api
    notify_url: str = field(default="", repr=False)
    landed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    asked: Asked
    transaction_id: str
    """Drawn at once, shown only when the order is paid."""
    buyer: Buyer
    created_ms: int
    course: Course
    ends_ms: int
    """When an unpaid order ends by itself."""
    state: TradeState = TradeState.NOTPAY
    paid_ms: int | None = None
    reversed_ms: int | None = None
    refunds: tuple[Refund, ...] = ()
    auth_code: str = field(default="", repr=False)
    prepay_id: str = field(default="", repr=False)
    code_url: str = field(default="", repr=False)

    @property
    def number(self) -> str:
        return self.asked.out_trade_no

    @property
    def by_code(self) -> bool:
        return self.asked.trade_type is TradeType.MICROPAY

    @property
    def hidden(self) -> bool:
        """WeChat has it, and finds it for nobody before the charge has executed."""
        return self.course.plan.effect is Effect.HIDDEN and self.paid_ms is None

    @property
    def is_open(self) -> bool:
        return self.state in (TradeState.NOTPAY, TradeState.USERPAYING)

    @property
    def captured_fen(self) -> int:
        return 0 if self.paid_ms is None else self.asked.total_fen

    @property
    def asked_back_fen(self) -> int:
        """What refund requests were accepted for, landed or not."""
        return sum(refund.amount_fen for refund in self.refunds)

    @property
    def refunded_fen(self) -> int:
        """What the buyer has back. A reverse of a paid order gives everything back at once."""
        if self.state is TradeState.REVOKED:
            return self.captured_fen
        return sum(refund.amount_fen for refund in self.refunds if refund.landed)


def moved(order: Order, event: OrderEvent, at_ms: int) -> Order:
    """The order after a move of the table. Asking for a move that does not exist is a bug of the caller."""
    state = ORDER_MOVES[order.state, event]
    assert state is not None, f"{event.name} in {order.state.name}"
    match event:
        case OrderEvent.BUYER_PAYS | OrderEvent.CHARGE_EXECUTES:
            assert order.paid_ms is None
            return replace(order, state=state, paid_ms=at_ms, reversed_ms=None)
        case OrderEvent.SHOP_REVERSES | OrderEvent.AUTO_REVERSES:
            return replace(order, state=state, reversed_ms=at_ms)
        case OrderEvent.EXPIRES | OrderEvent.SHOP_CLOSES | OrderEvent.REFUND_BEGINS:
            return replace(order, state=state)
        case OrderEvent.REFUND_LANDS:
            return replace(order, state=state, refunds=tuple(_landed(one, at_ms) for one in order.refunds))


def undo_event(order: Order) -> OrderEvent:
    """How this kind of order is undone."""
    return OrderEvent.SHOP_REVERSES if order.by_code else OrderEvent.SHOP_CLOSES


def next_event(order: Order) -> tuple[int, OrderEvent] | None:
    """What time alone will do to this order next, and when. At the same moment the order's end beats the buyer."""
    return min(_coming(order), key=lambda event: event[0], default=None)


def _coming(order: Order) -> list[tuple[int, OrderEvent]]:
    """At the same moment the earlier in the list wins."""
    executes_ms = None if order.paid_ms is not None else order.course.executes_ms(order.ends_ms)
    ends = OrderEvent.AUTO_REVERSES if order.by_code else OrderEvent.EXPIRES
    # A script about the shop's undo is played to its end: WeChat's own reverse at 45 s would come before it.
    ends_ms = None if order.by_code and _about_the_undo(order) else order.ends_ms
    coming: list[tuple[int | None, OrderEvent]] = []
    match order.state:
        case TradeState.NOTPAY | TradeState.USERPAYING:
            if not order.hidden:
                coming += [
                    (ends_ms, ends),
                    (order.course.undo_applies_ms, undo_event(order)),
                    (order.course.pays_ms(), OrderEvent.BUYER_PAYS),
                ]
            coming.append((executes_ms, OrderEvent.CHARGE_EXECUTES))
        case TradeState.CLOSED | TradeState.REVOKED:
            coming.append((executes_ms, OrderEvent.CHARGE_EXECUTES))
        case TradeState.PAYERROR:
            coming.append((order.ends_ms, ends))
        case TradeState.SUCCESS:
            pass
        case TradeState.REFUND:
            landings = (refund.lands_ms for refund in order.refunds if not refund.landed)
            coming.append((min(landings, default=None), OrderEvent.REFUND_LANDS))
    return [(at_ms, event) for at_ms, event in coming if at_ms is not None]


def _about_the_undo(order: Order) -> bool:
    plan = order.course.plan
    return plan.undo != _ORDINARY or plan.pays_after_undo_ms is not None


def _landed(refund: Refund, at_ms: int) -> Refund:
    return replace(refund, landed=True) if refund.lands_ms <= at_ms else refund
