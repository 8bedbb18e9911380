"""What must hold when everything has become calm: one function per rule, over files, books and screens.

Nothing is open, and till, gateway, wallet and ledger say the same. See `proof.simulation.invariants` for the rules that
hold at every moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Final

from proof.simulation import restored_rules, standing_rules
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence, GatewayRow
from proof.wallets import kept_fen
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState, TerminalState
from sync.engine.record import PaymentRecord
from sync.engine.statements import TILL


def all_agree(e: Evidence) -> Complaints:
    """Till, gateway and wallet say the same of every payment, and nothing is open."""
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            row, kept = e.rows.get(number), e.kept_of(number)
            if not record.state.final:
                yield number, f"{till.name} still shows {record.state}"
            elif row is not None and row.state.value != record.state.value and not _all_went_back(e, record, kept):
                yield number, f"{till.name} says {record.state}, the gateway {row.state}"
            elif row is None and record.state is TerminalState.PAID and not _all_went_back(e, record, kept):
                yield number, "PAID at the till, and the gateway has never seen it"
            elif kept != (record.amount.fen - e.refunded_of(number) if _is_kept(record.state, row) else 0):
                yield number, f"{record.state} at the till, and the wallet holds {kept} fen"
    for row in e.rows.values():
        if not row.state.final:
            yield row.payment_no, f"the gateway is still at {row.state}"


def _all_went_back(e: Evidence, record: PaymentRecord, kept: int) -> bool:
    """PAID at the till, and given back whole before the gateway's database was put back: the wallet calls that closed,
    or nobody asked about it any more."""
    paid = record.state is TerminalState.PAID and record.payment_no in e.restored.rows
    return paid and kept == 0 and record.refunded_fen == record.amount.fen


def _is_kept(state: TerminalState, row: GatewayRow | None) -> bool:
    """By the till's word, or by the owner's: money that came late and that he kept."""
    return state is TerminalState.PAID or (row is not None and row.late is LateMoneyState.ACCEPTED)


def late_money_is_undone(e: Evidence) -> Complaints:
    """Money that came too late has gone back, and the till was told both."""
    for row in e.rows.values():
        if row.late is LateMoneyState.FOUND:
            yield row.payment_no, "late money was found and not given back"
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            row = e.rows.get(number)
            told = None if record.late_money is None else record.late_money.state
            paid = record.state is TerminalState.PAID and row is not None and row.state is GatewayState.PAID
            if paid and len(e.gateway.orders_of(number)) > 1:
                continue  # another payer's, who was given up before this one paid: the gateway looks after it alone
            if row is not None and row.late is not None and told is not row.late:
                yield number, f"late money is {row.late} at the gateway and {told} at the till"


def all_acknowledged(e: Evidence) -> Complaints:
    """Every final outcome that a till has from the gateway is acknowledged on both sides. What a till proves by itself
    (not one byte was sent) is not the gateway's outcome. What was acknowledged before the gateway's database was put
    back is not acknowledged again: its gateway calls it unnoticed once more, and a person sees that."""
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            row = e.rows.get(number)
            if record.ack_owed and not (row is None and number in e.restored.rows):
                yield number, f"{till.name} still owes its acknowledgement"
            own = record.proof is not None and record.proof.said_by == TILL
            if number in e.restored.acknowledged:
                continue
            if row is not None and row.state.final and row.acked_seq is None and not own:
                yield number, "the gateway never heard that its outcome was journaled"


def chains_are_gapless(e: Evidence) -> Complaints:
    """The gateway holds each till's whole chain, entry for entry."""
    for till in e.tills.values():
        mine, theirs = till.file.chain(), e.gateway.chain(till.terminal_id)
        if [seq for seq, _ in theirs] != list(range(1, len(theirs) + 1)):
            yield till.terminal_id, "the gateway's copy of the journal has a gap"
        if till.terminal_id in e.unruly:
            continue
        if mine != theirs:
            yield till.terminal_id, f"the till has {len(mine)} entries, the gateway {len(theirs)}, and they differ"


