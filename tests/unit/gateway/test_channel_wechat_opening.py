"""Rule: an account that could not undo, verify or be told is not opened, and the fault names its key and no secret."""

from __future__ import annotations

import gzip
import hashlib
from urllib.parse import parse_qs, urlsplit

import pytest

from gateway.channels.account import AccountError
from gateway.channels.port import (
    BillKind,
    BillNotReady,
    BillOf,
    BillReady,
    ChannelReason,
    ChannelResponse,
    NoBill,
    PayerKnown,
    PayerUnknown,
    PreparedCall,
    UndoAction,
    Unknown,
)
from gateway.channels.registry import open_channel
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import NOW_MS, PAGES

CHANNEL = wallet.channel()
BY_V3 = wallet.channel(code_api="v3")
WITH_PAGES = wallet.channel(**PAGES)
TRADE = BillOf(day="2026-11-21", kind=BillKind.TRADE)
FLOW = BillOf(day="2026-11-21", kind=BillKind.FUND_FLOW)
BILL = "\ufeff交易时间,公众账号ID\r\n`2026-11-21 10:00:00,`wx8\r\n".encode()


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"notify_url": None}, "notify_url"),
        ({"base_url": "https://wallet.test/"}, "base_url"),
        ({"secapi_url": "https://wallet.test/"}, "secapi_url"),
        ({"private_key": None}, "private_key"),
        ({"private_key": "canary"}, "private_key"),
        ({"client_certificate": None}, "client_certificate"),
        ({"client_certificate": "canary"}, "client_certificate"),
        ({"client_certificate": wallet.pem(wallet.certificate("platform-1")), "certificate_serial": None},
         "client_certificate"),
        ({"certificate_serial": "canary"}, "certificate_serial"),
        ({"certificate_serial": "ABCDEF0123"}, "certificate_serial"),
        ({"code_api": "v3", "client_certificate": None, "certificate_serial": None}, "certificate_serial"),
        ({"api_v2_key": None}, "api_v2_key"),
        ({"api_v2_key": "canary"}, "api_v2_key"),
        ({"api_v3_key": None}, "api_v3_key"),
        ({"api_v3_key": "canary-too-short"}, "api_v3_key"),
        ({"wallet_public_key": "canary"}, "wallet_public_key"),
        ({"wallet_public_key": None}, "wallet_public_key"),
        ({"wallet_public_key_id": None}, "wallet_public_key_id"),
        ({"wallet_public_key_id": "canary"}, "wallet_public_key_id"),
        ({"wallet_certificates": "canary"}, "wallet_certificates"),
        ({"wallet_public_key": None, "wallet_public_key_id": None, "wallet_certificates": None}, "wallet_public_key"),
        ({"app_secret": "canary"}, "authorize_url"),
        ({**PAGES, "oauth_url": None}, "oauth_url"),
        ({**PAGES, "app_secret": None}, "app_secret"),
    ],
)  # fmt: skip
def test_a_fault_names_its_key_and_repeats_nothing(changes: dict[str, object], where: str) -> None:
    with pytest.raises(AccountError) as raised:
        wallet.channel(**changes)
    assert raised.value.where == where
    assert "canary" not in str(raised.value).lower()


def test_all_faults_are_found_in_one_reading() -> None:
    with pytest.raises(AccountError) as raised:
        wallet.channel(private_key="x", api_v2_key="x", api_v3_key="x", wallet_certificates="x")
    found = {raised.value.where, *(other.where for other in raised.value.also)}
    assert found == {"private_key", "api_v2_key", "api_v3_key", "wallet_certificates"}


@pytest.mark.parametrize(
    "changes",
    [
        {"wallet_certificates": None},
        {"wallet_public_key": None, "wallet_public_key_id": None},
        {"certificate_serial": None},
        {"certificate_serial": wallet.serial("merchant").lower()},
        {"code_api": "v3", "api_v2_key": None, "client_certificate": None},
        {"code_api": "v2", "sign_type": "MD5"},
        {"secapi_url": None},
        PAGES,
        wallet.PARTNER,
    ],
)
def test_these_accounts_open(changes: dict[str, object]) -> None:
    opened = open_channel(wallet.account(**changes))
    assert opened.traits.channel == "wechat"


