"""Rules about money as it moves: what the wallet's books hold, and what may be given back. One function per rule.

The edges between states are written down here a second time on purpose: an oracle that imports its subject's table
agrees with its mistakes.
"""

from __future__ import annotations

from typing import Final

from proof.asked import Verb
from proof.simulation.calls import Ended
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence, RefundRow
from proof.wallets import kept_fen
from protocol.messages import LateMoneyState
from protocol.numbers import order_of_out_trade_no
from protocol.states import GatewayState, ProofKind, RefundState, TerminalState

_R = RefundState
_REFUND_EDGES: Final = {
    _R.CREATED: {_R.SENT},
    _R.SENT: {_R.DONE, _R.FAILED},
    _R.DONE: set[RefundState](),
    _R.FAILED: set[RefundState](),
}


#: Refunds of the gateway's own: of money that is not the shop's.
_OWED: Final = frozenset({"undo", "late"})

#: How a payer's order on the page is over, so that another payer may try.
_GIVEN_UP: Final = (ProofKind.CLOSED, ProofKind.ABSENT, ProofKind.DECLINED)


def one_charge_kept_per_sale(e: Evidence, out_trade_no: str) -> Complaints:
    """Of all orders of one sale, at most one has money that was not given back. Where a request may reach the wallet
    after everybody gave up, money that came too late for a payment proven not paid is a case of its own."""
    sale = e.sale_of.get(order_of_out_trade_no(out_trade_no) or "")
    if sale is None:
        yield out_trade_no, "money moved for an order that no till started"
        return
    kept: list[str] = []
    for order in e.restored.every_order(e.gateway.channel_orders()).values():
        order_no = order_of_out_trade_no(order.out_trade_no) or ""
        if e.sale_of.get(order_no) != sale or e.held_fen(order.out_trade_no) == 0:
            continue
        row = e.rows.get(order.payment_no)
        # On the page one payer's order may be over, and another's is open: each is given up by itself.
        over = order.ended in _GIVEN_UP and len(e.gateway.orders_of(order.payment_no)) > 1
        given_up = over or (row is not None and row.state is GatewayState.NOT_PAID)
        if e.strict or not given_up:
            kept.append(order.out_trade_no)
    if len(kept) > 1:
        yield kept[0], f"one sale holds {len(kept)} charges: {', '.join(kept)}"


def no_charge_after_a_proof(e: Evidence, out_trade_no: str) -> Complaints:
    """Nothing is charged for a payment that the gateway holds as proven not paid, or a till showed as safe to scan."""
    order = e.restored.every_order(e.gateway.channel_orders()).get(out_trade_no)
    kept = kept_fen(e.money(out_trade_no))
    if not e.strict or order is None or kept == 0:
        return
    row = e.rows.get(order.payment_no)
    if row is not None and row.state is GatewayState.NOT_PAID:
        yield order.payment_no, f"the wallet keeps {kept} fen after the proof {row.proof}"
    for till in e.tills.values():
        if order.payment_no in till.green:
            yield order.payment_no, f"the wallet keeps {kept} fen for a payment shown as safe to rescan"


def refunds_stay_within_the_charge(e: Evidence, out_trade_no: str) -> Complaints:
    """What went back never exceeds what was taken, and what was accepted as refunds never exceeds it either."""
    money = e.money(out_trade_no)
    if money is None:
        return
    if money.refunded_fen > money.captured_fen:
        yield out_trade_no, f"{money.refunded_fen} fen went back of {money.captured_fen}"
    asked_fen = sum(
        r.amount_fen
        for r in e.gateway.refunds().values()
        if r.out_trade_no == out_trade_no and r.state is not RefundState.FAILED
    )
    if asked_fen > money.total_fen:
        yield out_trade_no, f"refunds of {asked_fen} fen were accepted for {money.total_fen}"


