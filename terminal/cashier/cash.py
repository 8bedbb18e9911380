"""Cash at the counter: the amount due, what was received, the change; and giving cash back from the orders page.

Rules: a first press of the key opens the panel, a second one completes; nothing is taken for a sale whose wallet
payment is not proven unpaid (SAFETY.md section 2), and the sentence says so. The owner's limits are checked before
the drawer opens, and once more by sync, whose journal has the figures. A refusal leaves the sale as it was.
"""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from protocol.messages import Light
from protocol.money import MAX_AMOUNT_FEN, AmountRefusal, Money, parse_amount
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.cash import limit_refusal
from sync.engine.model import CashLimits, Line, PaymentView, ReturnCash, TakeCash
from sync.engine.statements import CashBack
from terminal.cashier import words
from terminal.cashier.effects import Effect, Play, ReadHistory, Sound, Submit
from terminal.cashier.keys import QUICK, Command
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.state import CashEntry, CashierState, Sale
from terminal.cashier.typing_keys import collectable_again, entry_amount, notice, sale_open
from terminal.cashier.view import Page

Result = tuple[CashierState, tuple[Effect, ...]]

#: The notes and sums of notes that a customer is likely to hand over, in fen.
NOTES: Final = (500, 1_000, 2_000, 5_000, 10_000)
REASONS: Final = tuple(CashBack)
#: What cannot be journaled is not taken.
_NO_JOURNAL: Final = frozenset(
    {Reason.DISK_FULL, Reason.DISK_READ_ONLY, Reason.FOLDER_UNREADABLE, Reason.JOURNAL_DAMAGED, Reason.INTERNAL}
)


def cash_offered(state: CashierState) -> bool:
    """Whether the cash key does something: takes cash, or says why not."""
    if state.settings.cash_sale_fen == 0 or not state.identity.activated:
        return False
    sale = state.sale
    if sale_open(sale):
        payment = None if sale is None else sale.payment
        return payment is not None and payment.state in (TerminalState.UNKNOWN, TerminalState.CANCELLING)
    return isinstance(entry_amount(state), Money) or (state.entry == "" and collectable_again(sale))


def cash_allowed(state: CashierState) -> bool:
    """The lights: nothing can be paid by a wallet any more, or the gateway said amber."""
    sale = state.sale
    if not sale_open(sale):
        return True
    return sale is not None and sale.payment is not None and sale.payment.light is Light.AMBER


def cash_key(state: CashierState, command: Command, request_id: str) -> Result:
    """One of the keys about cash."""
    if command is Command.CASH:
        return _cash_pressed(state, request_id)
    if command is Command.RETURN_CASH:
        return _return_pressed(state, request_id)
    return _quick_pressed(state, command), ()


def _cash_pressed(state: CashierState, request_id: str) -> Result:
    """First press: the panel. Second press: the cash is in the drawer."""
    return _open(state) if state.cash is None else _complete(state, state.cash, request_id)


