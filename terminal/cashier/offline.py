"""Selling while the line is down: the offline QR at the counter, its proof, its typed code, and what is asked about it.

Rules: a proof is taken on any screen and settles the order that it names; when that is not the one at the counter, the
screen says which it was. Cancelling and putting aside an offline order ask a question first, and the answer is kept.
What is typed into the code field is digits; the field is none for scans.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.money import Money
from protocol.offline.typed_code import CODE_DIGITS
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import (
    CancelPayment,
    ParkOffline,
    PaymentView,
    ProofView,
    ReadProof,
    ShowOffline,
    ShowStatus,
    TypeCode,
)
from sync.engine.statements import ParkWhy
from terminal.cashier import words
from terminal.cashier.effects import Effect, Play, Sound, Submit
from terminal.cashier.phrase import say
from terminal.cashier.state import Asked, CashierState, CodeEntry, Question, Sale, Settled
from terminal.cashier.times import clock
from terminal.cashier.typing_keys import notice, sale_open
from terminal.cashier.view import Page, Tone

Result = tuple[CashierState, tuple[Effect, ...]]

#: The answers to "put aside why?", in the order of their keys.
PARK_ANSWERS = (ParkWhy.STILL_PAYING, ParkWhy.LEFT, ParkWhy.UNREADABLE)
#: A QR that only asks is shown so long.
STATUS_SHOWN_MS = 3 * 60_000


def awaits_proof(payment: PaymentView | None) -> bool:
    """An order that was shown as an offline QR and whose outcome is open."""
    return (
        payment is not None and payment.offline is not None and not payment.offline.status and not payment.state.final
    )


def at_counter(state: CashierState) -> PaymentView | None:
    """The offline order in the panel that can still be proven."""
    payment = state.sale.payment if state.sale is not None else None
    open_one = payment is not None and payment.state is not TerminalState.CANCELLING
    return payment if open_one and awaits_proof(payment) else None


def may_ask_status(state: CashierState) -> bool:
    """A payment that was cut in the middle, and no line to ask over."""
    payment = state.sale.payment if state.sale is not None else None
    return payment is not None and payment.state is TerminalState.UNKNOWN and not awaits_proof(payment)


def collected_again(state: CashierState) -> PaymentView | None:
    """The try in the panel, when what is started now is another one of its sale: no new amount was typed."""
    return state.sale.payment if state.sale is not None and state.entry == "" else None


def show(state: CashierState, amount_fen: int, request_id: str) -> Result:
    """The offline QR of the typed amount, or of the sale that was proven not paid."""
    last = collected_again(state)
    sale = Sale(request_id=request_id, amount_fen=amount_fen, started_ms=state.now_ms, by_qr=True, again=last)
    command = ShowOffline(
        request_id=request_id,
        order_no=last.order_no if last is not None else None,
        amount=Money(amount_fen),
        subject=state.identity.store or "Guitai",
        operator=state.identity.operator,
        shown_at_ms=state.now_ms,
    )
    return replace(state, page=Page.HOME, sale=sale, notice=None, cancel=None), (Submit(command=command),)


def ask_status(state: CashierState, request_id: str) -> Result:
    """Shows the QR that asks, by the customer's phone."""
    sale = state.sale
    if sale is None or sale.payment is None:
        return state, ()
    command = ShowStatus(request_id=request_id, payment_no=sale.payment.payment_no, operator=state.identity.operator)
    return replace(state, sale=replace(sale, status_ms=state.now_ms)), (Submit(command=command),)


def ask(state: CashierState, kind: Asked) -> Result:
    """A question in the panel, about the offline order at the counter."""
    payment = at_counter(state)
    if payment is None:
        return state, ()
    question = Question(kind=kind, payment_no=payment.payment_no)
    return replace(state, question=question, code=None, cancel=None), ()


def answered(state: CashierState, choice: int) -> Result:
    """The first, second or third answer (0, 1, 2)."""
    question = state.question
    if question is None:
        return state, ()
    state = replace(state, question=None)
    payment = at_counter(state)
    if payment is None or payment.payment_no != question.payment_no:
        return state, ()
    operator = state.identity.operator
    match question.kind:
        case Asked.GOODS:
            handed = choice == 1
            cancel = CancelPayment(payment_no=payment.payment_no, operator=operator, goods_handed=handed)
            return state, (Submit(command=cancel),)
        case Asked.PARK:
            park = ParkOffline(payment_no=payment.payment_no, why=PARK_ANSWERS[choice], operator=operator)
            parked = (*(held for held in state.parked if held.payment_no != payment.payment_no), payment)
            return replace(state, sale=None, entry="", notice=None, parked=parked), (Submit(command=park),)


