"""What the pages other than the home screen show."""

from __future__ import annotations

from protocol.numbers import grouped
from terminal.cashier import words
from terminal.cashier.orders import refund_row, row_of, visible_rows
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.ports import CheckFound, DayRead
from terminal.cashier.present_ask import leaving, returning
from terminal.cashier.settings_panel import choices
from terminal.cashier.state import CashierState
from terminal.cashier.timeline import line_of
from terminal.cashier.unsent import unsent_words
from terminal.cashier.view import ChoiceView, Light, Page
from terminal.cashier.view_pages import (
    ActivationView,
    Bar,
    BarKind,
    BlockedView,
    CheckView,
    DoctorView,
    FieldView,
    OrdersView,
    OtherView,
    TakingsView,
)

ROWS_SHOWN = 200


def page_of(state: CashierState) -> OtherView | tuple[ChoiceView, ...]:
    """The body of a page that is not the home screen."""
    match state.page:
        case Page.ORDERS:
            return _orders(state)
        case Page.TAKINGS:
            return _takings(state)
        case Page.DOCTOR:
            return _doctor(state)
        case Page.DISPLAY:
            return choices(state.settings, state.setting_row)
        case Page.ACTIVATION:
            return _activation(state)
        case Page.BLOCKED:
            return _blocked(state)
        case Page.RETURNING:
            return returning(state)
        case Page.LEAVING:
            return leaving(state)
        case Page.HOME:
            raise AssertionError("the home screen has its own module")


def _orders(state: CashierState) -> OrdersView:
    orders = state.orders
    rows = visible_rows(state)[:ROWS_SHOWN]
    chosen = next((row.payment for row in rows if row.payment.order_no == orders.selected), None)
    empty: Phrase | None = None
    if orders.failed:
        empty = say("orders.failed")
    elif not rows:
        empty = say(
            "orders.loading" if orders.loading else "orders.none_match" if orders.filter_text else "orders.none"
        )
    return OrdersView(
        filter_text=orders.filter_text,
        rows=tuple(
            row_of(state, row.payment, selected=row.payment.order_no == orders.selected, dated=True) for row in rows
        ),
        heading=say("orders.heading", amount=words.yuan(chosen.amount.fen), word=words.state_word(chosen.state))
        if chosen is not None
        else None,
        number=grouped(chosen.order_no) if chosen is not None else "",
        timeline=tuple(line_of(state, entry) for entry in orders.history) if chosen is not None else (),
        empty=empty,
        loading=orders.loading,
    )


def _takings(state: CashierState) -> TakingsView:
    day = state.takings.day
    unsent = unsent_words(state, "takings.unsent") if state.link.unsent else say("takings.sent")
    if day is None:
        return TakingsView(
            day="", attention=(), total="", count=0, average="", not_paid=0, wallets=(), hours=(),
            loading=not state.takings.failed, is_today=state.takings.days_ago == 0, unsent=unsent,
        )  # fmt: skip
    average = day.amount_fen // day.count if day.count else 0
    return TakingsView(
        day=day.day,
        attention=(
            *(row_of(state, payment, dated=True) for payment in day.unresolved),
            *(refund_row(state, refund) for refund in day.open_refunds),
        ),
        total=words.yuan_grouped(day.net_fen),
        count=day.count,
        average=words.yuan_grouped(average),
        not_paid=day.not_paid,
        wallets=_wallet_bars(day),
        hours=_hour_bars(day),
        loading=False,
        is_today=state.takings.days_ago == 0,
        digest=day.digest.text if day.digest is not None and day.digest.entries else "",
        refunded=words.yuan_grouped(day.refunded_fen + day.cash_back_fen) if day.refunds or day.cash_back else "",
        unsent=unsent,
    )


def _wallet_bars(day: DayRead) -> tuple[Bar, ...]:
    """Each wallet, then what is no sale of this till: money that went back, and the store's static QR."""
    most = max((day.store_fen, day.refunded_fen, day.cash_back_fen, *(wallet.amount_fen for wallet in day.wallets)))

    def bar(phrase: Phrase, amount_fen: int, kind: BarKind = BarKind.TAKEN) -> Bar:
        share = amount_fen * 1000 // most if most else 0
        minus = "-" if kind is BarKind.BACK else ""
        return Bar(label="", phrase=phrase, value=f"{minus}¥{words.yuan_grouped(amount_fen)}", share=share, kind=kind)

    found = [
        bar(say("takings.wallet", wallet=words.wallet(wallet.channel), count=wallet.count), wallet.amount_fen)
        for wallet in sorted(day.wallets, key=lambda wallet: wallet.amount_fen, reverse=True)
    ]
    if day.refunds:
        found.append(bar(say("takings.refunds", count=day.refunds), day.refunded_fen, BarKind.BACK))
    if day.cash_back:
        found.append(bar(say("takings.cash_back", count=day.cash_back), day.cash_back_fen, BarKind.BACK))
    if day.store_count:
        found.append(bar(say("takings.store", count=day.store_count), day.store_fen, BarKind.BESIDE))
    return tuple(found)


def _hour_bars(day: DayRead) -> tuple[Bar, ...]:
    """From two hours before the first sale to the end of the last hour with one; at least a working day's width."""
    most = max((hour.amount_fen for hour in day.hours), default=0)
    sums = {hour.hour: hour for hour in day.hours if hour.count}
    first, last = min((8, *sums)), max((21, *sums))
    return tuple(
        Bar(
            label=str(hour),
            value=f"¥{words.yuan_grouped(sums[hour].amount_fen)}" if hour in sums else "",
            share=sums[hour].amount_fen * 1000 // most if hour in sums and most else 0,
        )
        for hour in range(first, last + 1)
    )


def _doctor(state: CashierState) -> DoctorView:
    doctor = state.doctor
    return DoctorView(
        checks=tuple(_check(check) for check in doctor.checks),
        scan=doctor.scan or say("doctor.scan_wanted"),
        running=doctor.running,
    )


def _check(check: CheckFound) -> CheckView:
    light = Light.NONE if check.passed is None else Light.OK if check.passed else Light.BAD
    return CheckView(
        icon=CHECK_ICONS.get(check.name, "info"),
        light=light,
        title=say(f"check.{check.name}" if check.name in CHECK_ICONS else "check.other", name=check.name),
        found=Phrase(f"found.{check.found}", check.values),
        todo=Phrase(f"check_todo.{check.todo}", check.values) if check.todo else None,
    )


#: The checks that have a sentence, and their icons.
CHECK_ICONS = {
    "activation": "key-round",
    "gateway": "server",
    "clock": "clock",
    "anchor": "unplug",
    "journal": "database",
    "disk": "monitor",
    "gun": "scan-barcode",
    "sound": "volume-2",
    "unsent": "cloud-upload",
}


def _activation(state: CashierState) -> ActivationView:
    fields = state.activation
    return ActivationView(
        code=FieldView(
            title=say("activation.code"),
            text=fields.code,
            hint=say("activation.code_hint"),
            active=fields.field == "code",
        ),
        gateway=FieldView(
            title=say("activation.gateway"),
            text=fields.gateway,
            hint=say("activation.gateway_hint"),
            active=fields.field == "gateway",
        ),
        message=fields.message or say("activation.welcome"),
        tone=fields.tone,
        busy=fields.busy,
    )


def _blocked(state: CashierState) -> BlockedView:
    assert state.blocked is not None, "a blocked page has its reason"
    return BlockedView(big=state.blocked, todo=Phrase(state.blocked.key.replace("blocked.", "blocked_todo.", 1)))
