"""The pages other than the home screen, each made when first shown. A page keeps the look it was last shown with."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, assert_never

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLayout, QStackedWidget, QWidget

from terminal.cashier.phrase import Phrase
from terminal.cashier.view import ChoiceView
from terminal.cashier.view_pages import (
    ActivationView,
    AskView,
    BlockedView,
    DoctorView,
    OrdersView,
    OtherView,
    TakingsView,
)
from terminal.ui.hands import Hands
from terminal.ui.pages.activation import ActivationPage, BlockedPage
from terminal.ui.pages.ask import AskPage
from terminal.ui.pages.display import DisplayPage
from terminal.ui.pages.doctor import DoctorPage
from terminal.ui.pages.orders import OrdersPage
from terminal.ui.pages.takings import TakingsPage
from terminal.ui.theme import Look, Metrics

AnyPage = OrdersPage | TakingsPage | DoctorPage | DisplayPage | ActivationPage | BlockedPage | AskPage
P = TypeVar("P", OrdersPage, TakingsPage, DoctorPage, DisplayPage, ActivationPage, BlockedPage, AskPage)


class OtherPages:
    """Pages by their kind, in the window's stack."""

    def __init__(self, stack: QStackedWidget, hands: Hands) -> None:
        self._stack, self._hands = stack, hands
        self._pages: dict[type[AnyPage], AnyPage] = {}

    def show_view(self, body: OtherView | tuple[ChoiceView, ...], text: Callable[[Phrase], str], look: Look) -> None:
        """Brings the page of `body` to the front and shows it."""
        match body:
            case OrdersView():
                orders = self._page(OrdersPage)
                orders.set_look(look)
                orders.show_view(body, text)
            case TakingsView():
                takings = self._page(TakingsPage)
                takings.set_look(look)
                takings.show_view(body, text)
            case BlockedView():
                blocked = self._page(BlockedPage)
                blocked.set_look(look)
                blocked.show_view(body, text)
            case AskView():
                ask = self._page(AskPage)
                self._fitted(ask, look, lambda: ask.show_view(body, text))
            case DoctorView():
                doctor = self._page(DoctorPage)
                self._fitted(doctor, look, lambda: doctor.show_view(body, text))
            case ActivationView():
                activation = self._page(ActivationPage)
                self._fitted(activation, look, lambda: activation.show_view(body, text))
            case tuple():
                display = self._page(DisplayPage)
                self._fitted(display, look, lambda: display.show_view(body, text))
            case _:
                assert_never(body)

    def _page(self, kind: type[P]) -> P:
        page = self._pages.get(kind)
        if page is None:
            page = kind(self._hands)
            self._pages[kind] = page
            self._stack.addWidget(page)
        assert isinstance(page, kind), "pages are kept by their kind"
        self._stack.setCurrentWidget(page)
        return page

    def _fitted(
        self, page: DisplayPage | DoctorPage | ActivationPage | AskPage, look: Look, show: Callable[[], None]
    ) -> None:
        """A column of rows that is higher than the window at the shop's text size is drawn smaller, never cut."""
        page.set_look(look)
        show()
        layout, room = page.layout(), self._stack.height()
        if layout is None:
            return
        _make_measurable(page)
        needed = layout.minimumSize().height()
        if needed > room > 0:
            page.set_look(Look(theme=look.theme, metrics=Metrics(unit=look.metrics.unit * room / needed * 0.97)))
            show()


def _make_measurable(page: QWidget) -> None:
    """Layouts leave out children that were made a moment ago (Qt shows them later) and keep old sizes: not here."""
    for part in page.findChildren(QWidget):
        if part.isHidden() and not part.testAttribute(Qt.WidgetAttribute.WA_WState_ExplicitShowHide):
            part.show()
        part.updateGeometry()
    for inner in page.findChildren(QLayout):
        inner.invalidate()
