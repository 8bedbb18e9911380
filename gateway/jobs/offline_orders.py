"""Offline orders as units of work: the press that begins one, its end by a press, what a bitmap says of earlier ones.

Rules (SAFETY.md section 3)
- `gateway.offline.judge` decides; nothing is written before it let the order through, but for an alarm.
- First sight is the first press: from there the order is payment `{order_no}-1` of its terminal, on the page.
It must not know HTTP or pages.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from gateway.jobs.keeping import PaceOf, all_is_back, keep, keep_new, refund_by_itself
from gateway.jobs.offline_finding import Found, find_order
from gateway.jobs.offline_sales import cancel_told, sale_told
from gateway.offline.judge import (
    PAY_WINDOW_MS,
    Verdict,
    speaks_for_earlier,
)
from gateway.offline.keyring import Ring
from gateway.payments.admit import tombstone, unseen
from gateway.payments.answers import brought_back_ms
from gateway.payments.paging import shown_on_page
from gateway.payments.undo import request_cancel
from gateway.payments.values import (
    Alarm,
    AlarmKind,
    Payment,
    PaymentKey,
    RefundCause,
    Step,
    key_ref,
    read_key,
)
from gateway.store import alarms, offline, payments, places, refunds, restorations, standing, tasks
from gateway.store.offline import SeenOrder
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx
from protocol.messages import JournalEntry, Presented
from protocol.numbers import read_payment_no
from protocol.offline.order import BITMAP_ORDERS, CANCEL_INTENDED, OfflineOrder, OrderType, SignedOrder
from protocol.offline.proof import ProofType
from protocol.reasons import Reason
from protocol.states import GatewayState

#: Who began, closed or was paid: the customer, on the page.
PAGE: Final = "page"
#: A paid order that its till had cancelled goes back by itself: up to this at once, else when nobody did it in a day.
BACK_AT_ONCE_FEN: Final = 20_000
BACK_AFTER_MS: Final = 86_400_000
_LOOK_AGAIN_MS: Final = 3_600_000


def begin_order(tx: Tx, signed: SignedOrder, ring: Ring, pace_of: PaceOf, *, url: str, now_ms: int) -> Found:
    """The press: what SAFETY.md section 3, 2 asks for before any channel order. Begins the payment when all holds."""
    found = find_order(tx, signed, ring, now_ms=now_ms)
    order = signed.order
    if speaks_for_earlier(found.verdict):
        _believe_bitmap(tx, order, pace_of, now_ms=now_ms)
    if order.type is OrderType.STATUS:
        return found
    match found.verdict:
        case Verdict.CLONE:
            alarm = Alarm(kind=AlarmKind.ORDER_CLONE, detail=f"epoch {order.epoch}, offline order {order.oseq}")
            standing.freeze(tx, order.terminal_id, alarm, now_ms=now_ms)
        case Verdict.TOO_LATE:
            fresh = _fresh(tx, found, now_ms=now_ms)
            _keep_seen(tx, signed, tombstone(fresh, reason=Reason.EXPIRED, now_ms=now_ms), pace_of, now_ms=now_ms)
        case Verdict.NEW if cancel_told(tx, order):
            fresh = _fresh(tx, found, now_ms=now_ms)
            _keep_seen(tx, signed, tombstone(fresh, reason=Reason.CANCELLED, now_ms=now_ms), pace_of, now_ms=now_ms)
        case Verdict.NEW:
            sale_id = sale_told(tx, order)
            fresh = replace(_fresh(tx, found, now_ms=now_ms), sale_id=sale_id)
            step = shown_on_page(fresh, url=url, shown_for_ms=PAY_WINDOW_MS, now_ms=now_ms)
            _keep_seen(tx, signed, _by_page(step), pace_of, now_ms=now_ms)
        case _:
            return found
    return find_order(tx, signed, ring, now_ms=now_ms)


def close_order(
    tx: Tx, signed: SignedOrder, ring: Ring, pace_of: PaceOf, *, mark: str | None, now_ms: int
) -> tuple[Found, bool]:
    """ "I am not paying", or an order that is asked about and unknown: never to be charged from now on. False: another
    customer's payment is open, or it is not to be closed here. `mark`: of the payer who presses, when known."""
    found = find_order(tx, signed, ring, now_ms=now_ms)
    if speaks_for_earlier(found.verdict):
        _believe_bitmap(tx, signed.order, pace_of, now_ms=now_ms)
    if signed.order.type is OrderType.STATUS:
        closed = _close_unknown(tx, found, pace_of, now_ms=now_ms)
    elif found.verdict in (Verdict.NEW, Verdict.TOO_LATE):
        reason = Reason.CANCELLED if found.verdict is Verdict.NEW else Reason.EXPIRED
        step = tombstone(_fresh(tx, found, now_ms=now_ms), reason=reason, now_ms=now_ms)
        _keep_seen(tx, signed, step, pace_of, now_ms=now_ms)
        closed = True
    elif found.verdict is Verdict.KNOWN:
        closed = _close_open(tx, found, pace_of, mark=mark, now_ms=now_ms)
    else:
        closed = found.verdict is Verdict.SETTLED
    return find_order(tx, signed, ring, now_ms=now_ms), closed


