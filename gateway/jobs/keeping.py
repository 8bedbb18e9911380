"""Keeps one decision: rows, timeline, alarms, bookings, what is refunded by itself and the next tasks, all in the
caller's transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from gateway.jobs.schedule import UNNOTICED_AFTER_MS, Pace, next_action
from gateway.jobs.schedule_refunds import next_refund_action
from gateway.ledger.entries import Parties
from gateway.ledger.follow import after_order, after_refund
from gateway.payments.late import covers
from gateway.payments.moves import given_back, late_undone, to_not_paid
from gateway.payments.refunds import owed, own_refund
from gateway.payments.values import (
    Alarm,
    AlarmKind,
    ChannelOrder,
    FailedHow,
    Payment,
    Refund,
    RefundCause,
    RefundStep,
    Said,
    Step,
    key_ref,
)
from gateway.store import alarms, cash, ledger, pages, payments, places, refunds, restorations, tasks
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx
from protocol.messages import LateMoneyState
from protocol.reasons import Reason
from protocol.states import GatewayEvent, GatewayState, ProofKind, RefundState

#: Two tenders are kept for one sale: a person gives one of them back.
PAID_TWICE: Final = Alarm(kind=AlarmKind.PAID_TWICE, detail="cash covers the sale of a wallet payment that is kept")
TWO_WALLETS: Final = Alarm(kind=AlarmKind.PAID_TWICE, detail="two wallet payments of one sale are kept")
#: The pace of an account by its id.
PaceOf = Callable[[str | None], Pace]


def keep_new(tx: Tx, step: Step, pace_of: PaceOf, *, now_ms: int) -> None:
    """A payment that did not exist, with its channel order."""
    payments.add(tx, step.payment)
    if step.order is not None:
        payments.add_channel_order(tx, step.order)
    _keep_rest(tx, None, None, step, pace_of, now_ms=now_ms)


def keep(
    tx: Tx,
    before: Payment,
    step: Step,
    pace_of: PaceOf,
    *,
    now_ms: int,
    order_before: ChannelOrder | None = None,
    release: str | None = None,
) -> Payment:
    """What a decision made of a payment that exists; returns it as it is kept. `order_before`: the order as it was, if
    the step has one. `release`: the work on it is over, this owner's lease ends."""
    if step.order is not None:
        assert order_before is not None, "an order that is kept was read or added before"
        payments.save_channel_order(tx, step.order, before=order_before)
        if step.order.late_state is not order_before.late_state:
            step = replace(step, payment=_late_of_all(tx, step.payment))
    payments.save(tx, step.payment, before=before)
    _keep_rest(tx, before, order_before, step, pace_of, now_ms=now_ms, release=release)
    return step.payment


#: What a payment says of late money when several of its orders took some: kept money above what still waits.
_LOUDEST: Final = (LateMoneyState.ACCEPTED, LateMoneyState.FOUND, LateMoneyState.UNDONE)


def _late_of_all(tx: Tx, payment: Payment) -> Payment:
    """A payment on the page may have several orders; one that went back does not silence another."""
    states = {order.late_state for order in payments.orders_of(tx, payment.key)}
    loudest = next((state for state in _LOUDEST if state in states), None)
    return payment if payment.late_state is loudest else replace(payment, late_state=loudest)