def open_code(state: CashierState) -> CashierState:
    """The field for the 12 digits that the customer's phone shows."""
    payment = at_counter(state)
    if payment is None:
        return state
    return replace(state, code=CodeEntry(payment_no=payment.payment_no), question=None, cancel=None, notice=None)


def submit_code(state: CashierState, request_id: str) -> Result:
    """Hands the typed code over; the field stays for the next try."""
    entry = state.code
    if entry is None or len(entry.digits) < CODE_DIGITS:
        return state, ()
    command = TypeCode(
        request_id=request_id,
        payment_no=entry.payment_no,
        code=Secret(entry.digits),
        operator=state.identity.operator,
    )
    return replace(state, code=replace(entry, digits="")), (Submit(command=command),)


def closed(state: CashierState) -> CashierState:
    """Esc: the question or the field goes, the order stays."""
    return replace(state, question=None, code=None, notice=None)


def proof_scanned(state: CashierState, text: str, request_id: str) -> Result:
    """From whichever screen."""
    command = ReadProof(request_id=request_id, text=text, operator=state.identity.operator)
    return state, (Play(sound=Sound.SCAN_TAKEN), Submit(command=command))


def proof_seen(state: CashierState, seen: ProofView) -> Result:
    """What a proof or a typed code was worth; the payment's own picture came before."""
    sale = state.sale
    here = sale is not None and sale.payment is not None and sale.payment.payment_no == seen.payment_no
    if seen.accepted:
        if here:
            return replace(state, page=Page.HOME, code=None, question=None), ()
        return _told_once(state, seen), ()
    text = words.proof_reason(seen.reason, _when(state, seen.at_ms))
    if seen.payment_no is not None and not here and seen.amount is not None:
        text = say("proof_other", text=text, amount=seen.amount.yuan(), time=_when(state, seen.started_at_ms))
    elif seen.tries_left is not None:
        text = say("proof_tries", text=text, count=seen.tries_left)
    if state.page is not Page.ACTIVATION:
        state = replace(state, page=Page.HOME)
    return notice(state, text, words.proof_todo(seen.reason), tone=Tone.DANGER), (Play(sound=Sound.REFUSED),)


def adopted(state: CashierState, seen: PaymentView) -> CashierState | None:
    """After a restart of the program the order that awaits its proof is at the counter again; None: it is not one."""
    part = seen.offline
    if state.sale is not None or part is None or not awaits_proof(seen) or part.parked is not None:
        return None
    if seen.state is TerminalState.CANCELLING:
        return None
    return replace(state, sale=_sale_of(state, seen))


def resumable(state: CashierState) -> PaymentView | None:
    """The selected order, when it was put aside without its proof and the counter is free."""
    if sale_open(state.sale):
        return None
    chosen = (held for held in state.parked if held.order_no == state.orders.selected)
    payment = next(chosen, None)
    return payment if awaits_proof(payment) else None


def resumed(state: CashierState) -> CashierState:
    """The customer came back: the order is at the counter again, to be proven, typed or cancelled."""
    payment = resumable(state)
    if payment is None:
        return state
    parked = tuple(held for held in state.parked if held.payment_no != payment.payment_no)
    return replace(state, page=Page.HOME, entry="", notice=None, parked=parked, sale=_sale_of(state, payment))


def _sale_of(state: CashierState, seen: PaymentView) -> Sale:
    shown_at_ms = seen.offline.shown_at_ms if seen.offline is not None else seen.started_at_ms
    age_ms = max(0, state.unix_ms - shown_at_ms) if state.unix_ms else 0
    return Sale(
        request_id=seen.payment_no,
        amount_fen=seen.amount.fen,
        started_ms=state.now_ms - age_ms,
        by_qr=True,
        payment=seen,
        shown_at_ms=state.now_ms,
        pulsed_ms=state.now_ms,
    )


def _told_once(state: CashierState, seen: ProofView) -> CashierState:
    """The bar across the top names the order; usually its own picture has brought the bar already."""
    if any(done.payment.payment_no == seen.payment_no for done in state.settled):
        return state
    payment = next((known for known in state.recent if known.payment_no == seen.payment_no), None)
    return state if payment is None else replace(state, settled=(*state.settled, Settled(payment=payment)))


def _when(state: CashierState, at_ms: int | None) -> str:
    return "" if at_ms is None else clock(at_ms, state.settings.zone)
