"""The app by real Qt key events: amounts, a typing gun, take-back, the key strip's truth. No I/O, no sleeping."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from protocol.messages import Presented
from protocol.money import Money
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import CancelPayment, Line, ReadProof, ShowOffline, TypeCode
from terminal.cashier.keys import Command
from terminal.cashier.ports import (
    OrderRow,
)
from terminal.cashier.view import Page
from terminal.ui.app import prepare_environment
from terminal.ui.gallery_offline import order
from terminal.ui.gallery_scenes import payment, till
from tests.ui.desk import ALIPAY, Desk, K


def test_an_amount_and_the_trigger_are_a_sale(desk: Desk) -> None:
    """`12.5` typed, then a typing gun: one request, no Enter pressed, nothing of the code left anywhere."""
    desk.type("12.5")
    desk.pull_trigger(ALIPAY)
    (command,) = desk.starts
    assert command.amount == Money(1250)
    assert command.auth_code == Secret(ALIPAY)
    assert desk.entry == "12.5"


def test_a_gun_without_a_terminator_is_heard_too(desk: Desk) -> None:
    desk.type("12.5")
    desk.pull_trigger(ALIPAY, terminator=None)
    desk.silence()
    assert len(desk.starts) == 1


def test_a_hundred_scans_leave_nothing_in_the_order_filter(desk: Desk) -> None:
    """What a burst typed into the filter is taken back; what a person typed stays."""
    desk.key(K.Key_F6)
    desk.type("12")
    desk.silence()
    for _ in range(100):
        if desk.controller.state.page is not Page.ORDERS:
            desk.key(K.Key_F6)
            desk.type("12")
            desk.silence()
        desk.now[0] += 600
        desk.pull_trigger("6901234567892")
        desk.now[0] += 600
        assert desk.controller.state.orders.filter_text in ("12", "")
        assert desk.entry == ""
    assert desk.starts == []


def test_every_digit_arrives_once(desk: Desk) -> None:
    """The double-event trap: a key that a child widget ignores reaches its parent too."""
    desk.type("345")
    desk.silence()
    assert desk.entry == "345"


def test_the_numeric_pad_types_the_amount(desk: Desk) -> None:
    for character in "12":
        desk.now[0] += 200
        desk.key(Qt.Key(ord(character)), character, keypad=True)
    desk.silence()
    assert desk.entry == "12"


def test_backspace_corrects(desk: Desk) -> None:
    desk.type("123")
    desk.silence()
    desk.key(K.Key_Backspace)
    assert desk.entry == "12"


def test_f2_shows_a_qr(desk: Desk) -> None:
    desk.type("8")
    desk.silence()
    desk.key(K.Key_F2)
    assert desk.starts[0].presented is Presented.MERCHANT


def test_the_focus_never_leaves_the_window(desk: Desk) -> None:
    """Tab does not move it, a click on a button does not take it, and no input method reaches it."""
    window = desk.controller.window
    desk.type("5")
    desk.key(K.Key_Tab, "\t")
    QTest.mouseClick(window.home.keypad, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, QPoint(20, 20))
    assert QApplication.focusWidget() is window
    assert not window.testAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled)
    takers = [w for w in window.findChildren(QWidget) if w.focusPolicy() & Qt.FocusPolicy.ClickFocus]
    assert [type(w).__name__ for w in takers if type(w).__module__.startswith("terminal")] == []


@pytest.mark.parametrize("key", [K.Key_F2, K.Key_F3, K.Key_F4, K.Key_F5, K.Key_F8, K.Key_Return, K.Key_Up])
def test_a_key_that_is_not_shown_does_nothing(desk: Desk, key: Qt.Key) -> None:
    """The key strip is the truth: on an empty counter these do not work, and do nothing."""
    names = {hint.key for hint in desk.controller.window.keys.hints}
    before = desk.controller.state
    desk.key(key, "\r" if key is K.Key_Return else "")
    assert {"F2", "F3", "F4", "F5", "F8", "Enter", "Up"} & names == set()
    assert (desk.controller.state.page, desk.controller.state.sale) == (before.page, before.sale)
    assert desk.port.asked == []


def test_escape_on_an_empty_counter_asks_before_it_quits_and_goes_back_again(desk: Desk) -> None:
    desk.key(K.Key_Escape)
    assert desk.controller.state.page is Page.LEAVING
    desk.key(K.Key_Escape)
    assert desk.controller.state.page is Page.HOME


def test_every_key_that_is_shown_works(desk: Desk) -> None:
    """Each entry of the strip changes something when its key is pressed."""
    codes = {"F2": K.Key_F2, "F6": K.Key_F6, "F9": K.Key_F9, "F11": K.Key_F11, "F12": K.Key_F12, "Esc": K.Key_Escape}
    for hint in desk.controller.window.keys.hints:
        desk.key(codes[hint.key])
        assert desk.controller.state.page is not Page.HOME, hint.key
        desk.key(K.Key_Escape)
        assert desk.controller.state.page is Page.HOME


def test_ctrl_enlarges_the_key_strip(desk: Desk) -> None:
    keys = desk.controller.window.keys
    small = keys.height()
    event = QKeyEvent(QEvent.Type.KeyPress, K.Key_Control.value, Qt.KeyboardModifier.ControlModifier)
    QApplication.sendEvent(desk.controller.window, event)
    assert keys.height() > small
    event = QKeyEvent(QEvent.Type.KeyRelease, K.Key_Control.value, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(desk.controller.window, event)
    assert keys.height() == small


def test_publications_from_another_thread_reach_the_screen(desk: Desk) -> None:
    """They are queued to Qt's thread; the view follows."""
    desk.type("12.5")
    desk.pull_trigger(ALIPAY)
    view = payment(99, TerminalState.PAID, 1250, request_id=desk.starts[0].request_id)
    callback = desk.port.callback
    assert callback is not None
    desk.controller._worker.submit(callback, view)  # pyright: ignore[reportPrivateUsage]  # any other thread will do
    desk.qtbot.waitUntil(lambda: desk.controller.window.home.panel.big.text == "收款成功 ¥12.50")


