"""The two questions of the app: why cash goes back, and whether it may really be left."""

from __future__ import annotations

from terminal.cashier import words
from terminal.cashier.cash import REASONS, returnable
from terminal.cashier.keys import Command
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.state import CashierState
from terminal.cashier.typing_keys import sale_open
from terminal.cashier.unsent import unsent_words
from terminal.cashier.view import Sign, Tone
from terminal.cashier.view_pages import AskView


def returning(state: CashierState) -> AskView:
    """Giving cash back is an entry of its own, with its reason; nothing is deleted."""
    payment = returnable(state)
    amount = words.yuan(payment.amount.fen) if payment is not None else ""
    key = state.settings.keys[Command.RETURN_CASH]
    return AskView(
        sign=Sign.RING_OPEN,
        tone=Tone.NEUTRAL,
        big=say("returning.big", amount=amount),
        lines=(say("returning.todo", key=key),),
        options=tuple((why.value, say(f"cash_why.{why.value}")) for why in REASONS),
        chosen=REASONS[state.return_row].value,
    )


def leaving(state: CashierState) -> AskView:
    """What the gateway does not hold yet, in figures; it stays in the data folder and goes out at the next start."""
    lines: list[Phrase] = []
    if state.link.unsent:
        lines.append(unsent_words(state, "leaving.unsent"))
    if sale_open(state.sale) or state.parked:
        lines.append(say("leaving.open"))
    kept = bool(lines)
    lines.append(say("leaving.kept" if kept else "leaving.nothing"))
    lines.append(say("leaving.todo", key=state.settings.keys[Command.LEAVE_NOW]))
    return AskView(
        sign=Sign.NOTE,
        tone=Tone.UNKNOWN if kept else Tone.NEUTRAL,
        big=say("leaving.big_unsent" if state.link.unsent else "leaving.big"),
        lines=tuple(lines),
    )