def quick_amounts(amount_fen: int) -> tuple[int, ...]:
    """Exact, then the next round sums, at most one for each quick key."""
    rounded = (-(-amount_fen // note) * note for note in NOTES)
    sums = dict.fromkeys(fen for fen in rounded if fen > amount_fen)
    return (amount_fen, *sums)[: len(QUICK)]


def _quick_pressed(state: CashierState, command: Command) -> CashierState:
    """Fills in what was received; nothing is completed by it."""
    if state.cash is None:
        return state
    fen = quick_amounts(state.cash.amount_fen)[QUICK.index(command)]
    return replace(state, cash=replace(state.cash, received=Money(fen).yuan()), notice=None)


def received_fen(cash: CashEntry) -> int | None:
    """What was typed as received; None while it is no amount."""
    found = parse_amount(cash.received, max_fen=MAX_AMOUNT_FEN)
    return None if isinstance(found, AmountRefusal) else found.fen


def cash_taken(state: CashierState, cash: CashEntry, seen: PaymentView) -> Result:
    """It is in the journal: the change is shown big. An amber wallet payment goes on beside it."""
    before = state.sale
    parked = state.parked
    if before is not None and before.payment is not None and sale_open(before):
        parked = (*(held for held in parked if held.payment_no != before.payment.payment_no), before.payment)
    sale = Sale(
        request_id=cash.request_id, amount_fen=cash.amount_fen, started_ms=state.now_ms, by_qr=False, payment=seen
    )
    state = replace(state, page=Page.HOME, sale=sale, cash=None, entry="", notice=None, cancel=None, parked=parked)
    return state, (Play(sound=Sound.PAID),)


def limits_of(state: CashierState) -> CashLimits:
    """The owner's."""
    return CashLimits(sale_fen=state.settings.cash_sale_fen, offline_day_fen=state.settings.cash_offline_day_fen)


def refusal_words(state: CashierState, why: Reason) -> Phrase:
    """The sentence of a limit, with its figure."""
    settings = state.settings
    match why:
        case Reason.CASH_LIMIT:
            return say("cash.over_sale", limit=words.yuan(settings.cash_sale_fen))
        case Reason.CASH_OFFLINE_LIMIT:
            taken = words.yuan(state.link.cash_offline_fen)
            return say("cash.over_day", limit=words.yuan(settings.cash_offline_day_fen), taken=taken)
        case Reason.CASH_NOT_ALLOWED:
            return say("cash.not_allowed")
        case Reason.CASH_SHORT:
            return say("cash.no_amount")
        case Reason.LATE_MONEY:
            return say("late_refused")
        case _:
            return words.reason(why) or say("reason.other")


def refusal_todo(why: Reason) -> Phrase:
    """What to do when sync began no charge."""
    match why:
        case Reason.LATE_MONEY | Reason.ORDER_PAID:
            return say("sale_paid_todo")
        case Reason.ORDER_OPEN:
            return say("scan_todo.busy")
        case _:
            return say("command_refused_todo")


def _open(state: CashierState) -> Result:
    if not cash_allowed(state):
        return _refused(state, say("cash.sale_open"), say("cash.sale_open_todo"))
    amount_fen, _ = _due(state)
    offline = state.link.line is not Line.UP
    why = limit_refusal(amount_fen, limits_of(state), offline=offline, offline_fen=state.link.cash_offline_fen)
    if state.link.refusing in _NO_JOURNAL:
        why = state.link.refusing
    if why is not None:
        return _refused(state, refusal_words(state, why), say("cash.refused_todo"))
    return replace(state, page=Page.HOME, cash=CashEntry(amount_fen=amount_fen), notice=None, cancel=None), ()


def _complete(state: CashierState, cash: CashEntry, request_id: str) -> Result:
    if cash.request_id:
        return state, ()
    received = received_fen(cash)
    if received is None:
        return _refused(state, say("cash.no_amount"), say("cash.no_amount_todo"))
    if received < cash.amount_fen:
        return _refused(state, say("cash.short", missing=words.yuan(cash.amount_fen - received)), None)
    if not cash_allowed(state):
        return _refused(replace(state, cash=None), say("cash.sale_open"), say("cash.sale_open_todo"))
    _, order_no = _due(state)
    command = TakeCash(
        request_id=request_id,
        order_no=order_no,
        amount=Money(cash.amount_fen),
        received_fen=received,
        limits=limits_of(state),
        operator=state.identity.operator,
    )
    return replace(state, cash=replace(cash, request_id=request_id), notice=None), (Submit(command=command),)


def _due(state: CashierState) -> tuple[int, str | None]:
    """The amount, and the wallet order whose sale the cash closes."""
    sale = state.sale
    if sale is not None and sale.payment is not None and (state.entry == "" or sale_open(sale)):
        return sale.amount_fen, sale.payment.order_no
    amount = entry_amount(state)
    assert isinstance(amount, Money), "the key is offered for an amount only"
    return amount.fen, None


def _refused(state: CashierState, text: Phrase, todo: Phrase | None) -> Result:
    return notice(state, text, todo), (Play(sound=Sound.REFUSED),)


# --- giving back -------------------------------------------------------------------------------------------------


def returnable(state: CashierState) -> PaymentView | None:
    """The selected order, when it is cash that was not given back."""
    candidates = (*state.recent, *(row.payment for row in state.orders.rows))
    found = next((payment for payment in candidates if payment.order_no == state.orders.selected), None)
    return found if found is not None and found.cash is not None and found.cash.returned_at_ms is None else None


def _return_pressed(state: CashierState, request_id: str) -> Result:
    """On the orders page: asks why. There: gives it back."""
    payment = returnable(state)
    if payment is None:
        return state, ()
    if state.page is Page.ORDERS:
        return replace(state, page=Page.RETURNING, return_row=0), ()
    command = ReturnCash(
        request_id=request_id,
        payment_no=payment.payment_no,
        why=REASONS[state.return_row],
        operator=state.identity.operator,
    )
    read = ReadHistory(order_no=payment.order_no)
    return replace(state, page=Page.ORDERS), (Submit(command=command), read)
