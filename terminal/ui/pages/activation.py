"""First start: activation code and gateway address, typed or scanned; and the page that says what is wrong."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import Sign, Tone
from terminal.cashier.view_pages import ActivationView, BlockedView
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.field_box import FieldBox
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.sign import SignWidget

WIDTH = 720


class ActivationPage(QWidget):
    """Shows an `ActivationView` in the middle of the window."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.card = Card()
        self.title = FitLabel(size=32, bold=True)
        self.code_title, self.gateway_title = FitLabel(size=16, role="text_muted"), FitLabel(size=16, role="text_muted")
        self.code = FieldBox(lambda: hands.pick("field", "code"), icon="key-round", size=26)
        self.gateway = FieldBox(lambda: hands.pick("field", "gateway"), icon="server", size=20)
        self.message = FitLabel(size=20, lines=2)
        self._outer = QVBoxLayout(self)
        self._row = QHBoxLayout()
        self._box = QVBoxLayout(self.card)
        parts = (self.title, self.message, self.code_title, self.code, self.gateway_title, self.gateway)
        for part in parts:
            self._box.addWidget(part)
        self._row.addStretch(1)
        self._row.addWidget(self.card, 8)
        self._row.addStretch(1)
        self._outer.addStretch(1)
        self._outer.addLayout(self._row)
        self._outer.addStretch(2)

    def set_look(self, look: Look) -> None:
        edge = look.px(32)
        self._box.setContentsMargins(edge, edge, edge, edge)
        self._box.setSpacing(look.px(10))
        self.card.setMinimumWidth(look.px(WIDTH))
        parts = (self.card, self.title, self.code_title, self.code, self.gateway_title, self.gateway, self.message)
        for part in parts:
            part.set_look(look)

    def show_view(self, view: ActivationView, text: Callable[[Phrase], str]) -> None:
        self.title.set_text(text(Phrase("page.activation")))
        self.code_title.set_text(text(view.code.title))
        self.gateway_title.set_text(text(view.gateway.title))
        grouped = " ".join(view.code.text[i : i + 4] for i in range(0, len(view.code.text), 4))
        self.code.show_text(grouped, text(view.code.hint), active=view.code.active and not view.busy)
        self.gateway.show_text(view.gateway.text, text(view.gateway.hint), active=view.gateway.active and not view.busy)
        self.message.set_role("text_muted" if view.tone is Tone.NEUTRAL else view.tone.value)
        self.message.set_text(text(view.message))


class BlockedPage(QWidget):
    """Shows a `BlockedView`: one big sentence and what to do."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        del hands
        self.card = Card(fill="danger_tint", edge="danger")
        self.sign = SignWidget(88)
        self.big = FitLabel(size=32, bold=True, lines=2, role="danger")
        self.todo = FitLabel(size=20, lines=2)
        self._outer = QVBoxLayout(self)
        self._box = QVBoxLayout(self.card)
        self._box.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignLeft)
        self._box.addWidget(self.big)
        self._box.addWidget(self.todo)
        self._outer.addStretch(1)
        self._outer.addWidget(self.card)
        self._outer.addStretch(2)

    def set_look(self, look: Look) -> None:
        edge = look.px(40)
        self._outer.setContentsMargins(edge * 2, edge, edge * 2, edge)
        self._box.setContentsMargins(edge, edge, edge, edge)
        self._box.setSpacing(look.px(16))
        for part in (self.card, self.sign, self.big, self.todo):
            part.set_look(look)

    def show_view(self, view: BlockedView, text: Callable[[Phrase], str]) -> None:
        self.sign.show_sign(Sign.SQUARE_CROSS, "danger", "danger_tint")
        self.big.set_text(text(view.big))
        self.todo.set_text(text(view.todo))
