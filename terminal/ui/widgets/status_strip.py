"""The strip on top: who sells where on the left, lamps and the time on the right. Lamps drop their words before they
are cut; each lamp's sign tells its state without colour."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import LampView, Light, StatusView
from terminal.ui.fonts import regular, strong
from terminal.ui.icons import draw_icon
from terminal.ui.theme import Look

HEIGHT = 48
LIGHT_ROLES = {Light.OK: "paid", Light.BUSY: "waiting", Light.BAD: "danger", Light.NONE: "text_muted"}


class StatusStrip(QWidget):
    """Painted whole: it changes a few times a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._view: StatusView | None = None
        self._title = ""
        self._text: Callable[[Phrase], str] | None = None
        self._look: Look | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_look(self, look: Look) -> None:
        self._look = look
        self.setFixedHeight(look.px(HEIGHT))
        self.update()

    def show_status(self, view: StatusView, title: str, text: Callable[[Phrase], str]) -> None:
        self._view, self._title, self._text = view, title, text
        self.setAccessibleName(", ".join([view.place, *(text(lamp.word) for lamp in view.lamps)]))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(400, self._look.px(HEIGHT) if self._look is not None else HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, view = self._look, self._view
        if look is None or view is None or self._text is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), look.colour("surface_raised"))
        painter.fillRect(0, self.height() - 1, self.width(), 1, look.colour("line"))
        right = self._paint_clock(painter, look, view.clock)
        wanted = self._place_width(look.px(16), view.place, look) + look.px(48)
        left = self._paint_lamps(painter, look, view.lamps, right, wanted)
        self._paint_place(painter, look, view.place, left)

    def _paint_clock(self, painter: QPainter, look: Look, clock: str) -> float:
        font = strong(look.px(16))
        width = QFontMetricsF(font).horizontalAdvance(clock)
        painter.setFont(font)
        painter.setPen(look.colour("text"))
        right = self.width() - look.px(16)
        painter.drawText(QRectF(right - width, 0, width + 1, self.height()), Qt.AlignmentFlag.AlignVCenter, clock)
        return right - width - look.px(20)

    def _paint_lamps(
        self, painter: QPainter, look: Look, lamps: tuple[LampView, ...], right: float, place: float
    ) -> float:
        assert self._text is not None, "painted after it was shown"
        font = regular(look.px(14))
        metrics = QFontMetricsF(font)
        words = [self._text(lamp.word) for lamp in lamps]
        side, gap = look.px(18), look.px(16)
        full = sum(side + look.px(6) + metrics.horizontalAdvance(word) + gap for word in words)
        wordy = full + place <= right
        x = right
        painter.setFont(font)
        for lamp, word in zip(reversed(lamps), reversed(words), strict=True):
            role = LIGHT_ROLES[lamp.light]
            loud = wordy or lamp.loud or lamp.light is Light.BAD
            width = metrics.horizontalAdvance(word) if loud else 0
            x -= side + (look.px(6) + width if loud else 0)
            box = QRectF(x, (self.height() - side) / 2, side, side)
            draw_icon(painter, lamp.icon, look.colour(role), box)
            self._paint_mark(painter, look, lamp.light, box)
            if loud:
                painter.setPen(look.colour("danger" if lamp.light is Light.BAD else "text_muted"))
                area = QRectF(box.right() + look.px(6), 0, width + 1, self.height())
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, word)
            x -= gap
        return x

    def _paint_mark(self, painter: QPainter, look: Look, light: Light, box: QRectF) -> None:
        """Busy: a ring at the corner. Bad: a bar under the icon. Good: nothing."""
        if light is Light.BUSY:
            painter.setPen(QPen(look.colour("waiting"), 1.5))
            painter.setBrush(look.colour("surface_raised"))
            painter.drawEllipse(QRectF(box.right() - look.px(5), box.top() - look.px(2), look.px(7), look.px(7)))
        elif light is Light.BAD:
            painter.fillRect(QRectF(box.left(), box.bottom() + 2, box.width(), 2), look.colour("danger"))

    def _paint_place(self, painter: QPainter, look: Look, place: str, limit: float) -> None:
        """The page's name, then who sells where; both shrink before the shop's name is shortened."""
        left = float(look.px(16))
        pixels = look.px(16)
        while pixels > 11 and self._place_width(pixels, place, look) > limit - left:
            pixels -= 1
        title = strong(pixels)
        painter.setFont(title)
        painter.setPen(look.colour("text"))
        flags = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(QRectF(left, 0, limit - left, self.height()), flags, self._title)
        left += QFontMetricsF(title).horizontalAdvance(self._title) + look.px(14)
        font = regular(pixels)
        painter.setFont(font)
        painter.setPen(look.colour("text_muted"))
        shown = QFontMetricsF(font).elidedText(place, Qt.TextElideMode.ElideRight, round(max(0.0, limit - left)))
        painter.drawText(QRectF(left, 0, max(0.0, limit - left), self.height()), flags, shown)

    def _place_width(self, pixels: int, place: str, look: Look) -> float:
        title = QFontMetricsF(strong(pixels)).horizontalAdvance(self._title)
        return title + look.px(14) + QFontMetricsF(regular(pixels)).horizontalAdvance(place)