def contents_are_delivered(e: Evidence) -> Complaints:
    """What a till has written down is not lost with its disk: the gateway holds it, and not the hash of it alone."""
    mine = {till.terminal_id for till in e.tills.values()} - e.unruly
    for terminal_id, seq in e.gateway.withheld():
        if terminal_id in mine:
            yield terminal_id, f"the content of entry {seq} stays at the till"


def sales_are_known(e: Evidence) -> Complaints:
    """Of money that it keeps the gateway knows for which sale: what comes for the same one is a duplicate."""
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            row = e.rows.get(number)
            if row is None or till.terminal_id in e.unruly or row.state is not GatewayState.PAID:
                continue
            if row.sale_id != record.sale_id:
                yield number, f"{till.name} sold it in {record.sale_id}, and the gateway has {row.sale_id}"


def nobody_is_needed(e: Evidence) -> Complaints:
    """No alarm waits for a person, and no journal noted two statements that disagree. Where the gateway's database was
    put back, one that stood at an earlier place disagrees with itself, and what it gave back is a stranger's to it."""
    doubted = {number for till in e.tills.values() for number in till.doubted}
    opposites = set(e.opposites.values()) | e.restored.rows.keys()
    every = e.restored.every_order(e.orders)
    given_back = {every[refund.out_trade_no].payment_no for refund in e.restored.refunds.values()}
    excused = {number for number, row in e.rows.items() if row.terminal_id in e.unruly} | e.unruly
    for kind, about in e.gateway.open_alarms():
        if about.rpartition(" ")[2] in excused or any(name in about for name in e.unruly):
            continue
        if kind == "paid_unnoticed" and any(number in about for number in e.restored.acknowledged):
            continue
        if kind == "mismatch" and any(number in about for number in given_back):
            continue
        if kind == "mismatch" and any(number in about.replace(" ", "-") for number in doubted):
            continue
        if kind == "conflict" and any(number in about.replace(" ", "-") for number in e.contradicted):
            continue
        if kind in {"paid_unnoticed", "conflict", "mismatch", "journal_gap", "journal_fork", "channel_account"}:
            yield about.rpartition(" ")[2], f"an open alarm: {kind}"
    for till in e.tills.values():
        for number, record in till.file.payments().items():
            if record.conflict and number not in opposites:
                yield number, "two signed statements disagree"


def alarms_end_with_their_trouble(e: Evidence) -> Complaints:
    """Once the money is where it belongs nobody is asked to look after it: whoever reads ten alarms about what is over
    does not see the eleventh."""
    refunds = e.gateway.refunds()
    for kind, about in e.gateway.open_alarms():
        row, refund = e.rows.get(about.rpartition(":")[2]), refunds.get(about)
        if kind == "late_money" and row is not None and row.late is LateMoneyState.UNDONE:
            yield row.payment_no, "its late money went back, and the alarm about it is open"
        elif kind == "undo_refused" and row is not None and row.state.final:
            yield row.payment_no, "it ended, and the alarm that its undo was refused is open"
        elif kind in ("refund_refused", "refund_never") and refund is not None and refund.state is RefundState.DONE:
            yield about, "the refund is done, and the alarm that it was refused is open"


def nobody_is_paid_back_twice(e: Evidence) -> Complaints:
    """What the owner gave back by hand is not given back by its wallet too."""
    for number in e.by_hand:
        money = e.money(number)
        if money is None or money.refunded_fen:
            yield number, f"given back by hand, and by its wallet: {money and money.refunded_fen} fen"


def the_ledger_agrees(e: Evidence) -> Complaints:
    """Every entry sums to zero; what the channels owe is what the wallets hold; nothing of an order is left over. What
    went back before the gateway's database was put back the wallets' bill tells."""
    for entry in e.gateway.unbalanced():
        yield "the ledger", f"entry {entry} does not sum to zero"
    booked, orders = e.gateway.booked(), e.gateway.channel_orders()
    for number, order in orders.items():
        sums = booked.get(number, {})
        owed, kept = sums.get(f"receivable:{order.account_id}", 0), kept_fen(e.money(number))
        if owed not in (kept, kept + e.restored.refunded_fen(number, e.gateway.refunds())):
            yield order.payment_no, f"the ledger says that {owed} fen of {number} are owed, the wallet holds {kept}"
        waiting = sum(fen for account, fen in sums.items() if account.startswith("suspense:"))
        if waiting:
            yield order.payment_no, f"{-waiting} fen of {number} are still nobody's"


