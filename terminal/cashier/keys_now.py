"""Exactly the commands that work right now: what the key strip shows, and what a press is checked against."""

from __future__ import annotations

from protocol.money import Money
from protocol.offline.typed_code import CODE_DIGITS
from protocol.states import TerminalState
from terminal.cashier.cash import cash_offered, quick_amounts, returnable
from terminal.cashier.keys import ANSWERS, QUICK, Command, KeyHint
from terminal.cashier.offline import PARK_ANSWERS, at_counter, may_ask_status, resumable
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.scanning import line_trouble
from terminal.cashier.state import CANCEL_WINDOW_MS, Asked, CashEntry, CashierState, Question
from terminal.cashier.typing_keys import collectable_again, entry_amount, sale_open
from terminal.cashier.view import Page


def keys_of(state: CashierState) -> tuple[KeyHint, ...]:
    """The key strip, left to right; the last entry is always the way back."""
    if state.page is Page.BLOCKED:
        return ()
    found = _of_page(state)
    bound = state.page is Page.ACTIVATION and state.identity.activated and not state.activation.busy
    if bound or state.page not in (Page.HOME, Page.ACTIVATION) or state.cash is not None:
        found.append((Command.BACK, say("key.back"), False))
    return tuple(
        KeyHint(command=command, key=state.settings.keys[command], word=word, urgent=urgent)
        for command, word, urgent in found
    )


def _of_page(state: CashierState) -> list[tuple[Command, Phrase, bool]]:
    """A page's own keys."""
    found: list[tuple[Command, Phrase, bool]] = []
    match state.page:
        case Page.BLOCKED:
            pass
        case Page.HOME:
            found += _home(state) if state.cash is None else _cash(state.cash)
        case Page.ORDERS:
            found += [(Command.UP, say("key.up"), False), (Command.DOWN, say("key.down"), False)]
            found += _resume(state)
            found += [(Command.RUN_AGAIN, say("key.refresh"), False), (Command.TAKINGS, say("key.takings"), False)]
            if returnable(state) is not None:
                found += [(Command.RETURN_CASH, say("key.return_cash"), False)]
        case Page.TAKINGS:
            after = [(Command.NEXT, say("key.day_after"), False)] if state.takings.days_ago > 0 else []
            found += [(Command.PREVIOUS, say("key.day_before"), False), *after]
            found += [(Command.RUN_AGAIN, say("key.refresh"), False), (Command.ORDERS, say("key.orders"), False)]
        case Page.DOCTOR:
            found += _doctor(state)
        case Page.DISPLAY:
            found += [(Command.UP, say("key.up"), False), (Command.DOWN, say("key.down"), False)]
            found += [(Command.PREVIOUS, say("key.previous"), False), (Command.NEXT, say("key.next"), False)]
        case Page.ACTIVATION:
            if not state.activation.busy:
                found += [(Command.SUBMIT, say("key.activate"), False), (Command.SWITCH_FIELD, say("key.field"), False)]
            found += [(Command.DOCTOR, say("key.doctor"), False), (Command.DISPLAY, say("key.display"), False)]
        case Page.RETURNING:
            found += [(Command.UP, say("key.up"), False), (Command.DOWN, say("key.down"), False)]
            found += [(Command.RETURN_CASH, say("key.return_now"), True)]
        case Page.LEAVING:
            found += [(Command.LEAVE_NOW, say("key.leave_now"), True)]
    return found


def works(state: CashierState, command: Command) -> bool:
    """Whether a press of this command does anything right now."""
    return any(hint.command is command for hint in keys_of(state))


def cancel_armed(state: CashierState) -> bool:
    """A first press of cancel waits for the second."""
    return state.cancel is not None and state.now_ms - state.cancel.at_ms <= CANCEL_WINDOW_MS


def _cash(cash: CashEntry) -> list[tuple[Command, Phrase, bool]]:
    """The cash panel: complete, the likely sums, and the way back; nothing else, until it is journaled."""
    if cash.request_id:
        return []
    found: list[tuple[Command, Phrase, bool]] = [(Command.CASH, say("key.cash_done"), False)]
    exact, *rounded = quick_amounts(cash.amount_fen)
    found.append((Command.QUICK_1, say("key.exact", amount=Money(exact).yuan()), False))
    for command, fen in zip(QUICK[1:], rounded, strict=False):
        found.append((command, say("key.amount", amount=Money(fen).yuan()), False))
    return found


def _question(question: Question) -> list[tuple[Command, Phrase, bool]]:
    """The answers, and the way back."""
    values = ("no", "yes") if question.kind is Asked.GOODS else tuple(why.value for why in PARK_ANSWERS)
    family = f"answer_{question.kind.value}"
    found = [(command, say(f"{family}.{value}"), False) for command, value in zip(ANSWERS, values, strict=False)]
    return [*found, (Command.BACK, say("key.back"), False)]


def _resume(state: CashierState) -> list[tuple[Command, Phrase, bool]]:
    return [] if resumable(state) is None else [(Command.RESUME, say("key.resume"), False)]


def _doctor(state: CashierState) -> list[tuple[Command, Phrase, bool]]:
    again = [] if state.doctor.running else [(Command.RUN_AGAIN, say("key.run_again"), False)]
    bind = [(Command.REACTIVATE, say("key.reactivate"), False)] if state.identity.activated else []
    return [*again, *bind]


def _home(state: CashierState) -> list[tuple[Command, Phrase, bool]]:
    """A question or an open field is alone on the screen."""
    if state.question is not None:
        return _question(state.question)
    if state.code is None:
        return _selling(state)
    check = [(Command.SUBMIT, say("key.check_code"), False)] if len(state.code.digits) == CODE_DIGITS else []
    return [*check, (Command.BACK, say("key.back"), False)]


def _selling(state: CashierState) -> list[tuple[Command, Phrase, bool]]:
    found: list[tuple[Command, Phrase, bool]] = []
    sale, payment = state.sale, state.sale.payment if state.sale is not None else None
    can_start = isinstance(entry_amount(state), Money) or (state.entry == "" and collectable_again(sale))
    if not sale_open(sale) and can_start:
        up = line_trouble(state) is None
        found.append((Command.SHOW_QR, say("key.qr" if up else "key.qr_offline"), False))
    if may_ask_status(state) and line_trouble(state) is not None:
        found.append((Command.STATUS_QR, say("key.status_qr"), False))
    if cash_offered(state):
        found.append((Command.CASH, say("key.cash"), False))
    offline = at_counter(state)
    if offline is not None and offline.offline is not None and offline.offline.tries_left > 0:
        found.append((Command.TYPE_CODE, say("key.type_code"), False))
    parkable = payment is not None and payment.state in (TerminalState.UNKNOWN, TerminalState.CANCELLING)
    if parkable or offline is not None:
        found.append((Command.PARK, say("key.park"), False))
    if state.settled:
        found.append((Command.ACKNOWLEDGE, say("key.acknowledge"), False))
    found += [
        (Command.ORDERS, say("key.orders"), False),
        (Command.TAKINGS, say("key.takings"), False),
        (Command.DISPLAY, say("key.display"), False),
        (Command.DOCTOR, say("key.doctor"), False),
    ]
    if payment is not None and not payment.state.final and payment.state is not TerminalState.CANCELLING:
        armed = cancel_armed(state)
        found.append((Command.CANCEL, say("key.cancel_again" if armed else "key.cancel"), armed))
    elif not sale_open(sale) and (state.entry or sale is not None or state.notice is not None):
        found.append((Command.CLEAR, say("key.clear"), False))
    elif sale is None:
        found.append((Command.LEAVE, say("key.leave"), False))
    return found
