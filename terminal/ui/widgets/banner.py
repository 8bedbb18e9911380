"""A bar across the top: sign, sentence, and at most one key."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtWidgets import QHBoxLayout

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import BannerView, Tone
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.keycap import Keycap
from terminal.ui.widgets.sign import SignWidget

HEIGHT = 52


class Banner(Card):
    """Shown while there is something to say, gone otherwise."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self._sign = SignWidget(28)
        self._label = FitLabel(size=20, bold=True)
        self._cap = Keycap(hands, raised=True)
        self._box = QHBoxLayout(self)
        self._box.addWidget(self._sign)
        self._box.addWidget(self._label, 1)
        self._box.addWidget(self._cap)
        self._view: BannerView | None = None
        self.hide()

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        self._box.setContentsMargins(look.px(16), look.px(4), look.px(8), look.px(4))
        self._box.setSpacing(look.px(12))
        self._sign.set_look(look)
        self._label.set_look(look)
        self.setFixedHeight(look.px(HEIGHT))

    def show_banner(self, view: BannerView | None, text: Callable[[Phrase], str]) -> None:
        self._view = view
        if view is None:
            self.hide()
            return
        role, tint = ink(view.tone), f"{view.tone.value}_tint"
        self.set_frame(fill=tint, edge=tint if view.tone is Tone.OFFLINE else role, hatched=view.tone is Tone.UNKNOWN)
        self._sign.show_sign(view.sign, role, tint)
        self._label.set_role(role)
        self._label.set_text(text(view.text))
        if view.action is not None and self._look is not None:
            self._cap.show_hint(view.action, text(view.action.word), self._look)
            self._cap.show()
        else:
            self._cap.hide()
        self.show()


def ink(tone: Tone) -> str:
    """The role of text and signs of a tone."""
    return tone.value
