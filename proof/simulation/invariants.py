"""What must hold at every moment, and what must hold when everything has become calm: one function per rule.

Each yields a complaint (about which number, what is wrong) and nothing when the rule holds. They judge from evidence
only: the wallet's books, committed files, bytes on the wire, pictures on the screen. The edges between states are
written down here a second time on purpose: an oracle that imports its subject's table agrees with its mistakes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from proof.asked import Asked, Verb
from proof.simulation.evidence import ChannelOrderRow, Evidence, GatewayRow, RefundRow, TillSight
from proof.wallets import kept_fen
from protocol.messages import PaymentRequest, Presented, RefundRequest, decode
from protocol.numbers import order_of_out_trade_no
from protocol.signature import RequestParts
from protocol.states import GatewayState, ProofKind, RefundState, TerminalState
from sandbox.wallet import MoneyState, OrderMoney
from sync.engine.model import PaymentView

Complaint = tuple[str, str]
Complaints = Iterator[Complaint]

CERTAIN_WITHIN_MS: Final = 60_000
#: Between the till's stamp and the gateway's look at it, on a good line.
LATE_BY_MS: Final = 3_000

_G, _T = GatewayState, TerminalState
_GATEWAY_EDGES: Final = {
    _G.CREATED: {_G.SENT, _G.NOT_PAID},
    _G.SENT: {_G.PAID, _G.NOT_PAID, _G.REVERSING, _G.UNDO_BY_REFUND},
    _G.REVERSING: {_G.NOT_PAID, _G.UNDO_BY_REFUND},
    _G.UNDO_BY_REFUND: {_G.NOT_PAID},
    _G.PAID: set[GatewayState](),
    _G.NOT_PAID: set[GatewayState](),
}
_R = RefundState
_REFUND_EDGES: Final = {
    _R.CREATED: {_R.SENT},
    _R.SENT: {_R.DONE, _R.FAILED},
    _R.DONE: set[RefundState](),
    _R.FAILED: set[RefundState](),
}
_TILL_EDGES: Final = {
    _T.SENDING: {_T.WAITING, _T.UNKNOWN, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.AWAITING_PROOF: {_T.WAITING, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.WAITING: {_T.UNKNOWN, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.UNKNOWN: {_T.WAITING, _T.CANCELLING, _T.PAID, _T.NOT_PAID},
    _T.CANCELLING: {_T.PAID, _T.NOT_PAID},
    _T.PAID: set[TerminalState](),
    _T.NOT_PAID: set[TerminalState](),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A till shows a payment; `before` is what it showed last."""

    till: TillSight
    view: PaymentView
    before: PaymentView | None


# --- when money moves -------------------------------------------------------------------------------------------


def one_charge_kept_per_sale(e: Evidence, out_trade_no: str) -> Complaints:
    """Of all orders of one sale, at most one has money that was not given back. Where a request may reach the wallet
    after everybody gave up, money that came too late for a payment proven not paid is a case of its own."""
    sale = e.sale_of.get(order_of_out_trade_no(out_trade_no) or "")
    if sale is None:
        yield out_trade_no, "money moved for an order that no till started"
        return
    kept: list[str] = []
    for order in e.gateway.channel_orders().values():
        order_no = order_of_out_trade_no(order.out_trade_no) or ""
        if e.sale_of.get(order_no) != sale or kept_fen(e.money(order.out_trade_no)) == 0:
            continue
        row = e.rows.get(order.payment_no)
        given_up = row is not None and row.state is GatewayState.NOT_PAID
        if e.strict or not given_up:
            kept.append(order.out_trade_no)
    if len(kept) > 1:
        yield kept[0], f"one sale holds {len(kept)} charges: {', '.join(kept)}"


def no_charge_after_a_proof(e: Evidence, out_trade_no: str) -> Complaints:
    """Nothing is charged for a payment that the gateway holds as proven not paid, or a till showed as safe to scan."""
    order = e.gateway.channel_orders().get(out_trade_no)
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


def paid_stays_paid(e: Evidence, out_trade_no: str) -> Complaints:
    """Goods are released when a till shows PAID: from then on only refunds that were asked for take money back."""
    order = e.gateway.channel_orders().get(out_trade_no)
    if order is None:
        return
    for till in e.tills.values():
        view = till.views.get(order.payment_no)
        if view is None or view.state is not TerminalState.PAID or order.ended is not None:
            continue
        kept, fen = kept_fen(e.money(out_trade_no)), view.amount.fen
        if kept < fen - e.refunded_of(order.payment_no):
            yield order.payment_no, f"{till.name} shows PAID, and the wallet took {fen - kept} fen back"


