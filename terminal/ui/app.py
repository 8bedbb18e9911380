"""Starts the cashier app: fonts, look, window, the till behind it; and ends it.

Rules: the till (journal, sync, devices) is opened on its own thread while Qt starts, so that the first window is
there in under half a second; input methods are made synchronous before QApplication exists, so that no scan is
reordered. Returns the exit code: 0 closed, 5 the data folder is in use or cannot be used.
"""

from __future__ import annotations

import os
import secrets
import signal
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from protocol.auth_code import CONFIRMED_RANGES, CodeRange
from protocol.reasons import Reason
from terminal.cashier.phrase import Phrase, say
from terminal.cashier.ports import Identity, TerminalPort, TillBlockedError
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.cashier.words import BLOCKED_REASONS
from terminal.setup.settings_file import read_settings

if TYPE_CHECKING:
    from types import FrameType

    from PySide6.QtWidgets import QApplication

    from terminal.ui.controller import Controller

EXIT_DONE = 0
EXIT_BLOCKED = 5


def run_terminal(
    *,
    data_dir: Path,
    offscreen: bool,
    open_port: Callable[[], TerminalPort],
    gateway: str = "",
    ranges: tuple[CodeRange, ...] = CONFIRMED_RANGES,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Runs the app until its window is closed or the process is asked to end; closes the port.

    `open_port` opens the till (blocking, on a thread); it raises TillBlockedError when the folder cannot be used: the
    window then says why (offscreen, where nobody could read it, the app ends at once). `gateway` is offered by the
    activation panel; `ranges` are the payment codes that the shop takes. `on_ready` is called when the till can sell.
    """
    prepare_environment(offscreen=offscreen)
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="opening") as opener:
        opening = opener.submit(open_port)
        read = read_settings(data_dir)
        settings = replace(read.settings, ranges=ranges)
        app = make_application()
        port: TerminalPort | None = None
        blocked: Reason | None = None
        try:
            port = opening.result()
        except TillBlockedError as error:
            blocked = error.reason
    if blocked is not None and offscreen:
        return EXIT_BLOCKED
    controller = _compose(data_dir, settings, port, blocked, gateway=gateway, damaged=read.damaged)
    restore = _end_on_signals(app)
    try:
        controller.start()
        _show(controller, app)
        if on_ready is not None and port is not None:
            on_ready()
        app.exec()
    finally:
        restore()
        controller.stop()
        if port is not None:
            port.close()
    return EXIT_DONE if blocked is None else EXIT_BLOCKED


def prepare_environment(*, offscreen: bool) -> None:
    """What must be set before a QApplication exists."""
    os.environ["IBUS_ENABLE_SYNC_MODE"] = "1"
    if offscreen:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"


def make_application() -> QApplication:
    """The QApplication with our fonts."""
    from PySide6.QtWidgets import QApplication

    from terminal.ui.fonts import register_fonts, regular

    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(sys.argv[:1])
    app.setApplicationName("guitai")
    app.setApplicationDisplayName("柜台 Guitai")
    register_fonts()
    app.setFont(regular(16))
    return app


def blocked_phrase(reason: Reason) -> Phrase:
    """The sentence of a folder that cannot be used."""
    known = reason if reason in BLOCKED_REASONS else Reason.FOLDER_UNREADABLE
    return say(f"blocked.{known.value}")


def _compose(
    data_dir: Path,
    settings: Settings,
    port: TerminalPort | None,
    blocked: Reason | None,
    *,
    gateway: str,
    damaged: bool,
) -> Controller:
    from terminal.ui.controller import Clocks, Controller
    from terminal.ui.sound import open_player

    clocks = Clocks(
        monotonic_ms=lambda: time.monotonic_ns() // 1_000_000,
        unix_ms=lambda: time.time_ns() // 1_000_000,
        request_id=lambda: secrets.token_hex(8),
    )
    state = start(
        settings,
        port.identity() if port is not None else Identity(),
        gateway=gateway,
        blocked=blocked_phrase(blocked) if blocked is not None else None,
        damaged=damaged,
        now_ms=clocks.monotonic_ms(),
    )
    return Controller(state, port, folder=data_dir, sound=open_player(data_dir / "sounds"), clocks=clocks)


def _show(controller: Controller, app: QApplication) -> None:
    """Fills a small screen, else the baseline's size."""
    window = controller.window
    area = app.primaryScreen().availableGeometry()
    if area.width() <= 1400 or area.height() <= 800:
        window.resize(area.width(), area.height())
        window.showMaximized()
    else:
        window.resize(1366, 768)
        window.show()
    window.activateWindow()
    window.setFocus()


def _end_on_signals(app: QApplication) -> Callable[[], None]:
    """SIGTERM and Ctrl-C close the app; the controller's tick lets Python see them. Returns what puts the
    handlers of before back."""
    from PySide6.QtCore import QTimer

    def leave(number: int, frame: FrameType | None) -> None:
        del number, frame
        # Queued, not called: it means nothing to a loop that has not begun, and the signal would be lost. exit(), not
        # quit(): that asks the window first, which has a question of its own for whoever closes it by hand.
        QTimer.singleShot(0, lambda: app.exit(EXIT_DONE))

    before = {number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT)}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    return restore
