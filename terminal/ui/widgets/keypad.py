"""The touch keypad: digits, `00`, the point and erase; keys of at least 64 px."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from terminal.ui.fonts import strong
from terminal.ui.hands import Hands
from terminal.ui.icons import draw_icon
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card

KEYS = (("7", 0, 0), ("8", 0, 1), ("9", 0, 2), ("4", 1, 0), ("5", 1, 1), ("6", 1, 2), ("1", 2, 0), ("2", 2, 1),
        ("3", 2, 2), ("00", 3, 0), ("0", 3, 1), (".", 3, 2))  # fmt: skip
ERASE = "erase"
SIDE = 64


class PadKey(Card):
    """One key; repeats nothing, takes no focus."""

    def __init__(self, name: str, act: Callable[[], None]) -> None:
        super().__init__()
        self._name, self._act, self._down = name, act, False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setAccessibleName(name)

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        self.setMinimumSize(look.px(SIDE), look.px(SIDE))

    def paintEvent(self, event: QPaintEvent) -> None:
        self.set_frame(fill="surface_pressed" if self._down else "surface_raised", edge="line")
        super().paintEvent(event)
        look = self._look
        if look is None:
            return
        painter = QPainter(self)
        box = QRectF(self.rect())
        if self._name == ERASE:
            side = look.px(28)
            draw_icon(painter, "delete", look.colour("text"), QRectF(
                box.center().x() - side / 2, box.center().y() - side / 2, side, side))  # fmt: skip
            return
        painter.setPen(look.colour("text"))
        painter.setFont(strong(look.px(32)))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, self._name)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._down = True
            self.update()
            self._act()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        del event
        self._down = False
        self.update()


class Keypad(QWidget):
    """Twelve keys and erase."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._keys: list[PadKey] = []
        for text, row, column in KEYS:
            self._add(PadKey(text, lambda typed=text: _type(hands, typed)), row, column)
        self._add(PadKey(ERASE, hands.erase), 0, 3, 4)

    def set_look(self, look: Look) -> None:
        self._grid.setSpacing(look.px(8))
        for key in self._keys:
            key.set_look(look)

    def _add(self, key: PadKey, row: int, column: int, rows: int = 1) -> None:
        self._keys.append(key)
        self._grid.addWidget(key, row, column, rows, 1)


def _type(hands: Hands, text: str) -> None:
    for character in text:
        hands.type_text(character)
