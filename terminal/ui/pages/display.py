"""The display panel: language, colours, text size, keypad, sound. A change applies at once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import ChoiceView
from terminal.ui.fonts import regular, strong
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel

MOST_OPTIONS = 5


class OptionKey(QWidget):
    """One value: filled when chosen, and then with a tick (never colour alone)."""

    def __init__(self, picked: Callable[[], None]) -> None:
        super().__init__()
        self._picked = picked
        self._word, self._chosen = "", False
        self._look: Look | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def show_option(self, word: str, look: Look, *, chosen: bool) -> None:
        self._word, self._chosen, self._look = word, chosen, look
        self.setFixedHeight(look.px(52))
        self.setAccessibleName(word)
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        del event
        self._picked()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look = self._look
        if look is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        painter.setPen(QPen(look.colour("accent" if self._chosen else "line"), 1))
        painter.setBrush(look.colour("accent" if self._chosen else "surface_raised"))
        painter.drawRoundedRect(box, look.px(8), look.px(8))
        text = f"✓ {self._word}" if self._chosen else self._word
        pixels = look.px(16)
        while pixels > 11 and QFontMetricsF(strong(pixels)).horizontalAdvance(text) > box.width() - 8:
            pixels -= 1
        painter.setFont(strong(pixels) if self._chosen else regular(pixels))
        painter.setPen(look.colour("on_accent" if self._chosen else "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


class ChoiceRow(Card):
    """One setting."""

    def __init__(self, view: ChoiceView, hands: Hands) -> None:
        super().__init__()
        self.title = FitLabel(size=20, bold=True)
        self._keys = [OptionKey(_picker(hands, view.name, value)) for value, _ in view.options]
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.title, 2)
        for key in self._keys:
            self._row.addWidget(key, 2)
        for _ in range(MOST_OPTIONS - len(self._keys)):
            self._row.addWidget(QWidget(), 2)

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        edge = look.px(16)
        self._row.setContentsMargins(edge, look.px(10), edge, look.px(10))
        self._row.setSpacing(look.px(10))
        self.title.set_look(look)

    def show_choice(self, view: ChoiceView, text: Callable[[Phrase], str], look: Look) -> None:
        self.set_frame(
            fill="surface_raised", edge="accent" if view.selected else "line", width=2 if view.selected else 1
        )
        self.title.set_text(text(view.title))
        for key, (value, word) in zip(self._keys, view.options, strict=True):
            key.show_option(text(word), look, chosen=value == view.chosen)


class DisplayPage(QWidget):
    """Shows the choices."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands
        self._rows: list[ChoiceRow] = []
        self._outer = QVBoxLayout(self)
        self._outer.addStretch(1)
        self._look: Look | None = None

    def set_look(self, look: Look) -> None:
        self._look = look
        edge = look.px(16)
        self._outer.setContentsMargins(edge, edge, edge, edge)
        self._outer.setSpacing(look.px(12))
        for row in self._rows:
            row.set_look(look)

    def show_view(self, choices: tuple[ChoiceView, ...], text: Callable[[Phrase], str]) -> None:
        look = self._look
        assert look is not None, "a page is shown after it was given its look"
        while len(self._rows) < len(choices):
            row = ChoiceRow(choices[len(self._rows)], self._hands)
            row.set_look(look)
            self._outer.insertWidget(len(self._rows), row)
            self._rows.append(row)
        for row, choice in zip(self._rows, choices, strict=True):
            row.show_choice(choice, text, look)


def _picker(hands: Hands, name: str, value: str) -> Callable[[], None]:
    return lambda: hands.pick(name, value)
