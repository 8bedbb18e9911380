"""The glyph of a state: shape first, colour second. Rings show seconds; an unknown outcome has a hatched frame.

Motion: only the ring's arc moves, once a second; nothing here delays an action.
"""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from terminal.cashier.view import Ring, Sign
from terminal.ui.fonts import strong
from terminal.ui.icons import draw_icon
from terminal.ui.theme import Look


def draw_sign(painter: QPainter, sign: Sign, colour: QColor, hole: QColor, box: QRectF, ring: Ring | None) -> None:
    """Draws a state's glyph into a square; `hole` is the colour behind it."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    thick = max(1.5, box.width() / 12)
    pen = QPen(colour, thick, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    inner = box.adjusted(thick / 2, thick / 2, -thick / 2, -thick / 2)
    match sign:
        case Sign.NONE:
            return
        case Sign.DISC_TICK:
            _disc(painter, colour, box)
            _tick(painter, QPen(pen), hole, box, thick)
        case Sign.DISC_CLOCK:
            _disc(painter, colour, box)
            _clock_hands(painter, QPen(pen), hole, box, thick)
        case Sign.SQUARE_CROSS:
            painter.setPen(pen)
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(inner, thick, thick)
            third = box.width() * 0.32
            mark = box.adjusted(third, third, -third, -third)
            painter.drawLine(mark.topLeft(), mark.bottomRight())
            painter.drawLine(mark.topRight(), mark.bottomLeft())
        case Sign.RING | Sign.RING_OPEN | Sign.PULSE:
            _ring(painter, pen, inner, ring, open_ring=sign is Sign.RING_OPEN)
        case Sign.HATCHED_QUESTION:
            _hatched(painter, pen, inner)
        case Sign.PLUG:
            draw_icon(painter, "unplug", colour, box)
        case Sign.NOTE:
            draw_icon(painter, "info", colour, box)


def _disc(painter: QPainter, colour: QColor, box: QRectF) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawEllipse(box)


def _tick(painter: QPainter, pen: QPen, hole: QColor, box: QRectF, thick: float) -> None:
    pen.setColor(hole)
    pen.setWidthF(thick * 1.2)
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    points = [(0.28, 0.53), (0.44, 0.68), (0.73, 0.35)]
    line = QPolygonF([QPointF(box.x() + x * box.width(), box.y() + y * box.height()) for x, y in points])
    painter.drawPolyline(line)


def _clock_hands(painter: QPainter, pen: QPen, hole: QColor, box: QRectF, thick: float) -> None:
    pen.setColor(hole)
    pen.setWidthF(thick)
    painter.setPen(pen)
    middle = box.center()
    painter.drawLine(middle, QPointF(middle.x(), box.y() + box.height() * 0.24))
    painter.drawLine(middle, QPointF(box.x() + box.width() * 0.7, box.y() + box.height() * 0.62))


def _ring(painter: QPainter, pen: QPen, inner: QRectF, ring: Ring | None, *, open_ring: bool) -> None:
    faint = QColor(pen.color())
    faint.setAlphaF(0.22)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(faint, pen.widthF()))
    painter.drawEllipse(inner)
    painter.setPen(pen)
    if open_ring or ring is None or not ring.of_s:
        start = (ring.elapsed_s * 45 if ring is not None else 0) % 360
        painter.drawArc(inner, (90 - start) * 16, -270 * 16 if open_ring else -100 * 16)
    else:
        part = min(1.0, ring.elapsed_s / ring.of_s)
        painter.drawArc(inner, 90 * 16, -round(max(0.02, part) * 360 * 16))
    if ring is not None and inner.width() >= 40:
        font = QFont(strong(max(10, round(inner.width() * 0.34))))
        painter.setFont(font)
        painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, str(ring.elapsed_s))


def _hatched(painter: QPainter, pen: QPen, inner: QRectF) -> None:
    dashed = QPen(pen)
    dashed.setStyle(Qt.PenStyle.CustomDashLine)
    dashed.setCapStyle(Qt.PenCapStyle.FlatCap)
    dashed.setDashPattern([1.2, 0.9])
    painter.setPen(dashed)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(inner, pen.widthF(), pen.widthF())
    painter.setPen(pen)
    painter.setFont(strong(max(8, round(inner.width() * 0.62))))
    painter.drawText(inner, Qt.AlignmentFlag.AlignCenter, "?")


class SignWidget(QWidget):
    """One glyph as a widget of a fixed size in baseline pixels."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self._size = size
        self._look: Look | None = None
        self._sign, self._ring, self._role, self._hole = Sign.NONE, None, "neutral", "neutral_tint"

    def set_look(self, look: Look) -> None:
        self._look = look
        self.setFixedSize(look.px(self._size), look.px(self._size))
        self.update()

    def set_size(self, size: int) -> None:
        if size != self._size:
            self._size = size
            if self._look is not None:
                self.set_look(self._look)

    def show_sign(self, sign: Sign, role: str, hole: str, ring: Ring | None = None) -> None:
        shown = (self._sign, self._role, self._hole, self._ring)
        if shown != (sign, role, hole, ring):
            self._sign, self._role, self._hole, self._ring = sign, role, hole, ring
            self.update()

    def sizeHint(self) -> QSize:
        side = self._look.px(self._size) if self._look is not None else self._size
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is None:
            return
        painter = QPainter(self)
        colour, hole = self._look.colour(self._role), self._look.colour(self._hole)
        draw_sign(painter, self._sign, colour, hole, QRectF(self.rect()), self._ring)
