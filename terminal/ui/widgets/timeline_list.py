"""An order's history: a line of dots; each with its time, who said it, and what, wrapped and never cut."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view_pages import TimelineLine
from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look


class TimelineList(QWidget):
    """Painted; the wheel scrolls when a history is long."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: tuple[TimelineLine, ...] = ()
        self._text: Callable[[Phrase], str] | None = None
        self._look: Look | None = None
        self._scroll = 0.0
        self._full = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_look(self, look: Look) -> None:
        self._look = look
        self.update()

    def show_lines(self, lines: tuple[TimelineLine, ...], text: Callable[[Phrase], str]) -> None:
        if lines != self._lines or text != self._text:
            self._lines, self._text, self._scroll = lines, text, 0.0
            self.update()

    def wheelEvent(self, event: QWheelEvent) -> None:
        limit = max(0.0, self._full - self.height())
        self._scroll = max(0.0, min(limit, self._scroll - event.angleDelta().y() / 2))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, text = self._look, self._text
        if look is None or text is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        y = -self._scroll
        dots: list[tuple[QPointF, str]] = []
        for line in self._lines:
            height = self._paint_line(painter, look, text, line, y)
            dots.append((QPointF(look.px(10), y + look.px(16)), line.tone.value))
            y += height
        self._full = y + self._scroll
        for (above, _), (below, _) in pairwise(dots):
            painter.setPen(QPen(look.colour("line"), 2))
            painter.drawLine(above + QPointF(0, look.px(8)), below - QPointF(0, look.px(8)))
        for centre, role in dots:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour(role))
            painter.drawEllipse(centre, look.px(5), look.px(5))

    def _paint_line(
        self, painter: QPainter, look: Look, text: Callable[[Phrase], str], line: TimelineLine, y: float
    ) -> float:
        """Time and speaker above, what happened below; returns the height taken."""
        left, small, plain = look.px(28), regular(look.px(14)), strong(look.px(16))
        width = self.width() - left
        head = f"{line.time} · {text(line.who)}"
        metrics = QFontMetricsF(small)
        painter.setFont(small)
        painter.setPen(look.colour("text_muted"))
        painter.drawText(QRectF(left, y + look.px(4), width, metrics.height()), Qt.AlignmentFlag.AlignLeft, head)
        flags = int(Qt.TextFlag.TextWordWrap) | int(Qt.AlignmentFlag.AlignLeft)
        top = y + look.px(4) + metrics.height()
        bound = QFontMetricsF(plain).boundingRect(QRectF(left, top, width, 10_000), flags, text(line.what))
        painter.setFont(plain)
        painter.setPen(look.colour("text"))
        painter.drawText(bound, flags, text(line.what))
        return bound.bottom() - y + look.px(10)
