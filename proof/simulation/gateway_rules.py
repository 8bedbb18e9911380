"""Rules about what the gateway commits: how its payments move, and what each end claims. One function per rule.

The edges between states are written down here a second time on purpose: an oracle that imports its subject's table
agrees with its mistakes.
"""

from __future__ import annotations

from typing import Final

from proof.asked import Verb
from proof.simulation.calls import Ended
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayRow
from proof.wallets import kept_fen
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind
from sandbox.wallet import MoneyState, OrderMoney

#: Between the till's stamp and the gateway's look at it, on a good line.
LATE_BY_MS: Final = 3_000

_G = GatewayState
_GATEWAY_EDGES: Final = {
    _G.CREATED: {_G.SENT, _G.NOT_PAID},
    _G.SENT: {_G.PAID, _G.NOT_PAID, _G.REVERSING, _G.UNDO_BY_REFUND},
    _G.REVERSING: {_G.NOT_PAID, _G.UNDO_BY_REFUND},
    _G.UNDO_BY_REFUND: {_G.NOT_PAID},
    _G.PAID: set[GatewayState](),
    _G.NOT_PAID: set[GatewayState](),
}


def gateway_never_goes_back(_e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """A payment moves along the allowed edges, its content stays, its state_seq only rises."""
    if before is None:
        return
    if before.state is not after.state and after.state not in _GATEWAY_EDGES[before.state]:
        yield after.payment_no, f"the gateway went from {before.state} to {after.state}"
    if after.state_seq < before.state_seq:
        yield after.payment_no, f"state_seq went from {before.state_seq} to {after.state_seq}"
    if (before.amount_fen, before.order_no) != (after.amount_fen, after.order_no):
        yield after.payment_no, "the content of a payment changed"
    if before.proof is not None and before.proof is not after.proof:
        yield after.payment_no, f"the proof changed from {before.proof} to {after.proof}"


def a_change_is_told(_e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """What a till has to know raises state_seq: by it a till asks for what is new, and refuses what is old."""
    if before is None:
        return
    was = (before.state, before.proof, before.late, before.cancel_requested, before.amber)
    now = (after.state, after.proof, after.late, after.cancel_requested, after.amber)
    if was != now and after.state_seq <= before.state_seq:
        yield after.payment_no, f"{before.state} became {after.state}, and state_seq stays {after.state_seq}"


def gateway_paid_is_true(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """PAID at the gateway: the wallet holds exactly this amount, or less by what went back before its database was put
    back."""
    newly = before is None or before.state is not after.state
    if not newly or after.state is not GatewayState.PAID:
        return
    back_fen = e.restored.refunded_fen(after.out_trade_no, e.gateway.refunds())
    held_fen = e.paid_to(after.payment_no)
    if not after.amount_fen - back_fen <= held_fen <= after.amount_fen:
        yield after.payment_no, f"PAID, and the wallet holds {held_fen} of {after.amount_fen} fen"


def one_live_payment_at_the_gateway(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """Payment n+1 exists only when all before it are proven not paid."""
    if before is not None or after.state is GatewayState.NOT_PAID:
        return
    for row in e.rows.values():
        if row.order_no != after.order_no or row is after:
            continue
        if row.state is not GatewayState.NOT_PAID:
            yield after.payment_no, f"taken while {row.payment_no} is {row.state}"
        elif row.late is LateMoneyState.FOUND:
            yield after.payment_no, f"taken while late money of {row.payment_no} is not back"


def earlier_numbers_are_dead(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """A payment is taken only when no lower number of its order can come any more, and when nobody cancelled the
    order: collecting again after a cancel takes a new one."""
    order_no, _, n = after.payment_no.partition("-")
    if after.out_trade_no in e.restored.orders:
        return  # it was taken when they were dead, and is found again
    if before is not None or after.state is GatewayState.NOT_PAID or n == "1":
        return
    for lower in range(1, int(n)):
        row = e.rows.get(f"{order_no}-{lower}")
        if row is None:
            yield after.payment_no, f"taken, and {lower} may still come: it has no tombstone"
        elif row.cancel_requested or row.payment_no in e.cancels_heard:
            yield after.payment_no, f"taken after the cashier cancelled {row.payment_no}"


def one_amount_per_order(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """An order is one amount of one sale: what is tried again under it is the same."""
    if before is not None or after.state is GatewayState.NOT_PAID:
        return
    for row in e.rows.values():
        if (row.terminal_id, row.order_no) != (after.terminal_id, after.order_no) or row is after:
            continue
        if row.amount_fen != after.amount_fen:
            yield after.payment_no, f"taken over {after.amount_fen} fen, and {row.payment_no} was over {row.amount_fen}"
        elif None not in (row.sale_id, after.sale_id) and row.sale_id != after.sale_id:
            yield after.payment_no, f"taken for another sale than {row.payment_no}"


def nothing_starts_after_it_expired(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """A pay request that arrives after its time is never a payment. What was taken before the gateway's database was
    put back, and is found again, had begun in its time."""
    expires_ms = e.expires_ms.get(after.payment_no)
    if after.out_trade_no in e.restored.orders:
        return
    if before is not None or expires_ms is None or after.state is GatewayState.NOT_PAID:
        return
    late_ms = e.gateway_ms() - expires_ms - e.skew_ms
    if late_ms > LATE_BY_MS:
        yield after.payment_no, f"taken {late_ms} ms after it expired"


def a_tombstone_stays(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """What was cancelled before it was known, or came too late, is never charged: it has no channel order."""
    if after.proof is ProofKind.TOMBSTONE and e.gateway.orders_of(after.payment_no):
        yield after.payment_no, "a tombstone, and a channel order exists"
    if before is not None and before.cancel_requested and not after.cancel_requested:
        yield after.payment_no, "the intent to cancel is gone"


def a_cancel_wins(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """Once the cashier's intent to cancel is durable, the payment can only end undone."""
    if before is not None and before.cancel_requested and after.state is GatewayState.PAID:
        if before.state is not GatewayState.PAID:
            yield after.payment_no, f"went from {before.state} to PAID although it was cancelled"
    newly = before is not None and before.state is not after.state
    if newly and after.state is GatewayState.PAID and after.payment_no in e.cancelled:
        yield after.payment_no, "PAID, although the till was told that its cancel had arrived before"


def kept_late_money_is_all_that_pays(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """Late money is kept only for a sale that nothing else pays for: a duplicate goes back. Nor does anything else pay
    for it afterwards."""
    newly = before is None or before.late is not after.late
    paid = after.state is GatewayState.PAID and (before is None or before.state is not after.state)
    if paid and after.sale_id is not None:
        for other in e.rows.values():
            same = (other.terminal_id, other.sale_id) == (after.terminal_id, after.sale_id)
            if same and other.payment_no != after.payment_no and other.late is LateMoneyState.ACCEPTED:
                yield after.payment_no, f"PAID, and late money of {other.payment_no} is kept for the same sale"
    if newly and after.late is LateMoneyState.ACCEPTED and (other := e.covers(after)) is not None:
        yield after.payment_no, f"its late money is kept, and {other} pays for the sale"


def a_proof_is_true(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """Each NOT_PAID names a row of table P, and at the wallet it is so."""
    if after.state is not GatewayState.NOT_PAID or (before is not None and before.state is after.state):
        return
    orders = e.gateway.orders_of(after.payment_no)
    if after.proof is None:
        yield after.payment_no, "NOT_PAID without a proof"
    elif after.proof in (ProofKind.TOMBSTONE, ProofKind.NEVER_OPENED) and orders:
        yield after.payment_no, f"{after.proof}, and a channel order exists"
    for order in orders:
        money = e.money(order.out_trade_no)
        if order.ended is ProofKind.ABSENT and not e.strict and _came_after_the_question(e, order.out_trade_no):
            money = None
        yield from _order_proof_is_true(order, money, strict=e.strict)


def _came_after_the_question(e: Evidence, out_trade_no: str) -> bool:
    """The wallet did not know the order when it was asked for the last time. What it took while that answer was on its
    way is late money: nobody can have known of it."""
    asked_ms = [c.sent_ms for c in e.calls.of(out_trade_no) if c.verb is Verb.QUERY and c.how is Ended.TRUE]
    took_ms = e.took_ms.get(out_trade_no)
    return bool(asked_ms) and took_ms is not None and took_ms > max(asked_ms)


def _order_proof_is_true(order: ChannelOrderRow, money: OrderMoney | None, *, strict: bool) -> Complaints:
    match order.ended:
        case None:
            yield order.payment_no, f"NOT_PAID, and its order {order.out_trade_no} has not ended"
        case ProofKind.NOT_SENT | ProofKind.ABSENT:
            if money is not None:
                yield order.payment_no, f"{order.ended}, and the wallet knows the order"
        case ProofKind.CLOSED:
            gone = (MoneyState.CLOSED, MoneyState.REVERSED, MoneyState.REFUNDED)
            if strict and (money is None or money.state not in gone):
                yield order.payment_no, "CLOSED, and the wallet says otherwise"
        case ProofKind.DECLINED:
            # What a wallet has charged it does not decline, whatever may still be under way.
            if kept_fen(money):
                yield order.payment_no, "DECLINED, and the wallet holds the money"
        case ProofKind.REFUNDED:
            if strict and kept_fen(money):
                yield order.payment_no, "REFUNDED, and the wallet holds the money"
        case ProofKind.TOMBSTONE | ProofKind.NEVER_OPENED:
            yield order.payment_no, f"{order.ended} of an order that exists"


ON_COMMITTED: Final = (
    gateway_never_goes_back,
    a_change_is_told,
    gateway_paid_is_true,
    a_cancel_wins,
    kept_late_money_is_all_that_pays,
    a_proof_is_true,
    one_live_payment_at_the_gateway,
    earlier_numbers_are_dead,
    one_amount_per_order,
    a_tombstone_stays,
    nothing_starts_after_it_expired,
)
