"""UnionPay's trades: the states, the one table of moves, what was given back, and what time alone does to a trade.

Rules: a trade is named by orderId and txnTime together; time works on it only when somebody looks
(`sandbox.unionpay.book`); a charge that executes at or after the payment deadline ends as 42: debited, and no success.
What is given back (refund, same-day cancel) are trades of their own. Must not know: HTTP, forms, signatures.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

from sandbox.codes import Buyer
from sandbox.course import Course
from sandbox.unionpay.codes import Code
from sandbox.unionpay.signing import SignMethod


class TxnType(Enum):
    CONSUME = "01"
    REFUND = "04"
    CANCEL = "31"
    """Of a paid trade of the same settlement day."""


class TradeState(Enum):
    OPEN = "open"
    PAID = "paid"
    """Debited. `charge_end` says how."""
    FAILED = "failed"
    """Over without money. `failed_by` says why."""
    VOID = "void"
    """Reversed: nobody has paid, or everything went back at once."""


class TradeEvent(Enum):
    BUYER_PAYS = "buyer_pays"
    CHARGE_EXECUTES = "charge_executes"
    """A charge that was under way executes, whatever became of the trade. Only an unpaid trade can see it."""
    EXPIRES = "expires"
    SHOP_REVERSES = "shop_reverses"
    RETURN_LANDS = "return_lands"


_EXISTING: Mapping[tuple[TradeState, TradeEvent], TradeState] = {
    (TradeState.OPEN, TradeEvent.BUYER_PAYS): TradeState.PAID,
    (TradeState.OPEN, TradeEvent.CHARGE_EXECUTES): TradeState.PAID,
    (TradeState.FAILED, TradeEvent.CHARGE_EXECUTES): TradeState.PAID,
    (TradeState.VOID, TradeEvent.CHARGE_EXECUTES): TradeState.PAID,
    (TradeState.OPEN, TradeEvent.EXPIRES): TradeState.FAILED,
    (TradeState.OPEN, TradeEvent.SHOP_REVERSES): TradeState.VOID,
    (TradeState.FAILED, TradeEvent.SHOP_REVERSES): TradeState.FAILED,
    (TradeState.PAID, TradeEvent.SHOP_REVERSES): TradeState.VOID,
    (TradeState.PAID, TradeEvent.RETURN_LANDS): TradeState.PAID,
}

TRADE_MOVES: Mapping[tuple[TradeState, TradeEvent], TradeState | None] = {
    (state, event): _EXISTING.get((state, event)) for state in TradeState for event in TradeEvent
}
"""Total: None means that the move does not exist."""

CHARGE_ENDS = (Code.OK, Code.DEFECT, Code.PAST_DEADLINE, Code.WRITE_OFF_UNKNOWN, Code.WRITE_OFF_FAILED)
"""How a debit can end. The last three are money that was taken and no success."""
SUCCESSES = (Code.OK, Code.DEFECT)


@dataclass(frozen=True, slots=True, kw_only=True)
class TradeName:
    """What names a trade of the merchant for ever."""

    order_id: str
    txn_time: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """How a request was made, so that answers and notifications are made likewise."""

    method: SignMethod
    back_url: str = field(default="", repr=False)
    """Empty: nobody is told."""
    echoed: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """Fields that come back as they were sent: accessType, bizType, reqReserved …"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the shop asked for."""

    name: TradeName
    sub_type: str
    """06: a scanned code. 07: the order's QR."""
    amount_fen: int
    wire: Wire
    description: str = ""
    terminal: str = ""
    pay_until_ms: int | None = None
    """payTimeout; None: UnionPay's own."""

    @property
    def by_code(self) -> bool:
        return self.sub_type == "06"


