"""A payment's life on the screen: what sync tells, cancelling it, setting an unresolved one aside, and time passing.

Rules: every outcome is heard and seen, also of a payment that was set aside or given up (late money); UNKNOWN keeps the
sale and blocks it until it settles or the cashier sets it aside in so many words; cancelling takes a second press or a
hold, so that a slip of the finger cannot undo a paying customer.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.messages import LateMoneyState
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    Line,
    LinkView,
    PaymentView,
    RefundView,
    StorePaidView,
)
from terminal.cashier import words
from terminal.cashier.cash import cash_taken, refusal_todo, refusal_words
from terminal.cashier.effects import Effect, Play, ReadHistory, Sound, Submit
from terminal.cashier.offline import adopted
from terminal.cashier.phrase import say
from terminal.cashier.ports import ActivationAnswered
from terminal.cashier.state import (
    CANCEL_BOUNCE_MS,
    CANCEL_HOLD_MS,
    CANCEL_WINDOW_MS,
    NOTICE_MS,
    PULSE_MS,
    RING_MS,
    CancelPress,
    CashierState,
    Sale,
    Settled,
    StoreRing,
)
from terminal.cashier.typing_keys import notice, sale_open
from terminal.cashier.view import Page, Tone

Result = tuple[CashierState, tuple[Effect, ...]]
RECENT_KEPT = 30


def payment_seen(state: CashierState, seen: PaymentView) -> Result:
    """Sync told something about one payment."""
    known = any(old.payment_no == seen.payment_no for old in state.recent)
    state, extra = _remember(state, seen)
    sale, cash = state.sale, state.cash
    if cash is not None and cash.request_id and cash.request_id == seen.request_id:
        state, effects = cash_taken(state, cash, seen)
        return state, (*effects, *extra)
    if sale is not None and _is_of(sale, seen):
        state, effects = _of_this_sale(state, sale, seen)
    else:
        state, effects = _of_another(state, seen, known=known)
    return state, (*effects, *extra)


def cancel_pressed(state: CashierState) -> Result:
    """First press: asks for the second. Second press within the window: the cancel."""
    press = state.cancel
    if press is None or state.now_ms - press.at_ms > CANCEL_WINDOW_MS:
        return replace(state, cancel=CancelPress(at_ms=state.now_ms, down=True)), ()
    if state.now_ms - press.at_ms < CANCEL_BOUNCE_MS:
        return state, ()
    return _cancel(state)


def cancel_released(state: CashierState) -> CashierState:
    """The key went up: what is left is a first press."""
    return state if state.cancel is None else replace(state, cancel=replace(state.cancel, down=False))


def parked(state: CashierState) -> CashierState:
    """Sets the unresolved payment aside, in the recent list and across the top; the next sale may start."""
    sale = state.sale
    if sale is None or sale.payment is None or sale.payment.state.final:
        return state
    return replace(state, sale=None, entry="", cancel=None, notice=None, parked=_put(state.parked, sale.payment))


def command_refused(state: CashierState, told: CommandRefused) -> Result:
    """Sync did not take a command: nothing was sent. The amount is there again, to try once more, or the try before
    it: what is scanned next must be of the same sale."""
    sale, cash = state.sale, state.cash
    text = refusal_words(state, told.reason)
    if cash is not None and cash.request_id == told.request_id:
        return notice(replace(state, cash=None), text, say("cash.refused_todo")), (Play(sound=Sound.REFUSED),)
    if sale is not None and sale.request_id == told.request_id and sale.payment is None:
        state = _before(replace(state, last_code=None), sale)
        return notice(state, text, refusal_todo(told.reason)), (Play(sound=Sound.REFUSED),)
    return notice(state, text), (Play(sound=Sound.REFUSED),)


def _before(state: CashierState, sale: Sale) -> CashierState:
    """As it was before this try."""
    if sale.again is None:
        return replace(state, sale=None, entry=Money(sale.amount_fen).yuan())
    known = next((seen for seen in state.recent if seen.payment_no == sale.again.payment_no), sale.again)
    return replace(state, sale=replace(sale, payment=known, again=None, shown_at_ms=state.now_ms))


def store_paid(state: CashierState, paid: StorePaidView) -> Result:
    """The store's static QR took money: heard and seen, whatever sale is in the panel, which it leaves alone."""
    ring = state.ring
    showing = ring is not None and state.now_ms - ring.at_ms < RING_MS
    more = ring.more + 1 if ring is not None and showing else 0
    return replace(state, ring=StoreRing(paid=paid, at_ms=state.now_ms, more=more)), (Play(sound=Sound.PAID),)


