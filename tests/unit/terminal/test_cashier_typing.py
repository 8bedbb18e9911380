"""Typing: what becomes an amount, what is refused with which sentence, and that a scan's echo leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import CommandRefused
from terminal.cashier import events as e
from terminal.cashier.keys import Command
from terminal.cashier.typing_keys import ECHO_MS
from terminal.cashier.view import Page


@pytest.mark.parametrize(
    ("keys", "entry", "fen"),
    [
        ("12.5", "12.5", 1250),
        ("12.50", "12.50", 1250),
        ("12", "12", 1200),
        (".5", "0.5", 50),
        ("007", "7", 700),
        ("１２．５", "12.5", 1250),
        ("１２。５", "12.5", 1250),
        ("99999.99", "99999.99", 9_999_999),
    ],
)
def test_what_is_typed_is_the_amount(counter: Any, keys: str, entry: str, fen: int) -> None:
    """Full-width digits and points are read; a leading point and leading zeros are tidied."""
    counter.type(keys)
    assert counter.state.entry == entry
    counter.scan("281234567890123456")
    assert counter.starts[-1].amount == Money(fen)


@pytest.mark.parametrize(
    ("before", "key", "sentence"),
    [
        ("12.34", "5", "amount.too_many_decimals"),
        ("99999.9", "9", None),
        ("99999", "9", "amount.too_large"),
        ("1", "e", "amount.not_a_number"),
        ("", "-", "amount.not_a_number"),
        ("", "a", "amount.not_a_number"),
        ("1.", ".", "amount.not_a_number"),
    ],
)
def test_a_character_that_would_spoil_the_amount_is_refused(
    counter: Any, before: str, key: str, sentence: str | None
) -> None:
    """The amount stays as it was, and after a moment (it might be a scan) the sentence says why."""
    counter.type(before)
    counter.type(key)
    counter.wait(ECHO_MS)
    if sentence is None:
        assert counter.state.entry == before + key
    else:
        assert counter.state.entry == before
        assert counter.panel.big.key == sentence


@pytest.mark.parametrize(("typed", "sentence"), [("0", "amount.zero"), ("0.00", "amount.zero"), ("", "scan.no_amount")])
def test_a_scan_over_no_amount_charges_nothing(counter: Any, typed: str, sentence: str) -> None:
    """Zero and nothing are refused when the scan comes, with a sentence."""
    counter.type(typed)
    counter.scan("281234567890123456")
    assert counter.starts == []
    assert counter.panel.big.key == sentence


def test_a_refused_character_does_not_flash_during_a_scan(counter: Any) -> None:
    """The sentence waits: the character may be the start of a burst that is taken back."""
    counter.type("12.50")
    counter.type("2")
    assert counter.panel.big.key == "state.scan_now"


@pytest.mark.parametrize("before", ["", "12.5", "12.50", "0"])
@pytest.mark.parametrize("echoed", ["2", "28", "2812"])
def test_what_a_scan_typed_is_taken_back(counter: Any, before: str, echoed: str) -> None:
    """After the take-back the screen is exactly what it was before the burst."""
    counter.type(before)
    seen = counter.screen
    counter.type(echoed)
    counter.say(e.TakeBack(count=len(echoed)))
    assert counter.state.entry == before
    assert counter.screen == seen


def test_take_back_restores_a_finished_sale(counter: Any) -> None:
    """The first digit clears the last result; if it was a scan's, the result is there again."""
    counter.sell()
    counter.tell(counter.payment(TerminalState.PAID))
    seen = counter.screen
    counter.type("28")
    assert counter.state.sale is None
    counter.say(e.TakeBack(count=2))
    assert counter.screen == seen


