"""The pages around selling: orders and their timeline, takings, settings, activation, keys, a blocked till."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from protocol.reasons import Reason
from protocol.states import TerminalState
from terminal.cashier import events as e
from terminal.cashier.effects import Activate, ChangeSetting, ReadDay, ReadHistory, ReadOrders, RunChecks
from terminal.cashier.keys import DEFAULT_KEYS, Command, bind
from terminal.cashier.ports import (
    ActivationAnswered,
    DayRead,
    HistoryEntry,
    HourSum,
    Identity,
    OrderRow,
    WalletSum,
)
from terminal.cashier.present import present
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.cashier.view import Page, Tone
from terminal.cashier.view_pages import ActivationView, BarKind, BlockedView, OrdersView, TakingsView
from terminal.setup.settings_file import FILE, read_settings, write_setting
from terminal.ui.app import blocked_phrase

T = TerminalState


def orders_of(counter: Any) -> OrdersView:
    body = counter.screen.body
    assert isinstance(body, OrdersView)
    return body


def open_orders(counter: Any) -> None:
    """Three orders: 12.50 (tail 3421) at 14:03, 8.00 and 30.00 before it."""
    counter.press(Command.ORDERS)
    rows = [
        replace(counter.payment(T.PAID, seed=seed), started_at_ms=1_795_327_402_000 - seed * 3_600_000, amount=amount)
        for seed, amount in ((1, money(1250)), (2, money(800)), (3, money(3000)))
    ]
    counter.say(e.OrdersArrived(rows=tuple(OrderRow(payment=row) for row in rows)))


def money(fen: int) -> Any:
    from protocol.money import Money

    return Money(fen)


def test_orders_are_read_and_the_newest_is_selected(counter: Any) -> None:
    open_orders(counter)
    assert any(isinstance(effect, ReadOrders) for effect in counter.effects)
    rows = orders_of(counter).rows
    assert [row.amount for row in rows] == ["12.50", "8.00", "30.00"]
    assert rows[0].selected
    assert counter.effects[-1] == ReadHistory(order_no=rows[0].order_no)


@pytest.mark.parametrize(
    ("typed", "amounts"),
    [("12.5", ["12.50"]), ("8", ["8.00"]), ("13:03", ["12.50"]), ("3421", ["12.50", "8.00", "30.00"]), ("77", [])],
)
def test_the_list_filters_as_you_type(counter: Any, typed: str, amounts: list[str]) -> None:
    """By amount, time or tail; an empty list says so."""
    open_orders(counter)
    counter.type(typed)
    shown = orders_of(counter)
    if amounts:
        assert [row.amount for row in shown.rows][: len(amounts)] == amounts
    else:
        assert shown.rows == ()
        assert shown.empty is not None
        assert shown.empty.key == "orders.none_match"


def test_down_and_up_walk_the_list_and_stop_at_its_ends(counter: Any) -> None:
    open_orders(counter)
    for command, amount in ((Command.DOWN, "8.00"), (Command.DOWN, "30.00"), (Command.DOWN, "30.00"),
                            (Command.UP, "8.00")):  # fmt: skip
        counter.press(command)
        assert next(row.amount for row in orders_of(counter).rows if row.selected) == amount


def test_a_timeline_says_what_who_and_when_in_words(counter: Any) -> None:
    """No code word of the journal is shown: proofs and wallets have their names."""
    open_orders(counter)
    chosen = counter.state.orders.selected
    at = 1_795_327_402_000
    entries = (
        HistoryEntry(at_ms=at, kind="scan_accepted", said_by="till", detail="小王"),
        HistoryEntry(at_ms=at, kind="paid", said_by="gateway", detail="alipay …3421"),
        HistoryEntry(at_ms=at, kind="not_paid", said_by="gateway", detail="CLOSED"),
        HistoryEntry(at_ms=at, kind="not_paid", said_by="gateway", reason=Reason.BALANCE_LOW, detail="DECLINED"),
        HistoryEntry(at_ms=at, kind="from_the_future", said_by="somebody"),
    )
    counter.say(e.HistoryArrived(order_no=chosen, entries=entries))
    lines = orders_of(counter).timeline
    assert [line.who.key for line in lines] == ["who.till", "who.gateway", "who.gateway", "who.gateway", "who.gateway"]
    extras = [dict(line.what.values).get("extra") for line in lines]
    assert [getattr(extra, "key", None) for extra in extras] == [
        "event.detail", "event.by_wallet", "proof_kind.closed", "reason.balance_low", None,
    ]  # fmt: skip
    assert lines[0].time == "14:03:22"


def test_a_history_of_another_order_is_not_shown(counter: Any) -> None:
    open_orders(counter)
    counter.say(e.HistoryArrived(order_no="x", entries=(HistoryEntry(at_ms=0, kind="paid", said_by="gateway"),)))
    assert orders_of(counter).timeline == ()


def test_takings_show_what_needs_attention_and_sum_exactly(counter: Any) -> None:
    """Bars are shares of the largest; the average is whole fen, rounded down."""
    counter.press(Command.TAKINGS)
    assert counter.effects[-1] == ReadDay(days_ago=0)
    day = DayRead(
        day="2026-11-22", count=3, amount_fen=1_000_001, not_paid=1,
        wallets=(WalletSum(channel="wechat", count=1, amount_fen=1), WalletSum(channel="alipay", count=2,
                                                                              amount_fen=1_000_000)),
        hours=(HourSum(hour=6, count=1, amount_fen=1), HourSum(hour=12, count=2, amount_fen=1_000_000)),
        unresolved=(counter.payment(T.UNKNOWN),),
    )  # fmt: skip
    counter.say(e.DayArrived(days_ago=0, day=day))
    body = counter.screen.body
    assert isinstance(body, TakingsView)
    assert (body.total, body.average, len(body.attention)) == ("10,000.01", "3,333.33", 1)
    assert [bar.share for bar in body.wallets] == [1000, 0]
    assert (body.hours[0].label, body.hours[-1].label) == ("6", "21")


def test_what_went_back_and_what_is_no_part_of_the_sum_are_bars_of_their_own(counter: Any) -> None:
    counter.press(Command.TAKINGS)
    day = DayRead(
        day="2026-11-22", count=1, amount_fen=10_000, not_paid=0, hours=(), unresolved=(),
        wallets=(WalletSum(channel="alipay", count=1, amount_fen=10_000),),
        refunds=1, refunded_fen=2_500, cash_back=1, cash_back_fen=500,
        store=(WalletSum(channel="wechat", count=1, amount_fen=5_000),),
    )  # fmt: skip
    counter.say(e.DayArrived(days_ago=0, day=day))
    body = counter.screen.body
    assert isinstance(body, TakingsView)
    assert [(bar.kind, bar.value, bar.share) for bar in body.wallets] == [
        (BarKind.TAKEN, "¥100.00", 1000),
        (BarKind.BACK, "-¥25.00", 250),
        (BarKind.BACK, "-¥5.00", 50),
        (BarKind.BESIDE, "¥50.00", 500),
    ]


def test_days_go_back_and_never_beyond_today(counter: Any) -> None:
    counter.press(Command.TAKINGS)
    assert Command.NEXT not in counter.keys
    counter.press(Command.PREVIOUS)
    assert counter.effects[-1] == ReadDay(days_ago=1)
    counter.press(Command.NEXT)
    counter.press(Command.NEXT)
    assert counter.state.takings.days_ago == 0


def test_an_answer_for_another_day_is_not_shown(counter: Any) -> None:
    counter.press(Command.TAKINGS)
    old = DayRead(day="x", count=0, amount_fen=0, not_paid=0, wallets=(), hours=(), unresolved=())
    counter.say(e.DayArrived(days_ago=5, day=old))
    assert counter.state.takings.day is None


def test_the_doctor_runs_when_opened_and_again_on_its_key(counter: Any) -> None:
    counter.press(Command.DOCTOR)
    assert isinstance(counter.effects[-1], RunChecks)
    assert Command.RUN_AGAIN not in counter.keys
    counter.say(e.ChecksArrived(checks=()))
    counter.press(Command.RUN_AGAIN)
    assert isinstance(counter.effects[-1], RunChecks)


def test_a_choice_is_changed_by_keys_and_by_touch(counter: Any) -> None:
    counter.press(Command.DISPLAY)
    counter.press(Command.NEXT)
    assert counter.effects[-1] == ChangeSetting(name="language", value="zh_TW")
    counter.say(e.Picked(name="theme", value="dark"))
    assert counter.state.settings.theme == "dark"
    before = counter.state.settings
    counter.say(e.Picked(name="theme", value="pink"))
    assert counter.state.settings == before


# --- activation and blocked ---------------------------------------------------------------------------------------


def activating(counter: Any, code: str = "7k3m9qxw4f2a") -> None:
    counter.state = start(Settings(), Identity(), gateway="https://pay.example.com")
    counter.type(code)
    counter.press(Command.SUBMIT)


def test_a_typed_code_activates(counter: Any) -> None:
    activating(counter)
    (effect,) = [effect for effect in counter.effects if isinstance(effect, Activate)]
    assert effect.gateway == "https://pay.example.com"
    assert effect.ticket.code.reveal() == "7K3M9QXW4F2A"
    counter.tell(ActivationAnswered(reason=Reason.DONE, identity=Identity(store="面馆", terminal="1")))
    assert counter.state.page is Page.HOME
    assert counter.panel.big.key == "activation.done"


@pytest.mark.parametrize("code", ["", "123", "7K3M9QXW4F2UU", "................"])
def test_what_is_no_activation_code_is_said_at_once(counter: Any, code: str) -> None:
    activating(counter, code)
    assert counter.state.activation.message is not None
    assert counter.state.activation.message.key == "activation.bad_code"
    assert not counter.state.activation.busy


@pytest.mark.parametrize(
    "reason", [Reason.ACTIVATION_EXPIRED, Reason.ACTIVATION_USED, Reason.GATEWAY_UNREACHABLE, Reason.INTERNAL]
)
def test_a_refused_activation_says_why_and_keeps_the_text(counter: Any, reason: Reason) -> None:
    activating(counter)
    counter.tell(ActivationAnswered(reason=reason))
    body = counter.screen.body
    assert isinstance(body, ActivationView)
    assert body.tone is Tone.DANGER
    assert body.message.key.startswith("activation_reason.")
    assert body.code.text == "7K3M9QXW4F2A"
    assert Command.SUBMIT in counter.keys


def test_a_code_without_an_address_asks_for_the_address(counter: Any) -> None:
    counter.state = start(Settings(), Identity())
    counter.type("7K3M9QXW4F2A")
    counter.press(Command.SUBMIT)
    assert counter.state.activation.field == "gateway"
    assert not any(isinstance(effect, Activate) for effect in counter.effects)


def test_a_blocked_till_says_why_and_takes_nothing(counter: Any) -> None:
    counter.state = start(Settings(), Identity(), blocked=blocked_phrase(Reason.FOLDER_LOCKED))
    body = present(counter.state).body
    assert isinstance(body, BlockedView)
    assert (body.big.key, body.todo.key) == ("blocked.folder_locked", "blocked_todo.folder_locked")
    counter.type("5")
    counter.scan("281234567890123456")
    assert counter.starts == []
    assert counter.keys == set()


def test_a_reason_without_a_sentence_is_an_unreadable_folder() -> None:
    assert blocked_phrase(Reason.INTERNAL).key == "blocked.folder_unreadable"


# --- keys and settings --------------------------------------------------------------------------------------------


def test_keys_can_be_rebound_and_doubles_are_refused() -> None:
    bound = bind({"show_qr": "F1"})
    assert not isinstance(bound, str)
    assert bound[Command.SHOW_QR] == "F1"
    assert bind({"show_qr": "F3"}) in ("show_qr", "cash")
    assert bind({"quick_1": "F3"}) in ("quick_1", "cash")
    assert not isinstance(bind({"quick_1": "F2"}), str)
    assert bind({"show_qr": "F6"}) in ("show_qr", "orders")
    assert bind({"dance": "F3"}) == "dance"


def test_no_state_offers_one_key_twice(counter: Any) -> None:
    """Commands that share Esc never work at the same time."""
    for state in (None, T.WAITING, T.UNKNOWN, T.CANCELLING, T.NOT_PAID, T.PAID):
        if state is not None:
            if counter.state.sale is None:
                counter.sell()
            counter.tell(counter.payment(state))
        keys = [hint.key for hint in counter.screen.keys]
        assert len(keys) == len(set(keys))


def test_settings_survive_a_restart(tmp_path: Path) -> None:
    write_setting(tmp_path, "language", "en")
    write_setting(tmp_path, "theme", "dark")
    read = read_settings(tmp_path)
    assert (read.settings.language, read.settings.theme, read.damaged) == ("en", "dark", False)


def test_no_file_is_the_defaults(tmp_path: Path) -> None:
    assert read_settings(tmp_path).settings == Settings()


@pytest.mark.parametrize(
    "text",
    ['language = "tlh"', "language = ", "\x00\x01", "max_amount_fen = -5", 'max_amount_fen = "x"',
     '[keys]\nshow_qr = "F6"'],
)  # fmt: skip
def test_a_damaged_file_never_stops_a_till(tmp_path: Path, text: str) -> None:
    """What can be read counts, the rest is the default, and the app says so."""
    (tmp_path / FILE).write_text('theme = "dark"\n' + text, encoding="utf-8")
    read = read_settings(tmp_path)
    assert read.damaged
    assert read.settings.max_fen == Settings().max_fen
    assert read.settings.keys == DEFAULT_KEYS
    said = start(read.settings, Identity(store="面馆", terminal="1"), damaged=True).notice
    assert said is not None
    assert said.text.key == "settings_damaged"


def test_writing_keeps_what_others_wrote(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('# ours\nscanners = ["hid:"]\n', encoding="utf-8")
    write_setting(tmp_path, "sound", "off")
    text = (tmp_path / FILE).read_text(encoding="utf-8")
    assert "# ours" in text
    assert 'scanners = ["hid:"]' in text
    assert read_settings(tmp_path).settings.sound == "off"
