"""From a gun's bytes to the green panel: the real screen over the real till, a gun on a pty, a gateway on loopback."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from protocol.states import GatewayState, TerminalState
from sync.engine.model import Line
from terminal.cashier.ports import GunState
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.live.till import LiveTill, open_live_till
from terminal.ui.controller import Clocks, Controller
from terminal.ui.sound import SilentPlayer
from tests.contract.sync.fake_gateway import FakeGateway
from tests.contract.terminal.till_folder import gateway_on_loopback, make_till

CODE = "281234567890123456"


@dataclass
class Shop:
    controller: Controller
    gateway: FakeGateway
    till: LiveTill
    gun: int

    def scan(self, text: str) -> None:
        os.write(self.gun, f"{text}\r".encode())


def until(qtbot: QtBot, found: Callable[[], bool]) -> None:
    qtbot.waitUntil(found, timeout=20_000)


@pytest.fixture
def shop(tmp_path: Path, qtbot: QtBot) -> Generator[Shop]:
    gun, line = os.openpty()
    with gateway_on_loopback() as (url, gateway):
        make_till(tmp_path, gateway_url=url)
        till = open_live_till(tmp_path, scanners=[f"serial:{os.ttyname(line)}"])
        numbers = iter(range(10_000_000))
        clocks = Clocks(
            monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
            unix_ms=lambda: time.time_ns() // 1_000_000,
            request_id=lambda: f"r{next(numbers)}",
        )
        state = start(Settings(), till.identity())
        controller = Controller(state, till, folder=tmp_path, sound=SilentPlayer(), clocks=clocks)
        qtbot.addWidget(controller.window)
        try:
            controller.start()
            until(qtbot, lambda: controller.state.link.line is Line.UP)
            until(qtbot, lambda: controller.state.gun.gun is GunState.READY)
            yield Shop(controller=controller, gateway=gateway, till=till, gun=gun)
        finally:
            controller.stop()
            till.close()
            os.close(gun)
            os.close(line)


def state_of(shop: Shop) -> TerminalState | None:
    sale = shop.controller.state.sale
    return sale.payment.state if sale is not None and sale.payment is not None else None


def test_a_scan_is_charged_once_and_ends_paid_on_the_screen(shop: Shop, qtbot: QtBot) -> None:
    for character in "12.5":
        shop.controller.type_text(character)
    shop.scan(CODE)
    until(qtbot, lambda: state_of(shop) is TerminalState.PAID)
    shop.scan(CODE)
    until(qtbot, lambda: shop.controller.state.notice is not None)
    assert shop.gateway.codes == [CODE]
    assert [row.payment.amount.fen for row in shop.till.read_orders(limit=5)] == [1250]


def test_a_scan_without_an_amount_charges_nothing(shop: Shop, qtbot: QtBot) -> None:
    shop.scan(CODE)
    until(qtbot, lambda: shop.controller.state.notice is not None)
    assert shop.gateway.codes == []
    assert shop.till.read_orders(limit=5) == ()


def test_a_refused_payment_is_safe_to_scan_again_and_keeps_its_order(shop: Shop, qtbot: QtBot) -> None:
    shop.gateway.wallet = lambda _: GatewayState.NOT_PAID
    for character in "8":
        shop.controller.type_text(character)
    shop.scan(CODE)
    until(qtbot, lambda: state_of(shop) is TerminalState.NOT_PAID)
    shop.gateway.wallet = lambda _: GatewayState.PAID
    shop.scan("282222222222222222")
    until(qtbot, lambda: state_of(shop) is TerminalState.PAID)
    (row,) = shop.till.read_orders(limit=5)
    assert row.payment.n == 2
    assert shop.till.read_day(0).amount_fen == 800


def test_a_gun_that_is_unplugged_shows_on_the_lamp(shop: Shop, qtbot: QtBot) -> None:
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, shop.gun)
    os.close(nothing)
    until(qtbot, lambda: shop.controller.state.gun.gun is GunState.LOST)
