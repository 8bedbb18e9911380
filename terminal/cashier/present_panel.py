"""The state panel: from what the till knows to one big line, two helper lines, the proof line and at most two keys.

Rule: PAID, NOT PAID and UNKNOWN are said exactly as sync says them; "safe to scan again" only on the green light.
"""

from __future__ import annotations

from protocol.messages import LateMoneyState
from protocol.messages import Light as RescanLight
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import ProofKind, TerminalState
from sync.engine.model import PaymentView
from terminal.cashier import words
from terminal.cashier.cash import cash_allowed, cash_offered
from terminal.cashier.keys import Command, KeyHint
from terminal.cashier.keys_now import cancel_armed, keys_of
from terminal.cashier.offline import awaits_proof
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.present_cash import cash_paid, cash_panel
from terminal.cashier.present_offline import awaiting_of, status_of_cut
from terminal.cashier.scanning import line_trouble
from terminal.cashier.state import CashierState, Sale
from terminal.cashier.times import clock_seconds
from terminal.cashier.typing_keys import entry_amount
from terminal.cashier.view import PanelView, Ring, Sign, Tone

#: How long the ring of a scanned code takes to close; certainty is promised within it.
RING_S = 60
_MAY_HAVE_TAKEN = frozenset({ProofKind.CLOSED, ProofKind.REFUNDED})
_PANEL_COMMANDS = (Command.CANCEL, Command.PARK, Command.SHOW_QR, Command.STATUS_QR)


def panel_of(state: CashierState) -> PanelView:
    """What the right side of the home screen says."""
    notice = state.notice
    if notice is not None and state.now_ms - notice.at_ms >= notice.after_ms and not _open(state.sale):
        return PanelView(sign=Sign.NOTE, tone=notice.tone, big=notice.text, todo=notice.todo)
    if state.cash is not None:
        return cash_panel(state, state.cash)
    sale = state.sale
    if sale is None:
        return _ready(state)
    payment = sale.payment
    if payment is None:
        return _taken(state, sale)
    if payment.cash is not None:
        return cash_paid(state, payment, payment.cash)
    if payment.late_money is not None:
        return _late(state, payment)
    if awaits_proof(payment) and payment.state is not TerminalState.CANCELLING:
        return awaiting_of(state, sale, payment)
    match payment.state:
        case TerminalState.SENDING | TerminalState.AWAITING_PROOF:
            return _taken(state, sale)
        case TerminalState.WAITING:
            return _waiting_qr(state, sale, payment) if sale.by_qr else _waiting(state, sale, payment)
        case TerminalState.UNKNOWN:
            return status_of_cut(state, sale, payment) or _unknown(state, sale)
        case TerminalState.CANCELLING:
            return _cancelling(state, sale)
        case TerminalState.PAID:
            return _paid(state, payment)
        case TerminalState.NOT_PAID:
            return _not_paid(state, payment)


def proof_line(state: CashierState, payment: PaymentView) -> Phrase | None:
    """Who said it and when; None while nobody has."""
    zone = state.settings.zone
    part = payment.offline
    if part is not None and part.proven_at_ms is not None and payment.settled_at_ms is not None:
        key = "proof.typed" if part.typed else "proof.scanned"
        return say(key, time=clock_seconds(part.proven_at_ms, zone), wallet=words.wallet(payment.channel))
    if payment.state is TerminalState.PAID and payment.settled_at_ms is not None:
        time = clock_seconds(payment.settled_at_ms, zone)
        if payment.transaction_tail:
            tail = payment.transaction_tail
            return say("proof.paid_tail", time=time, wallet=words.wallet(payment.channel), tail=tail)
        return say("proof.paid", time=time)
    if payment.state is TerminalState.NOT_PAID and payment.proof is not None:
        kind = say(f"proof_kind.{payment.proof.kind.value.lower()}")
        return say("proof.not_paid", time=clock_seconds(payment.proof.at_ms, zone), kind=kind)
    return None


def _open(sale: Sale | None) -> bool:
    return sale is not None and (sale.payment is None or not sale.payment.state.final)


def _actions(state: CashierState) -> tuple[KeyHint, ...]:
    shown = (*_PANEL_COMMANDS, Command.CASH) if cash_allowed(state) else _PANEL_COMMANDS
    return tuple(hint for hint in keys_of(state) if hint.command in shown)[:2]