def test_traits_are_those_of_table_s() -> None:
    traits = CHANNEL.traits
    assert traits.query_at_ms == tuple(second * 1_000 for second in range(3, 46, 3))
    assert (traits.decide_after_ms, traits.undo_not_before_ms) == (45_000, 15_000)
    assert traits.undo_window_ms == 7 * 24 * 3_600_000
    assert (traits.undo_of_paid, traits.qr_unknown_until_scanned) == (UndoAction.REFUND, False)
    assert (traits.pages, WITH_PAGES.traits.pages) == (False, True)


# --- who holds the phone


def test_the_oauth_page_is_asked_in_wechats_own_order() -> None:
    url = WITH_PAGES.authorize_url(redirect="https://shop.test/o/x?a=1&b=+", state="s=1")
    assert url == (
        "https://open.wallet.test/connect/oauth2/authorize?appid=wx8888888888888888"
        "&redirect_uri=https%3A%2F%2Fshop.test%2Fo%2Fx%3Fa%3D1%26b%3D%2B&response_type=code&scope=snsapi_base"
        "&state=s%3D1#wechat_redirect"
    )
    assert CHANNEL.authorize_url(redirect="https://shop.test/", state="s") is None


def test_a_code_is_exchanged_and_the_secret_is_in_no_repr() -> None:
    call = WITH_PAGES.payer({"code": "081aBcDeFgHiJk", "state": "s"}, user_agent="", now_ms=NOW_MS)
    assert call is not None
    assert parse_qs(urlsplit(call.request.url).query) == {
        "appid": [wallet.APPID],
        "secret": [wallet.APP_SECRET],
        "code": ["081aBcDeFgHiJk"],
        "grant_type": ["authorization_code"],
    }
    assert wallet.APP_SECRET not in repr(call) + repr(call.request) + repr(WITH_PAGES)
    for query in ({}, {"code": ""}, {"code": "a b"}, {"code": "x" * 200}):
        assert WITH_PAGES.payer(query, user_agent="", now_ms=NOW_MS) is None
    assert CHANNEL.payer({"code": "081aBcDeFgHiJk"}, user_agent="", now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b'{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o","access_token":"t"}', PayerKnown),
        (200, b'{"errcode":40029,"errmsg":"invalid code"}', PayerUnknown),
        (200, b'{"errcode":40163,"errmsg":"code been used"}', PayerUnknown),
        (200, b'{"errcode":42003}', PayerUnknown),
        (200, b'{"errcode":40125}', Unknown),
        (200, b'{"errcode":-1}', Unknown),
        (200, b'{"errcode":"40029"}', Unknown),
        (200, b'{"openid":""}', Unknown),
        (200, b'{"openid":5}', Unknown),
        (200, b"{}", Unknown),
        (200, b"<html>", Unknown),
        (502, b'{"openid":"oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"}', Unknown),
    ],
)
def test_each_answer_of_the_exchange(status: int, body: bytes, kind: type) -> None:
    call = WITH_PAGES.payer({"code": "081aBcDeFgHiJk"}, user_agent="", now_ms=NOW_MS)
    assert call is not None
    verdict = call.read(ChannelResponse(status=status, headers={}, body=body))
    assert type(verdict) is kind
    assert "oUpF8" not in repr(verdict)


# --- bills


def file(body: bytes, status: int = 200) -> ChannelResponse:
    return ChannelResponse(status=status, headers={}, body=body)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (gzip.compress(BILL), BillReady),
        (BILL, BillReady),
        (gzip.compress(BILL)[:-9], Unknown),
        (gzip.compress(BILL) + b"x", Unknown),
        (gzip.compress("<html>登录</html>".encode()), Unknown),
        (b"<html>", Unknown),
        (b"", Unknown),
        (wallet.xml({"return_code": "FAIL", "return_msg": "No Bill Exist", "error_code": "20002"}), NoBill),
        (wallet.xml({"return_code": "FAIL", "return_msg": "Bill Creating", "error_code": "20003"}), BillNotReady),
        (wallet.xml({"return_code": "FAIL", "return_msg": "签名错误"}), Unknown),
    ],
    ids=range(10),
)
def test_each_answer_of_v2s_bill(body: bytes, kind: type) -> None:
    read = CHANNEL.bill(TRADE, now_ms=NOW_MS).read
    assert type(read(file(body))) is kind
    assert isinstance(read(file(body, 502)), Unknown)


