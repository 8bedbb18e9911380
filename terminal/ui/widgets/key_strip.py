"""The strip at the bottom: exactly the keys that work now. It wraps to a second row before anything is cut.

Holding Ctrl enlarges it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QWidget

from terminal.cashier.keys import KeyHint
from terminal.cashier.phrase import Phrase
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.keycap import HEIGHT, Keycap

ENLARGED = 1.6
GAP = 4


class KeyStrip(QWidget):
    """Keycaps in a row; the last one (the way back) stands at the right edge."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._hands = hands
        self._caps: list[Keycap] = []
        self._hints: tuple[KeyHint, ...] = ()
        self._text: Callable[[Phrase], str] | None = None
        self._look: Look | None = None
        self._enlarged = False

    @property
    def hints(self) -> tuple[KeyHint, ...]:
        return self._hints

    def set_look(self, look: Look) -> None:
        self._look = look
        self._arrange()

    def show_keys(self, hints: tuple[KeyHint, ...], text: Callable[[Phrase], str]) -> None:
        if hints != self._hints or text != self._text:
            self._hints, self._text = hints, text
            self._arrange()

    def set_enlarged(self, enlarged: bool) -> None:
        if enlarged != self._enlarged:
            self._enlarged = enlarged
            self._arrange()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._arrange()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is not None:
            painter = QPainter(self)
            painter.fillRect(self.rect(), self._look.colour("surface"))
            painter.fillRect(0, 0, self.width(), 1, self._look.colour("line"))

    def _arrange(self) -> None:
        look, text = self._look, self._text
        if look is None or text is None:
            return
        scale = ENLARGED if self._enlarged else 1.0
        while len(self._caps) < len(self._hints):
            cap = Keycap(self._hands)
            cap.setParent(self)
            self._caps.append(cap)
        for cap, hint in zip(self._caps, self._hints, strict=False):
            cap.show_hint(hint, text(hint.word), look, scale)
            cap.resize(cap.sizeHint())
            cap.show()
        for cap in self._caps[len(self._hints) :]:
            cap.hide()
        self._place(look, round(look.px(HEIGHT * scale)))

    def _place(self, look: Look, row_height: int) -> None:
        gap, edge = look.px(GAP), look.px(8)
        x, y = edge, gap
        shown = self._caps[: len(self._hints)]
        for index, cap in enumerate(shown):
            if x > edge and x + cap.width() > self.width() - edge:
                x, y = edge, y + row_height + gap
            last = index == len(shown) - 1 and self._hints[index].key == "Esc"
            cap.move(max(x, self.width() - edge - cap.width()) if last else x, y)
            x += cap.width() + gap
        self.setFixedHeight(y + row_height + gap)
