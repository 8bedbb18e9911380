"""From the state to the whole screen. The same state always gives the same view."""

from __future__ import annotations

from terminal.cashier.keys_now import keys_of
from terminal.cashier.phrase import say
from terminal.cashier.present_home import banners_of, home_of_state, status_of
from terminal.cashier.state import CashierState
from terminal.cashier.view import Page, PageView, ScreenView


def present(state: CashierState) -> ScreenView:
    """Everything the window shows."""
    return ScreenView(
        page=state.page,
        body=_body(state),
        status=status_of(state),
        banners=banners_of(state),
        keys=keys_of(state),
        title=say(f"page.{state.page.value}"),
    )


def _body(state: CashierState) -> PageView:
    if state.page is Page.HOME:
        return home_of_state(state)
    # Imported when first shown: the first window needs none of it.
    from terminal.cashier.present_pages import page_of

    return page_of(state)
