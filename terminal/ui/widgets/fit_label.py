"""A text that is never cut: it wraps at the width it has and shrinks until it fits, from its token down to a floor.

Rule: what does not fit even at the floor is a mistake of the layout, and `fits()` says so (the tests ask every label).
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look

FLOOR = 12
#: A text of several lines stays on one while it is at least this large.
ONE_LINE = 0.62


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
        self._known: dict[tuple[float, float], QFont | None] = {}
        self._heights: dict[int, int] = {}
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(lines > 1)
        self.setSizePolicy(policy)

    @property
    def text(self) -> str:
        return self._text

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self._forget()
            self.setAccessibleName(text)
            self.updateGeometry()
            self.update()

    def set_role(self, role: str) -> None:
        if role != self._role:
            self._role = role
            self.update()

    def set_look(self, look: Look) -> None:
        self._look = look
        self._forget()
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        if self._look is None:
            return QSize(0, 0)
        metrics = QFontMetricsF(self._font(self._look.px(self._size)))
        return QSize(round(metrics.horizontalAdvance(self._text)) + 2, ceil(metrics.height()))

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self.sizeHint().height())

    def hasHeightForWidth(self) -> bool:
        return self._lines > 1

    def heightForWidth(self, width: int) -> int:
        """What the text needs at this width; never more than `lines` lines of its full size. Layouts ask again and
        again: each width is measured once per text and look."""
        if self._look is None:
            return 0
        if width not in self._heights:
            self._heights[width] = self._measured(width, self._look)
        return self._heights[width]

    def _measured(self, width: int, look: Look) -> int:
        line = QFontMetricsF(self._font(look.px(self._size))).height()
        font = self._chosen(QRectF(0, 0, max(1, width), line * self._lines + 1))
        if font is None or not self._text:
            return ceil(line * (1 if not self._text else self._lines)) + 1
        bound = QFontMetricsF(font).boundingRect(QRectF(0, 0, width, 100_000), self._flags(), self._text)
        return ceil(bound.height()) + 1

    def fits(self) -> bool:
        """Whether the whole text is visible at some allowed size."""
        return self._text == "" or self._chosen(QRectF(self.rect())) is not None

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is None or not self._text:
            return
        painter = QPainter(self)
        painter.setFont(self._chosen(QRectF(self.rect())) or self._font(self._smallest()))
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

    def _forget(self) -> None:
        """What was measured for another text or look."""
        self._known.clear()
        self._heights.clear()

    def _chosen(self, area: QRectF) -> QFont | None:
        """What `_search` found for a place of this size; each is searched once per text and look."""
        size = (area.width(), area.height())
        if size not in self._known:
            self._known[size] = self._search(area)
        return self._known[size]

    def _search(self, area: QRectF) -> QFont | None:
        """One line down to ONE_LINE of the full size, else the largest size that fits wrapped."""
        assert self._look is not None, "a label draws after it was given its look"
        full, smallest = self._look.px(self._size), self._smallest()

        def on_one_line(pixels: int) -> bool:
            metrics = QFontMetricsF(self._font(pixels))
            return metrics.horizontalAdvance(self._text) <= area.width() and metrics.height() <= area.height() + 0.5

        def at_all(pixels: int) -> bool:
            bound = QFontMetricsF(self._font(pixels)).boundingRect(area, self._flags(), self._text)
            return bound.width() <= area.width() + 0.5 and bound.height() <= area.height() + 0.5

        pixels = _largest(full, max(smallest, round(full * ONE_LINE)), on_one_line) if self._lines > 1 else None
        if pixels is None:
            pixels = _largest(full, smallest, at_all)
        return None if pixels is None else self._font(pixels)


def _largest(full: int, smallest: int, fits: Callable[[int], bool]) -> int | None:
    """The largest size that fits, found by halving: what fits at one size fits at every smaller one."""
    if fits(full):
        return full
    if not fits(smallest):
        return None
    fitting, too_large = smallest, full
    while too_large - fitting > 1:
        middle = (fitting + too_large) // 2
        if fits(middle):
            fitting = middle
        else:
            too_large = middle
    return fitting
