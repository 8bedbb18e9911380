"""A button that names its key: `[F2] 二维码`. It never takes the keyboard focus; press and release are told apart."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFont, QFontMetricsF, QHideEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.cashier.keys import Command, KeyHint
from terminal.ui.fonts import regular, strong
from terminal.ui.hands import Hands
from terminal.ui.theme import Look

KEY_SIGNS = {"Up": "↑", "Down": "↓", "Left": "←", "Right": "→"}
HEIGHT = 44


class Keycap(QWidget):
    """One command's button."""

    def __init__(self, hands: Hands, *, raised: bool = False) -> None:
        super().__init__()
        self._hands, self._raised = hands, raised
        self._hint: KeyHint | None = None
        self._word = ""
        self._look: Look | None = None
        self._scale = 1.0
        self._pressed: Command | None = None
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    @property
    def hint(self) -> KeyHint | None:
        return self._hint

    def show_hint(self, hint: KeyHint, word: str, look: Look, scale: float = 1.0) -> None:
        self._hint, self._word, self._look, self._scale = hint, word, look, scale
        self.setAccessibleName(f"{word} ({hint.key})")
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        look = self._look
        if look is None:
            return QSize(0, 0)
        pad = self._px(10)
        width = pad * 2.4 + self._cap_width() + QFontMetricsF(self._word_font()).horizontalAdvance(self._word)
        return QSize(round(width) + 2, self._px(HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        look, hint = self._look, self._hint
        if look is None or hint is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if hint.urgent:
            fill, edge, ink = "danger_tint", "danger", "danger"
        else:
            fill, edge, ink = ("surface_raised", "line", "text") if self._raised else ("surface", "surface", "text")
        if self._pressed is not None:
            fill = "surface_pressed"
        painter.setPen(QPen(look.colour(edge), 1))
        painter.setBrush(look.colour(fill))
        painter.drawRoundedRect(box, self._px(8), self._px(8))
        pad = self._px(10)
        cap = QRectF(pad, (self.height() - self._px(24)) / 2, self._cap_width(), self._px(24))
        painter.setPen(QPen(look.colour("danger" if hint.urgent else "text_muted"), 1))
        painter.setBrush(look.colour("surface_raised"))
        painter.drawRoundedRect(cap, self._px(4), self._px(4))
        painter.setPen(look.colour(ink))
        painter.setFont(self._cap_font())
        painter.drawText(cap, Qt.AlignmentFlag.AlignCenter, KEY_SIGNS.get(hint.key, hint.key))
        painter.setFont(self._word_font())
        rest = QRectF(cap.right() + pad * 0.6, 0, self.width() - cap.right() - pad * 0.6, self.height())
        painter.drawText(rest, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self._word)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._hint is not None and event.button() == Qt.MouseButton.LeftButton:
            self._pressed = self._hint.command
            self.update()
            self._hands.press(self._pressed)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._let_go()

    def hideEvent(self, event: QHideEvent) -> None:
        """A finger that is on it hears of no release any more."""
        super().hideEvent(event)
        self._let_go()

    def _let_go(self) -> None:
        """Of the command that was pressed, whatever the button says by now."""
        pressed, self._pressed = self._pressed, None
        if pressed is not None:
            self.update()
            self._hands.release(pressed)

    def _px(self, baseline: float) -> int:
        assert self._look is not None, "sized after it was given its look"
        return self._look.px(baseline * self._scale)

    def _cap_font(self) -> QFont:
        return strong(self._px(14))

    def _word_font(self) -> QFont:
        return regular(self._px(16))

    def _cap_width(self) -> float:
        key = self._hint.key if self._hint is not None else ""
        text = KEY_SIGNS.get(key, key)
        return max(self._px(30), QFontMetricsF(self._cap_font()).horizontalAdvance(text) + self._px(12))
