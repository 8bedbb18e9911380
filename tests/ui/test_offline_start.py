"""A till whose gateway cannot be reached from the start, and never was since it was switched on: every screen works, a
scan is refused in words, cash is sold, kept, shown and given back; leaving says what is unsent."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from protocol.secret import Secret
from sync.engine.model import CASH, Line, LinkView
from terminal.cashier import events as e
from terminal.cashier.keys import Command, KeyHint
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.cashier.view import Page
from terminal.cashier.view_pages import AskView, OrdersView, TakingsView
from terminal.live.reading import FolderReader
from terminal.live.till import LiveTill, open_live_till
from terminal.ui.controller import Clocks, Controller
from terminal.ui.sound import SilentPlayer
from tests.contract.terminal.till_folder import make_till

CODE = "281234567890123456"


class Till:
    """The real screen over the real till; nobody listens at the gateway's address."""

    def __init__(self, folder: Path, qtbot: QtBot) -> None:
        self.qtbot = qtbot
        self.port: LiveTill = open_live_till(folder)
        numbers = iter(range(10_000_000))
        clocks = Clocks(
            monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
            unix_ms=lambda: time.time_ns() // 1_000_000,
            request_id=lambda: f"r{next(numbers)}",
        )
        state = start(Settings(), self.port.identity())
        self.screen = Controller(state, self.port, folder=folder, sound=SilentPlayer(), clocks=clocks)
        qtbot.addWidget(self.screen.window)
        self.screen.start()
        self.screen.window.show()

    def close(self) -> None:
        self.screen.stop()
        self.port.close()

    def until(self, found: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(found, timeout=20_000)

    def type(self, text: str) -> None:
        for character in text:
            self.screen.type_text(character)

    def sell_for_cash(self, amount: str = "12.5", received: str = "20") -> None:
        self.type(amount)
        self.screen.press(Command.CASH)
        self.type(received)
        self.screen.press(Command.CASH)
        self.until(lambda: self.screen.state.sale is not None and self.screen.state.cash is None)

    @property
    def link(self) -> LinkView:
        return self.screen.state.link

    @property
    def body(self) -> object:
        view = self.screen.window.view
        return None if view is None else view.body


@pytest.fixture
def till(tmp_path: Path, qtbot: QtBot) -> Generator[Till]:
    make_till(tmp_path)
    opened = Till(tmp_path, qtbot)
    opened.until(lambda: opened.link.line is Line.DOWN)
    try:
        yield opened
    finally:
        opened.close()


def test_it_starts_from_what_it_knows_and_refuses_a_scan_in_words(till: Till) -> None:
    assert till.link.last_contact_ms is None
    view = till.screen.window.view
    assert view is not None
    assert view.status.place.startswith("茶店")
    assert view.banners[0].text.key == "banner.offline_cash"
    till.type("12.5")
    till.screen.dispatch(e.Scanned(text=Secret(CODE)))
    notice = till.screen.state.notice
    assert notice is not None
    assert (notice.text.key, notice.todo.key if notice.todo else "") == ("scan.offline", "scan_todo.offline")
    assert till.port.read_orders(limit=5) == ()


def test_cash_is_sold_shown_on_every_page_and_given_back(till: Till) -> None:
    till.sell_for_cash()
    till.until(lambda: till.link.unsent == 1)
    assert (till.link.unsent_fen, till.link.cash_offline_fen) == (1250, 1250)
    till.screen.press(Command.ORDERS)
    till.until(lambda: isinstance(till.body, OrdersView) and len(till.body.timeline) == 1)
    till.screen.press(Command.TAKINGS)
    till.until(lambda: isinstance(till.body, TakingsView) and till.body.total == "12.50")
    assert isinstance(till.body, TakingsView)
    assert [bar.value for bar in till.body.wallets] == ["¥12.50"]
    assert till.body.unsent is not None
    till.screen.press(Command.ORDERS)
    till.until(lambda: Command.RETURN_CASH in {hint.command for hint in keys(till)})
    till.screen.press(Command.RETURN_CASH)
    till.screen.press(Command.RETURN_CASH)
    till.until(lambda: till.port.read_day(0).cash_back_fen == 1250)
    day = till.port.read_day(0)
    assert ([(wallet.channel, wallet.amount_fen) for wallet in day.wallets], day.net_fen) == ([(CASH, 1250)], 0)


def keys(till: Till) -> tuple[KeyHint, ...]:
    view = till.screen.window.view
    return () if view is None else view.keys


@pytest.mark.parametrize("command", [Command.ORDERS, Command.TAKINGS, Command.DOCTOR, Command.DISPLAY])
def test_every_page_opens_and_answers(till: Till, command: Command) -> None:
    till.screen.press(command)
    till.until(lambda: _answered(till))
    assert not till.screen.state.orders.failed
    assert not till.screen.state.takings.failed
    till.screen.press(Command.BACK)
    assert till.screen.state.page is Page.HOME


def _answered(till: Till) -> bool:
    state = till.screen.state
    match state.page:
        case Page.ORDERS:
            return not state.orders.loading
        case Page.TAKINGS:
            return state.takings.day is not None
        case Page.DOCTOR:
            return not state.doctor.running and any(check.name == "gateway" for check in state.doctor.checks)
        case _:
            return state.page is Page.DISPLAY


def test_closing_the_window_tells_the_figures_and_a_second_time_closes_it(till: Till) -> None:
    till.sell_for_cash()
    till.until(lambda: till.link.unsent == 1)
    till.screen.window.close()
    assert till.screen.window.isVisible()
    assert isinstance(till.body, AskView)
    values = dict(till.body.lines[0].values)
    assert (values["count"], values["amount"]) == ("1", "12.50")
    till.screen.press(Command.BACK)
    assert till.screen.state.page is Page.HOME
    till.screen.window.close()
    till.screen.window.close()
    assert not till.screen.window.isVisible()


def test_the_key_that_quits_anyway_closes_the_window(till: Till) -> None:
    till.screen.press(Command.LEAVE)
    assert till.screen.window.isVisible()
    till.screen.press(Command.LEAVE_NOW)
    assert not till.screen.window.isVisible()


def test_a_till_that_is_switched_on_again_offline_knows_its_queue_and_its_orders(till: Till, tmp_path: Path) -> None:
    till.sell_for_cash()
    till.until(lambda: till.link.unsent == 1)
    till.close()
    again = Till(tmp_path, till.qtbot)
    try:
        again.until(lambda: again.link.line is Line.DOWN)
        assert again.link.unsent_fen == 1250
        assert [payment.channel for payment in again.screen.state.recent] == [CASH]
        assert FolderReader(tmp_path).unsent().fen == 1250
    finally:
        again.close()
