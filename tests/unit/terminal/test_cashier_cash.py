"""Cash at the counter: two presses, the change, the owner's limits; never for a sale that a wallet may still pay."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from protocol.messages import Light
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import CashPart, CommandRefused, Line, PaymentView, ReturnCash, TakeCash
from sync.engine.statements import CashBack
from terminal.cashier import events as e
from terminal.cashier.cash import quick_amounts
from terminal.cashier.effects import Leave, Sound, Submit
from terminal.cashier.keys import QUICK, Command
from terminal.cashier.ports import OrderRow
from terminal.cashier.state import CASH_SALE_FEN
from terminal.cashier.view import Page
from tests.unit.terminal.conftest import AT_MS, WECHAT, Counter, link, order_no

T = TerminalState


def commands(counter: Counter) -> list[TakeCash | ReturnCash]:
    found = [effect.command for effect in counter.effects if isinstance(effect, Submit)]
    return [command for command in found if isinstance(command, (TakeCash, ReturnCash))]


def takes(counter: Counter) -> list[TakeCash]:
    return [command for command in commands(counter) if isinstance(command, TakeCash)]


def journaled(counter: Counter, *, seed: int = 50) -> PaymentView:
    """What sync publishes of the command that was handed over last."""
    command = takes(counter)[-1]
    paid = counter.payment(T.PAID, seed=seed)
    part = CashPart(received_fen=command.received_fen, change_fen=command.received_fen - command.amount.fen)
    return replace(
        paid, amount=command.amount, channel="cash", transaction_tail=None, cash=part, request_id=command.request_id
    )


def counting(counter: Counter, received: str, amount: str = "12.5") -> None:
    counter.type(amount)
    counter.press(Command.CASH)
    counter.type(received)


def test_two_presses_take_cash_and_the_change_is_shown_big(counter: Any) -> None:
    counting(counter, "20")
    assert counter.panel.big.key == "cash.change"
    assert dict(counter.panel.big.values) == {"amount": "7.50"}
    counter.press(Command.CASH)
    (command,) = takes(counter)
    assert command == TakeCash(
        request_id=command.request_id, order_no=None, amount=Money(1250), received_fen=2000,
        limits=command.limits, operator="小王",
    )  # fmt: skip
    counter.press(Command.CASH)
    assert len(commands(counter)) == 1
    counter.tell(journaled(counter))
    assert (counter.panel.big.key, dict(counter.panel.big.values)["amount"]) == ("cash.change", "7.50")
    assert counter.sounds[-1] is Sound.PAID
    assert counter.home.recent[0].wallet.key == "wallet.cash"
    counter.type("3")
    assert counter.home.amount.text == "3"


@pytest.mark.parametrize(
    ("amount", "sums"),
    [
        (1250, (1250, 1500, 2000, 5000)),
        (2000, (2000, 5000, 10000)),
        (9999, (9999, 10000)),
        (12345, (12345, 12500, 13000, 14000)),
    ],
)
def test_the_quick_keys_are_the_exact_sum_and_the_next_round_ones(amount: int, sums: tuple[int, ...]) -> None:
    assert quick_amounts(amount) == sums


def test_a_quick_key_fills_in_and_completes_nothing(counter: Any) -> None:
    counting(counter, "")
    assert {*QUICK, Command.CASH, Command.BACK} == counter.keys
    counter.press(Command.QUICK_3)
    assert counter.home.amount.text == "20.00"
    assert commands(counter) == []
    counter.press(Command.QUICK_1)
    assert counter.panel.big.key == "cash.exact"


@pytest.mark.parametrize(
    ("typed", "shown"), [("020", "20"), ("00", "0"), ("2.", "2."), ("0.5", "0.5"), (".5", "0.5"), ("20", "20")]
)
def test_what_was_received_reads_as_an_amount(counter: Any, typed: str, shown: str) -> None:
    counting(counter, typed)
    assert counter.home.amount.text == shown


@pytest.mark.parametrize(("received", "why"), [("", "cash.no_amount"), ("12.49", "cash.short")])
def test_too_little_is_refused_with_what_is_missing(counter: Any, received: str, why: str) -> None:
    counting(counter, received)
    counter.press(Command.CASH)
    assert commands(counter) == []
    assert counter.panel.big.key == why


def test_escape_leaves_the_panel_with_the_amount_as_it_was(counter: Any) -> None:
    counting(counter, "20")
    counter.press(Command.BACK)
    assert (counter.home.amount.text, counter.state.cash) == ("12.5", None)


def test_a_scan_takes_the_sale_back_from_the_cash_panel_and_its_digits_leave_nothing(counter: Any) -> None:
    counting(counter, "20")
    for character in WECHAT[:3]:
        counter.say(e.Typed(text=character))
    counter.say(e.TakeBack(count=3))
    assert counter.home.amount.text == "20"
    counter.scan(WECHAT)
    assert counter.state.cash is None
    assert counter.starts[-1].amount == Money(1250)


def test_a_scan_while_the_cash_is_being_journaled_charges_nothing(counter: Any) -> None:
    counting(counter, "20")
    counter.press(Command.CASH)
    counter.scan(WECHAT)
    assert counter.starts == []


@pytest.mark.parametrize("state", [T.UNKNOWN, T.CANCELLING])
def test_a_sale_that_a_wallet_may_still_pay_takes_no_cash(counter: Any, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    counter.press(Command.CASH)
    assert counter.state.cash is None
    assert counter.screen.banners[0].text.key == "cash.sale_open"


@pytest.mark.parametrize("state", [T.SENDING, T.WAITING, T.PAID])
def test_the_cash_key_is_not_there_when_there_is_nothing_to_say(counter: Any, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    assert Command.CASH not in counter.keys


def test_green_closes_the_sale_of_the_order_that_was_not_paid(counter: Any) -> None:
    counter.sell()
    unpaid = counter.payment(T.NOT_PAID)
    counter.tell(unpaid)
    counter.press(Command.CASH)
    counter.press(Command.QUICK_1)
    counter.press(Command.CASH)
    (command,) = takes(counter)
    assert (command.order_no, command.amount, command.received_fen) == (unpaid.order_no, Money(1250), 1250)
    counter.tell(journaled(counter))
    assert counter.panel.big.key == "state.paid"


def test_amber_allows_cash_and_the_wallet_payment_goes_on_beside_it(counter: Any) -> None:
    counter.sell()
    amber = replace(counter.payment(T.CANCELLING), light=Light.AMBER)
    counter.tell(amber)
    counter.press(Command.CASH)
    counter.press(Command.QUICK_1)
    counter.press(Command.CASH)
    counter.tell(journaled(counter))
    assert counter.panel.big.key == "state.paid"
    assert [held.payment_no for held in counter.state.parked] == [amber.payment_no]


def test_late_money_closes_the_cash_panel(counter: Any) -> None:
    counter.sell()
    unpaid = counter.payment(T.NOT_PAID)
    counter.tell(unpaid)
    counter.press(Command.CASH)
    counter.tell(counter.late(unpaid))
    assert counter.state.cash is None
    assert counter.panel.big.key == "state.late"
    assert Command.CASH not in counter.keys


def test_a_refusal_of_the_till_leaves_the_sale_as_it_was(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.NOT_PAID))
    counter.press(Command.CASH)
    counter.press(Command.QUICK_1)
    counter.press(Command.CASH)
    before = counter.state.sale
    counter.tell(CommandRefused(request_id=commands(counter)[0].request_id, reason=Reason.ORDER_OPEN))
    assert counter.panel.big.key == "reason.order_open"
    assert (counter.state.cash, counter.state.sale) == (None, before)


def test_the_owners_limits_are_said_before_the_drawer_opens(counter: Any) -> None:
    counter.type(Money(CASH_SALE_FEN + 1).yuan())
    counter.press(Command.CASH)
    assert counter.panel.big.key == "cash.over_sale"
    offline = replace(link(Line.DOWN), cash_offline_fen=2_000_000 - 1_000)
    counter.press(Command.CLEAR)
    counter.press(Command.CLEAR)
    counter.tell(offline)
    counter.type("10.01")
    counter.press(Command.CASH)
    assert counter.panel.big.key == "cash.over_day"
    assert counter.state.cash is None


def test_no_cash_means_no_key_and_no_promise(counter: Any) -> None:
    counter.state = replace(counter.state, settings=replace(counter.state.settings, cash_sale_fen=0))
    counter.tell(link(Line.DOWN))
    counter.type("5")
    assert Command.CASH not in counter.keys
    assert counter.screen.banners[0].text.key == "banner.offline"


def test_none_while_offline_is_refused_in_words(counter: Any) -> None:
    counter.state = replace(counter.state, settings=replace(counter.state.settings, cash_offline_day_fen=0))
    counter.tell(link(Line.DOWN))
    counter.type("5")
    counter.press(Command.CASH)
    assert counter.panel.big.key == "cash.not_allowed"


def orders_with_cash(counter: Counter) -> PaymentView:
    counting(counter, "20")
    counter.press(Command.CASH)
    paid = journaled(counter)
    counter.tell(paid)
    counter.press(Command.ORDERS)
    counter.say(e.OrdersArrived(rows=(OrderRow(payment=paid),)))
    return paid


def test_cash_is_given_back_from_the_orders_page_with_a_reason(counter: Any) -> None:
    paid = orders_with_cash(counter)
    counter.press(Command.RETURN_CASH)
    assert counter.screen.page is Page.RETURNING
    counter.press(Command.DOWN)
    counter.press(Command.RETURN_CASH)
    command = commands(counter)[-1]
    assert isinstance(command, ReturnCash)
    assert (command.payment_no, command.why) == (paid.payment_no, CashBack.GOODS_BACK)
    assert paid.cash is not None
    back = replace(paid, refunded_fen=1250, cash=replace(paid.cash, returned_at_ms=AT_MS, why=CashBack.GOODS_BACK))
    counter.tell(back)
    assert Command.RETURN_CASH not in counter.keys
    counter.press(Command.BACK)
    assert counter.panel.big.key == "state.cash_returned"


def test_the_question_goes_back_to_the_orders_and_a_touch_chooses_the_reason(counter: Any) -> None:
    orders_with_cash(counter)
    counter.press(Command.RETURN_CASH)
    counter.say(e.Picked(name="why", value="other"))
    assert counter.screen.body.chosen == "other"
    counter.press(Command.BACK)
    assert counter.screen.page is Page.ORDERS


def test_a_wallet_order_has_no_cash_to_give_back(counter: Any) -> None:
    counter.sell()
    counter.tell(counter.payment(T.PAID))
    counter.press(Command.ORDERS)
    counter.say(e.Picked(name="order", value=order_no(1)))
    assert Command.RETURN_CASH not in counter.keys


def test_leaving_tells_the_figures_and_asks_once_more(counter: Any) -> None:
    hour_ms = 3_600_000
    unsent = replace(link(Line.DOWN, unsent=7), unsent_fen=123_450, oldest_unsent_at_ms=AT_MS - 3 * hour_ms)
    counter.tell(unsent)
    counter.now_ms = 0
    counter.wait(0)
    counter.press(Command.LEAVE)
    assert counter.screen.page is Page.LEAVING
    said = counter.screen.body.lines[0]
    assert said.key == "leaving.unsent"
    values = dict(said.values)
    assert (values["count"], values["amount"]) == ("7", "1,234.50")
    assert (values["age"].key, dict(values["age"].values)) == ("age.hours", {"count": 3})
    assert not any(isinstance(effect, Leave) for effect in counter.effects)
    counter.press(Command.BACK)
    assert counter.screen.page is Page.HOME
    counter.press(Command.LEAVE)
    assert counter.press(Command.LEAVE_NOW) == [Leave()]


def test_what_is_unsent_is_always_in_the_strip_and_on_the_takings_page(counter: Any) -> None:
    counter.tell(replace(link(unsent=2), unsent_fen=800, oldest_unsent_at_ms=AT_MS))
    lamp = next(lamp for lamp in counter.screen.status.lamps if lamp.icon == "cloud-upload")
    assert lamp.loud
    assert (dict(lamp.word.values)["count"], dict(lamp.word.values)["amount"]) == ("2", "8.00")
    counter.press(Command.TAKINGS)
    assert counter.screen.body.unsent.key == "takings.unsent"


def test_a_parked_entry_is_a_bar_with_its_order(counter: Any) -> None:
    counter.tell(replace(link(), parked=1, parked_order=order_no(7)))
    (bar,) = counter.screen.banners
    assert (bar.text.key, dict(bar.text.values)["order"]) == ("banner.parked_entries", order_no(7)[-6:])