def refund_seen(state: CashierState, seen: RefundView) -> Result:
    """A refund that an earlier run began has moved; the payment's own picture comes with it."""
    reads = state.page is Page.ORDERS and state.orders.selected == seen.order_no
    return state, (ReadHistory(order_no=seen.order_no),) if reads else ()


def link_seen(state: CashierState, link: LinkView) -> Result:
    """A light changed; losing the line is heard once."""
    up = (Line.UP, Line.CHECKING)
    lost = state.link.line in up and link.line not in up
    return replace(state, link=link), (Play(sound=Sound.OFFLINE),) if lost else ()


def activation_answered(state: CashierState, told: ActivationAnswered) -> Result:
    """Bound, or a sentence why not; the typed text stays for a second try."""
    if told.reason is Reason.DONE and told.identity is not None:
        state = replace(state, identity=told.identity, activation=replace(state.activation, busy=False, code=""))
        return notice(replace(state, page=Page.HOME), say("activation.done", store=told.identity.store)), (
            Play(sound=Sound.PAID),
        )
    message = words.activation_reason(told.reason)
    fields = replace(state.activation, busy=False, message=message, tone=Tone.DANGER)
    return replace(state, activation=fields), (Play(sound=Sound.REFUSED),)


def time_passed(state: CashierState, unix_ms: int) -> Result:
    """Notices go, a held cancel counts, an unknown outcome pulses."""
    state = replace(state, unix_ms=unix_ms)
    if state.ring is not None and state.now_ms - state.ring.at_ms >= RING_MS:
        state = replace(state, ring=None)
    if state.notice is not None and state.now_ms - state.notice.at_ms >= NOTICE_MS + state.notice.after_ms:
        state = replace(state, notice=None)
    press = state.cancel
    if press is not None and press.down and state.now_ms - press.at_ms >= CANCEL_HOLD_MS:
        return _cancel(state)
    if press is not None and not press.down and state.now_ms - press.at_ms > CANCEL_WINDOW_MS:
        state = replace(state, cancel=None)
    sale = state.sale
    unknown = sale is not None and sale.payment is not None and sale.payment.state is TerminalState.UNKNOWN
    if sale is not None and unknown and state.now_ms - sale.pulsed_ms >= PULSE_MS:
        return replace(state, sale=replace(sale, pulsed_ms=state.now_ms)), (Play(sound=Sound.UNKNOWN),)
    return state, ()


def _cancel(state: CashierState) -> Result:
    sale = state.sale
    state = replace(state, cancel=None)
    if sale is None or sale.payment is None or not sale_open(sale):
        return state, ()
    command = CancelPayment(payment_no=sale.payment.payment_no, operator=state.identity.operator)
    return state, (Submit(command=command),)


