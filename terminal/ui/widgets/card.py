"""A raised surface: background role, border role, radius 8; hatched border for what is not confirmed."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QWidget

from terminal.ui.theme import Look

RADIUS = 8


class Card(QWidget):
    """Paints itself behind its children."""

    def __init__(self, *, fill: str = "surface_raised", edge: str = "line") -> None:
        super().__init__()
        self._fill, self._edge, self._width, self._hatched = fill, edge, 1.0, False
        self._look: Look | None = None

    def set_look(self, look: Look) -> None:
        self._look = look
        self.update()

    def set_frame(self, *, fill: str, edge: str, width: float = 1.0, hatched: bool = False) -> None:
        if (fill, edge, width, hatched) != (self._fill, self._edge, self._width, self._hatched):
            self._fill, self._edge, self._width, self._hatched = fill, edge, width, hatched
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = max(1.0, self._look.px(self._width)) if self._width else 0.0
        radius = self._look.px(RADIUS)
        box = QRectF(self.rect()).adjusted(width / 2, width / 2, -width / 2, -width / 2)
        pen = QPen(self._look.colour(self._edge), width) if width else QPen(Qt.PenStyle.NoPen)
        if self._hatched:
            pen.setDashPattern([2.0, 1.4])
        painter.setPen(pen)
        painter.setBrush(self._look.colour(self._fill))
        painter.drawRoundedRect(box, radius, radius)
