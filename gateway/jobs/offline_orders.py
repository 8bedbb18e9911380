"""Offline orders as units of work: what is known of one, the press that begins it, its end, its proof, its sale.

Rules (SAFETY.md section 3)
- `gateway.offline.judge` decides; nothing is written before it let the order through, but for an alarm.
- First sight is the first press: from there the order is payment `{order_no}-1` of its terminal, on the page.
- A CLOSED proof closes the order's number in the transaction that keeps it: no later payment can begin under it.
- A proof is kept and told again byte for byte.
It must not know HTTP or pages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import msgspec
from msgspec import Struct

from gateway.jobs.keeping import PaceOf, keep, keep_new, refund_by_itself, send_duplicates_back
from gateway.offline.judge import (
    PAY_WINDOW_MS,
    TYPED_ORDER_LIMIT_FEN,
    OrderFacts,
    TillFacts,
    Verdict,
    judge,
    speaks_for_earlier,
)
from gateway.offline.keyring import Ring
from gateway.offline.outcome import Ended, outcome_of, words_of
from gateway.payments.admit import tombstone, unseen
from gateway.payments.late import covers
from gateway.payments.paging import shown_on_page
from gateway.payments.undo import request_cancel
from gateway.payments.values import (
    Alarm,
    AlarmKind,
    ChannelOrder,
    Payment,
    PaymentKey,
    RefundCause,
    Step,
    key_ref,
    read_key,
)
from gateway.store import alarms, journal, offline, payments, places, refunds, standing, tasks
from gateway.store.offline import SeenOrder
from gateway.store.pages import PageToken
from gateway.store.tasks import TaskKind
from gateway.store.units import Tx
from protocol.keys import read_public
from protocol.messages import JournalEntry, Presented
from protocol.numbers import is_number, read_payment_no
from protocol.offline.order import BITMAP_ORDERS, OfflineOrder, OrderType, SignedOrder
from protocol.offline.proof import ProofType, sign_proof
from protocol.offline.typed_code import derive_code
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind

#: Who began, closed or was paid: the customer, on the page.
PAGE: Final = "page"
#: A paid order that its till had cancelled goes back by itself: up to this at once, else when nobody did it in a day.
BACK_AT_ONCE_FEN: Final = 20_000
BACK_AFTER_MS: Final = 86_400_000
#: In how many of the latest entries a sale is looked for when an order begins after its journal came.
_LATEST_ENTRIES: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """An ORDER that could be read, and what the rows say. `page` None: no such terminal. `same`: its till signed it,
    and the payments are this very order's. `not_sent`: accounts that a call never left for."""

    signed: SignedOrder
    verdict: Verdict
    page: PageToken | None
    of_order: tuple[Payment, ...]
    live: ChannelOrder | None
    ended: Ended | None
    same: bool
    not_sent: tuple[str, ...] = ()

    @property
    def key(self) -> PaymentKey:
        return PaymentKey(terminal_id=self.signed.order.terminal_id, order_no=self.signed.order.order_no, n=1)

    @property
    def payment(self) -> Payment | None:
        """The one that was paid, else the last."""
        if self.ended is not None:
            return self.ended.payment
        return self.of_order[-1] if self.of_order else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A proof, and the digits that a cashier may type instead."""

    type: ProofType
    text: str
    payment: Payment
    typed: str | None


def find_order(tx: Tx, signed: SignedOrder, ring: Ring, *, now_ms: int) -> Found:
    """Reads; creates nothing."""
    order = signed.order
    terminal = places.terminal(tx, order.terminal_id)
    of_order = tuple(payments.of_order(tx, terminal_id=order.terminal_id, order_no=order.order_no))
    ended = outcome_of(of_order)
    till, facts = _till(tx, signed), _facts(tx, signed, of_order)
    verdict = judge(
        order,
        till,
        facts,
        kid_usable=ring.usable(order.kid, now_ms=now_ms) is not None,
        now_ms=now_ms,
    )
    shown = ended.payment if ended is not None else of_order[-1] if of_order else None
    page = None
    if terminal is not None:
        page = PageToken(
            token=signed.text,
            store_id=terminal.store_id,
            store_name=terminal.store_name,
            merchant_id=terminal.merchant_id,
            merchant_name=terminal.merchant_name,
            terminal_id=terminal.terminal_id,
            key=PaymentKey(terminal_id=terminal.terminal_id, order_no=order.order_no, n=1),
        )
    live = None if shown is None else payments.order_of(tx, shown)
    tried = () if shown is None else payments.orders_of(tx, shown.key)
    never_left = tuple(one.account_id for one in tried if one.ended_kind is ProofKind.NOT_SENT)
    same = till is not None and till.signed and (facts.same or order.type is OrderType.STATUS)
    return Found(
        signed=signed,
        verdict=verdict,
        page=page,
        of_order=of_order,
        live=live,
        ended=ended,
        same=same,
        not_sent=never_left,
    )


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
            fresh = _fresh(found, now_ms=now_ms)
            _keep_seen(tx, signed, tombstone(fresh, reason=Reason.EXPIRED, now_ms=now_ms), pace_of, now_ms=now_ms)
        case Verdict.NEW:
            sale_id = _sale_told(journal.mentions(tx, order.terminal_id, order.order_no, last=_LATEST_ENTRIES), order)
            fresh = replace(_fresh(found, now_ms=now_ms), sale_id=sale_id)
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
        step = tombstone(_fresh(found, now_ms=now_ms), reason=reason, now_ms=now_ms)
        _keep_seen(tx, signed, step, pace_of, now_ms=now_ms)
        closed = True
    elif found.verdict is Verdict.KNOWN:
        closed = _close_open(tx, found, pace_of, mark=mark, now_ms=now_ms)
    else:
        closed = found.verdict is Verdict.SETTLED
    return find_order(tx, signed, ring, now_ms=now_ms), closed


def issue_proof(
    tx: Tx, found: Found, ring: Ring, typed_code_key: bytes, pace_of: PaceOf, *, mark: str | None, now_ms: int
) -> Issued | None:
    """The order's proof for who may see it; None: not proven yet, or not his."""
    signed, ended = found.signed, found.ended
    shown = found.verdict is Verdict.SETTLED or (signed.order.type is OrderType.STATUS and found.verdict is Verdict.NEW)
    if ended is None or not shown or not may_see(found, mark):
        return None
    raw = offline.proof(tx, signed.digest)
    order = signed.order
    key = ring.signing(order.kid, now_ms=now_ms)
    words = words_of(ended, order_no=order.order_no, kid=key.kid, now_ms=now_ms)
    proof = sign_proof(words, key.private, order_digest=signed.digest)
    if raw is None:
        if ended.type is ProofType.CLOSED:
            _close_number(tx, found, pace_of, now_ms=now_ms)
        offline.add_proof(
            tx,
            signed.digest,
            terminal_id=order.terminal_id,
            order_no=order.order_no,
            type_=ended.type,
            kid=key.kid,
            raw=proof.raw,
            now_ms=now_ms,
        )
    else:
        proof = replace(proof, raw=raw)
    typed = _typed_code(tx, order, signed, typed_code_key) if ended.type is ProofType.PAID else None
    return Issued(type=ended.type, text=proof.text, payment=ended.payment, typed=typed)


