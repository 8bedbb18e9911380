"""The self-check: a column of checks, each with its own light, what was found, and what to do."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import Light, Sign
from terminal.cashier.view_pages import CheckView, DoctorView
from terminal.ui.hands import Hands
from terminal.ui.icons import draw_icon
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.sign import SignWidget

SIGNS = {
    Light.OK: (Sign.DISC_TICK, "paid"),
    Light.BAD: (Sign.SQUARE_CROSS, "danger"),
    Light.BUSY: (Sign.RING, "waiting"),
    Light.NONE: (Sign.NOTE, "text_muted"),
}


class IconWidget(QWidget):
    """One tinted icon."""

    def __init__(self) -> None:
        super().__init__()
        self._name = "info"
        self._look: Look | None = None

    def show_icon(self, name: str, look: Look) -> None:
        self._name, self._look = name, look
        self.setFixedSize(look.px(24), look.px(24))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is not None:
            draw_icon(QPainter(self), self._name, self._look.colour("text_muted"), QRectF(self.rect()))


class CheckRow(QWidget):
    """One check."""

    def __init__(self) -> None:
        super().__init__()
        self.icon, self.sign = IconWidget(), SignWidget(28)
        self.title = FitLabel(size=20, bold=True)
        self.found = FitLabel(size=16, role="text_muted", lines=2)
        self.todo = FitLabel(size=16, lines=2)
        self._row = QHBoxLayout(self)
        self._row.addWidget(self.sign)
        self._row.addWidget(self.icon)
        self._row.addWidget(self.title, 3)
        self._row.addWidget(self.found, 8)
        self._row.addWidget(self.todo, 8)

    def set_look(self, look: Look) -> None:
        self._row.setContentsMargins(look.px(8), look.px(9), look.px(8), look.px(9))
        self._row.setSpacing(look.px(14))
        for part in (self.sign, self.title, self.found, self.todo):
            part.set_look(look)

    def show_check(self, view: CheckView, text: Callable[[Phrase], str], look: Look) -> None:
        self.icon.show_icon(view.icon, look)
        sign, role = SIGNS[view.light]
        self.sign.show_sign(sign, role, "surface_raised")
        self.title.set_text(text(view.title))
        self.found.set_text(text(view.found))
        self.todo.set_text(text(view.todo) if view.todo is not None else "")


class DoctorPage(QWidget):
    """Shows a `DoctorView`."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        del hands
        self.card, self.scan_card = Card(), Card()
        self.running = FitLabel(size=20, role="text_muted", align=Qt.AlignmentFlag.AlignHCenter)
        self.scan = FitLabel(size=20, lines=2)
        self._rows: list[CheckRow] = []
        self._outer = QVBoxLayout(self)
        self._list = QVBoxLayout(self.card)
        self._foot = QVBoxLayout(self.scan_card)
        self._list.addWidget(self.running)
        self._foot.addWidget(self.scan)
        self._outer.addWidget(self.card)
        self._outer.addWidget(self.scan_card)
        self._outer.addStretch(1)
        self._look: Look | None = None

    def set_look(self, look: Look) -> None:
        self._look = look
        edge = look.px(16)
        self._outer.setContentsMargins(edge, edge, edge, edge)
        self._outer.setSpacing(look.px(12))
        self._list.setContentsMargins(edge, look.px(10), edge, look.px(10))
        self._foot.setContentsMargins(edge, look.px(8), edge, look.px(8))
        for part in (self.card, self.scan_card, self.running, self.scan, *self._rows):
            part.set_look(look)

    def show_view(self, view: DoctorView, text: Callable[[Phrase], str]) -> None:
        look = self._look
        assert look is not None, "a page is shown after it was given its look"
        while len(self._rows) < len(view.checks):
            row = CheckRow()
            row.set_look(look)
            self._rows.append(row)
            self._list.addWidget(row)
        for row, check in zip(self._rows, view.checks, strict=False):
            row.show_check(check, text, look)
            row.show()
        for row in self._rows[len(view.checks) :]:
            row.hide()
        self.running.setVisible(view.running)
        self.running.set_text(text(Phrase("doctor.running")))
        self.scan.set_text(text(view.scan))
