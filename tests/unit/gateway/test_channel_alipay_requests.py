"""Rule: a request carries exactly the documented parameters, and an independent reader accepts its signature."""

from __future__ import annotations

import base64
import json
from typing import cast
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given
from hypothesis import strategies as st

from gateway.channels.alipay.amounts import beijing_text, express_text, fen_of, unix_ms_of, yuan_text
from gateway.channels.port import ChannelRequest, PayOrder
from protocol.secret import Secret
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import (
    CANARY_CODE,
    CANARY_TOKEN,
    NOW_MS,
    ORDER,
    OUT_TRADE_NO,
    QR_ORDER,
    REF,
)


def parameters(request: ChannelRequest) -> dict[str, str]:
    """What a server sees: query and form merged, decoded once."""
    pairs = parse_qsl(urlsplit(request.url).query, keep_blank_values=True, strict_parsing=True)
    pairs += parse_qsl(request.body.decode("ascii"), keep_blank_values=True, strict_parsing=True)
    merged = dict(pairs)
    assert len(merged) == len(pairs), "a parameter came twice"
    return merged


def content(request: ChannelRequest) -> dict[str, str]:
    return cast("dict[str, str]", json.loads(parameters(request)["biz_content"]))


def accept(request: ChannelRequest) -> None:
    """Rebuilds the signed text by the rule, from the received parameters, and verifies it. Raises InvalidSignature."""
    received = parameters(request)
    signature = base64.b64decode(received.pop("sign"), validate=True)
    signed = "&".join(f"{name}={value}" for name, value in sorted(received.items()) if value)
    assert "sign_type=RSA2" in signed
    wallet.app_key().public_key().verify(signature, signed.encode(), PKCS1v15(), SHA256())


def order(**changes: object) -> PayOrder:
    fields = {name: getattr(ORDER, name) for name in PayOrder.__struct_fields__}
    return PayOrder(**{**fields, **changes})  # pyright: ignore[reportArgumentType]  # a table of tests


def test_pay_carries_the_documented_parameters() -> None:
    request = wallet.channel().pay(ORDER, now_ms=NOW_MS).request
    accept(request)
    assert request.method == "POST"
    assert request.url.startswith("https://wallet.test/gateway.do?")
    assert request.headers["content-type"] == "application/x-www-form-urlencoded;charset=utf-8"
    received = parameters(request)
    assert {name: received[name] for name in received if name not in {"sign", "biz_content"}} == {
        "app_id": "2021000000000001",
        "method": "alipay.trade.pay",
        "format": "JSON",
        "charset": "utf-8",
        "sign_type": "RSA2",
        "timestamp": "2026-11-22 10:00:00",
        "version": "1.0",
    }
    assert content(request) == {
        "out_trade_no": OUT_TRADE_NO,
        "scene": "bar_code",
        "auth_code": CANARY_CODE,
        "product_code": "FACE_TO_FACE_PAYMENT",
        "subject": "早餐 豆浆",
        "total_amount": "12.50",
        "timeout_express": "1m",
        "operator_id": "c01",
        "terminal_id": "T0001",
        "store_id": "S0001",
    }


def test_only_biz_content_is_in_the_body_and_the_code_is_not_in_the_url() -> None:
    request = wallet.channel().pay(ORDER, now_ms=NOW_MS).request
    assert [name for name, _ in parse_qsl(request.body.decode())] == ["biz_content"]
    assert CANARY_CODE not in unquote(request.url)


@pytest.mark.parametrize(
    ("operation", "method"),
    [("query", "alipay.trade.query"), ("cancel", "alipay.trade.cancel"), ("close", "alipay.trade.close")],
)
def test_calls_about_an_order_name_it_and_nothing_else(operation: str, method: str) -> None:
    channel = wallet.channel(notify_url="https://shop.test/notify/alipay/a")
    calls = {"query": channel.query, "cancel": channel.cancel, "close": channel.close}
    request = calls[operation](REF, now_ms=NOW_MS).request
    accept(request)
    assert parameters(request)["method"] == method
    assert "notify_url" not in parameters(request)
    assert content(request) == {"out_trade_no": OUT_TRADE_NO}


def test_precreate_stays_payable_as_long_as_it_is_shown() -> None:
    request = wallet.channel().precreate(QR_ORDER, now_ms=NOW_MS).request
    accept(request)
    assert parameters(request)["method"] == "alipay.trade.precreate"
    assert content(request)["timeout_express"] == "2m"
    assert "auth_code" not in content(request)


