"""Scans: a payment code over an amount is a whole sale; everything else is named and charges nothing."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from protocol.messages import LateMoneyState, Presented
from protocol.money import Money
from protocol.numbers import new_number
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import CommandRefused, Line
from terminal.cashier.effects import Sound
from terminal.cashier.keys import Command
from terminal.cashier.ports import Identity, ScanRead
from terminal.cashier.state import Settings
from terminal.cashier.step import start
from terminal.cashier.view import Page

ALIPAY, WECHAT = "281234567890123456", "134567890123456789"
OURS = new_number(b"\0" * 14 + b"\7")


def test_an_amount_and_one_pull_of_the_trigger_are_a_sale(counter: Any) -> None:
    """`12.5` + trigger: no Enter, no choice of wallet; the tick sounds with the request."""
    command = counter.sell()
    assert command.amount == Money(1250)
    assert command.presented is Presented.CUSTOMER
    assert command.auth_code == Secret(ALIPAY)
    assert (command.sale_id, command.order_no) == (None, None)
    assert counter.sounds == [Sound.SCAN_TAKEN]
    assert counter.panel.big.key == "state.scan_taken"


def test_a_gun_with_its_own_port_sells_the_same(counter: Any) -> None:
    counter.type("8")
    counter.tell(ScanRead(text=Secret(WECHAT)))
    assert counter.starts[-1].amount == Money(800)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("6901234567892", "scan.goods_barcode"),
        ("https://qr.alipay.com/fkx123", "scan.url"),
        (f"{OURS}00", None),
        ("2812345", "scan.too_short"),
        ("281234567890123456281234567890123456", "scan.two_codes"),
        ("281234567890123456\r134567890123456789", "scan.two_codes"),
        ("28123456789012A456", "scan.letters"),
        ("991234567890123456", "scan.unknown_wallet"),
        ("4200001234567890123456789012", "scan.receipt"),
        ("", "scan.empty"),
    ],
)
def test_what_is_no_payment_code_is_named_and_charges_nothing(counter: Any, text: str, sentence: str | None) -> None:
    """Each has its own sentence and the dull tick; the amount stays. Our own number opens its order instead."""
    counter.type("12.5")
    counter.scan(text)
    assert counter.starts == []
    assert counter.state.entry == "12.5"
    if sentence is None:
        assert (counter.state.page, counter.state.orders.filter_text) == (Page.ORDERS, OURS)
    else:
        assert counter.panel.big.key == sentence
        assert counter.sounds == [Sound.REFUSED]


def test_a_second_scan_while_a_payment_is_open_is_refused(counter: Any) -> None:
    """Never a second charge: another code is told to wait, the same code that it was read already."""
    counter.sell()
    counter.tell(counter.payment(TerminalState.WAITING))
    counter.scan(WECHAT)
    assert counter.screen.banners[0].text.key == "scan.busy"
    counter.scan(ALIPAY)
    assert counter.screen.banners[0].text.key == "scan.duplicate"
    assert len(counter.starts) == 1


def test_a_double_pull_before_sync_answered_charges_once(counter: Any) -> None:
    counter.sell()
    counter.scan(ALIPAY)
    counter.scan(ALIPAY)
    assert len(counter.starts) == 1


@pytest.mark.parametrize("state", [TerminalState.PAID, TerminalState.NOT_PAID])
def test_a_code_that_was_used_is_refused(counter: Any, state: TerminalState) -> None:
    """Payment codes are single-use, whatever came of them."""
    counter.sell()
    counter.tell(counter.payment(state))
    counter.type("5")
    counter.scan(ALIPAY)
    assert len(counter.starts) == 1
    assert counter.panel.big.key == "scan.used"


def test_a_scan_after_paid_charges_nothing(counter: Any) -> None:
    """The paid amount is not collected again because somebody pulled the trigger once more."""
    counter.sell()
    counter.tell(counter.payment(TerminalState.PAID))
    counter.scan(WECHAT)
    assert len(counter.starts) == 1
    assert counter.panel.big.key == "scan.no_amount"


def test_green_light_collects_the_same_order_again(counter: Any) -> None:
    """NOT_PAID with a proof: a fresh code is payment n+1 of that order, same sale, same amount."""
    counter.sell()
    seen = counter.payment(TerminalState.NOT_PAID, reason=Reason.BALANCE_LOW)
    counter.tell(seen)
    assert counter.panel.big.key == "state.not_paid_safe"
    counter.scan(WECHAT)
    again = counter.starts[-1]
    assert (again.order_no, again.sale_id, again.amount) == (seen.order_no, seen.sale_id, Money(1250))


def test_after_a_cancel_a_new_order_of_the_same_sale_is_made(counter: Any) -> None:
    counter.sell()
    seen = counter.payment(TerminalState.NOT_PAID, reason=Reason.CANCELLED)
    counter.tell(seen)
    counter.scan(WECHAT)
    assert (counter.starts[-1].order_no, counter.starts[-1].sale_id) == (None, seen.sale_id)


def test_without_the_green_light_nothing_is_collected_again(counter: Any) -> None:
    """NOT_PAID is believed from sync, but without a proof there is no second charge and no word "safe"."""
    counter.sell()
    unproven = replace(counter.payment(TerminalState.NOT_PAID), proof=None, safe_to_rescan=False)
    counter.tell(unproven)
    assert counter.panel.big.key == "state.not_paid"
    assert Command.SHOW_QR not in counter.keys
    counter.scan(WECHAT)
    assert len(counter.starts) == 1


@pytest.mark.parametrize(("late", "charged"), [(LateMoneyState.FOUND, 1), (LateMoneyState.UNDONE, 1)])
def test_late_money_puts_the_green_light_out(counter: Any, late: LateMoneyState, charged: int) -> None:
    """The order whose money came after all is not collected again."""
    counter.sell()
    seen = counter.payment(TerminalState.NOT_PAID)
    counter.tell(seen)
    counter.tell(counter.late(seen, late))
    counter.scan(WECHAT)
    assert len(counter.starts) == charged
    assert Command.SHOW_QR not in counter.keys


@pytest.mark.parametrize(("line", "sentence"), [(Line.DOWN, "scan.offline"), (Line.UNTRUSTED, "scan.untrusted")])
def test_a_scan_without_a_line_is_refused_at_once(counter: Any, line: Line, sentence: str) -> None:
    """A scanned code is never queued for later; the amount stays for when the line is back."""
    counter.tell(replace(counter.state.link, line=line))
    counter.type("12.5")
    counter.scan(ALIPAY)
    assert counter.starts == []
    assert counter.panel.big.key == sentence
    assert counter.state.entry == "12.5"
    (offered,) = (hint for hint in counter.screen.keys if hint.command is Command.SHOW_QR)
    assert offered.word.key == "key.qr_offline"


def test_a_refused_command_gives_the_amount_and_the_code_back(counter: Any) -> None:
    """Sync took nothing: the same customer may scan the same code again."""
    command = counter.sell()
    counter.tell(CommandRefused(request_id=command.request_id, reason=Reason.DISK_FULL))
    assert counter.state.entry == "12.50"
    assert counter.panel.big.key == "reason.disk_full"
    counter.scan(ALIPAY)
    assert len(counter.starts) == 2


def test_a_payment_code_scanned_in_orders_sells_when_an_amount_waits(counter: Any) -> None:
    """A scan goes where it belongs from anywhere, and the screen follows it."""
    counter.type("12.5")
    counter.press(Command.ORDERS)
    counter.scan(ALIPAY)
    assert (counter.state.page, len(counter.starts)) == (Page.HOME, 1)


def test_a_test_scan_names_the_code_and_charges_nothing(counter: Any) -> None:
    """The doctor shows the first two and last four digits at most."""
    counter.type("12.5")
    counter.press(Command.DOCTOR)
    counter.scan(ALIPAY)
    assert counter.starts == []
    said = counter.state.doctor.scan
    assert said is not None
    assert dict(said.values)["hint"] == "28…3456"


def test_one_key_shows_the_qr(counter: Any) -> None:
    counter.type("12.5")
    counter.press(Command.SHOW_QR)
    assert counter.starts[-1].presented is Presented.MERCHANT
    assert counter.starts[-1].auth_code is None


def test_an_unactivated_till_reads_its_ticket_and_sells_nothing(counter: Any) -> None:
    """A scanned activation QR brings the address along; a payment code is refused by name."""
    counter.state = start(Settings(), Identity())
    assert counter.state.page is Page.ACTIVATION
    counter.scan(ALIPAY)
    assert counter.starts == []
    counter.scan("GT1:https://pay.example.com#ACTIVATE:7K3M9QXW4F2A:0123456789ABCDEF")
    assert counter.state.activation.busy
    assert counter.state.activation.gateway == "https://pay.example.com"


def test_no_view_or_state_shows_a_payment_code(counter: Any) -> None:
    """An auth_code never reaches a repr or the screen, also when it is refused."""
    for code in (ALIPAY, "991234567890123456"):
        counter.sell("3", code) if code == ALIPAY else counter.scan(code)
        assert code not in repr(counter.state)
        assert code not in repr(counter.screen)
        assert code not in repr(counter.effects)