@pytest.mark.parametrize("state", [TerminalState.WAITING, TerminalState.PAID, TerminalState.NOT_PAID])
def test_take_back_leaves_what_was_told_of_the_open_sale_meanwhile(counter: Any, state: TerminalState) -> None:
    """A code is scanned twice in a row, and the first word of its sale comes amid the second burst: it stays, and the
    amount of a sale that is over is not there again for the next customer."""
    counter.sell()
    counter.type("2812")
    counter.tell(counter.payment(state))
    seen = counter.screen
    counter.say(e.TakeBack(count=4))
    assert counter.state.sale.payment is not None
    assert counter.screen == seen
    assert (counter.state.entry == "") is state.final


def test_take_back_leaves_a_sale_that_was_refused_meanwhile(counter: Any) -> None:
    """Nothing was begun: the counter is free, and the amount is there to try once more."""
    counter.sell()
    counter.type("28")
    counter.tell(CommandRefused(request_id=counter.state.sale.request_id, reason=Reason.DISK_FULL))
    seen = counter.screen
    counter.say(e.TakeBack(count=2))
    assert counter.state.sale is None
    assert counter.screen == seen


def test_take_back_leaves_late_money_of_the_finished_sale(counter: Any) -> None:
    """The first character closed the panel, the money came, the burst proved to be a scan: no green light again."""
    counter.sell()
    lost = counter.payment(TerminalState.NOT_PAID)
    counter.tell(lost)
    counter.type("28")
    counter.tell(counter.late(lost))
    counter.say(e.TakeBack(count=2))
    assert counter.panel.big.key == "state.late"
    begun = len(counter.starts)
    counter.scan("134567890123456789")
    assert len(counter.starts) == begun


def test_take_back_reopens_no_cash_panel_that_late_money_closed(counter: Any) -> None:
    counter.sell()
    lost = counter.payment(TerminalState.NOT_PAID)
    counter.tell(lost)
    counter.press(Command.CASH)
    counter.type("28")
    counter.tell(counter.late(lost))
    counter.say(e.TakeBack(count=2))
    assert counter.state.cash is None
    assert counter.panel.big.key == "state.late"


def test_take_back_in_the_order_filter_leaves_what_a_person_typed(counter: Any) -> None:
    """Nothing of a scan is left in the filter."""
    counter.press(Command.ORDERS)
    counter.type("12.5")
    counter.type("1345")
    counter.say(e.TakeBack(count=4))
    assert counter.state.orders.filter_text == "12.5"


def test_take_back_returns_to_the_page_that_digits_had_left(counter: Any) -> None:
    """Digits leave the doctor's page for the amount; a test scan's digits must not."""
    counter.press(Command.DOCTOR)
    counter.type("28")
    assert counter.state.page is Page.HOME
    counter.say(e.TakeBack(count=2))
    assert (counter.state.page, counter.state.entry) == (Page.DOCTOR, "")


def test_take_back_of_more_than_was_typed_takes_all_and_no_more(counter: Any) -> None:
    counter.type("1")
    counter.say(e.TakeBack(count=9))
    assert counter.state.entry == ""
    counter.say(e.TakeBack(count=9))
    assert counter.state.entry == ""


def test_digits_go_to_the_amount_from_other_pages(counter: Any) -> None:
    """No field needs focus: a digit on the takings page starts a sale."""
    counter.press(Command.TAKINGS)
    counter.type("8")
    assert (counter.state.page, counter.state.entry) == (Page.HOME, "8")


def test_typing_never_touches_an_open_sale(counter: Any) -> None:
    """While a payment is open a digit is answered with a sentence and changes nothing."""
    counter.sell()
    counter.tell(counter.payment(TerminalState.WAITING))
    counter.type("99")
    counter.wait(ECHO_MS)
    assert counter.state.sale is not None
    assert counter.home.amount.text == "12.50"
    assert counter.screen.banners[0].text.key == "scan.busy"


def test_backspace_takes_one_character(counter: Any) -> None:
    counter.type("12.5")
    counter.say(e.Erased())
    assert counter.state.entry == "12."
