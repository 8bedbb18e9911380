"""Rule: of v3 only a signed body in time says anything; 200 is not "paid", and an unsigned refusal moves nothing."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Closed,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    PageReady,
    Paid,
    Pending,
    QrReady,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from tests.unit.gateway import channel_wechat_wallet as wallet
from tests.unit.gateway.channel_wechat_wallet import (
    KEY_ID,
    NOW_MS,
    ORDER,
    OUT_TRADE_NO,
    PAGE_ORDER,
    QR_ORDER,
    QR_REF,
    REF,
    TRANSACTION_ID,
    transaction,
)

CHANNEL = wallet.channel()
BY_V3 = wallet.channel(code_api="v3")
PARTNER = wallet.channel(code_api="v3", **wallet.PARTNER)
Read = Callable[[ChannelResponse], object]
PAY: Read = BY_V3.pay(ORDER, now_ms=NOW_MS).read
QUERY: Read = BY_V3.query(QR_REF, now_ms=NOW_MS).read
NATIVE: Read = CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).read
JSAPI: Read = CHANNEL.create(PAGE_ORDER, now_ms=NOW_MS).read
H5: Read = CHANNEL.create_h5(QR_ORDER, payer_address="203.0.113.7", now_ms=NOW_MS).read
CLOSE: Read = BY_V3.cancel(QR_REF, now_ms=NOW_MS).read
REVERSE: Read = BY_V3.cancel(REF, now_ms=NOW_MS).read
READERS: dict[str, Read] = {
    "pay": PAY, "query": QUERY, "native": NATIVE, "jsapi": JSAPI, "h5": H5, "close": CLOSE, "reverse": REVERSE,
}  # fmt: skip
PAID = Paid(transaction_id=TRANSACTION_ID, amount_fen=1250, paid_at_ms=wallet.OPENED_MS + 5_000, payer_tail="eS6o")
CODE_URL = "weixin://wxpay/bizpayurl?pr=JyC91EIz1"


@pytest.mark.parametrize(
    ("state", "verdict"),
    [
        ("SUCCESS", PAID),
        ("REFUND", PAID),
        ("NOTPAY", Pending(payer_prompted=False)),
        ("USERPAYING", Pending(payer_prompted=True)),
        ("ACCEPT", Pending(payer_prompted=False)),
        ("CLOSED", Closed(code="CLOSED")),
        ("REVOKED", Closed(code="REVOKED")),
        (
            "PAYERROR",
            Failed(code="PAYERROR", reason=ChannelReason.PAYMENT_FAILED, money_taken=False, closed_once_undone=False),
        ),
        ("", Unknown(reason=ChannelReason.ASK_AGAIN)),
        ("NEW_STATE", Unknown(reason=ChannelReason.ASK_AGAIN, code="NEW_STATE")),
    ],
)
def test_each_state_of_a_query_and_of_a_code_payment(state: str, verdict: object) -> None:
    answer = wallet.v3_said(transaction(state))
    assert QUERY(answer) == verdict
    paid = PAY(answer)
    if isinstance(verdict, Closed | Failed):
        assert isinstance(paid, Unknown)  # the query that follows tells it
    else:
        assert paid == verdict


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"out_trade_no": "X" * 27}, "out_trade_no"),
        ({"out_trade_no": None}, "out_trade_no"),
        ({"mchid": "1900000000"}, "mchid"),
        ({"mchid": None}, "mchid"),
        ({"appid": "wx0"}, "appid"),
        ({"sp_mchid": "1900000000"}, "sp_mchid"),
        ({"sub_mchid": "1900000000"}, "sub_mchid"),
        ({"amount": {"total": 1251, "currency": "CNY"}}, "amount.total"),
        ({"amount": {"total": 1250, "currency": "HKD"}}, "amount.currency"),
    ],
)
def test_paid_of_something_else_is_a_mismatch(changes: dict[str, object], field: str) -> None:
    answer = wallet.v3_said(transaction("SUCCESS", **changes))
    assert QUERY(answer) == PAY(answer) == Mismatch(fields=(field,))


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": None},
        {"amount": {"total": "1250"}},
        {"amount": {"total": 1250.0}},
        {"amount": {"total": True}},
        {"amount": {"total": -1250}},
        {"transaction_id": None},
        {"transaction_id": 5},
        {"trade_state": 5},
    ],
)
def test_paid_without_amount_number_or_state_settles_nothing(changes: dict[str, object]) -> None:
    answer = wallet.v3_said(transaction("SUCCESS", **changes))
    assert isinstance(QUERY(answer), Unknown)
    assert isinstance(PAY(answer), Unknown)


def test_both_key_modes_verify_side_by_side() -> None:
    body = json.dumps(transaction()).encode()
    for signer in ("platform-1", "platform-2"):
        headers = wallet.signing_headers(body, signer=signer, named=wallet.serial(signer))
        assert QUERY(wallet.v3_answer(body, headers=headers)) == PAID
    assert QUERY(wallet.v3_answer(body)) == PAID
    crossed = wallet.signing_headers(body, signer="platform-1", named=KEY_ID)
    assert QUERY(wallet.v3_answer(body, headers=crossed)) == Unknown(
        reason=ChannelReason.BAD_SIGNATURE, code="bad_signature"
    )


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("flaw", ["unsigned", "unknown_key", "out_of_time", "bad_signature", "probe"])
def test_an_answer_of_success_without_a_good_signature_settles_nothing(name: str, flaw: str) -> None:
    told = {**transaction(), "code_url": CODE_URL, "prepay_id": "wx1", "h5_url": "https://wx.test/x"}
    body = b"" if name == "close" else json.dumps(told).encode()
    headers = {
        "unsigned": {},
        "unknown_key": wallet.signing_headers(body, named="ABCDEF"),
        "out_of_time": wallet.signing_headers(body, at_ms=NOW_MS - 302_000),
        "bad_signature": wallet.signing_headers(body + b" "),
        "probe": {**wallet.signing_headers(body), "wechatpay-signature": "WECHATPAY/SIGNTEST/AAAA"},
    }[flaw]
    status = 204 if name == "close" else 200
    verdict = READERS[name](wallet.v3_answer(body, status=status, headers=headers))
    assert isinstance(verdict, Unknown)
    assert verdict.code == flaw


CODES = ("PARAM_ERROR", "INVALID_REQUEST", "SIGN_ERROR", "NO_AUTH", "OUT_TRADE_NO_USED", "RULE_LIMIT",
         "ORDER_NOT_EXIST", "ORDER_PAID", "ORDER_CLOSED", "FREQUENCY_LIMITED", "SYSTEM_ERROR", "NOTENOUGH",
         "AUTH_CODE_INVALID", "USERPAYING", "NEW")  # fmt: skip


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500])
def test_an_unsigned_refusal_is_unknown(name: str, code: str, status: int) -> None:
    verdict = READERS[name](wallet.v3_refused(status, code))
    assert isinstance(verdict, Unknown)
    assert verdict.code == code


@pytest.mark.parametrize("code", [one for one in CODES if one != "USERPAYING"])
def test_a_refused_code_payment_is_never_declined_even_when_signed(code: str) -> None:
    """400 PARAM_ERROR was seen after the customer had been charged."""
    assert isinstance(PAY(wallet.v3_refused(400, code, signed=True)), Unknown)


def test_a_signed_refusal_of_an_order_that_nobody_has_seen_is_declined_by_a_listed_code_only() -> None:
    for read in (NATIVE, JSAPI, H5):
        for code in CODES:
            verdict = read(wallet.v3_refused(400, code, signed=True))
            if code in ("PARAM_ERROR", "SIGN_ERROR", "NO_AUTH"):
                assert verdict == Declined(code=code, reason=ChannelReason.MERCHANT_CONFIG)
            elif code == "RULE_LIMIT":
                assert verdict == Declined(code=code, reason=ChannelReason.MERCHANT_LIMIT)
            else:
                assert isinstance(verdict, Unknown)


def test_only_a_signed_not_found_is_not_found() -> None:
    assert QUERY(wallet.v3_refused(404, "ORDER_NOT_EXIST", signed=True)) == NotFound(code="ORDER_NOT_EXIST")
    body = b'{"code":"ORDER_NOT_EXIST"}'
    forged = wallet.signing_headers(body + b" ")
    assert QUERY(wallet.v3_answer(body, status=404, headers=forged)) == Unknown(
        reason=ChannelReason.BAD_SIGNATURE, code="bad_signature"
    )


def test_reasons_of_unknown_tell_the_line_from_the_account() -> None:
    for status, code, reason in (
        (429, "FREQUENCY_LIMITED", ChannelReason.TOO_OFTEN),
        (500, "SYSTEM_ERROR", ChannelReason.CHANNEL_ERROR),
        (401, "SIGN_ERROR", ChannelReason.MERCHANT_CONFIG),
        (404, "ORDER_NOT_EXIST", ChannelReason.ASK_AGAIN),
    ):
        assert QUERY(wallet.v3_refused(status, code)) == Unknown(reason=reason, code=code)


@pytest.mark.parametrize(
    ("status", "body"),
    [(502, b"<html>"), (200, b""), (200, b"{}"), (200, b"[]"), (302, b""), (500, b""), (400, b'{"code":"a b"}')],
)
@pytest.mark.parametrize("name", READERS)
def test_what_is_no_answer_of_v3_is_unknown(name: str, status: int, body: bytes) -> None:
    for headers in ({}, wallet.signing_headers(body)):
        assert isinstance(READERS[name](wallet.v3_answer(body, status=status, headers=headers)), Unknown)


def test_a_qr_a_page_and_an_address_are_what_they_look_like() -> None:
    assert NATIVE(wallet.v3_said({"code_url": CODE_URL})) == QrReady(qr=CODE_URL)
    ready = JSAPI(wallet.v3_said({"prepay_id": "wx1"}))
    assert isinstance(ready, PageReady)
    assert ready.bridge["package"] == "prepay_id=wx1"
    h5 = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=2"
    assert H5(wallet.v3_said({"h5_url": h5})) == PageReady(redirect=h5)


@pytest.mark.parametrize(
    ("read", "told"),
    [
        (NATIVE, {"code_url": "https://evil.test/"}),
        (NATIVE, {"code_url": ""}),
        (NATIVE, {"prepay_id": "wx1"}),
        (JSAPI, {"prepay_id": "a&b=c"}),
        (JSAPI, {"prepay_id": 5}),
        (H5, {"h5_url": "javascript:alert(1)"}),
        (H5, {"h5_url": "http://wx.tenpay.com/x"}),
    ],
)
def test_what_is_no_qr_page_or_address_is_not_shown(read: Read, told: dict[str, object]) -> None:
    assert isinstance(read(wallet.v3_said(told)), Unknown)


def test_close_and_reverse_acknowledge_refuse_or_ask_again() -> None:
    assert CLOSE(wallet.v3_answer(b"", status=204)) == UndoAcknowledged(action=UndoAction.CLOSE)
    assert isinstance(CLOSE(wallet.v3_said(transaction())), Unknown)
    names = {"appid": wallet.APPID, "mchid": wallet.MCH_ID, "out_trade_no": OUT_TRADE_NO}
    assert REVERSE(wallet.v3_said(names)) == UndoAcknowledged(action=UndoAction.NONE)
    assert REVERSE(wallet.v3_said({**names, "out_trade_no": "X" * 27})) == Mismatch(fields=("out_trade_no",))
    assert REVERSE(wallet.v3_said({"appid": wallet.APPID})) == Mismatch(fields=("out_trade_no",))
    assert isinstance(REVERSE(wallet.v3_said(transaction())), Unknown)
    for read in (CLOSE, REVERSE):
        for status, code, verdict in (
            (400, "ORDER_PAID", UndoRefused(code="ORDER_PAID", reason=ChannelReason.ORDER_STATE)),
            (404, "ORDER_NOT_EXIST", UndoRefused(code="ORDER_NOT_EXIST", reason=ChannelReason.ORDER_NOT_FOUND)),
            (400, "ORDER_CLOSED", UndoAcknowledged(action=UndoAction.NONE)),
            (500, "SYSTEM_ERROR", UndoRetry(code="SYSTEM_ERROR")),
            (400, "NEW", Unknown(reason=ChannelReason.UNLISTED, code="NEW")),
        ):
            assert read(wallet.v3_refused(status, code, signed=True)) == verdict


def test_a_changed_byte_anywhere_in_a_paid_answer_is_never_paid() -> None:
    answer = wallet.v3_said(transaction())
    for index in range(len(answer.body)):
        changed = answer.body[:index] + bytes([answer.body[index] ^ 1]) + answer.body[index + 1 :]
        assert isinstance(QUERY(dataclasses.replace(answer, body=changed)), Unknown)


def test_a_partner_names_itself_and_its_sub_merchant_everywhere() -> None:
    names = {"sp_appid": wallet.APPID, "sp_mchid": wallet.MCH_ID, "sub_mchid": wallet.SUB_MCH_ID}
    sent = json.loads(PARTNER.precreate(QR_ORDER, now_ms=NOW_MS).request.body)
    assert {name: sent[name] for name in names} == names
    assert "mchid" not in sent
    page = json.loads(PARTNER.create(PAGE_ORDER, now_ms=NOW_MS).request.body)
    assert page["payer"] == {"sp_openid": wallet.OPENID}
    read = PARTNER.query(QR_REF, now_ms=NOW_MS).read
    told = transaction(appid=None, mchid=None, payer={"sp_openid": wallet.OPENID}, **names)
    assert read(wallet.v3_said(told)) == PAID
    assert read(wallet.v3_said({**told, "sub_mchid": "1900000001"})) == Mismatch(fields=("sub_mchid",))
    assert read(wallet.v3_said({**told, "mchid": "1900000001"})) == Mismatch(fields=("mchid",))
    urls = {
        PARTNER.query(QR_REF, now_ms=NOW_MS).request.url,
        "https://wallet.test/v3/pay/partner/transactions/out-trade-no/"
        f"{OUT_TRADE_NO}?sp_mchid={wallet.MCH_ID}&sub_mchid={wallet.SUB_MCH_ID}",
    }
    assert len(urls) == 1


def test_an_order_has_exactly_the_documented_fields_and_keeps_its_end() -> None:
    request = CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS).request
    assert json.loads(request.body) == {
        "appid": wallet.APPID,
        "mchid": wallet.MCH_ID,
        "description": "早餐",
        "out_trade_no": OUT_TRADE_NO,
        "time_expire": "2026-11-22T10:02:00+08:00",
        "notify_url": "https://shop.test/notify/wechat/shop-wechat",
        "amount": {"total": 1250, "currency": "CNY"},
    }
    assert "早餐".encode() in request.body
    assert CHANNEL.precreate(QR_ORDER, now_ms=NOW_MS + 40_000).request.body == request.body
    short = replace(QR_ORDER, open_for_ms=1_000)
    assert b"2026-11-22T10:01:08+08:00" in CHANNEL.precreate(short, now_ms=NOW_MS).request.body


def test_a_code_payment_by_v3_says_in_which_shop() -> None:
    sent = json.loads(BY_V3.pay(ORDER, now_ms=NOW_MS).request.body)
    assert sent["payer"] == {"auth_code": wallet.CANARY_CODE}
    assert sent["scene_info"] == {"device_id": "T0001", "store_info": {"out_id": "S0001"}}
    named = json.loads(BY_V3.pay(replace(ORDER, store="一店", terminal=""), now_ms=NOW_MS).request.body)
    assert named["scene_info"] == {"store_info": {"out_id": "1"}}
    call = BY_V3.pay(ORDER, now_ms=NOW_MS)
    assert wallet.CANARY_CODE not in repr(call) + repr(call.request)