def may_see(found: Found, mark: str | None) -> bool:
    """That nothing was paid may be seen by anybody; PAID only by who paid. Of a code that a gun scanned no payer is
    known: there the STATUS on the till's own screen is the word."""
    if found.ended is None or found.ended.type is ProofType.CLOSED:
        return True
    payer = None if found.live is None else found.live.payer_mark
    if payer is None:
        return found.signed.order.type is OrderType.STATUS
    return mark == payer


def name_sales(tx: Tx, terminal_id: str, entries: list[JournalEntry], pace_of: PaceOf, *, now_ms: int) -> None:
    """Entries tell which sales offline orders were for: money for a sale that is paid otherwise goes back."""
    unnamed = offline.unnamed(tx, terminal_id)
    if not unnamed:
        return
    for entry in entries:
        told = _told(entry.body)
        if told is None or told[0] not in unnamed:
            continue
        order_no, sale_id = told
        offline.name_sale(tx, terminal_id, order_no, sale_id)
        payment = payments.find(tx, PaymentKey(terminal_id=terminal_id, order_no=order_no, n=1))
        assert payment is not None, "it was just named"
        if any(covers(other) for other in payments.of_sale(tx, payment)):
            send_duplicates_back(tx, payment, pace_of, now_ms=now_ms)


def give_unwanted_back(tx: Tx, ref: str, pace_of: PaceOf, *, now_ms: int) -> None:
    """An offline order was paid that its till had cancelled, and nobody gave it back in time."""
    payment = payments.find(tx, read_key(ref))
    assert payment is not None, "a payment is never deleted"
    order = payments.order_of(tx, payment)
    assert order is not None, "what was paid has its order"
    if refunds.refundable_fen(tx, order.out_trade_no) < order.amount_fen:
        alarms.close_alarm(tx, AlarmKind.CANCELLED_PAID, about=ref, now_ms=now_ms)  # a person was quicker
    else:
        refund_by_itself(tx, order, RefundCause.CANCELLED, pace_of, now_ms=now_ms)
    tasks.put(tx, TaskKind.UNWANTED, ref, due_ms=None, account_id=None)


