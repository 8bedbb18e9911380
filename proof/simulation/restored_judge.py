"""What the judge does at the moment in which the gateway's database is put back: it looks again, and asks no rule about
the step back itself. Everywhere else rows move forward only, as ever.

What it forgets with the gateway: since when something is so, where it is so no more, and what the gateway had told of
its intents. What it keeps: `proof.simulation.restored_evidence`.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final, TypeVar

from proof.simulation.evidence import Evidence
from protocol.states import GatewayState, TerminalState

UNDOING: Final = (GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND)

K = TypeVar("K")
V = TypeVar("V")


def goes_back(e: Evidence) -> None:
    """Right before it: what the wallets' books will go on to show."""
    if e.restored.file is not None:
        e.restored.sent_ms.update(e.restored.file.sent_ms())


def went_back(e: Evidence) -> None:
    """Right after it, while the gateway is down."""
    rows, orders, refunds = e.rows, e.orders, e.refunds
    e.gateway.moved()
    e.rows, e.orders, e.refunds = e.gateway.payments(), e.gateway.channel_orders(), e.gateway.refunds()
    e.restored.forgets(_gone(rows, e.rows), _gone(orders, e.orders), _gone(refunds, e.refunds), now_ms=e.now_ms())
    e.restored.in_question = frozenset() if e.restored.file is None else e.restored.file.in_question()
    nothing_lost = (rows, orders, refunds) == (e.rows, e.orders, e.refunds)
    for till in () if nothing_lost else e.tills.values():
        for number, record in till.file.payments().items():
            row, told = e.rows.get(number), record.state is TerminalState.NOT_PAID
            if not told and (row is None or not row.state.final):
                e.restored.doubtful[number] = till.terminal_id
    _times(e)
    if e.side.file is not None:
        e.side.rows = e.side.file.rows()
        for account_id in e.side.notices:
            e.side.notices[account_id] = min(e.side.notices[account_id], e.side.file.notices(account_id)[0])
        _keep(e.side.seen_since_ms, e.side.rows.seen)
        _keep(e.side.cancelled_since_ms, e.side.rows.cancelled)


def _times(e: Evidence) -> None:
    told = {number for number, row in e.rows.items() if row.cancel_requested}
    e.cancelled &= told
    e.cancels_heard &= told
    _keep(e.paid_since_ms, {number for number, row in e.rows.items() if row.state is GatewayState.PAID})
    _keep(e.undoing_since_ms, {number for number, row in e.rows.items() if row.state in UNDOING})
    _keep(e.opened_ms, e.orders)
    _keep(e.ended_since_ms, {number for number, order in e.orders.items() if order.ended is not None})


def _gone(before: dict[str, V], after: dict[str, V]) -> list[V]:
    """What is not there any more as it was."""
    return [row for number, row in before.items() if after.get(number) != row]


def _keep(times: dict[K, int], there: Container[K]) -> None:
    for key in [key for key in times if key not in there]:
        del times[key]


def goes_back_unheard(e: Evidence, wallet: str) -> bool:
    """Whether money goes back at this wallet and its till has not heard yet that it is done."""
    for number, refund in e.refunds.items():
        order = e.orders[refund.out_trade_no]
        if order.account_id.split("-")[1] != wallet:
            continue
        mine = [till.file for till in e.tills.values() if till.terminal_id == refund.terminal_id]
        payments = [file.payments().get(order.payment_no) for file in mine]
        asked = [file.refunds().get(number) for file in mine]
        open_there = any(one is not None and not one.state.final for one in (*payments, *asked))
        if not refund.state.final or open_there:
            return True
    return False
