"""A QR code drawn module by module: black on white in both themes, with its quiet zone, sharp at every scale."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.ui.qr_matrix import matrix_of
from terminal.ui.theme import Look

QUIET_MODULES = 4


@lru_cache(maxsize=4)
def _matrix(text: str) -> tuple[tuple[bool, ...], ...]:
    return matrix_of(text)


class QrWidget(QWidget):
    """Shows one text as a QR code, as large as the space allows; nothing while there is none."""

    def __init__(self) -> None:
        super().__init__()
        self._text = ""
        self._look: Look | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_look(self, look: Look) -> None:
        self._look = look
        self.updateGeometry()
        self.update()

    def set_text(self, text: str) -> None:
        if text != self._text:
            self._text = text
            self.update()

    def sizeHint(self) -> QSize:
        side = self._look.px(320) if self._look is not None else 320
        return QSize(side, side)

    def minimumSizeHint(self) -> QSize:
        side = self._look.px(180) if self._look is not None else 180
        return QSize(side, side)

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if not self._text:
            return
        rows = _matrix(self._text)
        painter = QPainter(self)
        ratio = self.devicePixelRatioF()
        count = len(rows) + 2 * QUIET_MODULES
        module = max(1, int(min(self.width(), self.height()) * ratio // count)) / ratio
        side = module * count
        left, top = (self.width() - side) / 2, (self.height() - side) / 2
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor("#FFFFFF"))
        painter.drawRoundedRect(QRectF(left, top, side, side), 8, 8)
        black = QColor("#000000")
        for y, row in enumerate(rows):
            for x, dark in enumerate(row):
                if dark:
                    painter.fillRect(
                        QRectF(left + (x + QUIET_MODULES) * module, top + (y + QUIET_MODULES) * module, module, module),
                        black,
                    )
