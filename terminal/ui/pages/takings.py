"""The owner's day at a glance: what needs attention on top, numbers first, then pictures."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase, say
from terminal.cashier.view_pages import TakingsView
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.bars import LyingBars, StandingBars
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.row_list import ROW, RowList

ATTENTION_ROWS = 3
PICTURES_NEED = 430
DAY_NEEDS = 300


class NumberCard(Card):
    """A caption and one number."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.caption = FitLabel(size=16, role="text_muted")
        self.number = FitLabel(size=size, bold=True)
        self._box = QVBoxLayout(self)
        self._box.addWidget(self.caption)
        self._box.addWidget(self.number, 1)

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        edge = look.px(16)
        self._box.setContentsMargins(edge, look.px(10), edge, look.px(10))
        self._box.setSpacing(0)
        self.caption.set_look(look)
        self.number.set_look(look)

    def show_number(self, caption: str, number: str) -> None:
        self.caption.set_text(caption)
        self.number.set_text(number)


class TakingsPage(QWidget):
    """Shows a `TakingsView`."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.day = FitLabel(size=20, bold=True)
        self.unsent = FitLabel(size=16, role="text_muted", align=Qt.AlignmentFlag.AlignRight)
        self.total, self.count = NumberCard(32), NumberCard(32)
        self.average, self.not_paid = NumberCard(32), NumberCard(32)
        self.attention_card, self.wallet_card, self.hour_card = Card(edge="unknown"), Card(), Card()
        self.attention_title = FitLabel(size=16, role="unknown", bold=True)
        self.attention = RowList(lambda order_no: hands.pick("order", order_no))
        self.wallet_title, self.hour_title = FitLabel(size=16, role="text_muted"), FitLabel(size=16, role="text_muted")
        self.wallets, self.hours = LyingBars(), StandingBars()
        self.digest = FitLabel(size=13, role="text_muted")
        self._outer = QVBoxLayout(self)
        self._head, self._numbers, self._pictures = QHBoxLayout(), QHBoxLayout(), QHBoxLayout()
        self._boxes = [QVBoxLayout(self.attention_card), QVBoxLayout(self.wallet_card), QVBoxLayout(self.hour_card)]
        self._look: Look | None = None
        self._compose()

    def set_look(self, look: Look) -> None:
        self._look = look
        edge = look.px(16)
        self._outer.setContentsMargins(edge, edge, edge, edge)
        self._outer.setSpacing(look.px(12))
        self._head.setSpacing(look.px(12))
        self._numbers.setSpacing(look.px(12))
        self._pictures.setSpacing(look.px(12))
        for box in self._boxes:
            box.setContentsMargins(edge, look.px(10), edge, look.px(12))
            box.setSpacing(look.px(6))
        for part in (
            self.day, self.unsent, self.total, self.count, self.average, self.not_paid, self.attention_card,
            self.wallet_card, self.hour_card, self.attention_title, self.attention, self.wallet_title,
            self.hour_title, self.wallets, self.hours, self.digest,
        ):  # fmt: skip
            part.set_look(look)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Numbers come before pictures: a low window shows no pictures, a lower one no heading."""
        look = self._look
        if look is None:
            return
        low = self.height() < look.px(PICTURES_NEED)
        self.wallet_card.setVisible(not low)
        self.hour_card.setVisible(not low)
        self.day.setVisible(self.height() >= look.px(DAY_NEEDS))
        self.digest.setVisible(not low)

    def show_view(self, view: TakingsView, text: Callable[[Phrase], str]) -> None:
        state = "takings.loading" if view.loading else "takings.today" if view.is_today else "takings.day"
        self.day.set_text(text(say(state, day=view.day)))
        self.unsent.set_text(text(view.unsent) if view.unsent is not None else "")
        total = say("takings.total_net", refunded=view.refunded) if view.refunded else say("takings.total")
        self.total.show_number(text(total), f"¥{view.total}" if view.total else "—")
        self.count.show_number(text(Phrase("takings.count")), str(view.count) if view.total else "—")
        self.average.show_number(text(Phrase("takings.average")), f"¥{view.average}" if view.average else "—")
        self.not_paid.show_number(text(Phrase("takings.not_paid")), str(view.not_paid) if view.total else "—")
        self.attention_card.setVisible(bool(view.attention))
        self.attention_title.set_text(f"{text(Phrase('takings.attention'))} · {len(view.attention)}")
        self.attention.show_rows(view.attention, text)
        if self._look is not None:
            self.attention.setFixedHeight(self._look.px(ROW) * min(ATTENTION_ROWS, max(1, len(view.attention))))
        none = not view.loading and not view.wallets
        self.wallet_title.set_text(text(Phrase("takings.none" if none else "takings.wallets")))
        self.hour_title.set_text(text(Phrase("takings.hours")))
        self.wallets.show_bars(view.wallets, text)
        self.hours.show_bars(view.hours, text)
        self.digest.set_text(text(say("takings.digest", digest=view.digest)) if view.digest else "")

    def _compose(self) -> None:
        attention, wallet, hour = self._boxes
        attention.addWidget(self.attention_title)
        attention.addWidget(self.attention)
        wallet.addWidget(self.wallet_title)
        wallet.addWidget(self.wallets, 1)
        hour.addWidget(self.hour_title)
        hour.addWidget(self.hours, 1)
        for card, weight in ((self.total, 4), (self.count, 2), (self.average, 3), (self.not_paid, 2)):
            self._numbers.addWidget(card, weight)
        self._pictures.addWidget(self.wallet_card, 2)
        self._pictures.addWidget(self.hour_card, 3)
        self._head.addWidget(self.day, 2)
        self._head.addWidget(self.unsent, 3)
        self._outer.addLayout(self._head)
        self._outer.addWidget(self.attention_card)
        self._outer.addLayout(self._numbers)
        self._outer.addLayout(self._pictures, 1)
        self._outer.addWidget(self.digest)