def address(url: str, digest: str, kind: str = "SHA1") -> ChannelResponse:
    return wallet.v3_said({"hash_type": kind, "hash_value": digest, "download_url": url})


SHA1 = hashlib.sha1(BILL).hexdigest()
URL = "https://api.wallet.test/v3/billdownload/file?token=abc"


@pytest.mark.parametrize("call", [CHANNEL.bill(FLOW, now_ms=NOW_MS), BY_V3.bill(TRADE, now_ms=NOW_MS)])
def test_v3s_bill_is_fetched_by_a_second_signed_call_and_checked(call: PreparedCall[object]) -> None:
    fetch = call.read(address(URL, SHA1.upper()))
    assert isinstance(fetch, PreparedCall)
    assert fetch.request.url == URL
    assert fetch.request.headers["authorization"].startswith("WECHATPAY2-SHA256-RSA2048 ")
    packed = gzip.compress(BILL)
    assert fetch.read(file(packed)) == BillReady(content=packed)
    assert fetch.read(file(BILL)) == BillReady(content=BILL)
    other = gzip.compress(BILL + b"x")
    assert fetch.read(file(other)) == Unknown(reason=ChannelReason.BAD_SIGNATURE, code="SHA1")
    for spoiled in (file(packed[:-9]), file(packed, 400), file(b"")):
        assert isinstance(fetch.read(spoiled), Unknown)


@pytest.mark.parametrize(
    "answer",
    [
        address("http://api.wallet.test/x", SHA1),
        address("ftp://api.wallet.test/x", SHA1),
        address("https://user:pw@wallet.test/x", SHA1),
        address(URL + "#x", SHA1),
        address(URL, "x" * 40),
        address(URL, SHA1, "MD5"),
        wallet.v3_answer(address(URL, SHA1).body, headers={}),
        wallet.v3_refused(403, "NO_AUTH"),
        wallet.v3_refused(500, "SYSTEM_ERROR"),
    ],
)
def test_an_address_that_is_unsigned_or_strange_is_not_called(answer: ChannelResponse) -> None:
    assert isinstance(CHANNEL.bill(FLOW, now_ms=NOW_MS).read(answer), Unknown)


def test_no_bill_and_not_yet_are_told_apart() -> None:
    read = CHANNEL.bill(FLOW, now_ms=NOW_MS).read
    assert read(wallet.v3_refused(400, "NO_STATEMENT_EXIST")) == NoBill(code="NO_STATEMENT_EXIST")
    assert read(wallet.v3_refused(400, "STATEMENT_CREATING")) == BillNotReady(code="STATEMENT_CREATING")


def test_bill_requests_name_the_day_and_the_kind() -> None:
    sent = wallet.v2_sent(CHANNEL.bill(TRADE, now_ms=NOW_MS).request)
    assert (sent["bill_date"], sent["bill_type"], sent["tar_type"]) == ("20261121", "ALL", "GZIP")
    by_v3 = wallet.channel(code_api="v3", **wallet.PARTNER)
    assert by_v3.bill(TRADE, now_ms=NOW_MS).request.url == (
        f"https://wallet.test/v3/bill/tradebill?bill_date=2026-11-21&bill_type=ALL&sub_mchid={wallet.SUB_MCH_ID}"
        "&tar_type=GZIP"
    )
    assert CHANNEL.bill(FLOW, now_ms=NOW_MS).request.url == (
        "https://wallet.test/v3/bill/fundflowbill?bill_date=2026-11-21&account_type=BASIC&tar_type=GZIP"
    )