def cancelled_over_line(tx: Tx, key: PaymentKey, pace_of: PaceOf, *, now_ms: int) -> None:
    """The till's cancel, or its journal's entry about it, came: of an offline order that says what a bitmap would have
    said. Once. What began over the line is not meant: its cashier is told at once that it was PAID before."""
    seen = _not_heard_cancelled(tx, key)
    if seen is not None:
        offline.add_cancelled(tx, seen.terminal_id, seen.epoch, seen.oseq, now_ms=now_ms)
        _cancelled_at_till(tx, seen, pace_of, now_ms=now_ms)


def cancel_is_news(tx: Tx, key: PaymentKey) -> bool:
    """Whether a cancel of this payment would do what `cancelled_over_line` does: it was not heard before."""
    return _not_heard_cancelled(tx, key) is not None


def hear_cancels(tx: Tx, terminal_id: str, entries: list[JournalEntry], pace_of: PaceOf, *, now_ms: int) -> None:
    """A till's journal may come before its cancel, or instead of it."""
    for entry in entries:
        about = read_payment_no(_about(entry.body)) if entry.kind == CANCEL_INTENDED else None
        if about is not None:
            key = PaymentKey(terminal_id=terminal_id, order_no=about.order_no, n=about.n)
            cancelled_over_line(tx, key, pace_of, now_ms=now_ms)


def unwanted_ms(tx: Tx, ref: str, *, even_since_ms: int, now_ms: int) -> int:
    """When a paid order that its till had cancelled goes back by itself: small ones at once."""
    key = read_key(ref)
    payment, seen = payments.find(tx, key), offline.by_number(tx, key.terminal_id, key.order_no)
    assert payment is not None, "a payment is never deleted"
    assert seen is not None, "only offline orders are unwanted"
    heard_ms = offline.cancelled_ms(tx, seen.terminal_id, seen.epoch, seen.oseq)
    if heard_ms is None or payment.amount_fen <= BACK_AT_ONCE_FEN:
        return now_ms
    return brought_back_ms(heard_ms, even_since_ms, now_ms) + BACK_AFTER_MS


def give_unwanted_back(tx: Tx, ref: str, pace_of: PaceOf, *, now_ms: int) -> int | None:
    """An offline order was paid that its till had cancelled, and nobody gave it back in time. Returns when to look
    again: what a person asked for is not back before it is done. Who gave a part of it back decides about the rest."""
    payment = payments.find(tx, read_key(ref))
    assert payment is not None, "a payment is never deleted"
    order = payments.order_of(tx, payment)
    assert order is not None, "what was paid has its order"
    if any(not refund.state.final for refund in refunds.of_order(tx, order.out_trade_no)):
        return now_ms + _LOOK_AGAIN_MS
    if refunds.refundable_fen(tx, order.out_trade_no) == order.amount_fen:
        refund_by_itself(tx, order, RefundCause.CANCELLED, pace_of, now_ms=now_ms)
    tasks.put(tx, TaskKind.UNWANTED, ref, due_ms=None, account_id=None)
    return None


def cancel(tx: Tx, payment: Payment, pace_of: PaceOf, *, operator: str, said_by: str, now_ms: int) -> None:
    """A durable intent to end it, and who said so."""
    order = payments.order_of(tx, payment)
    tried = payments.orders_of(tx, payment.key)
    last = tried[-1] if order is None and tried else None
    step = request_cancel(payment, order, operator=operator, last=last, now_ms=now_ms)
    told = tuple(replace(one, said_by=said_by) if one.said_by == "till" else one for one in step.said)
    keep(tx, payment, replace(step, said=told), pace_of, now_ms=now_ms, order_before=order)


def _not_heard_cancelled(tx: Tx, key: PaymentKey) -> SeenOrder | None:
    """The offline order of this payment, unless its till is known to have cancelled it."""
    seen = offline.by_number(tx, key.terminal_id, key.order_no) if key.n == 1 else None
    heard = seen is not None and offline.cancelled(tx, seen.terminal_id, seen.epoch, seen.oseq)
    return None if heard else seen


