"""Every main screen and state as a picture: `python -m terminal.ui.gallery FOLDER [--size 1366x768] [--language en] …`.

Rules: states are reached through the real cashier room by the events that reach them at a counter, and drawn by the
real window; nothing is posed by hand. Used for looking at what was made, for the README, and by the tests that
nothing is cut.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from terminal.cashier.present import present
from terminal.cashier.settings_panel import with_value
from terminal.cashier.state import CashierState
from terminal.ui.gallery_offline import OFFLINE_SCENES
from terminal.ui.gallery_scenes import SCENES

if TYPE_CHECKING:
    from PySide6.QtGui import QPixmap

    from terminal.ui.window import Window

EVERY_SCENE = {**SCENES, **OFFLINE_SCENES}


def render(folder: Path, *, size: tuple[int, int], language: str, theme: str, text_size: str, names: list[str]) -> None:
    """Writes one PNG per scene."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from PySide6.QtWidgets import QApplication

    from terminal.ui.fonts import register_fonts, regular

    app = QApplication.instance() or QApplication(sys.argv[:1])
    assert isinstance(app, QApplication), "widgets need a QApplication"
    register_fonts()
    app.setFont(regular(16))
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        state = EVERY_SCENE[name]()
        for option, value in (("language", language), ("theme", theme), ("text_size", text_size)):
            state = _with(state, option, value)
        grab(state, size).save(str(folder / f"{name}.png"))


def grab(state: CashierState, size: tuple[int, int]) -> QPixmap:
    """The window of a state as a pixmap. Needs a QApplication with the fonts registered."""
    from PySide6.QtWidgets import QApplication

    window = window_of(state, size)
    for _ in range(3):
        QApplication.processEvents()
    picture = window.grab()
    window.close()
    window.deleteLater()
    return picture


def window_of(state: CashierState, size: tuple[int, int]) -> Window:
    """A real window that shows a state."""
    from terminal.ui.hands import Hands
    from terminal.ui.text import load_catalogue
    from terminal.ui.theme import load_theme
    from terminal.ui.window import Window

    idle = Hands(
        press=lambda _: None, release=lambda _: None, pick=_ignore, type_text=lambda _: None, erase=lambda: None
    )
    window = Window(idle, on_key=lambda _: None, on_blur=lambda: None, on_close=lambda: True)
    window.resize(*size)
    settings = state.settings
    window.set_style(load_theme(settings.theme), load_catalogue(settings.language), int(settings.text_size) / 100)
    window.show_view(present(state))
    window.show()
    return window


def _ignore(name: str, value: str) -> None:
    del name, value


def _with(state: CashierState, name: str, value: str) -> CashierState:
    return replace(state, settings=with_value(state.settings, name, value))


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Draws every screen of the cashier app into PNG files.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", default="1366x768")
    parser.add_argument("--language", default="zh_CN")
    parser.add_argument("--theme", default="light")
    parser.add_argument("--text-size", default="100")
    parser.add_argument("--only", nargs="*", default=list(EVERY_SCENE))
    given = parser.parse_args()
    width, height = (int(part) for part in given.size.split("x"))
    render(
        given.folder,
        size=(width, height),
        language=given.language,
        theme=given.theme,
        text_size=given.text_size,
        names=given.only,
    )


if __name__ == "__main__":
    main()