class _Sale(Struct, frozen=True):
    payment_no: str = ""
    sale_id: str = ""


def _told(body: str) -> tuple[str, str] | None:
    """(order_no, sale_id) that an entry names; entries are the till's own words and may be anything."""
    if '"sale_id"' not in body:
        return None
    try:
        sale = msgspec.json.decode(body, type=_Sale)
    except msgspec.MsgspecError:
        return None
    number = read_payment_no(sale.payment_no)
    return None if number is None or not is_number(sale.sale_id) else (number.order_no, sale.sale_id)


def _sale_told(bodies: list[str], order: OfflineOrder) -> str | None:
    told = (_told(body) for body in bodies)
    return next((one[1] for one in told if one is not None and one[0] == order.order_no), None)


def _till(tx: Tx, signed: SignedOrder) -> TillFacts | None:
    order = signed.order
    now = standing.standing(tx, order.terminal_id)
    if now is None:
        return None
    text = offline.order_key(tx, order.terminal_id, order.epoch)
    key = None if text is None else read_public(text)
    return TillFacts(
        epoch=now.epoch, revoked=now.revoked, frozen=now.frozen, signed=key is not None and signed.signed_by(key)
    )


def _facts(tx: Tx, signed: SignedOrder, of_order: tuple[Payment, ...]) -> OrderFacts:
    order = signed.order
    seen = offline.by_number(tx, order.terminal_id, order.order_no)
    beside = offline.at(tx, order.terminal_id, order.epoch, order.oseq)
    told = offline.cancelled(tx, order.terminal_id, order.epoch, order.oseq)
    return OrderFacts(
        seen=seen is not None,
        same=seen is not None and seen.digest == signed.digest,
        settled=bool(of_order) and all(payment.state.final for payment in of_order),
        cancelled=told or any(payment.cancel_requested_ms is not None for payment in of_order),
        rival=beside is not None and beside.order_no != order.order_no,
        foreign=seen is None and bool(of_order),
        max_seen=offline.max_oseq(tx, order.terminal_id, order.epoch),
    )


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
        _cancel(tx, payment, pace_of, operator="", said_by="till", now_ms=now_ms)
        return
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
    _cancel(tx, payment, pace_of, operator=PAGE, said_by=PAGE, now_ms=now_ms)
    return True


def _close_unknown(tx: Tx, found: Found, pace_of: PaceOf, *, now_ms: int) -> bool:
    """A STATUS of an order that never came here."""
    if found.verdict is not Verdict.NEW:
        return False
    if not found.of_order:
        never = unseen(found.key, amount_fen=found.signed.order.amount_fen, operator=PAGE, now_ms=now_ms)
        keep_new(tx, tombstone(never, reason=Reason.CANCELLED, now_ms=now_ms), pace_of, now_ms=now_ms)
        return True
    return found.ended is not None and found.ended.type is ProofType.CLOSED


def _close_number(tx: Tx, found: Found, pace_of: PaceOf, *, now_ms: int) -> None:
    """No later payment of this order can begin."""
    if any(payment.cancel_requested_ms is not None for payment in found.of_order):
        return
    _cancel(tx, found.of_order[-1], pace_of, operator=PAGE, said_by=PAGE, now_ms=now_ms)


def _cancel(tx: Tx, payment: Payment, pace_of: PaceOf, *, operator: str, said_by: str, now_ms: int) -> None:
    order = payments.order_of(tx, payment)
    tried = payments.orders_of(tx, payment.key)
    last = tried[-1] if order is None and tried else None
    step = request_cancel(payment, order, operator=operator, last=last, now_ms=now_ms)
    told = tuple(replace(one, said_by=said_by) if one.said_by == "till" else one for one in step.said)
    keep(tx, payment, replace(step, said=told), pace_of, now_ms=now_ms, order_before=order)


def _fresh(found: Found, *, now_ms: int) -> Payment:
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
        state_seq=1,
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


def _by_page(step: Step) -> Step:
    return replace(step, said=tuple(replace(one, said_by=PAGE) if one.said_by == "till" else one for one in step.said))


def _typed_code(tx: Tx, order: OfflineOrder, signed: SignedOrder, key: bytes) -> str | None:
    """An index that two orders name frees neither."""
    if order.release == 0 or order.amount_fen > TYPED_ORDER_LIMIT_FEN:
        return None
    this = SeenOrder(
        terminal_id=order.terminal_id,
        order_no=order.order_no,
        digest=signed.digest,
        epoch=order.epoch,
        oseq=order.oseq,
        release=order.release,
        seen_ms=0,
    )
    if offline.release_used_by_another(tx, this):
        return None
    return derive_code(key, terminal_id=order.terminal_id, epoch=order.epoch, index=order.release)
