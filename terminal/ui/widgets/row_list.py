"""A list of orders, painted: sign, time, amount, wallet, word. Rows that do not fit are reached by scrolling.

The columns line up; the amount is right-aligned in tabular digits; the selected row stays visible.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QMouseEvent, QPainter, QPaintEvent, QWheelEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import RowView
from terminal.ui.fonts import regular, strong
from terminal.ui.theme import Look
from terminal.ui.widgets.sign import draw_sign

ROW = 44


class RowList(QWidget):
    """Emits `pick(order_no)` on a touch."""

    def __init__(self, pick: Callable[[str], None], *, bar: bool = True) -> None:
        super().__init__()
        self._bar = bar
        self._pick = pick
        self._rows: tuple[RowView, ...] = ()
        self._text: Callable[[Phrase], str] | None = None
        self._look: Look | None = None
        self._first = 0
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def set_look(self, look: Look) -> None:
        self._look = look
        self.setMinimumHeight(look.px(ROW))
        self.update()

    def show_rows(self, rows: tuple[RowView, ...], text: Callable[[Phrase], str]) -> None:
        if rows != self._rows or text != self._text:
            self._rows, self._text = rows, text
            self._reveal_selected()
            self.update()

    def sizeHint(self) -> QSize:
        return QSize(300, self._least() * 3)

    def capacity(self) -> int:
        """How many rows fit; they share what is left over."""
        return max(1, self.height() // max(1, self._least()))

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is None or self._text is None:
            return
        self._reveal_selected()
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        height = self._height()
        columns = self._columns()
        for index, row in enumerate(self._rows[self._first : self._first + self.capacity()]):
            self._paint_row(painter, row, QRectF(0, index * height, self.width(), height), columns)
        if self._bar and len(self._rows) > self.capacity():
            self._paint_bar(painter)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        index = self._first + int(event.position().y() // max(1, self._height()))
        if 0 <= index < len(self._rows):
            self._pick(self._rows[index].order_no)

    def wheelEvent(self, event: QWheelEvent) -> None:
        step = -1 if event.angleDelta().y() > 0 else 1
        self._first = max(0, min(len(self._rows) - self.capacity(), self._first + step))
        self.update()

    def _least(self) -> int:
        return self._look.px(ROW) if self._look is not None else ROW

    def _height(self) -> int:
        return min(self.height() // self.capacity(), round(self._least() * 1.35))

    def _reveal_selected(self) -> None:
        selected = next((index for index, row in enumerate(self._rows) if row.selected), None)
        if selected is not None:
            self._first = min(self._first, selected)
            self._first = max(self._first, selected - self.capacity() + 1)
        self._first = max(0, min(self._first, max(0, len(self._rows) - self.capacity())))

    def _columns(self) -> tuple[float, float, float]:
        """Widths of time, amount and wallet, from what is shown."""
        look, text = self._look, self._text
        assert look is not None, "painted after it was given its look"
        assert text is not None, "painted after it was shown"
        plain, bold = QFontMetricsF(regular(look.px(16))), QFontMetricsF(strong(look.px(16)))
        times = max((plain.horizontalAdvance(row.time) for row in self._rows), default=0)
        amounts = max((bold.horizontalAdvance(f"¥{row.amount}") for row in self._rows), default=0)
        wallets = max((plain.horizontalAdvance(text(row.wallet)) for row in self._rows if row.wallet), default=0)
        return times, amounts, wallets

    def _paint_row(self, painter: QPainter, row: RowView, box: QRectF, columns: tuple[float, float, float]) -> None:
        look, text = self._look, self._text
        assert look is not None, "painted after it was given its look"
        assert text is not None, "painted after it was shown"
        role, behind = row.tone.value, "surface_raised"
        if row.selected:
            behind = "surface_pressed"
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(look.colour(behind))
            painter.drawRoundedRect(box.adjusted(0, 1, 0, -1), look.px(6), look.px(6))
        else:
            painter.fillRect(QRectF(box.left(), box.bottom() - 1, box.width(), 1), look.colour("line"))
        gap, side = look.px(14), look.px(20)
        x = box.left() + look.px(8)
        sign = QRectF(x, box.center().y() - side / 2, side, side)
        draw_sign(painter, row.sign, look.colour(role), look.colour(behind), sign, None)
        x += side + gap
        times, amounts, wallets = columns
        painter.setFont(regular(look.px(16)))
        painter.setPen(look.colour("text_muted"))
        painter.drawText(QRectF(x, box.top(), times + 1, box.height()), Qt.AlignmentFlag.AlignVCenter, row.time)
        x += times + gap
        painter.setFont(strong(look.px(16)))
        painter.setPen(look.colour("text"))
        right = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight
        painter.drawText(QRectF(x, box.top(), amounts + 1, box.height()), right, f"¥{row.amount}")
        x += amounts + gap
        self._paint_rest(painter, row, QRectF(x, box.top(), box.right() - x - look.px(10), box.height()), wallets)

    def _paint_rest(self, painter: QPainter, row: RowView, area: QRectF, wallets: float) -> None:
        """Wallet and word: the word always, the wallet (and the tail) as far as there is room."""
        look, text = self._look, self._text
        assert look is not None, "painted after it was given its look"
        assert text is not None, "painted after it was shown"
        word = text(row.word)
        bold = strong(look.px(16))
        painter.setFont(bold)
        painter.setPen(look.colour(row.tone.value))
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight, word)
        room = area.width() - QFontMetricsF(bold).horizontalAdvance(word) - look.px(14)
        wallet = text(row.wallet) if row.wallet is not None else ""
        plain = regular(look.px(16))
        metrics = QFontMetricsF(plain)
        painter.setFont(plain)
        painter.setPen(look.colour("text_muted"))
        if metrics.horizontalAdvance(wallet) <= room:
            painter.drawText(area, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, wallet)
            tail = wallets + look.px(12)
            if row.detail and tail + metrics.horizontalAdvance(row.detail) <= room:
                painter.drawText(area.adjusted(tail, 0, 0, 0), Qt.AlignmentFlag.AlignVCenter, row.detail)

    def _paint_bar(self, painter: QPainter) -> None:
        look = self._look
        assert look is not None, "painted after it was given its look"
        part = self.capacity() / len(self._rows)
        top = self._first / len(self._rows) * self.height()
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(look.colour("line"))
        painter.drawRoundedRect(QRectF(self.width() - 4, top, 4, max(16, part * self.height())), 2, 2)