def _of_this_sale(state: CashierState, sale: Sale, seen: PaymentView) -> Result:
    before = sale.payment
    if before is not None and seen.n < before.n:
        # The try before: its late money is told across the top, beside whatever becomes of this one.
        return _of_another(state, seen, known=True)
    changed = before is None or before.payment_no != seen.payment_no or before.state is not seen.state
    newly_late = _late(seen) and not (before is not None and _late(before))
    sale = replace(sale, payment=seen)
    if not changed and not newly_late:
        return replace(state, sale=sale), ()
    sale = replace(sale, shown_at_ms=state.now_ms, pulsed_ms=state.now_ms)
    state = replace(state, sale=sale, cancel=None)
    if seen.state.final or seen.state is TerminalState.CANCELLING:
        state = replace(state, question=None, code=None)
    if newly_late:
        # Money has come for this sale after all: a panel that asks for cash must not stay.
        cash = state.cash if state.cash is not None and state.cash.request_id else None
        return replace(state, page=Page.HOME, cash=cash), (Play(sound=Sound.LATE),)
    match seen.state:
        case TerminalState.PAID:
            return replace(state, page=Page.HOME, entry="", notice=None), (Play(sound=_paid_sound(seen)),)
        case TerminalState.NOT_PAID:
            return replace(state, page=Page.HOME, entry="", notice=None), (Play(sound=Sound.NOT_PAID),)
        case TerminalState.UNKNOWN:
            return replace(state, page=Page.HOME, notice=None), (Play(sound=Sound.UNKNOWN),)
        case TerminalState.SENDING | TerminalState.AWAITING_PROOF | TerminalState.WAITING | TerminalState.CANCELLING:
            return state, ()


def _of_another(state: CashierState, seen: PaymentView, *, known: bool) -> Result:
    """A payment that is not in the panel: set aside earlier, left by the last run, or given up long ago. Late money
    that was sent back or kept before this run is old news."""
    waiting = any(held.payment_no == seen.payment_no for held in state.parked)
    told = any(
        done.payment.payment_no == seen.payment_no and _late(done.payment) is _late(seen) for done in state.settled
    )
    if not seen.state.final:
        again = adopted(state, seen)
        return again or replace(state, parked=_put(state.parked, seen)), ()
    state = replace(state, parked=tuple(held for held in state.parked if held.payment_no != seen.payment_no))
    if told:
        # The same news, perhaps with another end: what is still on the screen must not go on saying the old one.
        return replace(state, settled=tuple(_newer(done, seen) for done in state.settled)), ()
    over = seen.late_money is not None and seen.late_money.state is not LateMoneyState.FOUND
    if not (waiting or _late(seen)) or (over and not known):
        return state, ()
    paid = _late(seen) or seen.state is TerminalState.PAID
    state = replace(state, settled=(*state.settled, Settled(payment=seen)))
    return state, (Play(sound=Sound.LATE if paid else Sound.NOT_PAID),)


def _paid_sound(seen: PaymentView) -> Sound:
    """Money of an offline order that nobody proved at the counter: it arrived by itself, when the line returned."""
    part = seen.offline
    return Sound.LATE if part is not None and not part.status and part.proven_at_ms is None else Sound.PAID


def _remember(state: CashierState, seen: PaymentView) -> Result:
    """The recent list: newest first, one row per order, its latest try."""
    known = next((old for old in state.recent if old.order_no == seen.order_no), None)
    if known is not None and known.n > seen.n:
        return state, ()
    others = [old for old in state.recent if old.order_no != seen.order_no]
    recent = tuple(sorted([seen, *others], key=lambda payment: payment.started_at_ms, reverse=True)[:RECENT_KEPT])
    state = replace(state, recent=recent)
    if state.page is Page.ORDERS and state.orders.selected == seen.order_no:
        return state, (ReadHistory(order_no=seen.order_no),)
    return state, ()


def _put(held: tuple[PaymentView, ...], seen: PaymentView) -> tuple[PaymentView, ...]:
    others = tuple(other for other in held if other.payment_no != seen.payment_no)
    return (*others, seen)


def _is_of(sale: Sale, seen: PaymentView) -> bool:
    """Whether this payment belongs to the sale in the panel."""
    if sale.payment is not None and sale.payment.order_no == seen.order_no:
        return True
    return sale.request_id == seen.request_id


def _newer(done: Settled, seen: PaymentView) -> Settled:
    return replace(done, payment=seen) if done.payment.payment_no == seen.payment_no else done


def _late(seen: PaymentView) -> bool:
    return seen.late_money is not None
