"""Two pictures by QPainter: lying bars (by wallet), standing bars (by hour). Every bar has its number in words too."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view_pages import Bar, BarKind
from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look

#: By colour and by side: what went back grows from the right.
_ROLE: Final = {BarKind.TAKEN: "accent", BarKind.BACK: "unknown", BarKind.BESIDE: "neutral"}


class BarsWidget(QWidget):
    """Shows bars; `_paint` is the kind's."""

    def __init__(self) -> None:
        super().__init__()
        self._bars: tuple[Bar, ...] = ()
        self._text: Callable[[Phrase], str] | None = None
        self._look: Look | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_look(self, look: Look) -> None:
        self._look = look
        self.updateGeometry()
        self.update()

    def show_bars(self, bars: tuple[Bar, ...], text: Callable[[Phrase], str]) -> None:
        self._bars, self._text = bars, text
        self.updateGeometry()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is not None and self._text is not None and self._bars:
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            self._paint(painter, self._look, self._text)

    def _paint(self, painter: QPainter, look: Look, text: Callable[[Phrase], str]) -> None:
        raise NotImplementedError


class LyingBars(BarsWidget):
    """One row per wallet: name and count, bar, amount. Every row is shown: where room is short, bars are thin."""

    def minimumSizeHint(self) -> QSize:
        look = self._look
        return QSize(0, look.px(30) * max(1, len(self._bars)) if look is not None else 0)

    def _paint(self, painter: QPainter, look: Look, text: Callable[[Phrase], str]) -> None:
        row = min(look.px(64), self.height() // len(self._bars))
        plain, bold = regular(look.px(16)), strong(look.px(16))
        line = QFontMetricsF(plain).height()
        thick = max(look.px(3), min(look.px(12), row - line - look.px(6)))
        for index, bar in enumerate(self._bars):
            top = index * row
            name = text(bar.phrase) if bar.phrase is not None else bar.label
            area = QRectF(0, top, self.width(), line)
            painter.setFont(plain)
            painter.setPen(look.colour("text"))
            painter.drawText(area, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, name)
            painter.setFont(bold)
            painter.drawText(area, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter, bar.value)
            track = QRectF(0, top + line + look.px(2), self.width(), thick)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("surface_pressed"))
            painter.drawRoundedRect(track, thick / 3, thick / 3)
            painter.setBrush(look.colour(_ROLE[bar.kind]))
            full = QRectF(track)
            full.setWidth(max(thick / 3, track.width() * bar.share / 1000))
            if bar.kind is BarKind.BACK:
                full.moveRight(track.right())
            painter.drawRoundedRect(full, thick / 3, thick / 3)


class StandingBars(BarsWidget):
    """One column per hour; the highest carries its amount."""

    def minimumSizeHint(self) -> QSize:
        return QSize(0, self._look.px(110) if self._look is not None else 0)

    def _paint(self, painter: QPainter, look: Look, text: Callable[[Phrase], str]) -> None:
        del text
        small = regular(look.px(14))
        metrics = QFontMetricsF(small)
        foot, head = metrics.height() + look.px(4), metrics.height() + look.px(2)
        step = self.width() / len(self._bars)
        room = self.height() - foot - head
        painter.setFont(small)
        base = head + room
        painter.fillRect(QRectF(0, base, self.width(), 1), look.colour("line"))
        every = 1 if step >= metrics.horizontalAdvance("00") + look.px(6) else 2
        for index, bar in enumerate(self._bars):
            x = index * step
            height = room * bar.share / 1000
            width = min(step * 0.62, look.px(40))
            column = QRectF(x + (step - width) / 2, base - height, width, height)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour("accent"))
            if height > 0:
                painter.drawRoundedRect(column, look.px(3), look.px(3))
            painter.setPen(look.colour("text_muted"))
            if index % every == 0:
                area = QRectF(x, base + look.px(3), step, foot)
                painter.drawText(area, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, bar.label)
            if bar.share == 1000:
                self._paint_top(painter, look, metrics, bar, column)

    def _paint_top(self, painter: QPainter, look: Look, metrics: QFontMetricsF, bar: Bar, column: QRectF) -> None:
        width = metrics.horizontalAdvance(bar.value)
        left = max(0.0, min(self.width() - width, column.center().x() - width / 2))
        painter.setPen(look.colour("text"))
        painter.drawText(QRectF(left, column.top() - metrics.height() - 1, width + 1, metrics.height()), bar.value)
