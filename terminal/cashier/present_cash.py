"""The cash panel and its end: what is due, what was received, and the change, as big as anything on the screen."""

from __future__ import annotations

from sync.engine.model import CashPart, PaymentView
from terminal.cashier import words
from terminal.cashier.cash import received_fen
from terminal.cashier.keys import Command
from terminal.cashier.phrase import say
from terminal.cashier.state import CashEntry, CashierState
from terminal.cashier.times import clock_seconds
from terminal.cashier.view import PanelView, Sign, Tone


def cash_panel(state: CashierState, cash: CashEntry) -> PanelView:
    """While the cashier counts: the change as soon as it is known."""
    due = say("cash.due", amount=words.yuan(cash.amount_fen))
    received = received_fen(cash)
    if received is None:
        return PanelView(sign=Sign.NONE, tone=Tone.NEUTRAL, big=due, todo=say("cash.todo"))
    if received < cash.amount_fen:
        short = say("cash.short", missing=words.yuan(cash.amount_fen - received))
        return PanelView(sign=Sign.NONE, tone=Tone.NEUTRAL, big=due, customer=short, todo=say("cash.todo"))
    if cash.request_id:
        return PanelView(sign=Sign.RING, tone=Tone.WAITING, big=say("cash.writing"), customer=due)
    change = received - cash.amount_fen
    return PanelView(
        sign=Sign.NONE,
        tone=Tone.WAITING,
        big=say("cash.change", amount=words.yuan(change)) if change else say("cash.exact"),
        customer=due,
        todo=say("cash.complete_todo", key=state.settings.keys[Command.CASH]),
    )


def cash_paid(state: CashierState, payment: PaymentView, cash: CashPart) -> PanelView:
    """Journaled. Given back later, the panel says that instead."""
    amount, received = words.yuan(payment.amount.fen), words.yuan(cash.received_fen)
    zone, support = state.settings.zone, payment.order_no[-6:]
    if cash.returned_at_ms is not None:
        time = clock_seconds(cash.returned_at_ms, zone)
        return PanelView(
            sign=Sign.RING_OPEN,
            tone=Tone.NEUTRAL,
            big=say("state.cash_returned", amount=amount),
            proof=say("proof.cash", time=time),
            support=support,
        )
    change = words.yuan(cash.change_fen)
    return PanelView(
        sign=Sign.DISC_TICK,
        tone=Tone.PAID,
        big=say("cash.change", amount=change) if cash.change_fen else say("state.paid", amount=amount),
        customer=say("state.cash_line", amount=amount, received=received),
        todo=say("state.paid_todo"),
        proof=say("proof.cash", time=clock_seconds(payment.settled_at_ms or payment.started_at_ms, zone)),
        support=support,
    )
