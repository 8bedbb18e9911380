"""Starting and ending the app: exit codes, a folder in use, an unactivated till, damaged settings."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from protocol.reasons import Reason
from terminal.cashier.ports import Identity, Publication, TillBlockedError
from terminal.ui.app import run_terminal
from terminal.ui.gallery_scenes import SHOP
from terminal.ui.window import Window

ROOT = Path(__file__).parents[2]


@dataclass
class StandIn:
    """A port that only starts and ends."""

    who: Identity = SHOP
    closed: list[bool] = field(default_factory=list[bool])

    def identity(self) -> Identity:
        return self.who

    def subscribe(self, callback: Callable[[Publication], None]) -> None:
        del callback

    def close(self) -> None:
        self.closed.append(True)


def window() -> Window:
    return next(w for w in QApplication.topLevelWidgets() if isinstance(w, Window) and w.isVisible())


def start(folder: Path, port: Any, look: Callable[[], None]) -> int:
    """Runs the app offscreen, looks once it is up, then closes its window."""

    def looked() -> None:
        try:
            look()
        finally:
            window().close()

    return run_terminal(
        data_dir=folder, offscreen=True, open_port=lambda: port, on_ready=lambda: QTimer.singleShot(0, looked)
    )


def test_an_activated_till_starts_ready_to_sell_and_closes_its_port(qtbot: QtBot, tmp_path: Path) -> None:
    del qtbot
    port, seen = StandIn(), list[str]()
    assert start(tmp_path, port, lambda: seen.append(window().home.panel.big.text)) == 0
    assert seen == ["请输入金额，然后扫码"]
    assert port.closed == [True]


def test_an_unactivated_till_shows_the_activation_panel(qtbot: QtBot, tmp_path: Path) -> None:
    del qtbot
    seen: list[str] = []
    start(tmp_path, StandIn(who=Identity()), lambda: seen.append(_page()))
    assert seen == ["activation"]


def test_damaged_settings_are_said_and_the_till_sells(qtbot: QtBot, tmp_path: Path) -> None:
    del qtbot
    (tmp_path / "settings.toml").write_text("language = ", encoding="utf-8")
    seen: list[str] = []
    assert start(tmp_path, StandIn(), lambda: seen.append(window().home.panel.big.text)) == 0
    assert seen == ["显示设置读不出来，已用默认设置。"]


def test_a_folder_in_use_ends_with_five(qtbot: QtBot, tmp_path: Path) -> None:
    """Offscreen nobody could read the panel: the app ends at once; the command says why."""
    del qtbot

    def held() -> Any:
        raise TillBlockedError(Reason.FOLDER_LOCKED)

    assert run_terminal(data_dir=tmp_path, offscreen=True, open_port=held) == 5


def _page() -> str:
    view = window().view
    assert view is not None
    return view.page.value


ENDS_BEFORE_THE_LOOP = """
import signal, sys
from pathlib import Path
from tests.ui.test_app_start import StandIn
from terminal.ui.app import run_terminal
end = lambda: signal.raise_signal(signal.SIGTERM)
sys.exit(run_terminal(data_dir=Path(sys.argv[1]), offscreen=True, open_port=StandIn, on_ready=end))
"""


def test_a_request_to_end_before_the_loop_begins_is_not_lost(tmp_path: Path) -> None:
    """SIGTERM between the window and the event loop: the app ends as soon as the loop begins. A process of its own: a
    quit() that comes when no loop runs would end the event loops of every later test."""
    command = [sys.executable, "-c", ENDS_BEFORE_THE_LOOP, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == 0


ENDS_WITH_A_QUEUE = """
import signal, sys
from pathlib import Path
from PySide6.QtCore import QTimer
from sync.engine.model import Line, LinkView
from tests.ui.test_app_start import StandIn
from terminal.ui.app import run_terminal

class Queue(StandIn):
    def subscribe(self, callback):
        callback(LinkView(line=Line.DOWN, clock_skew_ms=None, clock_warning=False, unsent=3,
                          oldest_unsent_at_ms=1, last_contact_ms=None, unsent_fen=1250))

def end():
    QTimer.singleShot(500, lambda: signal.raise_signal(signal.SIGTERM))

sys.exit(run_terminal(data_dir=Path(sys.argv[1]), offscreen=True, open_port=Queue, on_ready=end))
"""


def test_a_request_to_end_asks_nobody_although_something_is_unsent(tmp_path: Path) -> None:
    """The question is for a person who closes the window; a system that shuts down gets its way at once."""
    command = [sys.executable, "-c", ENDS_WITH_A_QUEUE, str(tmp_path)]
    ended = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert ended.returncode == 0
