"""The one window: status strip, banners, the page, the key strip; and the one place where keys arrive.

Rules: the keyboard focus never leaves the window itself, a plain widget that no input method reaches; every press and
release is taken here once. Dialogs are pages inside this window.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QCloseEvent, QKeyEvent, QPainter, QPaintEvent, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import HomeView, PageView, ScreenView
from terminal.ui.hands import Hands
from terminal.ui.pages.home import HomePage
from terminal.ui.text import Catalogue
from terminal.ui.theme import Look, Theme, metrics_for
from terminal.ui.widgets.banner import Banner
from terminal.ui.widgets.key_strip import KeyStrip
from terminal.ui.widgets.status_strip import StatusStrip

if TYPE_CHECKING:
    from terminal.ui.other_pages import OtherPages

BANNERS = 2
#: A lower window (baseline pixels) shows the most pressing banner only.
TWO_BANNERS_NEED = 600


class Window(QWidget):
    """Shows a `ScreenView`; hands keys to `on_key`, the keyboard's loss to `on_blur`, its closing to `on_close` (False
    keeps it open)."""

    def __init__(
        self,
        hands: Hands,
        *,
        on_key: Callable[[QKeyEvent], None],
        on_blur: Callable[[], None],
        on_close: Callable[[], bool],
    ) -> None:
        super().__init__()
        self._hands, self._on_key, self._on_blur, self._on_close = hands, on_key, on_blur, on_close
        self._theme: Theme | None = None
        self._catalogue: Catalogue | None = None
        self._text_scale = 1.0
        self._look: Look | None = None
        self._view: ScreenView | None = None
        self.status, self.keys = StatusStrip(), KeyStrip(hands)
        self.banners = [Banner(hands) for _ in range(BANNERS)]
        self.home = HomePage(hands)
        self._others: OtherPages | None = None
        self.stack = QStackedWidget()
        self.stack.addWidget(self.home)
        self._box = QVBoxLayout(self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(0)
        for part in (self.status, *self.banners):
            self._box.addWidget(part)
        self._box.addWidget(self.stack, 1)
        self._box.addWidget(self.keys)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_InputMethodEnabled, False)
        self.setMinimumSize(QSize(640, 400))
        self.setWindowTitle("柜台 Guitai")

    def set_style(self, theme: Theme, catalogue: Catalogue, text_scale: float) -> None:
        """Another theme, language or text size; redraws everything."""
        self._theme, self._catalogue, self._text_scale = theme, catalogue, text_scale
        self._apply_look()
        if self._view is not None:
            self.show_view(self._view)

    def show_view(self, view: ScreenView) -> None:
        """Draws the whole screen; equal parts repaint nothing."""
        self._view = view
        if self._catalogue is None:
            return
        text = self._catalogue.text
        self.status.show_status(view.status, text(view.title), text)
        low = self._look is not None and self.height() < self._look.px(TWO_BANNERS_NEED)
        shown = view.banners[:1] if low else view.banners
        for index, banner in enumerate(self.banners):
            banner.show_banner(shown[index] if index < len(shown) else None, text)
        self.keys.show_keys(view.keys, text)
        self._show_body(view.body, text)
        if not self.hasFocus():
            self.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def view(self) -> ScreenView | None:
        return self._view

    def event(self, event: QEvent) -> bool:
        if isinstance(event, QKeyEvent) and event.type() in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            if event.key() == Qt.Key.Key_Control:
                self.keys.set_enlarged(event.type() == QEvent.Type.KeyPress)
            self._on_key(event)
            event.accept()
            return True
        if event.type() in (QEvent.Type.WindowDeactivate, QEvent.Type.FocusOut):
            self.keys.set_enlarged(False)
            self._on_blur()
        return super().event(event)

    def focusNextPrevChild(self, forward: bool) -> bool:
        del forward
        return False

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._settle()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._settle()

    def _settle(self) -> None:
        """Sizes are known now: what depends on them is drawn again."""
        self._box.activate()
        self._apply_look()
        if self._view is not None:
            self.show_view(self._view)

    def closeEvent(self, event: QCloseEvent) -> None:
        if self._on_close():
            event.accept()
        else:
            event.ignore()

    def paintEvent(self, event: QPaintEvent) -> None:
        del event
        if self._look is not None:
            QPainter(self).fillRect(self.rect(), self._look.colour("surface"))

    def _apply_look(self) -> None:
        theme = self._theme
        if theme is None:
            return
        look = Look(theme=theme, metrics=metrics_for(self.width(), self.height(), self._text_scale))
        if look == self._look:
            return
        self._look = look
        for part in (self.status, *self.banners, self.keys, self.home):
            part.set_look(look)
        if self._view is not None:
            self.show_view(self._view)
        self.update()

    def _show_body(self, body: PageView, text: Callable[[Phrase], str]) -> None:
        if isinstance(body, HomeView):
            self.home.show_view(body, text)
            self.stack.setCurrentWidget(self.home)
            return
        if self._others is None:
            # Imported when first shown: the first window needs none of it.
            from terminal.ui.other_pages import OtherPages

            self._others = OtherPages(self.stack, self._hands)
        if self._look is not None:
            self._others.show_view(body, text, self._look)