@dataclass(frozen=True, slots=True, kw_only=True)
class Return:
    """One accepted refund or same-day cancel. `lands_ms`: when the money is with the buyer."""

    name: TradeName
    txn_type: TxnType
    amount_fen: int
    query_id: str
    trace_no: str
    asked_ms: int
    lands_ms: int
    wire: Wire
    landed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    asked: Asked
    query_id: str
    trace_no: str
    buyer: Buyer
    created_ms: int
    course: Course
    ends_ms: int
    """The payment deadline: when an unpaid trade ends by itself."""
    seen: bool
    """False: UnionPay has the request, and there is no trade yet that a query could find."""
    state: TradeState = TradeState.OPEN
    failed_by: Code = Code.INPUT_TIMEOUT
    charge_end: Code = Code.OK
    paid_ms: int | None = None
    returns: tuple[Return, ...] = ()
    qr: str = field(default="", repr=False)

    @property
    def name(self) -> TradeName:
        return self.asked.name

    @property
    def exists(self) -> bool:
        """Whether a query finds it."""
        return self.seen or self.paid_ms is not None

    @property
    def captured_fen(self) -> int:
        return 0 if self.paid_ms is None else self.asked.amount_fen

    @property
    def asked_back_fen(self) -> int:
        """What refunds and cancels were accepted for, landed or not."""
        return sum(one.amount_fen for one in self.returns)

    @property
    def refunded_fen(self) -> int:
        """What the buyer has back. A reversal of a paid trade gives everything back at once."""
        if self.state is TradeState.VOID:
            return self.captured_fen
        return sum(one.amount_fen for one in self.returns if one.landed)


def moved(trade: Trade, event: TradeEvent, at_ms: int, *, charge_end: Code | None = None) -> Trade:
    """The trade after a move of the table. Asking for a move that does not exist is a bug of the caller.

    `charge_end`: how a charge ends, if not as its moment makes it end."""
    state = TRADE_MOVES[trade.state, event]
    assert state is not None, f"{event.name} in {trade.state.name}"
    match event:
        case TradeEvent.BUYER_PAYS | TradeEvent.CHARGE_EXECUTES:
            assert trade.paid_ms is None
            end = charge_end or (Code.PAST_DEADLINE if at_ms >= trade.ends_ms else Code.OK)
            return replace(trade, state=state, paid_ms=at_ms, charge_end=end)
        case TradeEvent.SHOP_REVERSES | TradeEvent.EXPIRES:
            return replace(trade, state=state)
        case TradeEvent.RETURN_LANDS:
            return replace(trade, state=state, returns=tuple(_landed(one, at_ms) for one in trade.returns))


def next_event(trade: Trade) -> tuple[int, TradeEvent] | None:
    """What time alone will do to this trade next, and when. At the same moment the trade's end beats the buyer."""
    return min(_coming(trade), key=lambda event: event[0], default=None)


def _coming(trade: Trade) -> list[tuple[int, TradeEvent]]:
    """At the same moment the earlier in the list wins."""
    executes_ms = None if trade.paid_ms is not None else trade.course.executes_ms(trade.ends_ms)
    coming: list[tuple[int | None, TradeEvent]] = []
    match trade.state:
        case TradeState.OPEN:
            coming += [
                (trade.ends_ms, TradeEvent.EXPIRES),
                (trade.course.undo_applies_ms, TradeEvent.SHOP_REVERSES),
                (trade.course.pays_ms(), TradeEvent.BUYER_PAYS),
                (executes_ms, TradeEvent.CHARGE_EXECUTES),
            ]
        case TradeState.FAILED | TradeState.VOID:
            coming.append((executes_ms, TradeEvent.CHARGE_EXECUTES))
        case TradeState.PAID:
            landings = (one.lands_ms for one in trade.returns if not one.landed)
            coming.append((min(landings, default=None), TradeEvent.RETURN_LANDS))
    return [(at_ms, event) for at_ms, event in coming if at_ms is not None]


def _landed(one: Return, at_ms: int) -> Return:
    return replace(one, landed=True) if one.lands_ms <= at_ms else one
