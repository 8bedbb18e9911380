"""Selling: the amount and the keypad on the left, the state panel and the latest orders on the right."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import HomeView
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.amount import AmountWidget
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.keypad import Keypad
from terminal.ui.widgets.panel import StatePanel
from terminal.ui.widgets.row_list import RowList

#: The keypad goes when the column is lower than this (baseline pixels): the amount comes first.
KEYPAD_NEEDS = 470


class HomePage(QWidget):
    """Shows a `HomeView`."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.amount = AmountWidget()
        self.keypad = Keypad(hands)
        self.panel = StatePanel(hands)
        self.recent_card = Card()
        self.recent = RowList(lambda order_no: hands.pick("order", order_no), bar=False)
        self.recent_title = FitLabel(size=16, role="text_muted")
        self._row = QHBoxLayout(self)
        self._left = QVBoxLayout()
        self._right = QVBoxLayout()
        self._list = QVBoxLayout(self.recent_card)
        self._look: Look | None = None
        self._wants_keypad = True
        self._compose()

    def set_look(self, look: Look) -> None:
        self._look = look
        edge = look.px(16)
        self._row.setContentsMargins(edge, edge, edge, edge)
        self._row.setSpacing(edge)
        self._left.setSpacing(look.px(12))
        self._right.setSpacing(edge)
        self._list.setContentsMargins(look.px(16), look.px(8), look.px(12), look.px(8))
        self._list.setSpacing(look.px(4))
        for part in (self.amount, self.keypad, self.panel, self.recent_card, self.recent, self.recent_title):
            part.set_look(look)
        self._fit()

    def show_view(self, view: HomeView, text: Callable[[Phrase], str]) -> None:
        self._wants_keypad = view.keypad
        self.amount.show_amount(view.amount, text)
        self.panel.show_panel(view.panel, text)
        self.recent.show_rows(view.recent, text)
        self.recent_title.set_text(text(Phrase("home.recent" if view.recent else "home.recent_none")))
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """What has no room gives way: first the latest orders, then the keypad."""
        look = self._look
        if look is None:
            return
        self.keypad.setVisible(self._wants_keypad and self.height() >= look.px(KEYPAD_NEEDS))
        self.recent_card.setVisible(self.height() >= look.px(430))

    def _compose(self) -> None:
        self._left.addWidget(self.amount, 2)
        self._left.addWidget(self.keypad, 3)
        self._list.addWidget(self.recent_title)
        self._list.addWidget(self.recent, 1)
        self._right.addWidget(self.panel, 66)
        self._right.addWidget(self.recent_card, 34)
        self._row.addLayout(self._left, 38)
        self._row.addLayout(self._right, 62)
