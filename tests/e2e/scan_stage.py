"""The cashier app on a test's screen, told to say what it reads: a process of its own, started by test_x11_scans.

`till`: the real window, keyboard and cashier room over a fake till that takes every charge. Each scan is one JSON line:
a keyed digest of the code, never the code, and what stood in the amount and the order filter right after it. A line on
standard input asks for the same words without a scan. `field`: a bare text field instead, as programs without our care
have it. Both say `ready` when the window has the keyboard.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import sys
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QSocketNotifier, QTimer
from PySide6.QtWidgets import QApplication, QLineEdit, QPlainTextEdit, QTextEdit, QWidget

from protocol.activation import ActivationTicket
from protocol.messages import Presented
from protocol.states import TerminalState
from sync.engine.model import Command, StartPayment
from terminal.cashier import events as e
from terminal.cashier.ports import CheckFound, DayRead, HistoryEntry, Identity, OrderRow, Publication
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.ui.app import make_application, prepare_environment
from terminal.ui.controller import Clocks, Controller
from terminal.ui.gallery_scenes import SHOP, payment
from terminal.ui.sound import SilentPlayer

KEY_NAME = "GUITAI_TEST_DIGEST_KEY"


def digest(code: str, key: str) -> str:
    """What is said instead of a code."""
    return hashlib.blake2b(code.encode(), key=key.encode(), digest_size=12).hexdigest()


class Speaker:
    """Writes JSON lines."""

    def __init__(self, key: str) -> None:
        self._key = key

    def say(self, event: str, **words: object) -> None:
        print(json.dumps({"event": event, **words}), flush=True)

    def hide(self, code: str) -> str:
        return digest(code, self._key)


class AcceptingTill:
    """A till whose wallet takes every code at once."""

    def __init__(self, speaker: Speaker) -> None:
        self._speaker = speaker
        self._told: Callable[[Publication], None] | None = None
        self._count = 0

    def identity(self) -> Identity:
        return SHOP

    def submit(self, command: Command) -> None:
        assert isinstance(command, StartPayment), command
        assert command.auth_code is not None
        assert command.presented is Presented.CUSTOMER
        self._count += 1
        code = self._speaker.hide(command.auth_code.reveal())
        self._speaker.say("charge", code=code, amount_fen=command.amount.fen)
        assert self._told is not None
        self._told(payment(self._count, TerminalState.PAID, command.amount.fen, request_id=command.request_id))

    def activate(self, *, gateway: str, ticket: ActivationTicket) -> None:
        raise AssertionError("this till is activated")

    def subscribe(self, callback: Callable[[Publication], None]) -> None:
        self._told = callback

    def read_orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        return tuple(OrderRow(payment=payment(900 + i, TerminalState.PAID, 100 * i)) for i in range(1, 4))

    def read_history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        return ()

    def read_day(self, days_ago: int) -> DayRead:
        raise AssertionError("nobody asked for the day")

    def run_checks(self) -> tuple[CheckFound, ...]:
        return ()

    def close(self) -> None:
        return


class WatchedController(Controller):
    """The app's controller; says what each scan was read as and what it left behind."""

    speaker: Speaker

    def dispatch(self, event: e.Event) -> None:
        page = self.state.page.name
        super().dispatch(event)
        if isinstance(event, e.Scanned):
            self.speaker.say("scan", code=self.speaker.hide(event.text.reveal()), page=page, **self.left_behind())
        elif isinstance(event, e.ScanUnreadable):
            self.speaker.say("unreadable", why=event.why, page=page, **self.left_behind())

    def left_behind(self) -> dict[str, object]:
        """The amount and the filter as they stand, how many text fields hold anything, and who has the keyboard."""
        widgets = QApplication.allWidgets()
        fields = [widget.text() for widget in widgets if isinstance(widget, QLineEdit)]
        fields += [widget.toPlainText() for widget in widgets if isinstance(widget, (QTextEdit, QPlainTextEdit))]
        return {
            "entry": self.state.entry,
            "filter": self.state.orders.filter_text,
            "page_after": self.state.page.name,
            "fields": sum(text != "" for text in fields),
            "focus": type(QApplication.focusWidget()).__name__,
        }


def when_active(app: QApplication, window: QWidget, speaker: Speaker) -> QTimer:
    """Says `ready` once the window has the keyboard."""
    timer = QTimer(app)

    def look() -> None:
        if window.isActiveWindow() and app.focusWidget() is not None:
            timer.stop()
            speaker.say("ready", input_method=os.environ.get("QT_IM_MODULE", ""))

    timer.timeout.connect(look)
    timer.start(20)
    return timer


def play_till(folder: Path, speaker: Speaker) -> None:
    """The app."""
    prepare_environment(offscreen=False)
    app = make_application()
    clocks = Clocks(
        monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
        unix_ms=lambda: time.time_ns() // 1_000_000,
        request_id=lambda: secrets.token_hex(8),
    )
    WatchedController.speaker = speaker
    controller = WatchedController(
        start(Settings(), SHOP), AcceptingTill(speaker), folder=folder, sound=SilentPlayer(), clocks=clocks
    )
    controller.start()
    show(app, controller.window)
    asked = QSocketNotifier(sys.stdin.fileno(), QSocketNotifier.Type.Read, app)
    asked.activated.connect(lambda: sys.stdin.readline() and speaker.say("state", **controller.left_behind()))
    timer = when_active(app, controller.window, speaker)
    app.exec()
    timer.stop()
    controller.stop()


def play_field(speaker: Speaker) -> None:
    """A text field that an input method reaches, with Qt's and ibus's own settings."""
    app = QApplication(sys.argv[:1])
    window = QLineEdit()

    def entered() -> None:
        speaker.say("text", code=speaker.hide(window.text()), chinese=not window.text().isascii())
        window.clear()

    window.returnPressed.connect(entered)
    show(app, window)
    timer = when_active(app, window, speaker)
    app.exec()
    timer.stop()


def show(app: QApplication, window: QWidget) -> None:
    """As the app shows its own."""
    area = app.primaryScreen().availableGeometry()
    window.resize(area.width(), area.height())
    window.show()
    window.activateWindow()
    window.setFocus()


def main(mode: str, folder: Path) -> None:
    speaker = Speaker(os.environ[KEY_NAME])
    if mode == "till":
        play_till(folder, speaker)
    else:
        play_field(speaker)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
