"""Rules about what pays for a sale, and who is told when two do: late money that a person keeps, tenders of one sale,
orders that were paid although their till had cancelled them. One function per rule; see `proof.simulation.invariants`.

They are asked of every terminal of the shop, also of one whose program keeps no rule: it is the gateway that promises.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayRow
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState

#: Refunds of the money that a sale was paid with.
_OF_THE_SALE: Final = frozenset({"till", "cancelled"})


def late_money_is_kept_when_all_is_settled(
    e: Evidence, before: ChannelOrderRow | None, after: ChannelOrderRow
) -> Complaints:
    """A person keeps late money for a sale of which every try has ended unpaid, and which nothing else pays for. What
    is on its way back is not kept; and while a till keeps an entry of its journal to itself, that may be its cash."""
    newly = before is None or before.late is not after.late
    if not newly or after.late is not LateMoneyState.ACCEPTED:
        return
    rows, orders = e.gateway.payments(), e.gateway.channel_orders()
    row = rows.get(after.payment_no)
    if row is None:
        return
    for other in _of_sale(row, rows.values()):
        if other.state is not GatewayState.NOT_PAID:
            yield after.payment_no, f"its late money is kept, and {other.payment_no} of its sale is {other.state}"
    for order in orders.values():
        beside = order.out_trade_no != after.out_trade_no and order.payment_no == after.payment_no
        if beside and order.late is LateMoneyState.ACCEPTED:
            yield after.payment_no, f"its late money is kept, and that of {order.out_trade_no} beside it"
    for refund in e.gateway.refunds().values():
        if refund.out_trade_no == after.out_trade_no and refund.state is not RefundState.FAILED:
            yield after.payment_no, f"its late money is kept, and its refund {refund.refund_no} is {refund.state}"
    if any(kind == "entry_withheld" and about.startswith(row.terminal_id) for kind, about in e.gateway.open_alarms()):
        yield after.payment_no, "its late money is kept, and its till keeps an entry to itself that may be cash"


def two_tenders_are_told(e: Evidence) -> Complaints:
    """Where two wallet payments of one sale are kept, or one beside its cash, a person is told of each at once."""
    orders, back_fen = e.gateway.channel_orders(), Counter[str]()
    for refund in e.gateway.refunds().values():
        order = orders.get(refund.out_trade_no)
        if order is not None and refund.state is RefundState.DONE and refund.cause in _OF_THE_SALE:
            back_fen[order.payment_no] += refund.amount_fen
    kept: defaultdict[tuple[str, str], list[GatewayRow]] = defaultdict(list)
    for row in e.gateway.payments().values():
        covers = row.state is GatewayState.PAID or row.late is LateMoneyState.ACCEPTED
        if row.sale_id is not None and covers and back_fen[row.payment_no] < row.amount_fen:
            kept[row.terminal_id, row.sale_id].append(row)
    paid_in_cash = set[tuple[str, str]]() if e.side.file is None else e.side.file.sales_in_cash()
    told = {about.rpartition(":")[2] for kind, about in e.gateway.open_alarms() if kind == "paid_twice"}
    for sale, payments in kept.items():
        if len(payments) < 2 and sale not in paid_in_cash:
            continue
        for row in payments:
            if row.payment_no not in told:
                beside = "cash" if sale in paid_in_cash else f"{len(payments) - 1} more"
                yield row.payment_no, f"kept beside {beside} for one sale, and nobody is told"


def a_cancelled_order_is_a_case(e: Evidence) -> Complaints:
    """An offline order that is paid, and of which the gateway knows that its till had cancelled it, is somebody's to
    look at until all of it is back."""
    told = {about.rpartition(":")[2] for kind, about in e.gateway.open_alarms() if kind == "cancelled_paid"}
    back_fen = Counter[str]()
    for refund in e.gateway.refunds().values():
        if refund.state is RefundState.DONE and refund.cause in _OF_THE_SALE:
            back_fen[refund.out_trade_no] += refund.amount_fen
    for number, seen in e.side.rows.seen.items():
        row = e.rows.get(f"{number}-1")
        if row is None or row.state is not GatewayState.PAID or row.payment_no in told:
            continue
        cancelled = (seen.terminal_id, seen.epoch, seen.oseq) in e.side.rows.cancelled
        if cancelled and back_fen[row.out_trade_no or ""] < row.amount_fen:
            yield row.payment_no, "paid, cancelled at its till, not all of it is back, and no alarm about it is open"


def _of_sale(row: GatewayRow, rows: Iterable[GatewayRow]) -> list[GatewayRow]:
    """Every payment of the same sale, this one too."""
    same = (row.terminal_id, row.sale_id)
    return [row] if row.sale_id is None else [other for other in rows if (other.terminal_id, other.sale_id) == same]


ON_ORDER: Final = (late_money_is_kept_when_all_is_settled,)
ON_TIME: Final[tuple[Callable[[Evidence], Complaints], ...]] = (two_tenders_are_told, a_cancelled_order_is_a_case)
