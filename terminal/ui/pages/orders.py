"""Orders: a list that filters as you type, and the timeline of the selected one beside it."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view_pages import OrdersView
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.field_box import FieldBox
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.row_list import RowList
from terminal.ui.widgets.timeline_list import TimelineList


class OrdersPage(QWidget):
    """Shows an `OrdersView`."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.filter = FieldBox(icon="search")
        self.list_card, self.side_card = Card(), Card()
        self.rows = RowList(lambda order_no: hands.pick("order", order_no))
        self.empty = FitLabel(size=20, role="text_muted", align=Qt.AlignmentFlag.AlignHCenter)
        self.heading = FitLabel(size=32, bold=True)
        self.number_title = FitLabel(size=14, role="text_muted")
        self.number = FitLabel(size=16)
        self.timeline = TimelineList()
        self._row = QHBoxLayout(self)
        self._left = QVBoxLayout()
        self._list = QVBoxLayout(self.list_card)
        self._side = QVBoxLayout(self.side_card)
        self._compose()

    def set_look(self, look: Look) -> None:
        edge = look.px(16)
        for box in (self._row, self._list, self._side):
            box.setContentsMargins(edge, edge, edge, edge)
        self._row.setSpacing(edge)
        self._left.setSpacing(look.px(12))
        self._list.setContentsMargins(edge, look.px(8), look.px(12), look.px(8))
        self._side.setSpacing(look.px(4))
        for part in (
            self.filter, self.list_card, self.side_card, self.rows, self.empty, self.heading, self.number_title,
            self.number, self.timeline,
        ):  # fmt: skip
            part.set_look(look)

    def show_view(self, view: OrdersView, text: Callable[[Phrase], str]) -> None:
        self.filter.show_text(view.filter_text, text(Phrase("orders.filter")), active=True)
        self.rows.show_rows(view.rows, text)
        self.rows.setVisible(view.empty is None)
        self.empty.set_text(text(view.empty) if view.empty is not None else "")
        self.empty.setVisible(view.empty is not None)
        self.heading.set_text(text(view.heading) if view.heading is not None else text(Phrase("orders.choose")))
        self.heading.set_role("text" if view.heading is not None else "text_muted")
        self.number_title.set_text(text(Phrase("orders.number")) if view.number else "")
        self.number.set_text(view.number)
        self.timeline.show_lines(view.timeline, text)

    def _compose(self) -> None:
        self._list.addWidget(self.empty)
        self._list.addWidget(self.rows, 1)
        self._left.addWidget(self.filter)
        self._left.addWidget(self.list_card, 1)
        for label in (self.heading, self.number_title, self.number):
            self._side.addWidget(label)
        self._side.addSpacing(12)
        self._side.addWidget(self.timeline, 1)
        self._row.addLayout(self._left, 56)
        self._row.addWidget(self.side_card, 44)