# --- what a till shows ------------------------------------------------------------------------------------------


def paid_is_true(e: Evidence, shown: Shown) -> Complaints:
    """PAID on a screen: the wallet has charged exactly this amount and has not given it back."""
    if shown.view.state is TerminalState.PAID:
        kept, fen = e.kept_of(shown.view.payment_no), shown.view.amount.fen
        if not fen - e.refunded_of(shown.view.payment_no) <= kept <= fen:
            yield shown.view.payment_no, f"shown as PAID, and the wallet holds {kept} of {fen} fen"


def green_is_safe(e: Evidence, shown: Shown) -> Complaints:
    """The green light has a proof of table P, and the wallet holds nothing for the payment."""
    view = shown.view
    if view.safe_to_rescan and (view.state is not TerminalState.NOT_PAID or view.proof is None):
        yield view.payment_no, f"safe to rescan in {view.state} without a proof"
    if view.safe_to_rescan and e.strict and e.kept_of(view.payment_no):
        yield view.payment_no, f"safe to rescan while the wallet holds {e.kept_of(view.payment_no)} fen"
    if view.state is TerminalState.NOT_PAID and view.proof is None:
        yield view.payment_no, "NOT_PAID without a proof"


def till_never_goes_back(_e: Evidence, shown: Shown) -> Complaints:
    """A payment's state at a till moves along the allowed edges only, over restarts too."""
    before, after = shown.before, shown.view
    if before is not None and before.state is not after.state and after.state not in _TILL_EDGES[before.state]:
        yield after.payment_no, f"{shown.till.name} went from {before.state} to {after.state}"


def one_number_per_command(_e: Evidence, shown: Shown) -> Complaints:
    """One command of the cashier makes at most one payment number, whatever is retried."""
    request = shown.view.request_id
    if request is not None and len(shown.till.by_request.get(request, ())) > 1:
        numbers = sorted(shown.till.by_request[request])
        yield shown.view.payment_no, f"one command made the numbers {', '.join(numbers)}"


def one_live_payment_per_order(_e: Evidence, shown: Shown) -> Complaints:
    """An order has at most one payment that is open or paid at a till."""
    view = shown.view
    rivals = [
        v.payment_no
        for v in shown.till.views.values()
        if v.order_no == view.order_no and v.payment_no != view.payment_no and v.state is not TerminalState.NOT_PAID
    ]
    if rivals and view.state is not TerminalState.NOT_PAID:
        yield view.payment_no, f"live beside {', '.join(rivals)}"


def numbers_are_unique(e: Evidence, shown: Shown) -> Complaints:
    """No two terminals share an order."""
    owner = e.till_of.get(shown.view.order_no)
    if owner is not None and e.tills[owner].terminal_id != shown.till.terminal_id:
        yield shown.view.payment_no, f"{shown.till.name} and {owner} made the same order number"


def certain_within_a_minute(e: Evidence, shown: Shown) -> Complaints:
    """With both lines up, the outcome is known within 60 s of the scan; of a QR, within 60 s of its cancel or end."""
    view = shown.view
    if not e.faultless or not view.state.final or (shown.before is not None and shown.before.state.final):
        return
    number = view.payment_no
    since = shown.till.first_shown_ms[number]
    if view.presented is Presented.MERCHANT:
        since = shown.till.cancelled_ms.get(number, shown.till.qr_until_ms.get(number, since))
    if e.now_ms() - since > CERTAIN_WITHIN_MS:
        yield view.payment_no, f"certain only after {(e.now_ms() - since) / 1000:.1f} s"


# --- what goes out ----------------------------------------------------------------------------------------------


def journal_before_send(_e: Evidence, till: TillSight, request: RequestParts) -> Complaints:
    """A pay or cancel request is on the wire only after its intent is committed in the journal file."""
    match (request.method, request.path.split("/")):
        case ("POST", ["", "v1", "payments"]):
            number = decode(PaymentRequest, request.body).payment_no
            if not till.file.has(number, "payment.started"):
                yield number, "a pay request left before the journal knew of it"
        case ("POST", ["", "v1", "payments", _, "refunds"]):
            number = decode(RefundRequest, request.body).refund_no
            if number not in till.file.refunds():
                yield number, "a refund left before the journal knew of it"
        case ("POST", ["", "v1", "payments", number, "cancel"]):
            if not till.file.has(number, "payment.cancel_intended"):
                yield number, "a cancel left before the journal knew of it"
        case _:
            return


