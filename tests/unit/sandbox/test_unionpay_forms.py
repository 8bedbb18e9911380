"""Rule: the simulated UnionPay believes only what its merchant signed, names what is wrong, and signs every answer."""

import pytest

from sandbox.unionpay.forms import plain_text
from sandbox.unionpay.signing import key_signature, sha256_hex, string_to_sign
from sandbox.wire import Answer
from tests.unit.sandbox.unionpay_bench import (
    BACK,
    ORDER,
    QUERY,
    TXN_TIME,
    Bench,
    checked,
    consume,
    encoded,
    merchant,
    named,
    read_plain,
    signed,
)

VECTOR = {
    "accessType": "0",
    "backUrl": "http://127.0.0.1/back",
    "bizType": "000000",
    "channelType": "08",
    "currencyCode": "156",
    "encoding": "UTF-8",
    "merId": "777290058110048",
    "orderId": "20261122010101001",
    "qrNo": "6226359577513731196",
    "signMethod": "11",
    "termId": "49000002",
    "txnAmt": "1",
    "txnSubType": "06",
    "txnTime": "20261122010101",
    "txnType": "01",
    "version": "5.1.0",
}


def test_method_11_gives_what_unionpays_own_sdk_gives() -> None:
    assert key_signature(VECTOR, "88888888") == "2590ab4a53e3e6b36b4a500eadf49825db32388a158316c5f9a2256d4da22630"
    assert sha256_hex("a=1&b=中") == "d4e212b1d806482e231b8dcb2756a7e3b4be011a97ad094f48fbfba66371f26c"
    assert string_to_sign({"b": "", "a": "1", "signature": "x"}) == "a=1&b="


@pytest.mark.parametrize("by_key", [False, True])
def test_a_call_in_either_method_is_answered_in_the_same(by_key: bool) -> None:
    bench = Bench(by_key=by_key)
    said = bench.pay()
    assert said["signMethod"] == ("11" if by_key else "01")
    assert (said["respCode"], said["merId"], said["orderId"], said["txnTime"]) == (
        "00",
        merchant().mer_id,
        ORDER,
        TXN_TIME,
    )


def test_an_answer_is_not_url_encoded_and_reads_back_whole() -> None:
    fields = signed(consume(qrNo=Bench().code()))
    reply = Bench().post(BACK, encoded(fields))
    assert isinstance(reply, Answer)
    assert reply.content_type == "text/html;charset=UTF-8"
    assert b"BEGIN CERTIFICATE-----\r\n" in reply.body
    assert b"%" not in reply.body
    assert plain_text(read_plain(reply.body)) == reply.body


@pytest.mark.parametrize("name", sorted(consume(qrNo="6226359577513731196")))
def test_one_changed_field_is_a_bad_signature(name: str) -> None:
    fields = signed(consume(qrNo="6226359577513731196"))
    reply = Bench().post(BACK, encoded({**fields, name: fields[name] + "0"}))
    assert isinstance(reply, Answer)
    assert checked(read_plain(reply.body))["respCode"] == "11"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"signature": "AAAA"}, "11"),
        ({"signature": "not base64"}, "11"),
        ({"signature": ""}, "13"),
        ({"certId": "1"}, "11"),
        ({"signMethod": "12"}, "10"),
        ({"version": "5.0.0"}, "10"),
        ({"encoding": "GBK"}, "10"),
        ({"merId": "777290058110049"}, "31"),
        ({"merId": ""}, "13"),
    ],
)
def test_a_form_that_is_not_the_merchants_call_is_refused_by_name(changes: dict[str, str], code: str) -> None:
    bench = Bench()
    reply = bench.post(BACK, encoded({**signed(consume(qrNo=bench.code())), **changes}))
    assert isinstance(reply, Answer)
    assert checked(read_plain(reply.body))["respCode"] == code
    assert bench.moved() == (0, 0)


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"a=1&a=2", b"a", b"a=%E4", "a=中".encode(), b"a=" + b"1" * 70_000, b"&".join([b"a=1"] * 200)],
)
def test_what_is_no_form_is_answered_without_a_signature(body: bytes) -> None:
    reply = Bench().post(BACK, body)
    assert isinstance(reply, Answer)
    assert reply.status == 400
    assert b"signature" not in reply.body


def test_a_get_is_no_call() -> None:
    reply = Bench().post(BACK, b"", method="GET")
    assert isinstance(reply, Answer)
    assert reply.status == 405


@pytest.mark.parametrize(
    "name",
    [
        *("txnType", "txnSubType", "bizType", "accessType", "channelType", "orderId", "txnTime", "txnAmt"),
        *("currencyCode", "qrNo", "backUrl"),
    ],
)
def test_a_missing_field_is_named(name: str) -> None:
    bench = Bench()
    said = bench.call(BACK, consume(qrNo=bench.code()), drop=name)
    assert said["respCode"] in ({"32"} if name.startswith("txnType") or name == "txnSubType" else {"13"})
    assert bench.moved() == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("orderId", "1234567"),
        ("orderId", "1" * 41),
        ("orderId", "A-B_C-D_E"),
        ("txnTime", "2026112210000"),
        ("txnTime", "20261322100000"),
        ("txnAmt", "0"),
        ("txnAmt", "12.50"),
        ("txnAmt", "-1"),
        ("txnAmt", "01"),
        ("currencyCode", "840"),
        ("accessType", "3"),
        ("termId", "T1"),
        ("backUrl", "shop"),
        ("payTimeout", "tomorrow"),
        ("reqReserved", "a&b=c"),
        ("reqReserved", "{a"),
    ],
)
def test_a_malformed_field_is_refused_and_moves_nothing(name: str, value: str) -> None:
    bench = Bench()
    assert bench.call(BACK, consume(**{"qrNo": bench.code(), name: value}))["respCode"] == "10"
    assert bench.moved() == (0, 0)


def test_kinds_of_trade_that_are_not_simulated_are_not_permitted() -> None:
    assert Bench().call(BACK, consume(txnType="02", txnSubType="04"))["respCode"] == "32"
    assert Bench().call(QUERY, named(txnType="01", txnSubType="06"))["respCode"] == "10"


def test_a_platform_acts_for_its_own_sub_merchant_only_and_an_acquirer_under_its_own_code() -> None:
    ours, acquirer = merchant().sub_mer_id, merchant().acq_ins_code
    assert Bench().pay(accessType="2")["respCode"] == "13"
    assert Bench().pay(accessType="2", subMerId="777290058119999")["respCode"] == "32"
    assert Bench().pay(accessType="2", subMerId=ours)["respCode"] == "00"
    assert Bench().pay(accessType="1")["respCode"] == "13"
    assert Bench().pay(accessType="1", acqInsCode="99999999")["respCode"] == "32"
    assert Bench().pay(accessType="1", acqInsCode=acquirer)["respCode"] == "00"


def test_another_sub_merchants_trade_is_not_found() -> None:
    bench = Bench()
    bench.pay()
    assert bench.trade_code(accessType="2", subMerId=merchant().sub_mer_id) == "34"


def test_no_secret_and_no_code_is_in_a_repr() -> None:
    bench = Bench()
    secrets = (merchant().secret_key, "PRIVATE")
    assert not any(secret in repr(merchant()) for secret in secrets)
    assert bench.code() not in repr(bench.wallet)
