"""What a key or a button does. A command that does not work right now does nothing (`keys_now.works`).

Rule: Esc goes one step back and never loses a payment.
"""

from __future__ import annotations

from msgspec.structs import replace

from protocol.activation import read_ticket
from terminal.cashier.cash import REASONS, cash_key
from terminal.cashier.effects import Effect, Leave, ReadDay, ReadHistory, ReadOrders, RunChecks
from terminal.cashier.keys import ANSWERS, Command
from terminal.cashier.keys_now import works
from terminal.cashier.offline import answered, ask, ask_status, at_counter, closed, open_code, resumed, submit_code
from terminal.cashier.orders import neighbour, visible_rows
from terminal.cashier.paying import cancel_pressed, cancel_released, parked
from terminal.cashier.phrase import say
from terminal.cashier.scanning import activate, show_qr
from terminal.cashier.settings_panel import change, choices
from terminal.cashier.state import Asked, CashierState
from terminal.cashier.view import Page, Tone

Result = tuple[CashierState, tuple[Effect, ...]]


def pressed(state: CashierState, command: Command, request_id: str) -> Result:
    """A command's key went down."""
    if not works(state, command):
        return state, ()
    match command:
        case Command.SHOW_QR:
            return show_qr(state, request_id)
        case Command.CASH | Command.RETURN_CASH | Command.QUICK_1 | Command.QUICK_2 | Command.QUICK_3 | Command.QUICK_4:
            return cash_key(state, command, request_id)
        case Command.LEAVE | Command.LEAVE_NOW:
            return _leave(state, command)
        case Command.PARK | Command.CANCEL:
            return _give_up(state, command)
        case (
            Command.STATUS_QR
            | Command.TYPE_CODE
            | Command.ANSWER_1
            | Command.ANSWER_2
            | Command.ANSWER_3
            | Command.REACTIVATE
            | Command.RESUME
        ):
            return _without_line(state, command, request_id)
        case Command.CLEAR | Command.ACKNOWLEDGE:
            return _clear(state) if command is Command.CLEAR else replace(state, settled=state.settled[1:]), ()
        case Command.BACK:
            return closed(_back(state)), ()
        case Command.SUBMIT if state.page is Page.HOME:
            return submit_code(state, request_id)
        case Command.SUBMIT | Command.SWITCH_FIELD:
            return _activation(state, command)
        case Command.ORDERS | Command.TAKINGS | Command.DOCTOR | Command.DISPLAY:
            return _open(state, command)
        case Command.RUN_AGAIN:
            return _again(state)
        case Command.UP | Command.DOWN | Command.PREVIOUS | Command.NEXT:
            return _move(state, command)


def _give_up(state: CashierState, command: Command) -> Result:
    """An offline order asks first; any other is put aside at once, or cancelled by a second press."""
    if at_counter(state) is not None:
        return ask(state, Asked.PARK if command is Command.PARK else Asked.GOODS)
    return (parked(state), ()) if command is Command.PARK else cancel_pressed(state)


def _without_line(state: CashierState, command: Command, request_id: str) -> Result:
    match command:
        case Command.STATUS_QR:
            return ask_status(state, request_id)
        case Command.TYPE_CODE:
            return open_code(state), ()
        case Command.RESUME:
            return resumed(state), ()
        case Command.REACTIVATE:
            message = say("activation.again")
            fields = replace(state.activation, code="", field="code", message=message, tone=Tone.NEUTRAL)
            return replace(state, page=Page.ACTIVATION, activation=fields), ()
        case _:
            return answered(state, ANSWERS.index(command))


def released(state: CashierState, command: Command) -> CashierState:
    """A command's key went up."""
    return cancel_released(state) if command is Command.CANCEL else state


def picked(state: CashierState, name: str, value: str) -> Result:
    """A row, an option or a field was touched."""
    if name == "order":
        orders = replace(state.orders, selected=value, history=())
        if state.page is Page.ORDERS:
            return replace(state, orders=orders), (ReadHistory(order_no=value),)
        orders = replace(orders, filter_text="", loading=True)
        return replace(state, page=Page.ORDERS, orders=orders), (ReadOrders(), ReadHistory(order_no=value))
    if name == "field" and value in ("code", "gateway"):
        return replace(state, activation=replace(state.activation, field=value)), ()
    if name == "why" and value in (why.value for why in REASONS):
        return replace(state, return_row=[why.value for why in REASONS].index(value)), ()
    return change(state, name, value)