def keep_refund(tx: Tx, before: Refund | None, step: RefundStep, pace_of: PaceOf, *, now_ms: int) -> Payment | None:
    """What a decision made of a refund; a new one was reserved already. Returns its payment when that changed too."""
    refund = step.refund
    if before is not None:
        refunds.save(tx, refund, before=before)
    payments.add_events(tx, refund.key, step.said, now_ms=now_ms)
    for alarm in step.alarms:
        alarms.raise_alarm(tx, alarm, about=refund.refund_no, now_ms=now_ms)
    even_since_ms = pace_of(refund.account_id).even_since_ms
    action = next_refund_action(refund, even_since_ms=even_since_ms, now_ms=now_ms)
    due_ms = None if action is None else action.due_ms
    tasks.put(tx, TaskKind.REFUND, refund.refund_no, due_ms=due_ms, account_id=refund.account_id)
    if before is None or before.state is refund.state or not refund.state.final:
        return None
    if refund.state is RefundState.DONE or refund.cause in (RefundCause.UNDO, RefundCause.LATE):
        # Of those two only what is owed no more ends refused: that it was is nobody's trouble.
        alarms.close_all(tx, about=refund.refund_no, now_ms=now_ms)
    if refund.state is RefundState.FAILED:
        refunds.free(tx, refund)
        return None
    ledger.book(tx, after_refund(refund, _parties(tx, refund.account_id, refund.out_trade_no)), now_ms=now_ms)
    if refund.cause in (RefundCause.TILL, RefundCause.CANCELLED):
        _see_whether_all_is_back(tx, refund, now_ms=now_ms)
    return None if refund.cause is RefundCause.TILL else _gone_back(tx, refund, pace_of, now_ms=now_ms)


def all_is_back(tx: Tx, payment: Payment) -> bool:
    """Whether nothing is kept any more of what a wallet took for this payment's sale."""
    return refunds.given_back_fen(tx, payment.key) >= payment.amount_fen


def _see_whether_all_is_back(tx: Tx, refund: Refund, *, now_ms: int) -> None:
    """Then nobody has to give back anything: that it was cancelled, paid twice or refused at first is of the past."""
    payment = payments.find(tx, refund.key)
    assert payment is not None, "a refund has its payment"
    if not all_is_back(tx, payment):
        return
    for kind in (AlarmKind.PAID_TWICE, AlarmKind.CANCELLED_PAID):
        alarms.close_alarm(tx, kind, about=key_ref(payment.key), now_ms=now_ms)
    _nobody_gives_back(tx, refund.out_trade_no, now_ms=now_ms)
    of_sale = payments.of_sale(tx, payment)
    if len(of_sale) > 1 and not cash.covers(tx, payment):
        paid_once(tx, of_sale, now_ms=now_ms)


def paid_once(tx: Tx, of_sale: Sequence[Payment], *, now_ms: int) -> None:
    """No cash is there for the sale: unless two wallet payments are kept, nobody has to give one of them back."""
    if len(_kept(tx, of_sale)) > 1:
        return
    for payment in of_sale:
        alarms.close_alarm(tx, AlarmKind.PAID_TWICE, about=key_ref(payment.key), now_ms=now_ms)


def tell_of_two(tx: Tx, of_sale: Sequence[Payment], *, now_ms: int) -> None:
    """Late money was kept for a sale, and an offline order of it was paid: which sale that was for its till told too
    late, or was told too late itself. A person gives one of them back."""
    if sum(covers(payment) for payment in of_sale) < 2:
        return
    kept = _kept(tx, of_sale)
    for payment in kept if len(kept) > 1 else ():
        alarms.raise_alarm(tx, TWO_WALLETS, about=key_ref(payment.key), now_ms=now_ms)


def _kept(tx: Tx, of_sale: Sequence[Payment]) -> list[Payment]:
    return [payment for payment in of_sale if covers(payment) and not all_is_back(tx, payment)]


def _nobody_gives_back(tx: Tx, out_trade_no: str, *, now_ms: int) -> None:
    """Nothing of this order has to go back any more: what its wallet refused to give back is of the past."""
    for one in refunds.of_order(tx, out_trade_no):
        if one.state is not RefundState.DONE:
            alarms.close_all(tx, about=one.refund_no, now_ms=now_ms)