def _elapsed_s(state: CashierState, sale: Sale) -> int:
    return max(0, state.now_ms - sale.started_ms) // 1000


def _ready(state: CashierState) -> PanelView:
    if isinstance(entry_amount(state), Money):
        actions = _actions(state)
        if line_trouble(state) is not None and cash_offered(state):
            todo = say("state.offline_cash_todo", key=state.settings.keys[Command.CASH])
            return PanelView(
                sign=Sign.PLUG, tone=Tone.NEUTRAL, big=say("state.offline_cash"), todo=todo, actions=actions
            )
        return PanelView(
            sign=Sign.NONE,
            tone=Tone.NEUTRAL,
            big=say("state.scan_now" if line_trouble(state) is None else "state.offline_ready"),
            todo=_ready_todo(state),
            actions=actions,
        )
    offline = line_trouble(state) is not None and state.settings.cash_sale_fen > 0
    big = say("state.offline_cash" if offline else "state.ready")
    return PanelView(sign=Sign.PLUG if offline else Sign.NONE, tone=Tone.NEUTRAL, big=big, todo=say("state.ready_todo"))


def _ready_todo(state: CashierState) -> Phrase:
    key = state.settings.keys[Command.SHOW_QR]
    return say("state.scan_now_todo" if line_trouble(state) is None else "state.offline_ready_todo", key=key)


def _taken(state: CashierState, sale: Sale) -> PanelView:
    big = say("state.making_qr" if sale.by_qr else "state.scan_taken")
    ring = Ring(elapsed_s=_elapsed_s(state, sale), of_s=RING_S)
    return PanelView(sign=Sign.RING, tone=Tone.WAITING, big=big, ring=ring, actions=_actions(state), todo=_armed(state))


def _armed(state: CashierState) -> Phrase | None:
    return say("state.cancel_armed", key=state.settings.keys[Command.CANCEL]) if cancel_armed(state) else None


def _waiting(state: CashierState, sale: Sale, payment: PaymentView) -> PanelView:
    return PanelView(
        sign=Sign.RING,
        tone=Tone.WAITING,
        big=say("state.password" if payment.payer_prompted else "state.waiting"),
        customer=say("state.password_customer" if payment.payer_prompted else "state.waiting_customer"),
        todo=_armed(state) or say("state.waiting_todo"),
        ring=Ring(elapsed_s=_elapsed_s(state, sale), of_s=RING_S),
        actions=_actions(state),
        support=_support(payment),
    )


def _who_may_scan(payment: PaymentView) -> Phrase:
    """A wallet's own QR is that wallet's; the gateway's page takes them all."""
    if payment.channel is None:
        return say("state.qr_any")
    return say("state.qr_customer", wallet=words.wallet(payment.channel))


