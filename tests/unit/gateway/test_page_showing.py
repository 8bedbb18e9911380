"""What the page shows follows from our own rows; its facts cannot end the script element that they stand in."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from msgspec.structs import replace
from starlette.responses import Response

from gateway.cashier_page.limits import Ask, Limits
from gateway.cashier_page.rendering import Shown, choose_app_page, end_page, pay_page
from gateway.cashier_page.showing import PageState, facts_json, money_may_return, script_json, state_of, yuan
from gateway.cashier_page.words import LANGUAGES, known_language, language_of
from gateway.channels.port import OrderKind
from gateway.payments.values import ChannelOrder, Payment
from protocol.messages import LateMoneyState, Presented
from protocol.states import GatewayState, ProofKind
from sandbox.shop_page import PageState as ReadState
from sandbox.shop_page import read_page
from tests.unit.gateway.payment_rows import order, payment

NOW_MS = 1_800_000_000_000


def on_page(**changed: Any) -> Payment:
    base = replace(
        payment(), presented=Presented.MERCHANT, page=True, state=GatewayState.SENT, qr_expires_ms=NOW_MS + 100_000
    )
    return replace(base, **changed)


def opened(**changed: Any) -> ChannelOrder:
    base = replace(order(), kind=OrderKind.PAGE, channel="wechat", payer_mark="me", ended_kind=None)
    return replace(base, **changed)


@pytest.mark.parametrize(
    ("paid_for", "live", "shows"),
    [
        (on_page(state=GatewayState.CREATED), None, PageState.OPEN),
        (on_page(), None, PageState.OPEN),
        (on_page(), opened(), PageState.OPEN),
        (on_page(), opened(payer_mark="other"), PageState.WAIT),
        (on_page(), opened(release_ms=NOW_MS), PageState.WAIT),
        (on_page(), opened(ended_kind=ProofKind.CLOSED), PageState.OPEN),
        (on_page(state=GatewayState.PAID), opened(), PageState.PAID),
        (on_page(state=GatewayState.PAID), opened(payer_mark="other"), PageState.TAKEN),
        (on_page(state=GatewayState.REVERSING), opened(), PageState.OVER),
        (on_page(state=GatewayState.UNDO_BY_REFUND), opened(), PageState.OVER),
        (on_page(state=GatewayState.NOT_PAID), None, PageState.OVER),
        (on_page(cancel_requested_ms=NOW_MS), opened(), PageState.OVER),
        (on_page(qr_expires_ms=NOW_MS), None, PageState.OVER),
        (on_page(qr_expires_ms=NOW_MS), opened(payer_mark="other"), PageState.OVER),
        # Whoever is in front of the password box still has his order.
        (on_page(qr_expires_ms=NOW_MS), opened(), PageState.OPEN),
    ],
)
def test_what_is_shown_follows_from_the_rows(paid_for: Payment, live: ChannelOrder | None, shows: PageState) -> None:
    assert state_of(paid_for, live, mark="me", now_ms=NOW_MS) is shows


def test_who_has_not_paid_gets_no_page_to_show_to_the_cashier() -> None:
    """A photographed QR must not give a stranger a screen that says "paid"."""
    assert state_of(on_page(state=GatewayState.PAID), opened(), mark=None, now_ms=NOW_MS) is PageState.TAKEN


def test_who_has_not_signed_in_owns_no_order() -> None:
    assert state_of(on_page(), opened(payer_mark=None), mark=None, now_ms=NOW_MS) is PageState.WAIT


def test_money_that_may_have_moved_is_said_to_come_back() -> None:
    assert money_may_return(on_page(state=GatewayState.REVERSING))
    assert money_may_return(on_page(state=GatewayState.NOT_PAID, late_state=LateMoneyState.FOUND))
    assert not money_may_return(on_page(state=GatewayState.NOT_PAID))


def test_facts_are_read_back_as_they_were_written() -> None:
    text = facts_json(press="T/pay?lang=en", amount_fen=None, state=PageState.OPEN)
    assert json.loads(text) == {"press": "T/pay?lang=en", "amount_fen": None, "state": "open"}


def test_nothing_in_a_script_element_can_end_it() -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028&"
    text = script_json({"name": hostile})
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == {"name": hostile}


@pytest.mark.parametrize(("fen", "text"), [(1, "0.01"), (10, "0.10"), (1250, "12.50"), (500_000, "5000.00")])
def test_yuan_are_written_from_whole_fen(fen: int, text: str) -> None:
    assert yuan(fen) == text


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_word_with_the_same_holes(language: str) -> None:
    for name, text in LANGUAGES["zh-CN"].items():
        assert LANGUAGES[language][name].count("{") == text.count("{"), name


@pytest.mark.parametrize(
    ("asked", "accepted", "language"),
    [
        ("", "", "zh-CN"),
        ("", "en-US,en;q=0.9", "en"),
        ("", "zh-Hant-HK;q=0.9", "zh-TW"),
        ("", "fr,de;q=0.9,zh-TW;q=0.8", "zh-TW"),
        ("", "fr", "zh-CN"),
        ("zh-TW", "en", "zh-TW"),
        ("xx", "en", "en"),
    ],
)
def test_the_language_is_the_one_asked_for_or_the_browsers(asked: str, accepted: str, language: str) -> None:
    assert language_of(asked, accepted) == language


def test_an_unknown_language_is_none() -> None:
    assert known_language('"><script>') is None


def shown(shop: str = "老王早餐 一店", wallet: str = "wechat", language: str = "zh-CN") -> Shown:
    return Shown(language=language, nonce="bm9uY2U", shop=shop, wallet=wallet)


def every_page(one: Shown) -> list[Response]:
    fixed = pay_page(one, state=PageState.OPEN, press="T/pay", status="T/status?x=1", amount_fen=1250, most_fen=500_000)
    keypad = pay_page(one, state=PageState.OPEN, press="T/pay", status=None, amount_fen=None, most_fen=500_000)
    paid = end_page(one, on_page(state=GatewayState.PAID), PageState.PAID)
    apps = choose_app_page(one, channels=("wechat", "alipay"), amount_fen=1250)
    return [fixed, keypad, paid, apps]


def test_every_page_tells_programs_what_people_see() -> None:
    read = [read_page(bytes(page.body)) for page in every_page(shown())]
    assert [None if one is None else one.state for one in read] == [
        ReadState.OPEN,
        ReadState.OPEN,
        ReadState.PAID,
        ReadState.CHOOSE_APP,
    ]
    assert [None if one is None else one.amount_fen for one in read][:2] == [1250, None]


def test_a_shops_name_is_text_on_every_page() -> None:
    hostile = "</title><img src=x onerror=alert(1)>{{7*7}}\"'</script>"
    for page in every_page(shown(shop=hostile)):
        html = bytes(page.body).decode()
        assert "<img" not in html
        assert "49" not in html.split("</style>")[1].split("<svg")[0]
        assert html.count("</script>") == html.count("<script")


def test_only_the_pages_own_script_runs_and_nothing_is_loaded_or_kept() -> None:
    for page in every_page(shown()):
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["referrer-policy"] == "no-referrer"
        html = bytes(page.body).decode()
        assert "http://" not in html.replace("http://www.w3.org", "")
        assert "https://" not in html
        assert ' src="' not in html
        assert "style=" not in html
        assert " on" + "click" not in html


def test_a_page_is_light() -> None:
    for page in every_page(shown()):
        assert len(gzip.compress(bytes(page.body))) < 20_000


def test_an_address_may_ask_so_often_and_again_later() -> None:
    limits, now_ms = Limits(), NOW_MS
    allowed = [limits.allow(Ask.STRANGE, "203.0.113.9", "", now_ms=now_ms) for _ in range(30)]
    assert allowed == [True] * 20 + [False] * 10
    assert limits.allow(Ask.STRANGE, "203.0.113.8", "", now_ms=now_ms)
    assert limits.allow(Ask.PRESS, "203.0.113.9", "", now_ms=now_ms)
    assert limits.allow(Ask.STRANGE, "203.0.113.9", "", now_ms=now_ms + 1_000)


def test_each_kind_of_question_has_a_measure_of_its_own() -> None:
    """Two members with one value would be one member."""
    assert {one.name for one in Ask} == {"LOOK", "STRANGE", "SIGN_IN", "PRESS", "STATUS", "ORDER"}
