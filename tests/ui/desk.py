"""The running app, a till that records what it is asked, and hands on the keyboard. No I/O, no sleeping."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from protocol.activation import ActivationTicket
from sync.engine.model import Command as SyncCommand
from sync.engine.model import StartPayment
from terminal.cashier.ports import CheckFound, DayRead, HistoryEntry, Identity, OrderRow, Publication
from terminal.ui.controller import Controller
from terminal.ui.gallery_scenes import SHOP

ALIPAY = "281234567890123456"
K = Qt.Key


@dataclass
class FakePort:
    """A till that records what it is asked and answers what it is told to."""

    asked: list[SyncCommand] = field(default_factory=list[SyncCommand])
    callback: Callable[[Publication], None] | None = None
    rows: tuple[OrderRow, ...] = ()

    def identity(self) -> Identity:
        return SHOP

    def submit(self, command: SyncCommand) -> None:
        self.asked.append(command)

    def activate(self, *, gateway: str, ticket: ActivationTicket) -> None:
        del gateway, ticket

    def subscribe(self, callback: Callable[[Publication], None]) -> None:
        self.callback = callback

    def read_orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        return self.rows[:limit]

    def read_history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        del order_no
        return (HistoryEntry(at_ms=1_795_327_402_000, kind="scan_accepted", said_by="till"),)

    def read_day(self, days_ago: int) -> DayRead:
        raise OSError("the disk is gone") if days_ago else AssertionError("not asked here")

    def run_checks(self) -> tuple[CheckFound, ...]:
        return (CheckFound(name="gateway", passed=True, found="gateway_up"),)

    def close(self) -> None:
        return


@dataclass
class Desk:
    """The running app, its fake till, and hands on its keyboard. `now_ms` is the only clock."""

    controller: Controller
    port: FakePort
    qtbot: QtBot
    now: list[int]

    def key(self, key: Qt.Key, text: str = "", *, at_ms: int | None = None, keypad: bool = False) -> None:
        """One press and release, sent to whatever widget has the focus, as the system does."""
        if at_ms is not None:
            self.now[0] = at_ms
        held = Qt.KeyboardModifier.KeypadModifier if keypad else Qt.KeyboardModifier.NoModifier
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            event = QKeyEvent(kind, key.value, held, key.value + 8, 0, 0, text)
            event.setTimestamp(self.now[0])
            target = QApplication.focusWidget() or self.controller.window
            QApplication.sendEvent(target, event)

    def press(self, key: Qt.Key) -> None:
        self._half(QEvent.Type.KeyPress, key)

    def release(self, key: Qt.Key) -> None:
        self._half(QEvent.Type.KeyRelease, key)

    def _half(self, kind: QEvent.Type, key: Qt.Key) -> None:
        event = QKeyEvent(kind, key.value, Qt.KeyboardModifier.NoModifier, key.value + 8, 0, 0, "")
        event.setTimestamp(self.now[0])
        QApplication.sendEvent(QApplication.focusWidget() or self.controller.window, event)

    def type(self, text: str, *, gap_ms: int = 150) -> None:
        for character in text:
            self.now[0] += gap_ms
            self.key(Qt.Key(ord(character.upper())), character)

    def silence(self, ms: int = 500) -> None:
        """Nobody presses a key for a while."""
        self.now[0] += ms
        self.controller._keyboard.expire(self.now[0])  # pyright: ignore[reportPrivateUsage]  # stands in for the timer

    def pull_trigger(self, code: str, *, gap_ms: int = 4, terminator: Qt.Key | None = K.Key_Return) -> None:
        self.now[0] += 400
        self.type(code, gap_ms=gap_ms)
        if terminator is not None:
            self.now[0] += gap_ms
            self.key(terminator, "\r" if terminator is K.Key_Return else "\t")

    @property
    def entry(self) -> str:
        return self.controller.state.entry

    @property
    def starts(self) -> list[StartPayment]:
        return [command for command in self.port.asked if isinstance(command, StartPayment)]
