"""What must hold of cash, offline orders and copied disks when everything has become calm: one function per rule."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from proof.simulation.invariants_offline import BACK_BY_ITSELF_FEN, DAY_MS
from proof.simulation.till_evidence import TillSight
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState, TerminalState

#: What is planned may be late by what a clock was set by, and by a look at it.
_PLANNED_MS: Final = 120_000


def cash_is_told(e: Evidence) -> Complaints:
    """What a till's journal says about cash, the gateway has, and nothing else."""
    if e.side.file is None:
        return
    for till in e.tills.values():
        if not _speaks(e, till):
            continue
        mine = {
            number: (one.sale_id, one.amount.fen, one.returned_at_ms is not None)
            for number, one in till.file.cash().items()
        }
        theirs = e.side.file.cash(till.terminal_id)
        for number in mine.keys() - theirs.keys():
            yield number, f"cash at {till.name}, and the gateway never heard of it"
        for number in mine.keys() & theirs.keys():
            if mine[number] != theirs[number]:
                yield number, f"{till.name} says {mine[number]}, the gateway {theirs[number]}"
        if till.terminal_id not in e.unruly:
            for number in theirs.keys() - mine.keys():
                yield number, f"the gateway has cash that {till.name} never took"


def one_tender_is_kept(e: Evidence) -> Complaints:
    """A sale that cash covers keeps no wallet money. Of a till with two disks, people are at least told."""
    told = {about.rpartition(":")[2] for kind, about in e.gateway.open_alarms() if kind == "paid_twice"}
    for till in e.tills.values():
        covered = {one.sale_id: number for number, one in till.file.cash().items() if one.returned_at_ms is None}
        for number, row in e.rows.items():
            sale = e.sale_of.get(row.order_no)
            if row.terminal_id != till.terminal_id or sale not in covered or not e.kept_of(number):
                continue
            if till.terminal_id not in e.unruly:
                yield number, f"the wallet holds {e.kept_of(number)} fen, and {covered[sale]} is cash for the same sale"
            elif _speaks(e, till) and number not in told:
                yield number, f"kept beside the cash {covered[sale]} of the same sale, and no alarm says so"


def cancelled_orders_go_back(e: Evidence) -> Complaints:
    """An offline order that was cancelled at its till and paid has gone back, or a person is asked to give it back."""
    asked = {about.rpartition(":")[2] for kind, about in e.gateway.open_alarms() if kind == "cancelled_paid"}
    refused = {about for kind, about in e.gateway.open_alarms() if kind == "refund_refused"}
    tried = {e.orders[r.out_trade_no].payment_no for n, r in e.refunds.items() if n in refused}
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            shown = record.offline is not None and not record.offline.status
            if not shown or not record.cancel_intended or not e.kept_of(number):
                continue
            if number in tried and number in asked:
                continue  # its wallet said no for good, and a person is told
            if e.side.goes_on.get(till.terminal_id, till.name) != till.name and number not in e.cancels_heard:
                continue  # of two disks the other one was chosen, and this one's cancel never reached anybody
            if record.amount.fen <= BACK_BY_ITSELF_FEN and not _a_person_began(e, number):
                yield number, f"cancelled at {till.name}, and the wallet keeps {e.kept_of(number)} fen"
            elif number not in asked:
                yield number, f"cancelled at {till.name}, the wallet keeps {e.kept_of(number)} fen, and nobody is told"
            elif not e.refunded_of(number) and not _goes_back_in_a_day(e, till, number):
                yield number, f"cancelled at {till.name}, and when nobody decides it never goes back"


def _a_person_began(e: Evidence, number: str) -> bool:
    """Who gave a part of it back decides about the rest."""
    return any(e.orders[r.out_trade_no].payment_no == number and r.cause == "till" for r in e.refunds.values())


