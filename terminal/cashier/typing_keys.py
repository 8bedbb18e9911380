"""Typed characters: the amount, the order filter, the two activation fields; and taking back what a scan had typed.

Rules: `１２.５` is read as `12.5`; a character that would make a wrong amount is refused with its sentence and the
amount stays; the first digit after a finished sale starts the next one; a sale that is open is never touched by typing.
"""

from __future__ import annotations

import unicodedata
from typing import Final

from msgspec.structs import replace

from protocol.messages import LateMoneyState
from protocol.money import MAX_AMOUNT_FEN, AmountRefusal, Money, parse_amount
from protocol.offline.typed_code import CODE_DIGITS
from terminal.cashier import words
from terminal.cashier.phrase import Phrase
from terminal.cashier.state import UNDO_DEPTH, BeforeTyping, CashEntry, CashierState, Notice, Sale
from terminal.cashier.view import Page, Tone

#: A refused character waits this long before its sentence shows: it may be the start of a scan.
ECHO_MS: Final = 150
FILTER_LENGTH: Final = 32
CODE_LENGTH: Final = 20
ADDRESS_LENGTH: Final = 200
_STILL_TYPING: Final = frozenset({AmountRefusal.EMPTY, AmountRefusal.ZERO})


def sale_open(sale: Sale | None) -> bool:
    """Whether a payment of this sale may still be paid."""
    return sale is not None and (sale.payment is None or not sale.payment.state.final)


def collectable_again(sale: Sale | None) -> bool:
    """The green light, and no money that came after all: this order may be collected once more."""
    payment = sale.payment if sale is not None else None
    if payment is None or not payment.safe_to_rescan:
        return False
    return payment.late_money is None or payment.late_money.state is LateMoneyState.UNDONE


def typed(state: CashierState, text: str) -> CashierState:
    """One typed character, where it belongs."""
    plain = unicodedata.normalize("NFKC", text).replace("。", ".")
    if len(plain) != 1 or not plain.isprintable():
        return state
    state = _remember(state)
    match state.page:
        case Page.ORDERS:
            orders = replace(state.orders, filter_text=(state.orders.filter_text + plain)[:FILTER_LENGTH], selected="")
            return replace(state, orders=orders)
        case Page.ACTIVATION:
            return _type_field(state, plain)
        case Page.BLOCKED | Page.RETURNING:
            return state
        case Page.TAKINGS | Page.DOCTOR | Page.DISPLAY | Page.LEAVING:
            if not (plain.isdigit() or plain == "."):
                return state
            return _type_amount(replace(state, page=Page.HOME), plain)
        case Page.HOME:
            if state.code is not None:
                return offline_digit(state, plain)
            return _type_amount(state, plain)


def erased(state: CashierState) -> CashierState:
    """Backspace."""
    match state.page:
        case Page.ORDERS:
            return replace(state, orders=replace(state.orders, filter_text=state.orders.filter_text[:-1], selected=""))
        case Page.ACTIVATION:
            fields = state.activation
            if fields.busy:
                return state
            if fields.field == "code":
                return replace(state, activation=replace(fields, code=fields.code[:-1]))
            return replace(state, activation=replace(fields, gateway=fields.gateway[:-1]))
        case Page.HOME if state.cash is not None:
            cash = state.cash
            return state if cash.request_id else replace(state, cash=replace(cash, received=cash.received[:-1]))
        case Page.HOME if state.code is not None:
            return replace(state, code=replace(state.code, digits=state.code.digits[:-1]))
        case Page.HOME if not sale_open(state.sale):
            return replace(state, entry=state.entry[:-1], notice=None)
        case _:
            return state