def _gone_back(tx: Tx, refund: Refund, pace_of: PaceOf, *, now_ms: int) -> Payment:
    """Money that had to go back did: the payment is undone, or the late-money case is closed."""
    payment, order = payments.find(tx, refund.key), payments.order(tx, refund.out_trade_no)
    assert payment is not None, "a refund has its payment"
    assert order is not None, "a refund has its order"
    said = Said(what="refunded", said_by=refund.channel, detail=refund.refund_no)
    if order.late_state is LateMoneyState.FOUND:
        step = late_undone(payment, order, said)
    elif order.late_state is LateMoneyState.UNDONE and refund.cause is RefundCause.LATE:
        # The wallet called it closed before it said that the refund is done: that is why.
        step = late_undone(payment, order, said)
    elif payment.state is GatewayState.UNDO_BY_REFUND and order.ended_kind is None:
        step = to_not_paid(
            payment,
            order,
            GatewayEvent.REFUNDED,
            kind=ProofKind.REFUNDED,
            said_by=refund.channel,
            reason=Reason.CANCELLED if payment.cancel_requested_ms is not None else Reason.TIMED_OUT,
            detail=refund.refund_no,
            now_ms=now_ms,
        )
    else:
        step = Step(payment=payment, order=order, said=(said,))
        if refund.cause is RefundCause.CANCELLED and payment.state is GatewayState.PAID:
            step = given_back(payment, order, said, now_ms=now_ms)
    keep(tx, payment, step, pace_of, now_ms=now_ms, order_before=order)
    return step.payment


def _keep_rest(
    tx: Tx,
    before: Payment | None,
    order_before: ChannelOrder | None,
    step: Step,
    pace_of: PaceOf,
    *,
    now_ms: int,
    release: str | None = None,
) -> None:
    payment, order = step.payment, step.order
    ref = key_ref(payment.key)
    payments.add_events(tx, payment.key, step.said, now_ms=now_ms)
    for alarm in step.alarms:
        alarms.raise_alarm(tx, alarm, about=ref, now_ms=now_ms)
    if order is not None:
        if before is not None and _undo_is_over(payment, order) and not _undo_is_over(before, order_before):
            alarms.close_alarm(tx, AlarmKind.UNDO_REFUSED, about=ref, now_ms=now_ms)
        if before is not None and order_before is not None and owed(before, order_before) and not owed(payment, order):
            _nobody_gives_back(tx, order.out_trade_no, now_ms=now_ms)
        action = next_action(payment, order, pace_of(order.account_id), now_ms=now_ms)
        due_ms = None if action is None else action.due_ms
        tasks.put(tx, TaskKind.WORK, order.out_trade_no, due_ms=due_ms, account_id=order.account_id, release=release)
        _follow_money(tx, before, order_before, payment, order, pace_of, now_ms=now_ms)
    if payment.page:
        open_page = not payment.state.final and payment.out_trade_no is None
        tasks.put(tx, TaskKind.PAGE, ref, due_ms=payment.qr_expires_ms if open_page else None, account_id=None)
    if payment.state is GatewayState.PAID and (before is None or before.state is not GatewayState.PAID):
        tasks.put(tx, TaskKind.NOTICE, ref, due_ms=now_ms + UNNOTICED_AFTER_MS, account_id=None)
        pages.note_paid(tx, payment, from_seq=restorations.first_seq(tx), now_ms=now_ms)
        of_sale = payments.of_sale(tx, payment)
        send_duplicates_back(tx, of_sale, pace_of, now_ms=now_ms)
        tell_of_two(tx, of_sale, now_ms=now_ms)
        if cash.covers(tx, payment):
            alarms.raise_alarm(tx, PAID_TWICE, about=ref, now_ms=now_ms)


def _undo_is_over(payment: Payment, order: ChannelOrder | None) -> bool:
    """Nothing is undone any more, or nothing ever was: whatever its wallet refused of it is of the past."""
    return order is None or order.undo_tries == 0 or order.ended_kind is not None or payment.state.final


