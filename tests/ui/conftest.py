"""The desk for the tests of the counter."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.ui.controller import Clocks, Controller
from terminal.ui.fonts import register_fonts
from terminal.ui.gallery_scenes import SHOP
from terminal.ui.sound import SilentPlayer
from tests.ui.desk import Desk, FakePort


@pytest.fixture
def desk(qtbot: QtBot, tmp_path: Path) -> Iterator[Desk]:
    register_fonts()
    port, now = FakePort(), [1_000_000]
    numbers = iter(range(1, 10_000))
    clocks = Clocks(
        monotonic_ms=lambda: now[0], unix_ms=lambda: 1_795_327_402_000, request_id=lambda: f"r{next(numbers)}"
    )
    controller = Controller(start(Settings(), SHOP), port, folder=tmp_path, sound=SilentPlayer(), clocks=clocks)
    controller.window.resize(1366, 768)
    controller.start()
    with qtbot.waitExposed(controller.window):
        controller.window.show()
    controller.window.activateWindow()
    controller.window.setFocus()
    try:
        yield Desk(controller=controller, port=port, qtbot=qtbot, now=now)
    finally:
        controller.stop()
        controller.window.deleteLater()