def _believe_bitmap(tx: Tx, order: OfflineOrder, pace_of: PaceOf, *, now_ms: int) -> None:
    """Earlier orders that the till cancelled: unpaid ones end, paid ones go back, unseen ones can never begin."""
    for oseq in range(max(1, order.oseq - BITMAP_ORDERS), order.oseq):
        if not order.says_cancelled(oseq) or offline.cancelled(tx, order.terminal_id, order.epoch, oseq):
            continue
        offline.add_cancelled(tx, order.terminal_id, order.epoch, oseq, now_ms=now_ms)
        seen = offline.at(tx, order.terminal_id, order.epoch, oseq)
        if seen is not None:
            _cancelled_at_till(tx, seen, pace_of, now_ms=now_ms)


def _cancelled_at_till(tx: Tx, seen: SeenOrder, pace_of: PaceOf, *, now_ms: int) -> None:
    payment = payments.find(tx, PaymentKey(terminal_id=seen.terminal_id, order_no=seen.order_no, n=1))
    assert payment is not None, "an order that was seen has its payment"
    if payment.state is not GatewayState.PAID:
        cancel(tx, payment, pace_of, operator="", said_by="till", now_ms=now_ms)
        return
    if all_is_back(tx, payment):
        return  # a person gave it back before its till could say so
    order = payments.order_of(tx, payment)
    assert order is not None, "what was paid has its order"
    ref = key_ref(payment.key)
    alarm = Alarm(kind=AlarmKind.CANCELLED_PAID, detail=f"{payment.amount_fen} fen")
    alarms.raise_alarm(tx, alarm, about=ref, now_ms=now_ms)
    owner = places.owner_of(tx, order.account_id)
    if owner.refunds_late_money:
        at_once = payment.amount_fen <= BACK_AT_ONCE_FEN
        due_ms = now_ms if at_once else now_ms + BACK_AFTER_MS
        tasks.put(tx, TaskKind.UNWANTED, ref, due_ms=due_ms, account_id=None)


def _close_open(tx: Tx, found: Found, pace_of: PaceOf, *, mark: str | None, now_ms: int) -> bool:
    payment, live = found.payment, found.live
    assert payment is not None, "a known order has its payment"
    if live is not None and live.ended_kind is None and live.payer_mark != mark:
        return False
    cancel(tx, payment, pace_of, operator=PAGE, said_by=PAGE, now_ms=now_ms)
    return True


def _close_unknown(tx: Tx, found: Found, pace_of: PaceOf, *, now_ms: int) -> bool:
    """A STATUS of an order that never came here."""
    if found.verdict is not Verdict.NEW:
        return False
    if not found.of_order:
        if restorations.may_be_lost(tx, found.key):
            return False
        never = unseen(
            found.key,
            amount_fen=found.signed.order.amount_fen,
            operator=PAGE,
            now_ms=now_ms,
            state_seq=restorations.first_seq(tx),
        )
        keep_new(tx, tombstone(never, reason=Reason.CANCELLED, now_ms=now_ms), pace_of, now_ms=now_ms)
        return True
    return found.ended is not None and found.ended.type is ProofType.CLOSED


def _fresh(tx: Tx, found: Found, *, now_ms: int) -> Payment:
    assert found.page is not None, "an order that is let through has its terminal"
    return Payment(
        key=found.key,
        sale_id=None,
        amount_fen=found.signed.order.amount_fen,
        currency="CNY",
        presented=Presented.MERCHANT,
        subject=found.page.store_name[:128],
        operator=PAGE,
        expires_ms=None,
        created_ms=now_ms,
        state=GatewayState.CREATED,
        state_seq=restorations.first_seq(tx),
    )


def _keep_seen(tx: Tx, signed: SignedOrder, step: Step, pace_of: PaceOf, *, now_ms: int) -> None:
    order = signed.order
    seen = SeenOrder(
        terminal_id=order.terminal_id,
        order_no=order.order_no,
        digest=signed.digest,
        epoch=order.epoch,
        oseq=order.oseq,
        release=order.release,
        seen_ms=now_ms,
    )
    offline.add_order(tx, seen)
    keep_new(tx, step, pace_of, now_ms=now_ms)


class _About(Struct, frozen=True):
    payment_no: str = ""


def _about(body: str) -> str:
    """Entries are the till's own words and may be anything: what is not understood is about nothing."""
    try:
        return msgspec.json.decode(body, type=_About).payment_no
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return ""


def _by_page(step: Step) -> Step:
    return replace(step, said=tuple(replace(one, said_by=PAGE) if one.said_by == "till" else one for one in step.said))