def taken_back(state: CashierState, count: int) -> CashierState:
    """The last `count` characters were a scan's: everything they changed is as before them. What was told about the
    sale meanwhile stays."""
    if count <= 0 or not state.undo:
        return state
    before = state.undo[-min(count, len(state.undo))]
    typing_closed = state.sale is None and not sale_open(before.sale)
    told = state.sale is not before.sale and not typing_closed
    return replace(
        state,
        page=state.page if told else before.page,
        entry=state.entry if told else before.entry,
        cash=before.cash if state.cash is not None and state.cash.request_id == "" else state.cash,
        sale=_as_known(state, before.sale) if typing_closed else state.sale,
        notice=state.notice if told else before.notice,
        orders=replace(state.orders, filter_text=before.filter_text, selected=before.selected),
        activation=replace(state.activation, code=before.code, gateway=before.gateway),
        code=before.digits if state.code is not None else None,
        undo=state.undo[: -min(count, len(state.undo))],
    )


def _as_known(state: CashierState, sale: Sale | None) -> Sale | None:
    """A finished sale with its payment's latest picture: money may have come for it while it was not in the panel."""
    if sale is None or sale.payment is None:
        return sale
    latest = next((seen for seen in state.recent if seen.payment_no == sale.payment.payment_no), sale.payment)
    return replace(sale, payment=latest)


def entry_amount(state: CashierState) -> Money | AmountRefusal:
    """What the typed amount says."""
    return parse_amount(state.entry, max_fen=state.settings.max_fen)


def notice(
    state: CashierState, text: Phrase, todo: Phrase | None = None, *, after_ms: int = 0, tone: Tone = Tone.NEUTRAL
) -> CashierState:
    """Answers the last key or scan with a sentence."""
    return replace(state, notice=Notice(text=text, todo=todo, at_ms=state.now_ms, after_ms=after_ms, tone=tone))


def _remember(state: CashierState) -> CashierState:
    before = BeforeTyping(
        page=state.page,
        entry=state.entry,
        sale=state.sale,
        cash=state.cash,
        notice=state.notice,
        filter_text=state.orders.filter_text,
        selected=state.orders.selected,
        code=state.activation.code,
        gateway=state.activation.gateway,
        digits=state.code,
    )
    return replace(state, undo=(*state.undo, before)[-UNDO_DEPTH:])


def offline_digit(state: CashierState, plain: str) -> CashierState:
    """One character into the field for a typed code: digits, twelve of them."""
    entry = state.code
    if entry is None or not plain.isdigit() or len(entry.digits) >= CODE_DIGITS:
        return state
    return replace(state, code=replace(entry, digits=entry.digits + plain))


def _type_amount(state: CashierState, plain: str) -> CashierState:
    if state.cash is not None:
        return _type_received(state, state.cash, plain)
    if sale_open(state.sale):
        return notice(state, words.scan_trouble("busy"), after_ms=ECHO_MS)
    start = "0" if plain == "." and state.entry == "" else state.entry
    wanted = start.removeprefix("0") + plain if start == "0" and plain.isdigit() else start + plain
    found = parse_amount(wanted, max_fen=state.settings.max_fen)
    if isinstance(found, AmountRefusal) and found not in _STILL_TYPING:
        return notice(state, words.amount_trouble(found, state.settings.max_fen), after_ms=ECHO_MS)
    if len(wanted) > 12:
        return state
    return replace(state, entry=wanted, sale=None, notice=None)


def _type_received(state: CashierState, cash: CashEntry, plain: str) -> CashierState:
    """What the customer handed over: it may be more than the shop takes in one sale."""
    if cash.request_id:
        return state
    start = "0" if plain == "." and cash.received == "" else cash.received
    wanted = start.removeprefix("0") + plain if start == "0" and plain.isdigit() else start + plain
    found = parse_amount(wanted)
    if isinstance(found, AmountRefusal) and found not in _STILL_TYPING:
        return notice(state, words.amount_trouble(found, MAX_AMOUNT_FEN), after_ms=ECHO_MS)
    return replace(state, cash=replace(cash, received=wanted), notice=None)


def _type_field(state: CashierState, plain: str) -> CashierState:
    fields = state.activation
    if fields.busy or not plain.isascii():
        return state
    if fields.field == "code":
        return replace(
            state, activation=replace(fields, code=(fields.code + plain.upper())[:CODE_LENGTH], message=None)
        )
    return replace(state, activation=replace(fields, gateway=(fields.gateway + plain)[:ADDRESS_LENGTH], message=None))
