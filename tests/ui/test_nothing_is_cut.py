"""Every text of every screen and state fits, in every language, at every size and scale that is promised."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import pytest
from msgspec.structs import replace
from PySide6.QtGui import QRawFont
from PySide6.QtWidgets import QApplication, QWidget
from pytestqt.qtbot import QtBot

from terminal.cashier.present import present
from terminal.cashier.settings_panel import with_value
from terminal.cashier.state import CashierState, Settings
from terminal.ui.fonts import register_fonts
from terminal.ui.gallery import EVERY_SCENE, grab, window_of
from terminal.ui.gallery_scenes import till
from terminal.ui.text import LANGUAGES
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.keycap import Keycap

#: Window in logical pixels and text size: the baseline, small, large, a doubled 1920 x 1080, and 100 to 200 %.
SIZES = (
    ((1366, 768), "100"), ((1024, 768), "100"), ((1920, 1080), "100"), ((960, 540), "100"), ((1366, 768), "150"),
    ((1366, 768), "200"), ((1920, 1080), "200"),
)  # fmt: skip


@cache
def scenes() -> Mapping[str, CashierState]:
    """Each is played once: a state does not change."""
    return {name: scene() for name, scene in EVERY_SCENE.items()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("size", "text_size"), SIZES)
def test_no_text_is_cut(qtbot: QtBot, language: str, size: tuple[int, int], text_size: str) -> None:
    """Every label fits its place; every key of the strip is inside the window with its whole word."""
    register_fonts()
    window = window_of(replace(till(), settings=_settings(till().settings, language, text_size)), size)
    qtbot.addWidget(window)
    for name, state in scenes().items():
        window.show_view(present(replace(state, settings=_settings(state.settings, language, text_size))))
        QApplication.processEvents()
        QApplication.processEvents()
        for label in window.findChildren(FitLabel):
            if label.isVisible():
                assert label.fits(), f"{name}: {label.text!r} in {label.width()}x{label.height()}"
        for part in window.findChildren(QWidget):
            parent = part.parentWidget()
            if part.isVisible() and parent is not None:
                assert parent.rect().contains(part.geometry()), f"{name}: {type(part).__name__} {part.geometry()}"
        for cap in window.keys.findChildren(Keycap):
            if cap.isVisible():
                assert window.keys.rect().contains(cap.geometry()), f"{name}: {cap.accessibleName()}"
                assert cap.width() >= cap.sizeHint().width(), f"{name}: {cap.accessibleName()}"


def _settings(settings: Settings, language: str, text_size: str) -> Settings:
    return with_value(with_value(settings, "language", language), "text_size", text_size)


@pytest.mark.parametrize("name", sorted(EVERY_SCENE))
def test_every_scene_is_drawn(qtbot: QtBot, name: str) -> None:
    """No scene is blank, and no Qt warning comes with it."""
    del qtbot
    register_fonts()
    image = grab(scenes()[name], (1366, 768)).toImage()
    colours = {image.pixelColor(x, y).name() for x in range(0, 1366, 23) for y in range(0, 768, 17)}
    assert len(colours) >= 3


def test_a_rare_name_has_glyphs(qtbot: QtBot) -> None:
    """A shop named 喆犇 is not drawn as boxes."""
    del qtbot
    register_fonts()
    from terminal.ui.fonts import regular

    face = QRawFont.fromFont(regular(20))
    assert all(face.supportsCharacter(ord(character)) for character in "喆犇堃龘")
