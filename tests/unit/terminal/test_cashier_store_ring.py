"""The store's static QR rings beside whatever is going on; refunded and kept money is never shown as something else."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from protocol.messages import LateMoneyState
from protocol.money import Money
from protocol.states import TerminalState
from sync.engine.model import StorePaidView
from terminal.cashier import events as e
from terminal.cashier.effects import Sound
from terminal.cashier.keys import Command
from terminal.cashier.phrase import say
from terminal.cashier.ports import DayRead, WalletSum
from terminal.cashier.state import RING_MS
from terminal.cashier.view import Tone
from terminal.cashier.view_pages import TakingsView
from terminal.ui.text import LANGUAGES, load_catalogue
from tests.unit.terminal.conftest import AT_MS, Counter


def paid(seq: int = 1, *, fen: int = 800, channel: str | None = "wechat", tail: str | None = "3421") -> StorePaidView:
    return StorePaidView(
        seq=seq, payment_no="P-1", amount=Money(fen), channel=channel, transaction_tail=tail, paid_at_ms=AT_MS
    )


@pytest.mark.parametrize("state", [TerminalState.WAITING, TerminalState.UNKNOWN, TerminalState.CANCELLING])
def test_it_is_heard_and_seen_and_leaves_the_running_sale_alone(counter: Counter, state: TerminalState) -> None:
    counter.sell()
    counter.tell(counter.payment(state))
    before, sale = counter.panel, counter.state.sale
    counter.effects.clear()
    counter.tell(paid())
    assert counter.sounds == [Sound.PAID]
    assert (counter.panel, counter.state.sale) == (before, sale)
    bar = counter.screen.banners[0]
    assert bar.tone is Tone.PAID
    assert bar.text == say("banner.store_paid_tail", amount="8.00", wallet=say("wallet.wechat"), tail="3421")


def test_a_half_typed_amount_stays(counter: Counter) -> None:
    counter.type("12.")
    counter.tell(paid())
    assert counter.home.amount.text == "12."


def test_several_are_counted_and_the_bar_goes_by_itself(counter: Counter) -> None:
    counter.tell(paid(1))
    counter.wait(1_000)
    counter.tell(paid(2, fen=300, channel="alipay", tail=None))
    first = say("banner.store_paid", amount="3.00", wallet=say("wallet.alipay"))
    assert counter.screen.banners[0].text == say("banner.and_more", text=first, count=1)
    counter.wait(RING_MS)
    assert counter.screen.banners == ()
    counter.tell(paid(3))
    assert "banner.and_more" not in counter.screen.banners[0].text.key


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("channel", ["wechat", "alipay", "unionpay"])
def test_the_bar_names_the_wallet_in_every_language(counter: Counter, language: str, channel: str) -> None:
    counter.tell(paid(channel=channel))
    catalogue = load_catalogue(language)
    sentence = catalogue.text(counter.screen.banners[0].text)
    assert catalogue.sentences[f"wallet.{channel}"] in sentence
    assert "¥8.00" in sentence
    assert "3421" in sentence


def test_late_money_that_was_kept_says_so_and_offers_no_second_charge(counter: Counter) -> None:
    counter.sell()
    lost = counter.payment(TerminalState.NOT_PAID)
    counter.tell(lost)
    counter.tell(counter.late(lost))
    assert counter.panel.big.key == "state.late"
    counter.tell(counter.late(lost, LateMoneyState.ACCEPTED))
    assert counter.panel.big.key == "state.late_kept"
    assert counter.panel.tone is Tone.PAID
    assert "state.not_paid_safe" not in repr(counter.screen)
    assert counter.home.recent[0].word == say("word.late_kept")


def test_a_bar_about_late_money_changes_when_a_person_keeps_it(counter: Counter) -> None:
    counter.sell()
    open_one = counter.payment(TerminalState.UNKNOWN)
    counter.tell(open_one)
    counter.press(Command.PARK)
    lost = replace(open_one, state=TerminalState.NOT_PAID)
    counter.tell(counter.late(lost))
    assert counter.screen.banners[0].text.key == "banner.late"
    counter.tell(counter.late(lost, LateMoneyState.ACCEPTED))
    assert counter.screen.banners[0].text.key == "banner.late_kept"
    assert len(counter.state.settled) == 1


@pytest.mark.parametrize(
    ("refunded", "refunding", "word"),
    [
        (0, 0, say("word.paid")),
        (100, 0, say("word.part_refunded", amount="1.00")),
        (1250, 0, say("word.refunded")),
        (100, 50, say("word.refunding")),
    ],
)
def test_a_paid_order_says_what_went_back(counter: Counter, refunded: int, refunding: int, word: object) -> None:
    counter.sell()
    counter.tell(replace(counter.payment(TerminalState.PAID), refunded_fen=refunded, refunding_fen=refunding))
    assert counter.home.recent[0].word == word


@pytest.mark.parametrize("code", ["0112345678901234567", "511111111111111111", "831111111111111111"])
def test_a_wallet_that_is_known_but_not_served_is_named_and_nothing_is_charged(counter: Counter, code: str) -> None:
    counter.type("5")
    counter.scan(code)
    assert counter.starts == []
    assert counter.panel.big.key in {"scan.ecny", "scan.bestpay", "scan.suning"}


def test_takings_are_after_refunds_and_the_static_qr_has_a_line_of_its_own(counter: Counter) -> None:
    day = DayRead(
        day="2026-11-22", count=2, amount_fen=1000, not_paid=0, hours=(), unresolved=(), refunds=1, refunded_fen=300,
        wallets=(WalletSum(channel="wechat", count=2, amount_fen=1000),),
        store=(WalletSum(channel="alipay", count=1, amount_fen=800),),
    )  # fmt: skip
    counter.press(Command.TAKINGS)
    counter.say(e.DayArrived(days_ago=0, day=day))
    body = counter.screen.body
    assert isinstance(body, TakingsView)
    assert (body.total, body.refunded) == ("7.00", "3.00")
    assert [(bar.phrase, bar.value) for bar in body.wallets][1:] == [
        (say("takings.refunds", count=1), "-¥3.00"), (say("takings.store", count=1), "¥8.00"),
    ]  # fmt: skip