def test_partner_mode_sends_the_merchants_token_and_notifications_go_to_the_url_of_the_account() -> None:
    notify_url = "https://shop.test/notify/alipay/a"
    channel = wallet.channel(mode="partner", app_auth_token=CANARY_TOKEN, notify_url=notify_url)
    for request in (
        channel.pay(ORDER, now_ms=NOW_MS).request,
        channel.precreate(QR_ORDER, now_ms=NOW_MS).request,
    ):
        accept(request)
        assert parameters(request)["app_auth_token"] == CANARY_TOKEN
        assert parameters(request)["notify_url"] == notify_url


@given(subject=st.text(max_size=300), operator=st.text(max_size=40))
def test_any_subject_and_operator_are_signed_as_sent(subject: str, operator: str) -> None:
    subject = subject.encode("utf-8", "ignore").decode()
    request = wallet.channel().pay(order(subject=subject, operator=operator), now_ms=NOW_MS).request
    accept(request)
    sent = content(request)
    assert 1 <= len(sent["subject"]) <= 256
    assert not set(sent["subject"]) & set("/=&\n\r\t\x00")
    assert sent.get("operator_id", "ok").isascii()


def test_a_name_that_the_wallet_would_refuse_is_left_out_rather_than_failing_the_payment() -> None:
    for name in ("店员甲", "a b", "", "x" * 33):
        sent = content(wallet.channel().pay(order(operator=name, terminal=name, store=name), now_ms=NOW_MS).request)
        assert not {"operator_id", "terminal_id", "store_id"} & sent.keys()


def test_plus_and_equals_of_the_signature_survive_the_url() -> None:
    for second in range(20):
        accept(wallet.channel().query(REF, now_ms=NOW_MS + second * 1000).request)


def test_the_same_arguments_give_the_same_bytes() -> None:
    """Building is pure: PKCS#1 v1.5 signatures have no randomness."""
    one, two = (wallet.channel().pay(ORDER, now_ms=NOW_MS).request for _ in range(2))
    assert (one.url, one.body) == (two.url, two.body)


def test_time_limits_come_from_the_account() -> None:
    call = wallet.channel(connect_timeout_ms=1234, read_timeout_ms=15_000).pay(ORDER, now_ms=NOW_MS)
    assert (call.connect_timeout_ms, call.read_timeout_ms) == (1234, 15_000)


def test_traits_state_the_schedule() -> None:
    traits = wallet.channel(min_query_interval_ms=1_000).traits
    assert traits.channel == "alipay"
    assert (traits.min_query_interval_ms, traits.decide_after_ms, traits.undo_not_before_ms) == (1_000, 45_000, 0)
    assert traits.undo_window_ms == 86_400_000
    assert traits.qr_unknown_until_scanned


@pytest.mark.parametrize(
    ("fen", "yuan"), [(1, "0.01"), (10, "0.10"), (100, "1.00"), (1250, "12.50"), (10_000_000_000, "100000000.00")]
)
def test_fen_are_written_as_yuan(fen: int, yuan: str) -> None:
    assert yuan_text(fen) == yuan
    assert fen_of(yuan) == fen


@given(st.integers(1, 10_000_000_000))
def test_every_amount_survives_the_way_there_and_back(fen: int) -> None:
    assert fen_of(yuan_text(fen)) == fen


@pytest.mark.parametrize(
    "text", ["", ".5", "1.", "01.00", "1.234", "+1", "-1", "1,00", " 1", "1 ", "1\n", "NaN", "１", 1, None]
)
def test_a_doubtful_amount_is_no_amount(text: object) -> None:
    assert fen_of(text) is None


@pytest.mark.parametrize("fen", [0, -1, 10_000_000_001])
def test_an_amount_that_the_wallet_cannot_take_is_a_bug_of_the_caller(fen: int) -> None:
    with pytest.raises(AssertionError):
        yuan_text(fen)


@pytest.mark.parametrize(("ms", "text"), [(1, "1m"), (60_000, "1m"), (60_001, "2m"), (120_000, "2m"), (180_000, "3m")])
def test_an_open_time_is_rounded_up_to_minutes(ms: int, text: str) -> None:
    assert express_text(ms) == text


@given(st.integers(0, 4_000_000_000_000))
def test_beijing_time_survives_the_way_there_and_back_to_the_second(ms: int) -> None:
    assert unix_ms_of(beijing_text(ms)) == ms - ms % 1000


def test_strange_times_are_none() -> None:
    for text in ("", "2026-11-22", "2026-02-30 00:00:00", "2026-11-22T10:00:00+08:00", None, 5):
        assert unix_ms_of(text) is None


def test_an_order_number_that_the_wallet_would_refuse_is_a_bug_of_the_caller() -> None:
    with pytest.raises(AssertionError):
        wallet.channel().pay(order(out_trade_no="a-b"), now_ms=NOW_MS)


def test_codes_are_equal_only_as_secrets() -> None:
    assert order(auth_code=Secret("1")) != ORDER
