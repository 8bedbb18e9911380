"""Between the window and the cashier room: turns what happens into events, carries out effects, shows the view.

Rules: everything runs on Qt's thread and none of it blocks; publications arrive from any thread and are queued; readers
and the settings file run on one worker thread. Decides nothing about money.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import assert_never

from msgspec import Struct
from PySide6.QtCore import QObject, Qt, QTimer, Signal, Slot
from PySide6.QtGui import QKeyEvent

from terminal.cashier import effects as f
from terminal.cashier import events as e
from terminal.cashier.keys import Command
from terminal.cashier.keys_now import keys_of
from terminal.cashier.ports import Publication, TerminalPort
from terminal.cashier.present import present
from terminal.cashier.state import CashierState
from terminal.cashier.step import step
from terminal.cashier.unsent import leaving_matters
from terminal.cashier.view import Page, ScreenView
from terminal.setup.settings_file import write_setting
from terminal.ui.hands import Hands
from terminal.ui.keyboard import Keyboard
from terminal.ui.sound import SoundPlayer
from terminal.ui.text import load_catalogue
from terminal.ui.theme import load_theme
from terminal.ui.window import Window

TICK_MS = 200
ORDERS_READ = 200


class Clocks(Struct, frozen=True, kw_only=True):
    """Time and chance from outside: monotonic ms, Unix ms, a fresh request id."""

    monotonic_ms: Callable[[], int]
    unix_ms: Callable[[], int]
    request_id: Callable[[], str]


class Controller(QObject):
    """One till's screen. `start` subscribes and shows the first view."""

    _told = Signal(object)
    _answered = Signal(object)

    def __init__(
        self, state: CashierState, port: TerminalPort | None, *, folder: Path, sound: SoundPlayer, clocks: Clocks
    ) -> None:
        super().__init__()
        self._state, self._port, self._folder, self._sound, self._clocks = state, port, folder, sound, clocks
        self._last_view: ScreenView | None = None
        self._leaving = False
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="reader")
        self._keyboard = Keyboard(emit=self.dispatch, command=self._key_command)
        hands = Hands(
            press=self.press, release=self.release, pick=self.pick, type_text=self.type_text, erase=self.erase
        )
        self._held: dict[str, Command] = {}
        self.window = Window(hands, on_key=self._on_key, on_blur=self._keyboard.let_go, on_close=self._on_close)
        self._told.connect(self._on_told, Qt.ConnectionType.QueuedConnection)
        self._answered.connect(self._on_answered, Qt.ConnectionType.QueuedConnection)
        self._tick = QTimer(self)
        self._tick.setInterval(TICK_MS)
        self._tick.timeout.connect(self.tick)
        self._silence = QTimer(self)
        self._silence.setSingleShot(True)
        self._silence.setTimerType(Qt.TimerType.PreciseTimer)
        self._silence.timeout.connect(self._keys_fell_silent)

    @property
    def state(self) -> CashierState:
        return self._state

    def start(self) -> None:
        """Shows the first view, then listens."""
        self._restyle()
        self.tick()
        if self._port is not None:
            self._port.subscribe(self._told.emit)
        self._tick.start()

    def stop(self) -> None:
        """Ends timers, the worker and the sound; the port is its owner's."""
        self._tick.stop()
        self._silence.stop()
        self._worker.shutdown(wait=True, cancel_futures=True)
        self._sound.close()

    def dispatch(self, event: e.Event) -> None:
        """One event through the cashier room."""
        now_ms = self._clocks.monotonic_ms()
        self._state, effects = step(self._state, event, now_ms=now_ms, request_id=self._clocks.request_id())
        for effect in effects:
            self._carry_out(effect)
        view = present(self._state)
        if view != self._last_view:
            self._last_view = view
            self.window.show_view(view)

    def press(self, command: Command) -> None:
        self.dispatch(e.Pressed(command=command))

    def release(self, command: Command) -> None:
        self.dispatch(e.Released(command=command))

    def pick(self, name: str, value: str) -> None:
        self.dispatch(e.Picked(name=name, value=value))

    def type_text(self, text: str) -> None:
        self.dispatch(e.Typed(text=text))

    def erase(self) -> None:
        self.dispatch(e.Erased())

    @Slot()
    def tick(self) -> None:
        self.dispatch(e.Tick(unix_ms=self._clocks.unix_ms()))

    @Slot(object)
    def _on_told(self, publication: Publication) -> None:
        self.dispatch(e.Published(publication=publication))

    @Slot(object)
    def _on_answered(self, event: e.Event) -> None:
        self.dispatch(event)

    def _on_key(self, event: QKeyEvent) -> None:
        self._keyboard.take(event, now_ms=self._clocks.monotonic_ms())
        deadline = self._keyboard.deadline_ms()
        if deadline is None:
            self._silence.stop()
        else:
            self._silence.start(max(1, deadline - self._clocks.monotonic_ms()))

    @Slot()
    def _keys_fell_silent(self) -> None:
        self._keyboard.expire(self._clocks.monotonic_ms() + 1)

    def _key_command(self, name: str, down: bool) -> bool:
        """A key that a command is bound to right now; releases are passed on for the command that was pressed."""
        if not down:
            held = self._held.pop(name, None)
            if held is not None:
                self.dispatch(e.Released(command=held))
            return held is not None
        for hint in keys_of(self._state):
            if hint.key == name:
                self._held[name] = hint.command
                self.dispatch(e.Pressed(command=hint.command))
                return True
        return False

    def _on_close(self) -> bool:
        """Something open or unsent asks once, with its figures; it is journaled and goes on at the next start."""
        if self._leaving or self._state.page is Page.LEAVING or not leaving_matters(self._state):
            return True
        self.dispatch(e.CloseAsked())
        return False

    def _carry_out(self, effect: f.Effect) -> None:
        port = self._port
        match effect:
            case f.Play(sound=sound):
                if self._state.settings.sound == "on":
                    self._sound.play(sound.value)
            case f.ChangeSetting(name=name, value=value):
                self._worker.submit(self._keep, name, value)
                self._restyle()
            case f.Leave():
                self._leaving = True
                self.window.close()
            case _ if port is None:
                return
            case f.Submit(command=command):
                port.submit(command)
            case f.Activate(gateway=gateway, ticket=ticket):
                port.activate(gateway=gateway, ticket=ticket)
            case f.ReadOrders():
                self._read(lambda: e.OrdersArrived(rows=port.read_orders(limit=ORDERS_READ)))
            case f.ReadHistory(order_no=order_no):
                self._read(lambda: e.HistoryArrived(order_no=order_no, entries=port.read_history(order_no)))
            case f.ReadDay(days_ago=days_ago):
                self._read(lambda: e.DayArrived(days_ago=days_ago, day=port.read_day(days_ago)))
            case f.RunChecks():
                self._read(lambda: e.ChecksArrived(checks=port.run_checks()))
            case _:
                assert_never(effect)

    def _read(self, question: Callable[[], e.Event]) -> None:
        self._worker.submit(self._answer, question)

    def _answer(self, question: Callable[[], e.Event]) -> None:
        """On the worker thread. Whatever a reader raises, the page says that reading failed, and the log says why."""
        try:
            event = question()
        except Exception:  # a page that cannot be read must never take the till down
            logging.getLogger("guitai.terminal").warning("a reader failed", exc_info=True)
            event = e.ReadFailed()
        self._answered.emit(event)

    def _keep(self, name: str, value: str) -> None:
        """On the worker thread. A choice that cannot be kept still holds until the app ends."""
        try:
            write_setting(self._folder, name, value)
        except OSError as error:
            logging.getLogger("guitai.terminal").warning("the setting %s could not be kept: %s", name, error.strerror)

    def _restyle(self) -> None:
        settings = self._state.settings
        catalogue, theme = load_catalogue(settings.language), load_theme(settings.theme)
        self.window.set_style(theme, catalogue, int(settings.text_size) / 100)
