"""The list of orders that filters as you type: by amount, by time, by the tail of an order or wallet number."""

from __future__ import annotations

from collections.abc import Sequence

from protocol.messages import LateMoneyState
from protocol.states import TerminalState
from sync.engine.model import PaymentView, RefundView
from terminal.cashier import words
from terminal.cashier.offline import awaits_proof
from terminal.cashier.phrase import say
from terminal.cashier.ports import OrderRow
from terminal.cashier.state import CashierState
from terminal.cashier.times import clock, moment
from terminal.cashier.view import RowView, Sign, Tone

#: Fewer digits are an amount; more than a tail are part of an order number.
SHORTEST_TAIL, LONGEST_TAIL = 3, 8
SIGNS: dict[TerminalState, tuple[Sign, Tone]] = {
    TerminalState.SENDING: (Sign.RING, Tone.WAITING),
    TerminalState.AWAITING_PROOF: (Sign.HATCHED_QUESTION, Tone.UNKNOWN),
    TerminalState.WAITING: (Sign.RING, Tone.WAITING),
    TerminalState.PAID: (Sign.DISC_TICK, Tone.PAID),
    TerminalState.NOT_PAID: (Sign.SQUARE_CROSS, Tone.NOT_PAID),
    TerminalState.CANCELLING: (Sign.RING_OPEN, Tone.NOT_PAID),
    TerminalState.UNKNOWN: (Sign.HATCHED_QUESTION, Tone.UNKNOWN),
}


def row_of(state: CashierState, payment: PaymentView, *, selected: bool = False, dated: bool = False) -> RowView:
    """One order as a line of a list."""
    sign, tone = SIGNS[payment.state]
    word = words.state_word(payment.state)
    if awaits_proof(payment) and payment.state is not TerminalState.CANCELLING:
        minutes = max(0, state.unix_ms - payment.started_at_ms) // 60_000 if state.unix_ms else 0
        sign, tone = SIGNS[TerminalState.AWAITING_PROOF]
        word = say("word.awaiting_age", minutes=minutes)
    if payment.late_money is not None:
        kept = payment.late_money.state is LateMoneyState.ACCEPTED
        sign, tone = Sign.DISC_CLOCK, Tone.PAID if kept else Tone.UNKNOWN
        word = say("word.late_kept" if kept else "word.late")
    elif payment.refunding_fen:
        sign, tone, word = Sign.HATCHED_QUESTION, Tone.UNKNOWN, say("word.refunding")
    elif payment.refunded_fen >= payment.amount.fen:
        sign, tone, word = Sign.RING_OPEN, Tone.NEUTRAL, say("word.refunded")
    elif payment.refunded_fen:
        word = say("word.part_refunded", amount=words.yuan(payment.refunded_fen))
    write = moment if dated else clock
    return RowView(
        order_no=payment.order_no,
        time=write(payment.started_at_ms, state.settings.zone),
        amount=words.yuan(payment.amount.fen),
        wallet=words.wallet(payment.channel) if payment.channel else None,
        sign=sign,
        tone=tone,
        word=word,
        detail=f"…{payment.transaction_tail}" if payment.transaction_tail else "",
        selected=selected,
    )


def refund_row(state: CashierState, refund: RefundView) -> RowView:
    """One refund whose outcome is open, as a line of a list."""
    return RowView(
        order_no=refund.order_no,
        time=moment(refund.started_at_ms, state.settings.zone),
        amount=words.yuan(refund.amount.fen),
        wallet=words.wallet(refund.channel) if refund.channel else None,
        sign=Sign.HATCHED_QUESTION,
        tone=Tone.UNKNOWN,
        word=say("word.refunding"),
    )


def visible_rows(state: CashierState) -> tuple[OrderRow, ...]:
    """The rows that the filter lets through, live states over read ones."""
    live = {payment.order_no: payment for payment in state.recent}
    read = {row.payment.order_no: row.payment for row in state.orders.rows}
    payments = sorted((read | live).values(), key=lambda payment: payment.started_at_ms, reverse=True)
    return tuple(OrderRow(payment=payment) for payment in payments if matches(state, payment))


def matches(state: CashierState, payment: PaymentView) -> bool:
    """Every word typed must be the amount's beginning, part of the time, a tail, the wallet, or part of the number."""
    return all(_matches_word(state, payment, word) for word in state.orders.filter_text.lower().split())


def _matches_word(state: CashierState, payment: PaymentView, word: str) -> bool:
    if words.yuan(payment.amount.fen).startswith(word):
        return True
    if ":" in word or "-" in word:
        return word in moment(payment.started_at_ms, state.settings.zone)
    tails = (payment.transaction_tail or "", payment.order_no.lower())
    if any(tail.endswith(word) for tail in tails) and len(word) >= SHORTEST_TAIL:
        return True
    return word in payment.order_no.lower() if len(word) > LONGEST_TAIL else word == payment.channel


def neighbour(rows: Sequence[OrderRow], selected: str, by: int) -> str:
    """The order above or below the selected one; the first when none is."""
    numbers = [row.payment.order_no for row in rows]
    if not numbers:
        return ""
    if selected not in numbers:
        return numbers[0]
    return numbers[max(0, min(len(numbers) - 1, numbers.index(selected) + by))]
