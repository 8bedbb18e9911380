"""The envelope of gateway.do: where parameters may stand, which checks come, how an answer is signed."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from sandbox.alipay.signing import request_text, verifies
from sandbox.wallet import Origins
from sandbox.wire import Answer, HttpRequestParts
from tests.unit.sandbox.alipay_bench import (
    START_MS,
    Bench,
    certified_merchant,
    checked_body,
    get,
    merchant,
    pay_biz,
    public_params,
    signed_form,
)

QUERY = public_params("alipay.trade.query", {"out_trade_no": "A1"})
FORM = "application/x-www-form-urlencoded;charset=utf-8"


def node_of(body: dict[str, Any]) -> dict[str, Any]:
    return next(value for name, value in body.items() if name.endswith("_response"))


def test_a_genuine_production_answer_verifies_and_a_changed_byte_does_not() -> None:
    vector = json.loads((Path(__file__).parents[2] / "vectors" / "alipay_pay_response.json").read_text("utf-8"))
    key = load_der_public_key(base64.b64decode(vector["public_key_b64_spki"]))
    assert isinstance(key, RSAPublicKey)
    node = vector["node"].encode()
    assert verifies(key, node, vector["sign"])
    assert not verifies(key, node.replace(b'"0.01"', b'"0.02"', 1), vector["sign"])
    assert not verifies(key, node, "not base64!")


def test_the_request_text_has_sign_type_but_neither_sign_nor_empty_values() -> None:
    params = {"b": b"2", "sign": b"x", "a": "中".encode(), "empty": b"", "sign_type": b"RSA2"}
    assert request_text(params) == "a=中&b=2&sign_type=RSA2".encode()


def test_get_and_post_and_any_split_of_query_and_body_are_one_request() -> None:
    bench = Bench()
    whole = signed_form(QUERY)
    parts = whole.split(b"&")
    ways = [get(whole), HttpRequestParts(method="POST", body=whole, content_type=FORM)]
    ways += [
        HttpRequestParts(method="POST", query=b"&".join(parts[:i]), body=b"&".join(parts[i:]), content_type=FORM)
        for i in range(1, len(parts))
    ]
    for way in ways:
        assert node_of(bench.raw(way))["sub_code"] == "ACQ.TRADE_NOT_EXIST"


def test_two_values_for_one_parameter_are_refused() -> None:
    way = HttpRequestParts(method="POST", query=signed_form(QUERY), body=b"app_id=2", content_type=FORM)
    assert node_of(Bench().raw(way))["sub_code"] == "isv.invalid-parameter"


@pytest.mark.parametrize(
    ("change", "code", "sub_code"),
    [
        ({"method": ""}, "40001", "isv.missing-method"),
        ({"app_id": ""}, "40001", "isv.missing-app-id"),
        ({"timestamp": ""}, "40001", "isv.missing-timestamp"),
        ({"version": ""}, "40001", "isv.missing-version"),
        ({"sign_type": ""}, "40001", "isv.missing-signature-type"),
        ({"method": "alipay.trade.nothing"}, "40002", "isv.invalid-method"),
        ({"app_id": "2021000000000002"}, "40002", "isv.invalid-app-id"),
        ({"timestamp": "2026-11-22T06:26:40"}, "40002", "isv.invalid-timestamp"),
        ({"timestamp": "2026-13-01 00:00:00"}, "40002", "isv.invalid-timestamp"),
        ({"format": "XML"}, "40002", "isv.invalid-format"),
        ({"charset": "klingon"}, "40002", "isv.invalid-charset"),
        ({"sign_type": "RSA"}, "40002", "isv.invalid-signature-type"),
        ({"biz_content": "{"}, "40002", "isv.invalid-parameter"),
        ({"biz_content": "[]"}, "40002", "isv.invalid-parameter"),
    ],
)
def test_a_wrong_envelope_gets_the_gateways_own_code(change: dict[str, str], code: str, sub_code: str) -> None:
    node = node_of(Bench().raw(get(signed_form({**QUERY, **change}))))
    assert (node["code"], node["sub_code"]) == (code, sub_code)


def test_a_missing_signature_is_told_from_a_wrong_one() -> None:
    bench = Bench()
    unsigned = signed_form(QUERY).rpartition(b"&sign=")[0]
    assert node_of(bench.raw(get(unsigned)))["sub_code"] == "isv.missing-signature"
    assert node_of(bench.raw(get(unsigned + b"&sign=AAAA")))["sub_code"] == "isv.invalid-signature"


@pytest.mark.parametrize("name", ["biz_content", "timestamp", "charset", "sign_type", "notify_url"])
def test_no_parameter_can_be_changed_or_added_under_the_signature(name: str) -> None:
    bench = Bench()
    body = dict(part.split(b"=", 1) for part in signed_form({**QUERY, "charset": "utf-8"}).split(b"&"))
    changed = {"biz_content": b"%7B%7D", "timestamp": b"2026-11-22+06%3A26%3A41", "charset": b"UTF-8"}
    body[name.encode()] = changed.get(name, b"RSA2+" if name == "sign_type" else b"x")
    node = node_of(bench.raw(get(b"&".join(key + b"=" + value for key, value in body.items()))))
    assert node["code"] == "40002"
    assert node["sub_code"] in ("isv.invalid-signature", "isv.invalid-signature-type")


def test_nothing_happens_before_the_signature_holds() -> None:
    bench = Bench()
    code = bench.code()
    params = public_params("alipay.trade.pay", pay_biz("A1", code))
    forged = signed_form(params).replace(b"12.50", b"12.51")
    assert node_of(bench.raw(get(forged)))["sub_code"] == "isv.invalid-signature"
    assert bench.alipay.orders(bench.now_ms) == ()
    assert bench.pay("A1", code)["code"] == "10000"


def test_the_charset_of_the_request_holds_for_the_signature_the_content_and_the_answer() -> None:
    bench = Bench()
    biz = {**pay_biz("A1", bench.code()), "subject": "豆腐", "store_id": "S1"}
    params = {**public_params("alipay.trade.pay", biz), "charset": "GBK"}
    answer = bench.alipay.handle(get(signed_form(params, "gbk")), bench.now_ms)
    assert isinstance(answer, Answer)
    assert answer.content_type == "text/html;charset=gbk"
    assert "测试店".encode("gbk") in answer.body
    assert bench.money("A1").subject == "豆腐"


def test_an_answer_is_html_by_name_signed_over_its_raw_text_with_slashes_escaped() -> None:
    bench = Bench()
    biz = {"out_trade_no": "Q1", "total_amount": "1", "subject": "x"}
    answer = bench.alipay.handle(get(signed_form(public_params("alipay.trade.precreate", biz))), bench.now_ms)
    assert isinstance(answer, Answer)
    assert (answer.status, answer.content_type) == (200, "text/html;charset=utf-8")
    assert b"https:\\/\\/qr.alipay.com\\/bax" in answer.body
    assert checked_body(answer)["alipay_trade_precreate_response"]["qr_code"].startswith("https://qr.alipay.com/bax")


def test_other_http_methods_are_not_served() -> None:
    bench = Bench()
    answer = bench.alipay.handle(HttpRequestParts(method="PUT", query=signed_form(QUERY)), bench.now_ms)
    assert isinstance(answer, Answer)
    assert answer.status == 405


def test_no_payment_code_shows_in_the_repr_of_a_request() -> None:
    code = Bench().code()
    request = get(signed_form(public_params("alipay.trade.pay", pay_biz("A1", code))))
    assert code not in repr(request)


@given(query=st.binary(max_size=200), body=st.binary(max_size=200), method=st.sampled_from(["GET", "POST"]))
def test_any_bytes_get_an_answer(query: bytes, body: bytes, method: str) -> None:
    answer = Bench().alipay.handle(HttpRequestParts(method=method, query=query, body=body, content_type=FORM), START_MS)
    assert isinstance(answer, Answer)
    assert node_of(json.loads(answer.body))["code"] in ("40001", "40002")


@pytest.mark.parametrize("biz", ["[" * 100_000, '{"a":' * 50_000, "NaN", '"x"', "\x00"])
def test_biz_content_that_is_no_object_is_refused(biz: str) -> None:
    node = node_of(Bench().raw(get(signed_form({**QUERY, "biz_content": biz}))))
    assert node["sub_code"] == "isv.invalid-parameter"


def test_text_that_no_charset_can_carry_is_replaced_before_it_reaches_anything() -> None:
    bench = Bench()
    biz = {**pay_biz("A1", bench.code()), "subject": "x\ud800y", "store_id": "\udfff"}
    params = {**public_params("alipay.trade.pay", {}), "biz_content": json.dumps(biz)}
    assert node_of(bench.raw(get(signed_form(params))))["store_id"] == "?"
    assert bench.money("A1").subject == "x?y"


def test_a_partner_acts_with_the_merchants_own_token_and_with_no_other() -> None:
    bench = Bench()
    token = str(bench.alipay.about(Origins(plain="http://127.0.0.1:1", tls=None))["app_auth_token"])
    assert bench.asked({**QUERY, "app_auth_token": token})["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    params = public_params("alipay.trade.pay", pay_biz("A1", bench.code()))
    refused = bench.asked({**params, "app_auth_token": token + "1"})
    assert (refused["code"], refused["sub_code"]) == ("20001", "aop.invalid-app-auth-token")
    assert bench.alipay.orders(bench.now_ms) == ()
    assert token not in repr(merchant())


def test_a_call_that_names_the_certificates_is_answered_by_the_wallets_own() -> None:
    bench = Bench(certified=True)
    named = {**QUERY, **_names()}
    body = bench.raw(get(signed_form(named)))
    chain = certified_merchant().chain
    assert chain is not None
    assert body["alipay_cert_sn"] == chain.wallet_sn
    assert node_of(body)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert "alipay_cert_sn" not in bench.raw(get(signed_form(QUERY)))


@pytest.mark.parametrize(
    ("change", "sub_code"),
    [
        ({"app_cert_sn": "0" * 32}, "isv.invalid-app-cert-sn"),
        ({"app_cert_sn": ""}, "isv.invalid-app-cert-sn"),
        ({"alipay_root_cert_sn": "0" * 32}, "isv.invalid-root-cert-sn"),
        ({"alipay_root_cert_sn": ""}, "isv.invalid-root-cert-sn"),
    ],
)
def test_a_call_that_names_other_certificates_is_refused(change: dict[str, str], sub_code: str) -> None:
    named = {**QUERY, **_names(), **change}
    assert Bench(certified=True).asked(named)["sub_code"] == sub_code


def test_without_certificates_there_is_no_certificate_mode() -> None:
    assert Bench().asked({**QUERY, **_names()})["sub_code"] == "isv.invalid-app-cert-sn"


def test_a_certificates_number_is_the_md5_of_its_issuer_and_decimal_serial() -> None:
    chain = certified_merchant().chain
    assert chain is not None
    authority = "CN=Ant Financial Certification Authority R1 (sandbox),OU=Certification Authority,O=Ant Financial,C=CN"
    for number, one in ((chain.application_sn, chain.application), (chain.root_sn, chain.root)):
        assert number == hashlib.md5(f"{authority}{one.serial_number}".encode()).hexdigest()
    assert len({chain.application_sn, chain.wallet_sn, chain.root_sn}) == 3


def _names() -> dict[str, str]:
    chain = certified_merchant().chain
    assert chain is not None
    return {"app_cert_sn": chain.application_sn, "alipay_root_cert_sn": chain.root_sn}