def _follow_money(
    tx: Tx,
    before: Payment | None,
    order_before: ChannelOrder | None,
    payment: Payment,
    order: ChannelOrder,
    pace_of: PaceOf,
    *,
    now_ms: int,
) -> None:
    """Books what the rows say, and starts the refunds that need nobody's word."""
    state_before = None if before is None else before.state
    same_money = order_before is not None and _money(order_before) == _money(order)
    if payment.state is state_before and same_money:
        return
    if order.paid_at_ms is None and order.failed is not FailedHow.TAKEN and order.late_state is None:
        return
    refunds.open_room(tx, order.out_trade_no, captured_fen=order.amount_fen)
    owner = places.owner_of(tx, order.account_id)
    parties = Parties(
        merchant_id=owner.merchant_id,
        account_id=order.account_id,
        out_trade_no=order.out_trade_no,
        late_again=order.late_again,
    )
    ledger.book(tx, after_order(payment, order, parties), now_ms=now_ms)
    undone = payment.state is GatewayState.UNDO_BY_REFUND and state_before is not GatewayState.UNDO_BY_REFUND
    found = order.late_state is LateMoneyState.FOUND and (
        order_before is None or order_before.late_state is not order.late_state
    )
    if undone and order.ended_kind is None:
        refund_by_itself(tx, order, RefundCause.UNDO, pace_of, now_ms=now_ms)
    elif found and (owner.refunds_late_money or _covered(tx, payment)):
        # Money for a sale that is paid otherwise is a duplicate, which always goes back.
        refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)
    elif order.late_state in (LateMoneyState.UNDONE, LateMoneyState.ACCEPTED) and not _waits(tx, payment):
        alarms.close_all(tx, about=key_ref(payment.key), now_ms=now_ms)


def _covered(tx: Tx, payment: Payment) -> bool:
    """Whether something else pays for this payment's sale: another wallet payment, or cash."""
    return cash.covers(tx, payment) or any(covers(other) for other in payments.of_sale(tx, payment))


def _waits(tx: Tx, payment: Payment) -> bool:
    """Whether late money of another order of this payment is still where it does not belong."""
    return any(order.late_state is LateMoneyState.FOUND for order in payments.orders_of(tx, payment.key))


def send_duplicates_back(tx: Tx, of_sale: Iterable[Payment], pace_of: PaceOf, *, now_ms: int) -> None:
    """The sale is paid now: late money that waits for a person's word is a duplicate."""
    for other in of_sale:
        if other.late_state is None:
            continue
        for order in payments.orders_of(tx, other.key):
            if order.late_state is LateMoneyState.FOUND:
                refund_by_itself(tx, order, RefundCause.LATE, pace_of, now_ms=now_ms)


def refund_by_itself(tx: Tx, order: ChannelOrder, cause: RefundCause, pace_of: PaceOf, *, now_ms: int) -> None:
    """The gateway's own refund of a whole order: once, whoever asks. What was owed no more when its wallet refused it
    for good, and is owed again, goes back under another number."""
    earlier = [one for one in refunds.of_order(tx, order.out_trade_no) if one.cause is cause]
    if any(one.state is not RefundState.FAILED for one in earlier):
        return
    refund = own_refund(order, cause, failed=len(earlier), now_ms=now_ms)
    if refunds.reserve(tx, refund):
        said = Said(what="refund_started", said_by="gateway", detail=refund.refund_no)
        keep_refund(tx, None, RefundStep(refund=refund, said=(said,)), pace_of, now_ms=now_ms)


def _money(order: ChannelOrder) -> tuple[object, ...]:
    """The columns that bookings and refunds follow from."""
    return (order.paid_at_ms is None, order.failed, order.late_state, order.ended_kind)


def _parties(tx: Tx, account_id: str, out_trade_no: str) -> Parties:
    owner = places.owner_of(tx, account_id)
    return Parties(merchant_id=owner.merchant_id, account_id=account_id, out_trade_no=out_trade_no)
