"""The state panel: sign or QR on the left; one big line, what the customer sees, what to do, the keys; the proof below.

It draws a `PanelView`; which sentence belongs to which state is decided in terminal/cashier.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import PanelView, Sign, Tone
from terminal.ui.hands import Hands
from terminal.ui.theme import Look
from terminal.ui.widgets.card import Card
from terminal.ui.widgets.fit_label import FitLabel
from terminal.ui.widgets.keycap import Keycap
from terminal.ui.widgets.qr import QrWidget
from terminal.ui.widgets.sign import SignWidget

SIGN_SIZE = 112
#: A narrower panel leaves its keys to the key strip, a lower one its small ring to the recent list (baseline pixels).
KEYS_NEED = 520
RING_NEEDS = 300
TODO_NEEDS = 170
CUSTOMER_NEEDS = 205
#: Frames of the states, in baseline pixels: what waits is thin, what is settled or doubtful is thick.
FRAME_WIDTH = {Tone.NEUTRAL: 1.0, Tone.WAITING: 2.0, Tone.UNKNOWN: 5.0, Tone.PAID: 3.0, Tone.NOT_PAID: 3.0}


class StatePanel(Card):
    """The right side of the home screen."""

    def __init__(self, hands: Hands) -> None:
        super().__init__()
        self.sign = SignWidget(SIGN_SIZE)
        self.qr = QrWidget()
        self.small_sign = SignWidget(48)
        self.big = FitLabel(size=56, bold=True, lines=2, floor=18)
        self.customer = FitLabel(size=20, lines=2)
        self.todo = FitLabel(size=20, lines=2)
        self.proof = FitLabel(size=14, role="text_muted")
        self.support = FitLabel(size=14, role="text_muted", align=Qt.AlignmentFlag.AlignRight)
        self._caps = [Keycap(hands, raised=True), Keycap(hands, raised=True)]
        self._outer = QVBoxLayout(self)
        self._middle = QHBoxLayout()
        self._texts = QVBoxLayout()
        self._keys = QHBoxLayout()
        self._foot = QHBoxLayout()
        self._look_seen: Look | None = None
        self._shown: tuple[PanelView, Callable[[Phrase], str]] | None = None
        self._compose()

    def labels(self) -> tuple[FitLabel, ...]:
        return (self.big, self.customer, self.todo, self.proof)

    def set_look(self, look: Look) -> None:
        super().set_look(look)
        self._look_seen = look
        edge = look.px(24)
        self._outer.setContentsMargins(edge, edge, edge, look.px(14))
        self._outer.setSpacing(look.px(8))
        self._middle.setSpacing(look.px(24))
        self._texts.setSpacing(look.px(10))
        self._keys.setSpacing(look.px(8))
        for part in (self.sign, self.qr, self.small_sign, *self.labels(), self.support):
            part.set_look(look)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self._shown is not None:
            self.show_panel(*self._shown)

    def show_panel(self, view: PanelView, text: Callable[[Phrase], str]) -> None:
        self._shown = (view, text)
        role, tint = view.tone.value, f"{view.tone.value}_tint"
        quiet = view.tone is Tone.NEUTRAL
        self.set_frame(
            fill=tint,
            edge="line" if quiet else role,
            width=FRAME_WIDTH.get(view.tone, 1.0),
            hatched=view.sign is Sign.HATCHED_QUESTION,
        )
        self.qr.set_text(view.qr)
        self.qr.setVisible(view.qr != "")
        self.sign.setVisible(view.qr == "" and view.sign is not Sign.NONE)
        tall = self._look_seen is not None and self.height() >= self._look_seen.px(RING_NEEDS)
        self.small_sign.setVisible(view.qr != "" and tall)
        self.sign.set_size(SIGN_SIZE if self._is_wide() else SIGN_SIZE // 2)
        self.sign.show_sign(view.sign, role, tint, view.ring)
        self.small_sign.show_sign(view.sign, role, tint, view.ring)
        self.big.set_role(role)
        self.big.set_text(text(view.big))
        for label, phrase in ((self.customer, view.customer), (self.todo, view.todo), (self.proof, view.proof)):
            label.set_text(text(phrase) if phrase is not None else "")
            label.setVisible(phrase is not None and self._has_room(label))
        self.support.set_text(view.support)
        self._show_keys(view, text)

    def _show_keys(self, view: PanelView, text: Callable[[Phrase], str]) -> None:
        room = self._is_wide()
        for index, cap in enumerate(self._caps):
            if room and index < len(view.actions) and self._look_seen is not None:
                cap.show_hint(view.actions[index], text(view.actions[index].word), self._look_seen)
                cap.show()
            else:
                cap.hide()

    def _has_room(self, label: FitLabel) -> bool:
        """A low panel keeps the big line and the proof, then what to do, then what the customer sees."""
        if self._look_seen is None or label is self.proof:
            return True
        return self.height() >= self._look_seen.px(TODO_NEEDS if label is self.todo else CUSTOMER_NEEDS)

    def _is_wide(self) -> bool:
        return self._look_seen is not None and self.width() >= self._look_seen.px(KEYS_NEED)

    def _compose(self) -> None:
        self._texts.addStretch(1)
        self._texts.addWidget(self.small_sign)
        self._texts.addWidget(self.big)
        self._texts.addWidget(self.customer)
        self._texts.addWidget(self.todo)
        for cap in self._caps:
            self._keys.addWidget(cap)
        self._keys.addStretch(1)
        self._texts.addLayout(self._keys)
        self._texts.addStretch(1)
        self._middle.addWidget(self.sign)
        self._middle.addWidget(self.qr, 5)
        self._middle.addLayout(self._texts, 6)
        self._foot.addWidget(self.proof, 4)
        self._foot.addWidget(self.support, 1)
        self._outer.addLayout(self._middle, 1)
        self._outer.addLayout(self._foot)