def test_orders_are_read_on_the_worker(desk: Desk) -> None:
    desk.port.rows = (OrderRow(payment=payment(5, TerminalState.PAID, 700)),)
    desk.key(K.Key_F6)
    desk.qtbot.waitUntil(lambda: len(desk.controller.state.orders.history) == 1)
    assert desk.controller.state.orders.selected == payment(5, TerminalState.PAID, 700).order_no


def test_a_reader_that_fails_is_said_and_the_till_goes_on(desk: Desk) -> None:
    desk.key(K.Key_F9)
    desk.qtbot.waitUntil(lambda: desk.controller.state.takings.failed)
    desk.key(K.Key_Escape)
    desk.type("3")
    desk.pull_trigger(ALIPAY)
    assert len(desk.starts) == 1


def test_a_choice_applies_at_once_and_is_kept(desk: Desk, tmp_path: Path) -> None:
    desk.controller.press(Command.DISPLAY)
    desk.controller.pick("language", "en")
    assert desk.controller.window.status._title == "Display"  # pyright: ignore[reportPrivateUsage]
    desk.qtbot.waitUntil((tmp_path / "settings.toml").exists)
    assert 'language = "en"' in (tmp_path / "settings.toml").read_text(encoding="utf-8")


def test_closing_during_a_payment_asks_once(desk: Desk) -> None:
    desk.type("12.5")
    desk.pull_trigger(ALIPAY)
    window = desk.controller.window
    assert not window.close()
    assert window.isVisible()
    assert window.close()


def test_input_methods_are_made_synchronous_before_qt_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Asynchronous ibus reorders the digits of a fast gun."""
    monkeypatch.delenv("IBUS_ENABLE_SYNC_MODE", raising=False)
    prepare_environment(offscreen=True)
    import os

    assert os.environ["IBUS_ENABLE_SYNC_MODE"] == "1"


def test_the_scenes_start_from_a_till_that_sold(desk: Desk) -> None:
    del desk
    assert len(till().recent) == 8


def test_the_offline_qr_its_proof_and_its_typed_code_by_keys_alone(desk: Desk) -> None:
    """No line: F2 shows the QR, a typing gun reads the proof, F5 opens the code field, Esc asks about the goods."""
    told = desk.port.callback
    assert told is not None
    told(replace(desk.controller.state.link, line=Line.DOWN))
    QApplication.processEvents()
    desk.type("12.5")
    desk.key(K.Key_F2)
    shown = desk.port.asked[-1]
    assert isinstance(shown, ShowOffline)
    assert shown.amount == Money(1250)
    told(replace(order(), request_id=shown.request_id))
    QApplication.processEvents()
    assert not desk.controller.window.home.panel.qr.isHidden()
    desk.pull_trigger("GP1" + "7" * 141)
    proof = desk.port.asked[-1]
    assert isinstance(proof, ReadProof)
    assert len(proof.text) == 144
    desk.silence()
    desk.key(K.Key_F5)
    desk.type("123456789012")
    desk.silence()
    desk.key(K.Key_Return, "\r")
    code = desk.port.asked[-1]
    assert isinstance(code, TypeCode)
    assert code.code == Secret("123456789012")
    desk.key(K.Key_Escape)
    desk.key(K.Key_Escape)
    desk.key(K.Key_F2)
    cancel = desk.port.asked[-1]
    assert isinstance(cancel, CancelPayment)
    assert cancel.goods_handed is True
