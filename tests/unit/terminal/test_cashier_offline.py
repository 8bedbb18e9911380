"""The counter while the line is down: what the cashier sees, presses and is told. One rule a test."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocol.messages import Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    Line,
    OfflineView,
    ParkOffline,
    PaymentView,
    ProofView,
    ReadProof,
    ShowOffline,
    ShowStatus,
    TypeCode,
)
from sync.engine.model import (
    Command as TillCommand,
)
from sync.engine.statements import ParkWhy
from terminal.cashier import events as e
from terminal.cashier import words
from terminal.cashier.effects import Sound, Submit
from terminal.cashier.keys import Command, bind
from terminal.cashier.view import Page
from tests.unit.terminal.conftest import ALIPAY, AT_MS, Counter, link

PROOF = "GP1" + "0" * 141
S = TerminalState


def part(*, status: bool = False, **changes: object) -> OfflineView:
    made = OfflineView(
        status=status, qr="https://pay.test/o/ABC", shown_at_ms=AT_MS, until_ms=AT_MS + 180_000, tries_left=3,
        parked=None, goods_handed=None, proven_at_ms=None, typed=False,
    )  # fmt: skip
    return replace(made, **changes)


def order(counter: Counter, state: TerminalState = S.AWAITING_PROOF, **changes: object) -> PaymentView:
    view = replace(counter.payment(state), presented=Presented.MERCHANT, offline=part(), channel=None)
    return replace(view, **changes)


def submitted(counter: Counter, kind: type[TillCommand]) -> list[TillCommand]:
    return [done.command for done in counter.effects if isinstance(done, Submit) and isinstance(done.command, kind)]


@pytest.fixture
def dark(counter: Counter) -> Counter:
    """The line went down."""
    counter.tell(link(Line.DOWN))
    counter.effects.clear()
    return counter


@pytest.fixture
def shown(dark: Counter) -> Counter:
    """An offline QR is at the counter."""
    dark.type("12.5")
    dark.press(Command.SHOW_QR)
    dark.tell(order(dark))
    return dark


def test_the_bar_says_cash_or_the_offline_qr(dark: Counter) -> None:
    assert dark.screen.banners[0].text.key == "banner.offline_cash"


def test_the_qr_key_shows_the_offline_qr_when_the_line_is_down(dark: Counter) -> None:
    dark.type("12.5")
    dark.press(Command.SHOW_QR)
    (command,) = submitted(dark, ShowOffline)
    assert isinstance(command, ShowOffline)
    assert (command.amount, command.operator, command.order_no) == (Money(1250), "小王", None)
    assert dark.starts == []


def test_the_offline_qr_counts_down_and_goes_after_three_minutes(shown: Counter) -> None:
    shown.wait(60_000)
    assert shown.panel.qr == "https://pay.test/o/ABC"
    assert shown.panel.todo is not None
    assert shown.panel.todo.values == (("seconds", 120),)
    shown.wait(120_000)
    assert shown.panel.qr == ""
    assert shown.panel.big.key == "state.awaiting"


def test_items_and_amount_are_frozen_while_it_awaits_its_proof(shown: Counter) -> None:
    shown.type("99")
    assert shown.home.amount.text == "12.50"
    assert not shown.home.amount.editable


def test_a_refused_offline_qr_says_why_and_gives_the_amount_back(dark: Counter) -> None:
    dark.type("12.5")
    dark.press(Command.SHOW_QR)
    request = dark.state.sale
    assert request is not None
    dark.tell(CommandRefused(request_id=request.request_id, reason=Reason.OFFLINE_NO_KIT))
    assert dark.panel.big.key == "reason.offline_no_kit"
    assert dark.state.entry == "12.50"


@pytest.mark.parametrize("page", [Page.HOME, Page.ORDERS, Page.TAKINGS, Page.DISPLAY, Page.DOCTOR])
def test_a_proof_is_read_on_any_screen(shown: Counter, page: Page) -> None:
    opens = {
        Page.ORDERS: Command.ORDERS, Page.TAKINGS: Command.TAKINGS, Page.DISPLAY: Command.DISPLAY,
        Page.DOCTOR: Command.DOCTOR,
    }  # fmt: skip
    if page in opens:
        shown.press(opens[page])
    shown.scan(PROOF.lower())
    (command,) = submitted(shown, ReadProof)
    assert isinstance(command, ReadProof)
    assert command.text == PROOF.lower()


def test_a_proof_is_no_payment_code(dark: Counter) -> None:
    dark.type("12.5")
    dark.scan(PROOF)
    assert dark.starts == []
    assert dark.state.entry == "12.5"


def test_an_accepted_proof_is_paid_with_its_sound_and_says_who_said_it(shown: Counter) -> None:
    shown.press(Command.ORDERS)
    shown.tell(order(shown, S.PAID, offline=part(proven_at_ms=AT_MS), channel="wechat"))
    shown.tell(ProofView(request_id="p", accepted=True, reason=Reason.PAID, payment_no=order(shown).payment_no))
    assert shown.state.page is Page.HOME
    assert (shown.panel.big.key, shown.sounds[-1]) == ("state.paid", Sound.PAID)
    assert shown.panel.proof is not None
    assert shown.panel.proof.key == "proof.scanned"


def test_paid_without_a_proof_when_the_line_returns_sounds_late(shown: Counter) -> None:
    shown.tell(order(shown, S.PAID, channel="wechat"))
    assert shown.sounds[-1] is Sound.LATE
    assert shown.panel.big.key == "state.paid"


def test_a_closed_proof_shows_the_green_light(shown: Counter) -> None:
    shown.tell(order(shown, S.NOT_PAID, offline=part(proven_at_ms=AT_MS)))
    assert shown.panel.big.key == "state.not_paid_safe"
    shown.press(Command.SHOW_QR)
    again = submitted(shown, ShowOffline)[-1]
    assert isinstance(again, ShowOffline)
    assert again.order_no == order(shown).order_no


def test_a_proof_of_another_order_leaves_the_panel_and_says_which_it_was(shown: Counter) -> None:
    first = order(shown)
    shown.press(Command.PARK)
    shown.press(Command.ANSWER_2)
    shown.type("30")
    shown.press(Command.SHOW_QR)
    sale = shown.state.sale
    assert sale is not None
    shown.tell(replace(shown.payment(S.AWAITING_PROOF, seed=2), offline=part(), amount=Money(3000)))
    paid = replace(first, state=S.PAID, offline=part(proven_at_ms=AT_MS, parked=ParkWhy.LEFT), settled_at_ms=AT_MS)
    shown.tell(paid)
    shown.tell(ProofView(request_id="p", accepted=True, reason=Reason.PAID, payment_no=paid.payment_no))
    assert shown.panel.big.key == "state.offline"
    assert shown.screen.banners[0].text.key == "banner.proof_paid"
    assert dict(shown.screen.banners[0].text.values)["amount"] == "12.50"
    assert shown.sounds[-1] is Sound.LATE


@pytest.mark.parametrize("reason", words.PROOF_REASONS)
def test_each_refusal_has_its_sentence_and_its_dull_sound(shown: Counter, reason: Reason) -> None:
    seen = ProofView(request_id="p", accepted=False, reason=reason, payment_no=order(shown).payment_no, at_ms=AT_MS)
    shown.tell(seen)
    assert shown.screen.banners[0].text.key == f"proof_refused.{reason.value}"
    assert shown.sounds[-1] is Sound.REFUSED
    assert words.proof_todo(reason) is not None
    assert shown.panel.big.key == "state.offline"


def test_a_refusal_comes_to_the_counter_but_leaves_the_activation_alone(shown: Counter) -> None:
    """Somebody types there, and a new epoch is what he needs."""
    seen = ProofView(request_id="p", accepted=False, reason=Reason.PROOF_UNKNOWN_KEY)
    shown.press(Command.ORDERS)
    shown.tell(seen)
    assert shown.state.page is Page.HOME
    shown.press(Command.DOCTOR)
    shown.press(Command.REACTIVATE)
    shown.tell(seen)
    assert shown.state.page is Page.ACTIVATION


def test_an_accepted_proof_of_an_order_that_nobody_waits_for_is_told_all_the_same(counter: Counter) -> None:
    """It was settled when the program started: no bar came with its own picture."""
    counter.tell(replace(counter.payment(S.PAID, seed=8), request_id=None, amount=Money(900)))
    paid = replace(order(counter, S.PAID, offline=part(proven_at_ms=AT_MS)), request_id=None)
    counter.tell(paid)
    assert counter.screen.banners == ()
    counter.tell(ProofView(request_id="p", accepted=True, reason=Reason.PAID, payment_no=paid.payment_no))
    assert counter.screen.banners[0].text.key == "banner.proof_paid"
    assert dict(counter.screen.banners[0].text.values)["amount"] == "12.50"


def test_a_refusal_about_another_order_names_it(shown: Counter) -> None:
    seen = ProofView(
        request_id="p", accepted=False, reason=Reason.PROOF_CANCELLED, payment_no="X-1", amount=Money(4200),
        started_at_ms=AT_MS,
    )  # fmt: skip
    shown.tell(seen)
    text = shown.screen.banners[0].text
    assert text.key == "proof_other"
    assert dict(text.values)["amount"] == "42.00"


def test_cancelling_asks_about_the_goods_and_the_answer_goes_along(shown: Counter) -> None:
    shown.press(Command.CANCEL)
    assert shown.panel.big.key == "ask.goods"
    assert shown.keys == {Command.ANSWER_1, Command.ANSWER_2, Command.BACK}
    assert shown.cancels == []
    shown.press(Command.ANSWER_2)
    assert shown.cancels == [CancelPayment(payment_no=order(shown).payment_no, operator="小王", goods_handed=True)]


def test_esc_leaves_the_question_and_changes_nothing(shown: Counter) -> None:
    shown.press(Command.CANCEL)
    shown.press(Command.BACK)
    assert shown.panel.big.key == "state.offline"
    assert shown.cancels == []


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (Command.ANSWER_1, ParkWhy.STILL_PAYING),
        (Command.ANSWER_2, ParkWhy.LEFT),
        (Command.ANSWER_3, ParkWhy.UNREADABLE),
    ],
)
def test_putting_aside_asks_why_and_the_order_stays_on_top(shown: Counter, key: Command, why: ParkWhy) -> None:
    shown.press(Command.PARK)
    assert shown.panel.big.key == "ask.park"
    shown.press(key)
    assert submitted(shown, ParkOffline) == [ParkOffline(payment_no=order(shown).payment_no, why=why, operator="小王")]
    assert shown.state.sale is None
    shown.wait(12 * 60_000)
    row = shown.home.recent[0]
    assert row.word.key == "word.awaiting_age"
    assert "F2" not in {hint.key for hint in shown.screen.keys}


def test_one_that_was_put_aside_is_taken_back_from_the_orders(shown: Counter) -> None:
    """The customer came back with the phone: the order can be typed or cancelled again."""
    first = order(shown)
    shown.press(Command.PARK)
    shown.press(Command.ANSWER_2)
    shown.press(Command.ORDERS)
    shown.say(e.Picked(name="order", value=first.order_no))
    shown.press(Command.RESUME)
    assert shown.state.parked == ()
    assert shown.home.amount.text == "12.50"
    assert {Command.TYPE_CODE, Command.CANCEL, Command.PARK} <= shown.keys


def test_nothing_is_taken_back_while_a_sale_is_open(shown: Counter) -> None:
    shown.press(Command.PARK)
    shown.press(Command.ANSWER_2)
    first = shown.state.parked[0]
    shown.type("30")
    shown.press(Command.SHOW_QR)
    shown.press(Command.ORDERS)
    shown.say(e.Picked(name="order", value=first.order_no))
    assert Command.RESUME not in shown.keys


def test_the_typed_code_field_takes_twelve_digits_and_is_no_scan_field(shown: Counter) -> None:
    shown.press(Command.TYPE_CODE)
    shown.type("12345678901x")
    assert Command.SUBMIT not in shown.keys
    shown.type("29")
    shown.press(Command.SUBMIT)
    (command,) = submitted(shown, TypeCode)
    assert isinstance(command, TypeCode)
    assert command.code.reveal() == "123456789012"
    shown.scan(ALIPAY)
    assert shown.starts == []
    assert shown.state.code is not None
    assert shown.state.code.digits == ""


def test_erasing_and_leaving_the_code_field(shown: Counter) -> None:
    shown.press(Command.TYPE_CODE)
    shown.type("12")
    shown.say(e.Erased())
    assert shown.state.code is not None
    assert shown.state.code.digits == "1"
    shown.press(Command.BACK)
    assert shown.state.code is None
    assert shown.panel.big.key == "state.offline"


def test_characters_of_a_scan_are_taken_back_out_of_the_code_field(shown: Counter) -> None:
    shown.press(Command.TYPE_CODE)
    shown.type("12")
    shown.type("281")
    shown.say(e.TakeBack(count=3))
    assert shown.state.code is not None
    assert shown.state.code.digits == "12"


def test_without_a_typed_code_there_is_no_key_for_it(dark: Counter) -> None:
    dark.type("12.5")
    dark.press(Command.SHOW_QR)
    dark.tell(order(dark, offline=part(tries_left=0)))
    assert Command.TYPE_CODE not in dark.keys


def test_a_payment_cut_in_the_middle_shows_the_qr_that_asks(counter: Counter) -> None:
    counter.sell()
    cut = counter.payment(S.UNKNOWN)
    counter.tell(cut)
    assert Command.STATUS_QR not in counter.keys
    counter.tell(link(Line.DOWN))
    counter.press(Command.STATUS_QR)
    (command,) = submitted(counter, ShowStatus)
    assert isinstance(command, ShowStatus)
    assert command.payment_no == cut.payment_no
    counter.tell(replace(cut, offline=part(status=True)))
    assert (counter.panel.big.key, counter.panel.qr) == ("state.status_qr", "https://pay.test/o/ABC")
    counter.wait(181_000)
    assert counter.panel.big.key == "state.unknown"


def test_after_a_restart_the_order_is_at_the_counter_again(dark: Counter) -> None:
    dark.tell(order(dark, request_id=None))
    assert dark.state.sale is not None
    assert dark.panel.big.key in ("state.offline", "state.awaiting")
    assert Command.CANCEL in dark.keys


def test_one_that_was_put_aside_stays_aside_after_a_restart(dark: Counter) -> None:
    dark.tell(order(dark, request_id=None, offline=part(parked=ParkWhy.LEFT)))
    assert dark.state.sale is None
    assert len(dark.state.parked) == 1


def test_cancelled_and_paid_after_all_is_told_with_what_becomes_of_the_money(shown: Counter) -> None:
    shown.press(Command.CANCEL)
    shown.press(Command.ANSWER_1)
    cancelling = order(shown, S.CANCELLING, cancel_requested=True)
    shown.tell(cancelling)
    shown.press(Command.PARK)
    shown.tell(order(shown, S.PAID, cancel_requested=True, request_id=None))
    assert shown.screen.banners[0].text.key == "banner.cancelled_paid"


def test_a_till_that_the_gateway_stopped_says_so(counter: Counter) -> None:
    counter.tell(replace(link(), refusing=Reason.TERMINAL_FROZEN))
    assert any(banner.text.key == "reason.terminal_frozen" for banner in counter.screen.banners)


def test_activating_again_is_reached_from_the_doctor_and_left_again(counter: Counter) -> None:
    counter.press(Command.DOCTOR)
    counter.press(Command.REACTIVATE)
    assert counter.state.page is Page.ACTIVATION
    counter.type("7K3M9QXW2D4F")
    counter.press(Command.SUBMIT)
    assert counter.state.activation.busy
    assert Command.BACK not in counter.keys
    counter.state = replace(counter.state, activation=replace(counter.state.activation, busy=False))
    counter.press(Command.BACK)
    assert counter.state.page is Page.HOME


def test_keys_of_a_question_may_be_those_of_the_sale_but_not_of_each_other() -> None:
    assert bind({"answer_1": "F6"}) != "answer_1"
    assert bind({"answer_1": "F2"}) == "answer_2"