def what_went_back_is_told(e: Evidence) -> Complaints:
    """A paid order that its till had cancelled, and that the gateway gave back, is no sale of that till's any more."""
    for till in e.tills.values():
        for refund in e.gateway.refunds().values():
            order = e.orders.get(refund.out_trade_no)
            if order is None or refund.cause != "cancelled" or refund.state is not RefundState.DONE:
                continue
            record = till.file.payments().get(order.payment_no)
            told = None if record is None or record.late_money is None else record.late_money.state
            if record is not None and not e.is_left(till) and told is not LateMoneyState.UNDONE:
                yield order.payment_no, f"went back, and {till.name} has it as {record.state}"


def nobody_looks_for_what_is_back(e: Evidence) -> Complaints:
    """Once nothing is kept of a cancelled order, or of one of two tenders, no alarm asks for it any more."""
    for kind, about in e.gateway.open_alarms():
        row = e.rows.get(about.rpartition(":")[2])
        if row is None or kind not in ("cancelled_paid", "paid_twice"):
            continue
        if not e.kept_of(row.payment_no):
            yield row.payment_no, f"all of it went back, and the alarm {kind} is open"
        elif kind == "paid_twice" and e.covers(row) is None:
            yield row.payment_no, "nothing else pays for its sale, and the alarm that something does is open"


def two_wallets_are_told(e: Evidence) -> Complaints:
    """Where two wallet payments are kept for one sale a person is told: one of them is a duplicate."""
    told = {about.rpartition(":")[2] for kind, about in e.gateway.open_alarms() if kind == "paid_twice"}
    kept: dict[tuple[str, str], str] = {}
    for number, row in e.rows.items():
        if row.sale_id is None or not e.kept_of(number):
            continue
        if row.state is not GatewayState.PAID and row.late is not LateMoneyState.ACCEPTED:
            continue
        other = kept.setdefault((row.terminal_id, row.sale_id), number)
        if other != number and not {number, other} & told:
            yield number, f"kept beside {other} for one sale, and nobody is told"


def _goes_back_in_a_day(e: Evidence, till: TillSight, number: str) -> bool:
    """By itself, after a person had a day."""
    due_ms = e.gateway.planned("unwanted").get(f"{till.terminal_id}:{number}")
    return due_ms is not None and due_ms - e.gateway_ms() <= DAY_MS + _PLANNED_MS + 2 * e.skew_ms


def forks_are_frozen(e: Evidence) -> Complaints:
    """Of two disks with one identity whose journals differ, neither sells until the owner chose one; the chosen one has
    delivered its whole chain."""
    for till in e.tills.values():
        if till.terminal_id not in e.unruly:
            continue
        mine, theirs = till.file.chain(), e.gateway.chain(till.terminal_id)
        if e.side.goes_on.get(till.terminal_id) == till.name and mine != theirs:
            yield till.terminal_id, f"{till.name} was chosen and has {len(mine)} entries, the gateway {len(theirs)}"
        common = min(len(mine), len(theirs))
        if till.terminal_id not in e.side.goes_on and mine[:common] != theirs[:common]:
            yield till.terminal_id, f"{till.name} has another journal than the gateway, and the owner was never asked"


def _speaks(e: Evidence, till: TillSight) -> bool:
    """Whether the gateway believes this machine's journal: the only one of its name, or the one that was chosen."""
    return till.terminal_id not in e.unruly or e.side.goes_on.get(till.terminal_id) == till.name


def no_order_waits(e: Evidence) -> Complaints:
    """No order waits for its proof for ever: the line is back, and the gateway said what became of it."""
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            if record.state is TerminalState.AWAITING_PROOF or record.confirmation_owed:
                yield number, f"{till.name} has it as {record.state}, and the gateway never confirmed it"


WHEN_CALM: Final[tuple[Callable[[Evidence], Complaints], ...]] = (
    cash_is_told,
    one_tender_is_kept,
    cancelled_orders_go_back,
    what_went_back_is_told,
    nobody_looks_for_what_is_back,
    two_wallets_are_told,
    forks_are_frozen,
    no_order_waits,
)
