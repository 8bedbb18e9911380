"""Holding cancel is as good as a second press: only while the key, or the button, is really held."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from protocol.messages import LateMoney, LateMoneyState
from protocol.states import TerminalState
from sync.engine.model import CancelPayment
from terminal.cashier.events import Published
from terminal.cashier.keys import Command
from terminal.ui.gallery_scenes import payment
from terminal.ui.widgets.keycap import Keycap
from tests.ui.desk import ALIPAY, Desk, K

HELD_LONG_MS = 5_000


def _waiting(desk: Desk) -> None:
    """A payment is open, and the cancel key's first press is down."""
    desk.type("12.5")
    desk.pull_trigger(ALIPAY)
    desk.silence()
    desk.controller.dispatch(
        Published(publication=payment(1, TerminalState.WAITING, 1250, request_id=desk.starts[0].request_id))
    )


def _cancelled(desk: Desk) -> bool:
    desk.now[0] += HELD_LONG_MS
    desk.controller.tick()
    return any(isinstance(command, CancelPayment) for command in desk.port.asked)


def test_a_cancel_key_that_is_held_cancels(desk: Desk) -> None:
    _waiting(desk)
    desk.press(K.Key_Escape)
    assert _cancelled(desk)


def test_a_cancel_key_whose_release_went_elsewhere_is_not_held(desk: Desk) -> None:
    """Another window came up while the key was down."""
    _waiting(desk)
    desk.press(K.Key_Escape)
    QApplication.sendEvent(
        desk.controller.window, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.ActiveWindowFocusReason)
    )
    assert not _cancelled(desk)


def test_a_cancel_key_that_is_let_go_on_another_page_is_not_held(desk: Desk) -> None:
    """There the key has another meaning."""
    _waiting(desk)
    desk.press(K.Key_Escape)
    desk.key(K.Key_F6)
    desk.release(K.Key_Escape)
    assert not _cancelled(desk)


@pytest.mark.parametrize("lets_go", [True, False])
def test_a_cancel_button_that_moved_under_the_finger_is_let_go(desk: Desk, lets_go: bool) -> None:
    """Late money of another sale brings a button beside it: the one under the finger says something else by then."""
    _waiting(desk)
    caps = desk.controller.window.keys.findChildren(Keycap)
    (cap,) = (cap for cap in caps if cap.isVisible() and cap.hint is not None and cap.hint.command is Command.CANCEL)
    QTest.mousePress(cap, Qt.MouseButton.LeftButton)
    late = LateMoney(state=LateMoneyState.FOUND, amount_fen=500, found_at_ms=1)
    other = replace(payment(9, TerminalState.NOT_PAID, 500), late_money=late)
    desk.controller.dispatch(Published(publication=other))
    assert cap.hint is not None
    assert cap.hint.command is not Command.CANCEL
    if lets_go:
        QTest.mouseRelease(cap, Qt.MouseButton.LeftButton)
    assert _cancelled(desk) is not lets_go