def paid_stays_paid(e: Evidence, out_trade_no: str) -> Complaints:
    """Goods are released when a till shows PAID: from then on only refunds that were asked for take money back."""
    order = e.restored.every_order(e.gateway.channel_orders()).get(out_trade_no)
    if order is None:
        return
    for till in e.tills.values():
        view = till.views.get(order.payment_no)
        if view is None or view.state is not TerminalState.PAID or order.ended is not None:
            continue
        kept, fen = kept_fen(e.money(out_trade_no)), view.amount.fen
        if kept < fen - e.refunded_of(order.payment_no):
            yield order.payment_no, f"{till.name} shows PAID, and the wallet took {fen - kept} fen back"


def done_refunds_are_true(e: Evidence, before: RefundRow | None, after: RefundRow) -> Complaints:
    """A refund moves along its edges, keeps its content, and is DONE only when the wallet gave the money back."""
    if before is not None:
        if before.state is not after.state and after.state not in _REFUND_EDGES[before.state]:
            yield after.refund_no, f"the refund went from {before.state} to {after.state}"
        if (before.amount_fen, before.out_trade_no) != (after.amount_fen, after.out_trade_no):
            yield after.refund_no, "the content of a refund changed"
    if after.state is not RefundState.DONE or (before is not None and before.state is after.state):
        return
    done_fen = sum(
        r.amount_fen
        for r in e.gateway.refunds().values()
        if r.out_trade_no == after.out_trade_no and r.state is RefundState.DONE
    )
    money = e.money(after.out_trade_no)
    if money is None or money.refunded_fen < done_fen:
        yield after.refund_no, f"{done_fen} fen are told as refunded, the wallet gave {money and money.refunded_fen}"


def money_that_must_go_back_does(e: Evidence, _before: RefundRow | None, after: RefundRow) -> Complaints:
    """What an undo or late money gives back has no final "no": while the wallet holds it, it is tried again."""
    if after.state is RefundState.FAILED and after.cause in _OWED and e.held_fen(after.out_trade_no):
        yield (
            after.refund_no,
            f"{after.cause}: FAILED, and the wallet holds {kept_fen(e.money(after.out_trade_no))} fen",
        )


def held_money_waits_for_its_person(e: Evidence, before: RefundRow | None, after: RefundRow) -> Complaints:
    """Where the owner decides about late money, it goes back by itself only once something else pays for its sale."""
    if (
        before is not None
        or after.cause != "late"
        or not e.holds_late_money
        or after.out_trade_no in e.sent_back | e.by_hand
    ):
        return
    order = e.gateway.channel_orders().get(after.out_trade_no)
    row = None if order is None else e.gateway.payments().get(order.payment_no)
    if row is None or row.state is GatewayState.PAID or row.late is LateMoneyState.ACCEPTED:
        return  # what another payer's order brought beside this is a duplicate
    if e.covers(row) is None:
        yield row.payment_no, "late money goes back, and nobody was asked"


def a_failed_refund_was_asked_about(e: Evidence, before: RefundRow | None, after: RefundRow) -> Complaints:
    """FAILED is said when nothing can have moved: it was sent once, or the wallet was asked after its latest send."""
    if after.state is not RefundState.FAILED or (before is not None and before.state is after.state):
        return
    calls = e.calls.of(after.refund_no)
    since_ms = e.restored.at_ms or 0  # what it sent before its database was put back it does not know
    sends = [c for c in calls if c.verb is Verb.REFUND and c.how is not Ended.UNSENT and c.sent_ms >= since_ms]
    # UnionPay asks about a refund as about any trade, by its number.
    asked = [call for call in calls if call.verb in (Verb.REFUND_QUERY, Verb.QUERY) and call.how is Ended.TRUE]
    if len(sends) > 1 and not any(call.sent_ms >= sends[-1].sent_ms for call in asked):
        yield after.refund_no, f"FAILED after {len(sends)} sends, and not asked about since the last"


ON_MONEY: Final = (
    one_charge_kept_per_sale,
    no_charge_after_a_proof,
    refunds_stay_within_the_charge,
    paid_stays_paid,
)
ON_REFUND: Final = (
    done_refunds_are_true,
    money_that_must_go_back_does,
    held_money_waits_for_its_person,
    a_failed_refund_was_asked_about,
)
