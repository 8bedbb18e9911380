"""The one door of the cashier room: an event and the time go in, the new state and the effects come out."""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from sync.engine.model import CommandRefused, LinkView, PaymentView, ProofView, RefundView, StorePaidView
from terminal.cashier import events as e
from terminal.cashier.commands import home_of, picked, pressed, released
from terminal.cashier.effects import Effect, Play, ReadHistory, Sound
from terminal.cashier.offline import proof_seen
from terminal.cashier.orders import neighbour, visible_rows
from terminal.cashier.paying import (
    activation_answered,
    command_refused,
    link_seen,
    payment_seen,
    refund_seen,
    store_paid,
    time_passed,
)
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.ports import ActivationAnswered, GunSeen, Identity, Publication, ScanRead
from terminal.cashier.scanning import refused, scanned
from terminal.cashier.state import CashierState, Settings
from terminal.cashier.typing_keys import erased, notice, taken_back, typed
from terminal.cashier.view import Page

Result = tuple[CashierState, tuple[Effect, ...]]


def start(
    settings: Settings,
    identity: Identity,
    *,
    gateway: str = "",
    blocked: Phrase | None = None,
    damaged: bool = False,
    now_ms: int = 0,
) -> CashierState:
    """The state of a till that was just switched on. `damaged`: its settings could not all be read."""
    state = CashierState(settings=settings, identity=identity, blocked=blocked, now_ms=now_ms)
    state = replace(state, activation=replace(state.activation, gateway=gateway))
    if damaged:
        state = notice(state, say("settings_damaged"), say("settings_damaged_todo"))
    return replace(state, page=Page.BLOCKED if blocked is not None else home_of(state))


def step(state: CashierState, event: e.Event, *, now_ms: int, request_id: str) -> Result:
    """Takes one event. `now_ms` is monotonic; `request_id` is fresh, used if a sale starts."""
    state = replace(state, now_ms=now_ms)
    match event:
        case e.Typed(text=text):
            return typed(state, text), ()
        case e.Erased():
            return erased(state), ()
        case e.TakeBack(count=count):
            return taken_back(state, count), ()
        case e.Scanned(text=text):
            return scanned(state, text, request_id)
        case e.ScanUnreadable(why=why):
            return refused(state, why)
        case e.Pressed(command=command):
            return pressed(state, command, request_id)
        case e.Released(command=command):
            return released(state, command), ()
        case e.Picked(name=name, value=value):
            return picked(state, name, value)
        case e.Published(publication=publication):
            return _published(state, publication, request_id)
        case e.CloseAsked():
            return replace(state, page=Page.LEAVING), (Play(sound=Sound.REFUSED),)
        case e.Tick(unix_ms=unix_ms):
            return time_passed(state, unix_ms)
        case e.OrdersArrived() | e.HistoryArrived() | e.DayArrived() | e.ChecksArrived() | e.ReadFailed():
            return _arrived(state, event)
        case _:
            assert_never(event)


def _published(state: CashierState, told: Publication, request_id: str) -> Result:
    match told:
        case PaymentView():
            return payment_seen(state, told)
        case RefundView():
            return refund_seen(state, told)
        case StorePaidView():
            return store_paid(state, told)
        case LinkView():
            return link_seen(state, told)
        case CommandRefused():
            return command_refused(state, told)
        case ProofView():
            return proof_seen(state, told)
        case GunSeen():
            return replace(state, gun=told), ()
        case ScanRead(text=text):
            return scanned(state, text, request_id)
        case ActivationAnswered():
            return activation_answered(state, told)
        case _:
            assert_never(told)


Arrival = e.OrdersArrived | e.HistoryArrived | e.DayArrived | e.ChecksArrived | e.ReadFailed


def _arrived(state: CashierState, event: Arrival) -> Result:
    match event:
        case e.OrdersArrived(rows=rows):
            state = replace(state, orders=replace(state.orders, rows=rows, loading=False, failed=False))
            if state.page is not Page.ORDERS:
                return state, ()
            chosen = state.orders.selected or neighbour(visible_rows(state), "", 0)
            orders = replace(state.orders, selected=chosen)
            return replace(state, orders=orders), (ReadHistory(order_no=chosen),) if chosen else ()
        case e.HistoryArrived(order_no=order_no, entries=entries):
            if order_no != state.orders.selected:
                return state, ()
            return replace(state, orders=replace(state.orders, history=entries)), ()
        case e.DayArrived(days_ago=days_ago, day=day):
            if days_ago != state.takings.days_ago:
                return state, ()
            return replace(state, takings=replace(state.takings, day=day, failed=False)), ()
        case e.ChecksArrived(checks=checks):
            return replace(state, doctor=replace(state.doctor, checks=checks, running=False)), ()
        case e.ReadFailed():
            state = replace(state, orders=replace(state.orders, loading=False, failed=True))
            state = replace(state, takings=replace(state.takings, failed=True))
            return replace(state, doctor=replace(state.doctor, running=False)), (Play(sound=Sound.REFUSED),)
        case _:
            assert_never(event)
