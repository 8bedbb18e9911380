"""The owner's word about bills, as an order at the door: what is known of a day's, the lines of one, fetch them now.

Fetching is the schedule's: here a bill is only wanted, and made due. What is kept is not fetched again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from gateway.bills.parsers.reading import kinds_of
from gateway.bills.plan import BillState, day_of, first_asked_ms, is_day
from gateway.channels.port import BillKind
from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import BillLineSaid, BillsAction, BillSaid, BillsOrder, BillsSaid
from gateway.store import bills, places, tasks
from gateway.store.bills import BillKey, bill_ref
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx

_DAY_MS: Final = 86_400_000
#: Lines in one answer: it must fit through the door.
_MOST_LINES: Final = 1_000


def bills_word(tx: Tx, order: BillsOrder, *, now_ms: int) -> BillsSaid | Faults:
    """`order.day` empty: the day that ended last."""
    day = order.day or day_of(now_ms - _DAY_MS)
    fault = _fault(tx, order, day, now_ms=now_ms)
    if fault is not None:
        return fault
    match order.action:
        case BillsAction.LIST:
            return _listed(tx, order, day)
        case BillsAction.SHOW:
            return _shown(tx, order, day)
        case BillsAction.FETCH:
            _fetch(tx, order, day, now_ms=now_ms)
            return _listed(tx, order, day)
        case _:
            assert_never(order.action)


def _fault(tx: Tx, order: BillsOrder, day: str, *, now_ms: int) -> Faults | None:
    if not is_day(day):
        return one_fault("bills", "day", "write it as 2026-11-22: a day in Beijing")
    if order.kind not in [kind.value for kind in BillKind]:
        return one_fault("bills", "kind", "is " + " or ".join(kind.value for kind in BillKind))
    if order.account and order.account not in [row.account_id for row in places.accounts(tx)]:
        return one_fault("bills", "account", "is not a channel account of this gateway")
    if order.action is BillsAction.FETCH and day >= day_of(now_ms):
        return one_fault("bills", "day", "is not over: a wallet makes a day's bill on the day after")
    if order.action is BillsAction.SHOW and not order.account:
        return one_fault("bills", "account", "must be named: lines are shown of one bill")
    return None


def _listed(tx: Tx, order: BillsOrder, day: str) -> BillsSaid:
    found = tuple(
        BillSaid(
            account=bill.key.account_id,
            channel=bill.channel,
            kind=bill.key.kind.value,
            day=day,
            state=bill.state.value,
            code=bill.code,
            tries=bill.tries,
            asked_ms=bill.asked_ms,
            sha256=bill.sha256,
            size=bill.size,
            lines=bill.lines,
        )
        for bill in bills.of_day(tx, day)
        if order.account in ("", bill.key.account_id)
    )
    return BillsSaid(day=day, bills=found)


def _shown(tx: Tx, order: BillsOrder, day: str) -> BillsSaid | Faults:
    key = BillKey(account_id=order.account, kind=BillKind(order.kind), day=day)
    bill = bills.find(tx, key)
    if bill is None or bill.state is not BillState.KEPT:
        return one_fault("bills", bill_ref(key), "is not there; `guitai gateway bills list` tells what is known of it")
    lines = tuple(
        BillLineSaid(
            line=line.line,
            kind=line.kind.value,
            out_trade_no=line.out_trade_no,
            refund_no=line.refund_no,
            transaction_id=line.transaction_id,
            amount_fen=line.amount_fen,
            fee_millifen=line.fee_millifen,
            at_ms=line.at_ms,
            state=line.state,
        )
        for line in bills.lines_of(tx, key, after=order.after, limit=_MOST_LINES)
    )
    listed = _listed(tx, order, day)
    return BillsSaid(day=day, bills=tuple(one for one in listed.bills if one.kind == order.kind), lines=lines)


def _fetch(tx: Tx, order: BillsOrder, day: str, *, now_ms: int) -> None:
    for row in places.accounts(tx):
        if order.account not in ("", row.account_id):
            continue
        for kind in kinds_of(row.channel):
            key = BillKey(account_id=row.account_id, kind=kind, day=day)
            bills.want(tx, key, channel=row.channel)
            bill = bills.find(tx, key)
            assert bill is not None, "just wanted"
            if bill.state is BillState.KEPT:
                continue
            bills.save(tx, replace(bill, state=BillState.WANTED))
            due_ms = max(now_ms, first_asked_ms(day))
            tasks.put(tx, TaskKind.BILL, bill_ref(key), due_ms=due_ms, account_id=row.account_id)
