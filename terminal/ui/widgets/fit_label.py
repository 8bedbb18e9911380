"""A text that is never cut: it wraps at the width it has and shrinks until it fits, from its token down to a floor.

Rule: what does not fit even at the floor is a mistake of the layout, and `fits()` says so (the tests ask every label).
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look

FLOOR = 12


class FitLabel(QWidget):
    """One text in one colour role. `size` is the type token, `lines` how many lines it may take."""

    def __init__(
        self,
        *,
        size: int,
        role: str = "text",
        bold: bool = False,
        lines: int = 1,
        align: Qt.AlignmentFlag = Qt.AlignmentFlag.AlignLeft,
        floor: int = FLOOR,
    ) -> None:
        super().__init__()
        self._size, self._role, self._bold, self._lines, self._floor = size, role, bold, lines, floor
        self._align = align | Qt.AlignmentFlag.AlignVCenter
        self._text = ""
        self._look: Look | None = None
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    def set_role(self, role: str) -> None:
        if role != self._role:
            self._role = role
            self.update()

    def set_look(self, look: Look) -> None:
        self._look = look
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        if self._look is None:
            return QSize(0, 0)
        metrics = QFontMetricsF(self._font(self._look.px(self._size)))
        lines = self._lines if self._text else (1 if self._lines == 1 else 0)
        width = metrics.horizontalAdvance(self._text) + 2
        return QSize(round(width), round(metrics.height() * max(1, lines)))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def fits(self) -> bool:
        """Whether the whole text is visible at some allowed size."""
        return self._text == "" or self._chosen() is not None

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is None or not self._text:
            return
        painter = QPainter(self)
        painter.setFont(self._chosen() or self._font(self._smallest()))
        painter.setPen(QColor(self._look.colour(self._role)))
        painter.drawText(QRectF(self.rect()), self._flags(), self._text)

    def _flags(self) -> int:
        wrap = Qt.TextFlag.TextWordWrap if self._lines > 1 else Qt.TextFlag.TextSingleLine
        return int(self._align) | int(wrap)

    def _font(self, pixels: int) -> QFont:
        return strong(pixels) if self._bold else regular(pixels)

    def _smallest(self) -> int:
        look = self._look
        return min(self._floor, look.px(self._size)) if look is not None else self._floor

    def _chosen(self) -> QFont | None:
        """The largest font at which the text fits the widget."""
        assert self._look is not None, "a label draws after it was given its look"
        area = QRectF(self.rect())
        for pixels in range(self._look.px(self._size), self._smallest() - 1, -1):
            font = self._font(pixels)
            bound = QFontMetricsF(font).boundingRect(area, self._flags(), self._text)
            if bound.width() <= area.width() + 0.5 and bound.height() <= area.height() + 0.5:
                return font
        return None