def a_retry_repeats_itself(e: Evidence, till: TillSight, request: RequestParts) -> Complaints:
    """The same number always carries the same content; one scanned code goes out under one number only."""
    if request.method != "POST" or request.path != "/v1/payments":
        return
    asked = decode(PaymentRequest, request.body)
    e.expires_ms[asked.payment_no] = asked.expires
    content = (asked.sale_id, asked.amount_fen, asked.currency, asked.presented, asked.subject, asked.operator)
    if till.sent.setdefault(asked.payment_no, content) != content:
        yield asked.payment_no, "sent again under the same number with other content"
    if asked.auth_code is not None:
        mark = sha256(asked.auth_code.reveal().encode()).digest()
        first = till.by_code.setdefault(mark, asked.payment_no)
        if first != asked.payment_no:
            yield asked.payment_no, f"carries the scanned code of {first}"
        e.code_of[asked.payment_no] = mark


def row_before_channel_call(e: Evidence, asked: Asked) -> Complaints:
    """The wallet is called only for an order or refund whose row is committed; undone only after the undo is."""
    if asked.verb is Verb.OTHER:
        return
    refund = e.gateway.refunds().get(asked.number)
    order = e.gateway.channel_orders().get(asked.number)
    if asked.verb in (Verb.REFUND, Verb.REFUND_QUERY) or (asked.verb is Verb.QUERY and order is None):
        if refund is None or refund.state is RefundState.CREATED:
            yield asked.number, f"{asked.verb} sent before its row was durable"
        else:
            yield from refunds_stay_within_the_charge(e, refund.out_trade_no)
    elif order is None:
        yield asked.number, f"{asked.verb} sent before its row was durable"
    elif asked.verb in (Verb.CANCEL, Verb.CLOSE) and not order.undo_sent:
        yield order.payment_no, f"{asked.verb} sent before its intent was durable"
    elif asked.verb is Verb.CANCEL and not order.reverse_sent:
        yield order.payment_no, "an undo sent before it was durable that there is no way back"


# --- what the gateway commits -----------------------------------------------------------------------------------


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


def gateway_paid_is_true(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """PAID at the gateway: the wallet holds exactly this amount."""
    newly = before is None or before.state is not after.state
    if newly and after.state is GatewayState.PAID and e.kept_of(after.payment_no) != after.amount_fen:
        yield after.payment_no, f"PAID, and the wallet holds {e.kept_of(after.payment_no)} of {after.amount_fen} fen"


def one_live_payment_at_the_gateway(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """Payment n+1 exists only when all before it are proven not paid."""
    if before is not None or after.state is GatewayState.NOT_PAID:
        return
    for row in e.rows.values():
        if row.order_no == after.order_no and row is not after and row.state is not GatewayState.NOT_PAID:
            yield after.payment_no, f"taken while {row.payment_no} is {row.state}"


def nothing_starts_after_it_expired(e: Evidence, before: GatewayRow | None, after: GatewayRow) -> Complaints:
    """A pay request that arrives after its time is never a payment."""
    expires_ms = e.expires_ms.get(after.payment_no)
    if before is not None or expires_ms is None or after.state is GatewayState.NOT_PAID:
        return
    late_ms = e.now_ms() - expires_ms - e.skew_ms
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
        yield from _order_proof_is_true(order, e.money(order.out_trade_no), strict=e.strict)


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
        case ProofKind.DECLINED | ProofKind.REFUNDED:
            if strict and kept_fen(money):
                yield order.payment_no, f"{order.ended}, and the wallet holds the money"
        case ProofKind.TOMBSTONE | ProofKind.NEVER_OPENED:
            yield order.payment_no, f"{order.ended} of an order that exists"


ON_MONEY: Final = (
    one_charge_kept_per_sale,
    no_charge_after_a_proof,
    refunds_stay_within_the_charge,
    paid_stays_paid,
)
ON_SHOWN: Final = (
    paid_is_true,
    green_is_safe,
    till_never_goes_back,
    one_number_per_command,
    one_live_payment_per_order,
    numbers_are_unique,
    certain_within_a_minute,
)
ON_SENT: Final = (journal_before_send, a_retry_repeats_itself)
ON_CHANNEL_CALL: Final = (row_before_channel_call,)
ON_REFUND: Final = (done_refunds_are_true,)
ON_COMMITTED: Final = (
    gateway_never_goes_back,
    gateway_paid_is_true,
    a_cancel_wins,
    a_proof_is_true,
    one_live_payment_at_the_gateway,
    a_tombstone_stays,
    nothing_starts_after_it_expired,
)