def _waiting_qr(state: CashierState, sale: Sale, payment: PaymentView) -> PanelView:
    life_ms = payment.qr_expires_ms - payment.started_at_ms if payment.qr_expires_ms is not None else None
    return PanelView(
        sign=Sign.RING,
        tone=Tone.WAITING,
        big=say("state.qr_password" if payment.payer_prompted else "state.qr"),
        customer=None if payment.payer_prompted else _who_may_scan(payment),
        todo=_armed(state),
        ring=Ring(elapsed_s=_elapsed_s(state, sale), of_s=life_ms // 1000 if life_ms else None),
        qr=payment.qr or "",
        actions=_actions(state),
        support=_support(payment),
    )


def _unknown(state: CashierState, sale: Sale) -> PanelView:
    payment = sale.payment
    return PanelView(
        sign=Sign.HATCHED_QUESTION,
        tone=Tone.UNKNOWN,
        big=say("state.unknown"),
        customer=say("state.unknown_customer"),
        todo=_armed(state) or say("state.unknown_todo", seconds=_elapsed_s(state, sale)),
        actions=_actions(state),
        support=_support(payment) if payment is not None else "",
    )


def _cancelling(state: CashierState, sale: Sale) -> PanelView:
    payment = sale.payment
    amber = payment is not None and payment.light is RescanLight.AMBER
    return PanelView(
        sign=Sign.RING_OPEN,
        tone=Tone.UNKNOWN if amber else Tone.NOT_PAID,
        big=say("state.cancelling"),
        # That it goes back is said once the gateway has said so: a cancel may come after the payment.
        customer=say("state.cancelling_customer" if amber else "state.unknown_customer"),
        todo=say("state.amber_todo") if amber else say("state.cancelling_todo"),
        ring=Ring(elapsed_s=_elapsed_s(state, sale)),
        actions=_actions(state),
        support=_support(payment) if payment is not None else "",
    )


def _paid(state: CashierState, payment: PaymentView) -> PanelView:
    return PanelView(
        sign=Sign.DISC_TICK,
        tone=Tone.PAID,
        big=say("state.paid", amount=words.yuan(payment.amount.fen)),
        customer=_wallet_and_time(payment),
        todo=say("state.cancelled_paid_todo" if _cancelled_offline(payment) else "state.paid_todo"),
        proof=proof_line(state, payment),
        support=_support(payment),
    )


def _cancelled_offline(payment: PaymentView) -> bool:
    """Given up at the till while the line was down, and paid all the same: it goes back by itself."""
    return payment.offline is not None and not payment.offline.status and payment.cancel_requested


def _wallet_and_time(payment: PaymentView) -> Phrase:
    wallet = words.wallet(payment.channel)
    if payment.elapsed_ms is None:
        return wallet
    seconds = f"{payment.elapsed_ms // 1000}.{payment.elapsed_ms % 1000 // 100}"
    return say("state.paid_by", wallet=wallet, seconds=seconds)


def _not_paid(state: CashierState, payment: PaymentView) -> PanelView:
    if payment.reason in (Reason.ORDER_PAID, Reason.ORDER_OPEN):
        return _paid_otherwise(state, payment)
    safe = payment.safe_to_rescan
    return PanelView(
        sign=Sign.SQUARE_CROSS,
        tone=Tone.NOT_PAID,
        big=say("state.not_paid_safe" if safe else "state.not_paid"),
        customer=_why(payment),
        todo=_proven(payment) if safe else None,
        proof=proof_line(state, payment),
        actions=_actions(state),
        support=_support(payment),
    )


def _why(payment: PaymentView) -> Phrase | None:
    """ "Nobody paid in time" would not be true of money that came and went back."""
    went_back = payment.proof is not None and payment.proof.kind is ProofKind.REFUNDED
    if went_back and payment.reason is Reason.TIMED_OUT:
        return say("state.went_back_customer")
    return words.reason(payment.reason)


def _proven(payment: PaymentView) -> Phrase:
    """What is proven, and no more: an order that was closed or given back may have taken money before."""
    cancelled = payment.reason is Reason.CANCELLED
    if payment.proof is not None and payment.proof.kind in _MAY_HAVE_TAKEN:
        return say("state.cancelled_not_kept_todo" if cancelled else "state.not_kept_todo")
    return say("state.cancelled_todo" if cancelled else "state.not_paid_todo")


def _paid_otherwise(state: CashierState, payment: PaymentView) -> PanelView:
    """The gateway refused this try because its sale is paid, or may be: nothing was charged, and nothing must be."""
    return PanelView(
        sign=Sign.SQUARE_CROSS,
        tone=Tone.NOT_PAID,
        big=say("state.not_paid"),
        customer=words.reason(payment.reason),
        todo=say("sale_paid_todo" if payment.reason is Reason.ORDER_PAID else "sale_open_todo"),
        proof=proof_line(state, payment),
        support=_support(payment),
    )


def _late(state: CashierState, payment: PaymentView) -> PanelView:
    late = payment.late_money
    amount = words.yuan(payment.amount.fen)
    match late.state if late is not None else LateMoneyState.FOUND:
        case LateMoneyState.FOUND:
            tone, big, todo = Tone.UNKNOWN, say("state.late", amount=amount), say("state.late_todo")
        case LateMoneyState.UNDONE:
            tone, big, todo = Tone.UNKNOWN, say("state.late_undone", amount=amount), say("state.late_undone_todo")
        case LateMoneyState.ACCEPTED:
            tone, big, todo = Tone.PAID, say("state.late_kept", amount=amount), say("state.late_kept_todo")
    return PanelView(
        sign=Sign.DISC_CLOCK,
        tone=tone,
        big=big,
        customer=words.wallet(payment.channel),
        todo=todo,
        proof=say("proof.late", time=clock_seconds(late.found_at_ms, state.settings.zone)) if late else None,
        support=_support(payment),
    )


def _support(payment: PaymentView) -> str:
    """The support code: opens the timeline, finds the order at the gateway."""
    return payment.order_no[-6:]