def forged_notices_move_nothing(e: Evidence) -> Complaints:
    """Where every notification states another amount, another merchant, or is wrongly signed, none was applied."""
    for till in e.tills.values():
        for number in till.forged:
            order_no, _, n = number.partition("-")
            events = e.gateway.events(order_no)
            if any(f" n={n} notified by " in event and event.endswith(" paid") for event in events):
                yield number, "a notification that states something else was applied"


def refunds_are_driven_to_the_end(e: Evidence) -> Complaints:
    """No refund is open; till and gateway say the same of each, and what the gateway never took moved nothing."""
    known = e.gateway.refunds()
    for refund in known.values():
        if not refund.state.final:
            yield refund.refund_no, f"the refund is still {refund.state}"
    for till in e.tills.values():
        for number, record in till.file.refunds().items():
            row = e.restored.every_refund(known).get(number)
            if not record.state.final and (row is not None or not e.is_left(till)):
                yield number, f"{till.name} still shows the refund as {record.state}"
            elif row is None and record.state is RefundState.DONE:
                yield number, "DONE at the till, and the gateway has never seen it"
            elif row is not None and (row.state, row.amount_fen) != (record.state, record.amount.fen):
                yield number, f"{till.name} says {record.state}, the gateway {row.state}"


def refunds_are_counted(e: Evidence) -> Complaints:
    """Set aside of a charge is what its refunds ask for, without those that failed, out of what the wallet took and not
    a fen more; a till's sums say the same."""
    for number, fen in e.gateway.captured().items():
        money = e.money(number)
        if money is None or fen != money.captured_fen:
            yield number, f"{fen} fen may go back, and the wallet took {money and money.captured_fen}"
    asked: Counter[str] = Counter()
    for row in e.gateway.refunds().values():
        asked[row.out_trade_no] += row.amount_fen if row.state is not RefundState.FAILED else 0
    for number, fen in e.gateway.reserved().items():
        if fen != asked[number]:
            yield number, f"{fen} fen are set aside, and its refunds ask for {asked[number]}"
    for till in e.tills.values():
        back: Counter[str] = Counter()
        for record in till.file.refunds().values():
            back[record.payment_no] += record.amount.fen if record.state is RefundState.DONE else 0
        for number, payment in till.file.payments().items():
            # What a machine that was left asked back since is refused: it stays open there, and nothing goes back.
            under_way = payment.refunding_fen if e.is_left(till) else 0
            if (payment.refunded_fen, payment.refunding_fen) != (back[number], under_way):
                yield number, f"{till.name} counts {payment.refunded_fen} fen as refunded of {back[number]}"


def codes_are_in_no_file(e: Evidence) -> Complaints:
    """A payment code is in memory only: not one that was scanned is in the gateway's file or in a till's."""
    if not e.codes:
        return
    for name, file in (("the gateway", e.gateway), *((till.name, till.file) for till in e.tills.values())):
        raw = file.raw()
        if any(code in raw for code in e.codes):
            yield name, "a payment code is in its file"


def guards_are_constraints(e: Evidence) -> Complaints:
    """What must never be two cannot be written twice, past all code: the guard is an index, never a check in code."""
    for what in e.gateway.broken_guards():
        yield "the gateway's database", f"lets through: {what}"


WHEN_CALM: Final[tuple[Callable[[Evidence], Complaints], ...]] = (
    all_agree,
    late_money_is_undone,
    all_acknowledged,
    chains_are_gapless,
    contents_are_delivered,
    sales_are_known,
    nobody_is_needed,
    alarms_end_with_their_trouble,
    refunds_are_driven_to_the_end,
    refunds_are_counted,
    forged_notices_move_nothing,
    nobody_is_paid_back_twice,
    the_ledger_agrees,
    codes_are_in_no_file,
    guards_are_constraints,
    *restored_rules.WHEN_CALM,
    *standing_rules.WHEN_CALM,
)
