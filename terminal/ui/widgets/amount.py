"""The amount: 88 px, tabular digits, readable at two metres; shrinks before it is cut. A scan makes it pulse once."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt, QTimer
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import AmountView
from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card

PULSE_MS = 140
SMALLEST = 20


class AmountWidget(Card):
    """Caption above, number below, right-aligned like a till's display."""

    def __init__(self) -> None:
        super().__init__()
        self._view: AmountView | None = None
        self._caption = ""
        self._pulsing = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._calm)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        self.setMinimumHeight(look.px(150))

    def show_amount(self, view: AmountView, text: Callable[[Phrase], str]) -> None:
        before = self._view
        self._view, self._caption = view, text(view.caption)
        if before is not None and view.pulse != before.pulse:
            self._pulsing = True
            self._timer.start(PULSE_MS)
        self.setAccessibleName(f"{self._caption} ¥{view.text}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        self.set_frame(
            fill="surface_pressed" if self._pulsing else "surface_raised",
            edge="accent" if self._view is not None and self._view.editable else "line",
            width=2 if self._view is not None and self._view.editable else 1,
        )
        super().paintEvent(event)
        look, view = self._look, self._view
        if look is None or view is None:
            return
        painter = QPainter(self)
        pad = look.px(24)
        area = QRectF(self.rect()).adjusted(pad, look.px(16), -pad, -look.px(16))
        painter.setFont(regular(look.px(20)))
        painter.setPen(look.colour("text_muted"))
        painter.drawText(area, Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft, self._caption)
        number = area.adjusted(0, look.px(28), 0, 0)
        text = f"¥ {view.text or '0'}"
        pixels = look.px(88)
        while pixels > SMALLEST and not _fits(pixels, text, number):
            pixels -= 2
        painter.setFont(strong(pixels))
        painter.setPen(look.colour("text" if view.text else "text_muted"))
        painter.drawText(number, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, text)

    def _calm(self) -> None:
        self._pulsing = False
        self.update()


def _fits(pixels: int, text: str, area: QRectF) -> bool:
    metrics = QFontMetricsF(strong(pixels))
    return metrics.horizontalAdvance(text) <= area.width() and metrics.capHeight() * 1.5 <= area.height()
