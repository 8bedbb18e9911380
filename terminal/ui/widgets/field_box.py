"""A typed field that is drawn and is no text box: no input method reaches it, and a scan leaves nothing in it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from terminal.ui.fonts import regular
from terminal.ui.icons import draw_icon
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card


class FieldBox(Card):
    """Shows a text with a caret, or a hint while it is empty."""

    def __init__(self, picked: Callable[[], None] | None = None, *, icon: str = "", size: int = 20) -> None:
        super().__init__()
        self._picked, self._icon, self._size = picked, icon, size
        self._text, self._hint, self._active = "", "", True
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    @property
    def text(self) -> str:
        return self._text

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        self.setFixedHeight(look.px(self._size * 2.4))

    def show_text(self, text: str, hint: str, *, active: bool) -> None:
        self._text, self._hint, self._active = text, hint, active
        self.setAccessibleName(f"{hint}: {text}")
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self._look.px(self._size * 2.4) if self._look is not None else 48)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        del event
        if self._picked is not None:
            self._picked()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.set_frame(fill="surface_raised", edge="accent" if self._active else "line", width=2 if self._active else 1)
        super().paintEvent(event)
        look = self._look
        if look is None:
            return
        painter = QPainter(self)
        pad, x = look.px(14), float(look.px(14))
        if self._icon:
            side = look.px(self._size)
            draw_icon(painter, self._icon, look.colour("text_muted"), QRectF(x, (self.height() - side) / 2, side, side))
            x += side + look.px(10)
        area = QRectF(x, 0, self.width() - x - pad, self.height())
        shown = self._text or self._hint
        pixels = look.px(self._size)
        while pixels > 11 and QFontMetricsF(regular(pixels)).horizontalAdvance(shown) > area.width():
            pixels -= 1
        font = regular(pixels)
        painter.setFont(font)
        painter.setPen(look.colour("text" if self._text else "text_muted"))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, shown)
        if self._active:
            width = QFontMetricsF(font).horizontalAdvance(self._text)
            painter.fillRect(QRectF(x + width + 1, self.height() * 0.25, 2, self.height() * 0.5), look.colour("accent"))