def home_of(state: CashierState) -> Page:
    """Where the way back ends: selling, or binding when the till is not bound yet."""
    return Page.HOME if state.identity.activated else Page.ACTIVATION


def _leave(state: CashierState, command: Command) -> Result:
    """Asks first; what is unsent is said there."""
    return (replace(state, page=Page.LEAVING), ()) if command is Command.LEAVE else (state, (Leave(),))


def _back(state: CashierState) -> CashierState:
    """One step: out of the cash panel, from a question to where it was asked, else home."""
    if state.cash is not None:
        return replace(state, cash=None, notice=None)
    if state.page is Page.RETURNING:
        return replace(state, page=Page.ORDERS)
    return replace(state, page=home_of(state), notice=None)


def _clear(state: CashierState) -> CashierState:
    if state.notice is not None:
        return replace(state, notice=None)
    return replace(state, entry="", sale=None)


def _open(state: CashierState, command: Command) -> Result:
    match command:
        case Command.ORDERS:
            orders = replace(state.orders, filter_text="", selected="", history=(), loading=True, failed=False)
            return replace(state, page=Page.ORDERS, orders=orders), (ReadOrders(),)
        case Command.TAKINGS:
            takings = replace(state.takings, days_ago=0, day=None, failed=False)
            return replace(state, page=Page.TAKINGS, takings=takings), (ReadDay(days_ago=0),)
        case Command.DOCTOR:
            doctor = replace(state.doctor, running=True, scan=None)
            return replace(state, page=Page.DOCTOR, doctor=doctor), (RunChecks(),)
        case _:
            return replace(state, page=Page.DISPLAY, setting_row=0), ()


def _again(state: CashierState) -> Result:
    match state.page:
        case Page.ORDERS:
            return replace(state, orders=replace(state.orders, loading=True, failed=False)), (ReadOrders(),)
        case Page.TAKINGS:
            takings = replace(state.takings, day=None, failed=False)
            return replace(state, takings=takings), (ReadDay(days_ago=takings.days_ago),)
        case _:
            return replace(state, doctor=replace(state.doctor, running=True)), (RunChecks(),)


def _move(state: CashierState, command: Command) -> Result:
    if command in (Command.PREVIOUS, Command.NEXT):
        return _sideways(state, 1 if command is Command.NEXT else -1)
    by = 1 if command is Command.DOWN else -1
    if state.page is Page.RETURNING:
        return replace(state, return_row=(state.return_row + by) % len(REASONS)), ()
    if state.page is Page.DISPLAY:
        rows = len(choices(state.settings))
        return replace(state, setting_row=(state.setting_row + by) % rows), ()
    order_no = neighbour(visible_rows(state), state.orders.selected, by)
    if order_no == state.orders.selected:
        return state, ()
    orders = replace(state.orders, selected=order_no, history=())
    return replace(state, orders=orders), (ReadHistory(order_no=order_no),)


def _sideways(state: CashierState, by: int) -> Result:
    if state.page is Page.TAKINGS:
        takings = replace(state.takings, days_ago=max(0, state.takings.days_ago - by), day=None, failed=False)
        return replace(state, takings=takings), (ReadDay(days_ago=takings.days_ago),)
    choice = choices(state.settings)[state.setting_row]
    values = [value for value, _ in choice.options]
    return change(state, choice.name, values[(values.index(choice.chosen) + by) % len(values)])


def _activation(state: CashierState, command: Command) -> Result:
    if command is Command.SWITCH_FIELD:
        other = "gateway" if state.activation.field == "code" else "code"
        return replace(state, activation=replace(state.activation, field=other)), ()
    ticket = read_ticket(state.activation.code)
    if ticket is None:
        fields = replace(state.activation, field="code", message=say("activation.bad_code"), tone=Tone.DANGER)
        return replace(state, activation=fields), ()
    return activate(state, ticket)
