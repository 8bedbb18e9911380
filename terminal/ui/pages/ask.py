"""One question before something is done: a big sentence, what has to be known, and reasons to choose from."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import Sign
from terminal.cashier.view_pages import AskView
from terminal.ui.hands import Hands
from terminal.ui.pages.display import OptionKey
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.sign import SignWidget

#: The most sentences and reasons that a question has.
LINES, OPTIONS = 4, 4


class AskPage(QWidget):
    """Shows an `AskView`."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._values = [""] * OPTIONS
        self.card = Card()
        self.sign = SignWidget(72)
        self.big = FitLabel(size=32, bold=True, lines=2)
        self.lines = [FitLabel(size=20, lines=2) for _ in range(LINES)]
        self.options = [OptionKey(self._picker(hands, index)) for index in range(OPTIONS)]
        self._outer = QVBoxLayout(self)
        self._box = QVBoxLayout(self.card)
        self._box.addWidget(self.sign, 0, Qt.AlignmentFlag.AlignLeft)
        for part in (self.big, *self.lines, *self.options):
            self._box.addWidget(part)
        self._outer.addStretch(1)
        self._outer.addWidget(self.card)
        self._outer.addStretch(2)
        self._look: Look | None = None

    def set_look(self, look: Look) -> None:
        self._look = look
        edge = look.px(32)
        self._outer.setContentsMargins(edge * 2, look.px(16), edge * 2, look.px(16))
        self._box.setContentsMargins(edge, look.px(20), edge, look.px(20))
        self._box.setSpacing(look.px(10))
        for part in (self.card, self.sign, self.big, *self.lines):
            part.set_look(look)

    def show_view(self, view: AskView, text: Callable[[Phrase], str]) -> None:
        look = self._look
        assert look is not None, "a page is shown after it was given its look"
        role, tint = view.tone.value, f"{view.tone.value}_tint"
        self.card.set_frame(fill=tint, edge=role, width=2, hatched=view.sign is Sign.HATCHED_QUESTION)
        self.sign.show_sign(view.sign, role, tint)
        self.big.set_role(role)
        self.big.set_text(text(view.big))
        for index, label in enumerate(self.lines):
            label.set_text(text(view.lines[index]) if index < len(view.lines) else "")
            label.setVisible(index < len(view.lines))
        for index, key in enumerate(self.options):
            if index < len(view.options):
                value, word = view.options[index]
                self._values[index] = value
                key.show_option(text(word), look, chosen=value == view.chosen)
            key.setVisible(index < len(view.options))

    def _picker(self, hands: Hands, index: int) -> Callable[[], None]:
        return lambda: hands.pick("why", self._values[index])
