"""Icons tinted by colour role. The strokes of a bundled SVG say `currentColor`; this puts the colour in."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer

import assets


@lru_cache(maxsize=256)
def icon(name: str, colour: str, pixels: int, ratio: float) -> QPixmap:
    """One icon, square, `pixels` logical pixels wide at a device pixel ratio."""
    renderer = QSvgRenderer(QByteArray(assets.icon(name).replace("currentColor", colour).encode()))
    pixmap = QPixmap(round(pixels * ratio), round(pixels * ratio))
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    renderer.render(painter, QRectF(0, 0, pixmap.width(), pixmap.height()))
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap


def draw_icon(painter: QPainter, name: str, colour: QColor, target: QRectF) -> None:
    """Draws an icon into a square of `target`'s width."""
    ratio = painter.device().devicePixelRatioF()
    painter.drawPixmap(target.topLeft(), icon(name, colour.name(), round(target.width()), ratio))
