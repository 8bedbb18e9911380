"""Rule: a request carries exactly the documented fields; an order keeps its number and its txnTime for ever."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from gateway.channels.account import AccountError
from gateway.channels.port import BillKind, BillOf, OrderKind, OrderRef, RefundRefused
from gateway.channels.unionpay.times import day_end_ms, settle_date, traced_ms, txn_time, unix_ms_of
from tests.unit.gateway import channel_unionpay_wallet as wallet
from tests.unit.gateway.channel_unionpay_wallet import (
    CANARY_CODE,
    MER_ID,
    NOW_MS,
    OPENED_MS,
    ORDER,
    OUT_TRADE_NO,
    PAGE_ORDER,
    PAGES,
    QR_ORDER,
    QUERY_ID,
    REF,
    REFUND,
    REFUND_NO,
    REFUND_TIME,
    TXN_TIME,
)

CHANNEL = wallet.channel()
DAY = BillOf(day="2026-11-22", kind=BillKind.TRADE)
BASE = {
    "version": "5.1.0",
    "encoding": "UTF-8",
    "signMethod": "01",
    "bizType": "000000",
    "accessType": "0",
    "merId": MER_ID,
}
NAMED = {"orderId": OUT_TRADE_NO, "txnTime": TXN_TIME}
MONEY = {"txnAmt": "1250", "currencyCode": "156", "channelType": "08"}
BACK = {"backUrl": "https://shop.test/notify/unionpay/shop-unionpay"}
BACK_URL = "https://wallet.test/gateway/api/backTransReq.do"
QUERY_URL = "https://wallet.test/gateway/api/queryTrans.do"


def unsealed(fields: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in fields.items() if name not in ("signature", "certId")}


REQUESTS = {
    "pay": (
        lambda: CHANNEL.pay(ORDER, now_ms=NOW_MS),
        BACK_URL,
        {**NAMED, **MONEY, **BACK, "txnType": "01", "txnSubType": "06", "qrNo": CANARY_CODE, "termId": "49000002"},
    ),
    "precreate": (
        lambda: CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS),
        BACK_URL,
        {**NAMED, **MONEY, **BACK, "txnType": "01", "txnSubType": "07", "termId": "49000002"},
    ),
    "create": (
        lambda: CHANNEL.create(PAGE_ORDER, now_ms=NOW_MS),
        BACK_URL,
        {**NAMED, **MONEY, **BACK, "txnType": "01", "txnSubType": "07", "termId": "49000002"},
    ),
    "query": (lambda: CHANNEL.query(REF, now_ms=NOW_MS), QUERY_URL, {**NAMED, "txnType": "00", "txnSubType": "00"}),
    "cancel": (
        lambda: CHANNEL.cancel(REF, now_ms=NOW_MS),
        BACK_URL,
        {**NAMED, **MONEY, "txnType": "99", "txnSubType": "01"},
    ),
    "close": (
        lambda: CHANNEL.close(REF, now_ms=NOW_MS),
        BACK_URL,
        {**NAMED, **MONEY, "txnType": "99", "txnSubType": "01"},
    ),
    "refund": (
        lambda: CHANNEL.refund(REFUND, now_ms=NOW_MS),
        BACK_URL,
        {
            **MONEY,
            **BACK,
            "orderId": REFUND_NO,
            "txnTime": REFUND_TIME,
            "txnAmt": "250",
            "txnType": "04",
            "txnSubType": "00",
            "origQryId": QUERY_ID,
            "reqReserved": OUT_TRADE_NO,
        },
    ),
    "refund query": (
        lambda: CHANNEL.refund_query(REFUND, now_ms=NOW_MS),
        QUERY_URL,
        {"orderId": REFUND_NO, "txnTime": REFUND_TIME, "txnType": "00", "txnSubType": "00"},
    ),
    "file": (
        lambda: CHANNEL.bill(DAY, now_ms=NOW_MS),
        "https://files.wallet.test/",
        {"txnTime": "20261122100003", "txnType": "76", "txnSubType": "01", "settleDate": "1122", "fileType": "00"},
    ),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_call_carries_exactly_the_documented_fields(name: str) -> None:
    prepare, url, fields = REQUESTS[name]
    call = prepare()
    assert call.request.method == "POST"
    assert call.request.url == url
    assert call.request.headers["content-type"] == "application/x-www-form-urlencoded;charset=UTF-8"
    assert unsealed(wallet.sent(call.request)) == {**BASE, **fields}


def test_txn_time_is_the_orders_own_second_for_ever() -> None:
    for later in (0, 61_000, 90_000_000):
        for call in (CHANNEL.query(REF, now_ms=NOW_MS + later), CHANNEL.cancel(REF, now_ms=NOW_MS + later)):
            assert wallet.sent(call.request)["txnTime"] == TXN_TIME
    assert wallet.sent(CHANNEL.refund(REFUND, now_ms=NOW_MS).request)["txnTime"] == REFUND_TIME


def test_every_way_of_paying_is_undone_by_the_same_reversal() -> None:
    calls = [CHANNEL.cancel(replace(REF, kind=kind), now_ms=NOW_MS).request.body for kind in OrderKind] + [
        CHANNEL.close(replace(REF, kind=kind), now_ms=NOW_MS).request.body for kind in OrderKind
    ]
    assert len(set(calls)) == 1


def test_a_refund_without_the_query_id_asks_about_the_order_and_stays_to_be_sent() -> None:
    order = replace(REFUND, order=OrderRef(out_trade_no=OUT_TRADE_NO, amount_fen=1250, opened_ms=OPENED_MS))
    call = CHANNEL.refund(order, now_ms=NOW_MS)
    assert call.request.url == QUERY_URL
    assert wallet.sent(call.request)["orderId"] == OUT_TRADE_NO
    verdict = call.read(wallet.answer(wallet.sealed(wallet.trade("00"))))
    assert isinstance(verdict, RefundRefused)
    assert (verdict.code, verdict.final) == ("queryId", False)


def test_the_payment_code_is_in_the_body_only_and_in_no_repr() -> None:
    call = CHANNEL.pay(ORDER, now_ms=NOW_MS)
    assert CANARY_CODE.encode() in call.request.body
    for text in (
        call.request.url,
        str(call.request.headers),
        repr(call),
        repr(call.request),
        repr(CHANNEL),
        repr(ORDER),
    ):
        assert CANARY_CODE not in text
        assert "PRIVATE KEY" not in text
    assert wallet.CANARY_SECRET not in repr(wallet.key_channel())


def test_a_terminal_name_that_unionpay_would_refuse_is_left_out() -> None:
    channel = wallet.channel(terminal_no=None)
    assert "termId" not in wallet.sent(channel.pay(ORDER, now_ms=NOW_MS).request)
    fitting = replace(ORDER, terminal="POS00001")
    assert wallet.sent(channel.pay(fitting, now_ms=NOW_MS).request)["termId"] == "POS00001"


def test_without_a_notification_address_a_consume_says_so_in_unionpays_word_and_a_refund_leaves_it_out() -> None:
    channel = wallet.channel(notify_url=None)
    for call in (channel.pay(ORDER, now_ms=NOW_MS), channel.precreate(QR_ORDER, now_ms=NOW_MS)):
        assert wallet.sent(call.request)["backUrl"] == "http://www.specialUrl.com"
    assert "backUrl" not in wallet.sent(channel.refund(REFUND, now_ms=NOW_MS).request)


def test_pay_timeout_is_sent_only_when_the_account_says_so() -> None:
    assert "payTimeout" not in wallet.sent(CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).request)
    sent = wallet.sent(wallet.channel(pay_timeout="sent").precreate(QR_ORDER, now_ms=NOW_MS).request)
    assert sent["payTimeout"] == "20261122100200"


def test_a_partner_says_for_whom_it_acts() -> None:
    channel = wallet.channel(
        mode="partner", access_type="2", sub_mer_id="SUB1", sub_mer_name="%E6%97%A9%E9%A4%90", sub_mer_abbr="abc"
    )
    sent = wallet.sent(channel.pay(ORDER, now_ms=NOW_MS).request)
    assert {name: sent.get(name) for name in ("accessType", "acqInsCode", "subMerId", "subMerName", "subMerAbbr")} == {
        "accessType": "2",
        "acqInsCode": None,
        "subMerId": "SUB1",
        "subMerName": "早餐",
        "subMerAbbr": "abc",
    }


def test_the_query_address_may_be_set() -> None:
    channel = wallet.channel(query_url="https://query.wallet.test/q.do")
    assert channel.query(REF, now_ms=NOW_MS).request.url == "https://query.wallet.test/q.do"
    assert channel.cancel(REF, now_ms=NOW_MS).request.url == BACK_URL


def test_method_11_needs_no_certificate_and_sends_none() -> None:
    sent = wallet.sent(wallet.key_channel().pay(ORDER, now_ms=NOW_MS).request)
    assert sent["signMethod"] == "11"
    assert "certId" not in sent
    assert wallet.sealed_by_key({name: value for name, value in sent.items() if name != "signature"}) == sent


# --- the page


def test_authorisation_carries_the_state_inside_the_address_that_comes_back() -> None:
    channel = wallet.channel(**PAGES)
    assert channel.traits.pages
    for redirect, mark in (("https://shop.test/q/t", "?"), ("https://shop.test/q/t?w=u", "&")):
        url = channel.authorize_url(redirect=redirect, state="a+b/c=&d")
        assert url is not None
        parts = urlsplit(url)
        assert f"{parts.scheme}://{parts.netloc}{parts.path}" == PAGES["authorize_url"]
        assert parse_qs(parts.query, strict_parsing=True) == {
            "version": ["1.0.0"],
            "redirectUrl": [f"{redirect}{mark}state=a%2Bb%2Fc%3D%26d"],
        }


def test_an_account_without_the_exchange_has_no_pages() -> None:
    assert not CHANNEL.traits.pages
    assert CHANNEL.authorize_url(redirect="https://shop.test/q/t", state="s") is None
    assert CHANNEL.payer({"userAuthCode": "abc"}, user_agent="UnionPay/1.0 CloudPay", now_ms=NOW_MS) is None


@pytest.mark.parametrize(
    ("agent", "app"),
    [
        ("Mozilla/5.0 (Linux; Android 13) UnionPay/1.0 CloudPay", "CloudPay"),
        ("Mozilla/5.0 (com.unionpay.chsp) UnionPay/1.0 ICBCeLife Version/9", "ICBCeLife"),
        ("Mozilla/5.0 UnionPay/1.0 CCBLoongPay;x", "CCBLoongPay"),
        ("Mozilla/5.0", "CloudPay"),
        ("UnionPay/1.0", "CloudPay"),
    ],
)
def test_the_exchange_names_the_application_and_turns_blanks_back(agent: str, app: str) -> None:
    call = wallet.channel(**PAGES).payer({"userAuthCode": "ab cd/e==", "state": "s"}, user_agent=agent, now_ms=NOW_MS)
    assert call is not None
    assert call.request.url == PAGES["user_id_url"]
    assert unsealed(wallet.sent(call.request)) == {
        "version": "5.1.0",
        "encoding": "UTF-8",
        "signMethod": "01",
        "merId": MER_ID,
        "userAuthCode": "ab+cd/e==",
        "appUpIdentifier": app,
        "txnTime": "20261122100003",
    }


@pytest.mark.parametrize("query", [{}, {"userAuthCode": ""}, {"userAuthCode": "a&b"}, {"userAuthCode": "a" * 257}])
def test_without_an_authorisation_code_there_is_no_exchange(query: dict[str, str]) -> None:
    assert wallet.channel(**PAGES).payer(query, user_agent="", now_ms=NOW_MS) is None


# --- the account


@pytest.mark.parametrize(
    ("where", "changes"),
    [
        ("private_key", {"private_key": None}),
        ("private_key", {"private_key": "not a key"}),
        ("certificate", {"certificate": None}),
        ("certificate", {"certificate": "not a certificate"}),
        ("certificate", {"certificate": wallet.pem(wallet.leaf())}),
        ("root_certificate", {"root_certificate": None}),
        ("middle_certificate", {"middle_certificate": "x"}),
        ("secret_key", {"sign_method": "11"}),
        ("sign_method", {"sign_method": "12"}),
        ("mer_id", {"mer_id": "123"}),
        ("base_url", {"base_url": "https://gateway.test/gateway/api/backTransReq.do"}),
        ("base_url", {"base_url": "https://gateway.test/"}),
        ("file_url", {"file_url": None}),
        ("authorize_url", {"user_id_url": "https://wallet.test/u.do"}),
        ("bill_wait_hours", {"bill_wait_hours": "1.5"}),
        ("access_type", {"mode": "partner"}),
        ("sub_mer_id", {"sub_mer_id": "S"}),
    ],
)  # fmt: skip
def test_an_account_that_cannot_work_is_refused_by_the_name_of_its_key(where: str, changes: dict[str, object]) -> None:
    with pytest.raises(AccountError) as refused:
        wallet.channel(**changes)
    assert refused.value.where == where
    assert "BEGIN" not in str(refused.value)


def test_the_traits_follow_the_schedule_of_the_rules_of_money() -> None:
    traits = wallet.channel(calls_per_second=7).traits
    assert traits.channel == "unionpay"
    assert traits.query_at_ms == (3_000, 6_000, 10_000, 15_000, 20_000, 25_000, 30_000, 37_000, 45_000)
    assert (traits.undo_needs_query, traits.undo_not_before_ms, traits.decide_after_ms) == (True, 0, 45_000)
    assert traits.calls_per_second == 7


# --- time


def test_times_are_beijing_digits() -> None:
    assert txn_time(OPENED_MS) == TXN_TIME
    assert unix_ms_of(TXN_TIME) == OPENED_MS // 1000 * 1000
    assert [unix_ms_of(text) for text in ("", "2026112210000", "20261322100000", "２０２６1122100000")] == [None] * 4
    assert settle_date("2026-11-22") == "1122"
    assert day_end_ms("2026-11-22") == unix_ms_of("20261123000000")


@pytest.mark.parametrize(
    ("trace", "opened", "found"),
    [
        ("1122100005", TXN_TIME, "20261122100005"),
        ("0101000005", "20261231235959", "20270101000005"),
        ("1231235958", "20270101000001", "20261231235958"),
        ("0229100000", "20280228100000", "20280229100000"),
        ("1322100005", TXN_TIME, None),
        ("112210005", TXN_TIME, None),
        ("1122100005", "", None),
    ],
)
def test_a_trace_time_gets_the_year_that_fits_its_order(trace: str, opened: str, found: str | None) -> None:
    assert traced_ms(trace, opened=opened) == (None if found is None else unix_ms_of(found))
