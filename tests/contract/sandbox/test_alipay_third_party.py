"""An SDK that others wrote pays, shows a QR, asks and cancels at the sandbox over HTTP, and verifies every answer."""

from http.client import RemoteDisconnected
from typing import Any, cast

import httpx
import pytest
from alipay.exceptions import AliPayValidationError
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key

from sandbox.alipay.merchant import pkcs1_pem
from tests.contract.sandbox.alipay_sdk import AlipaySdk
from tests.contract.sandbox.running_sandbox import RunningSandbox


@pytest.fixture
def number(request: pytest.FixtureRequest) -> str:
    return "".join(letter for letter in str(request.node.name) if letter.isalnum())[:64]


def test_pay_query_cancel(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    paid = sdk.pay(number, sandbox.code(), "12.50", timeout_express="1m", store_id="一号店")
    assert (paid["code"], paid["total_amount"], paid["out_trade_no"]) == ("10000", "12.50", number)
    assert sdk.query(number)["trade_status"] == "TRADE_SUCCESS"
    assert sandbox.money(number) == {
        "out_trade_no": number,
        "wallet": "alipay",
        "captured_fen": 1250,
        "refunded_fen": 0,
        "state": "paid",
    }
    assert sdk.cancel(number)["action"] == "refund"
    assert sdk.query(number)["trade_status"] == "TRADE_CLOSED"
    money = sandbox.money(number)
    assert (money["captured_fen"], money["refunded_fen"], money["state"]) == (1250, 1250, "reversed")


def test_precreate_scan_query(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    qr = sdk.precreate(number, "8.00")["qr_code"]
    assert sdk.query(number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    assert {"qr": qr, "wallet": "alipay", "amount_fen": 800, "subject": "收款"} in sandbox.http.get(
        "/phone/screen"
    ).json()["qrs"]
    expected = {"out_trade_no": number, "wallet": "alipay", "result": "paid", "state": "paid"}
    assert sandbox.scan(qr) == expected
    assert sdk.query(number)["trade_status"] == "TRADE_SUCCESS"


def test_a_waiting_customer_is_closed(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    assert sdk.pay(number, sandbox.code("never"), "1")["code"] == "10003"
    assert sandbox.money(number)["state"] == "waiting"
    assert sdk.close(number)["code"] == "10000"
    assert sandbox.money(number)["state"] == "closed"


def test_a_password_after_zero_seconds_is_paid_at_the_next_look(
    sandbox: RunningSandbox, sdk: AlipaySdk, number: str
) -> None:
    assert sdk.pay(number, sandbox.code("ask_password:0"), "1")["code"] == "10003"
    assert sdk.query(number)["trade_status"] == "TRADE_SUCCESS"


def test_refusals_are_signed_too(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    assert sdk.pay(number, sandbox.code("balance_low"), "1")["sub_code"] == "ACQ.BUYER_BALANCE_NOT_ENOUGH"
    assert sdk.pay(number, sandbox.code("expired"), "1")["sub_code"] == "ACQ.PAYMENT_AUTH_CODE_INVALID"
    assert sdk.cancel(number + "0")["code"] == "10000"


def test_another_shops_key_is_refused(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    about: dict[str, Any] = sandbox.http.get("/merchant/alipay").json()
    stranger = AlipaySdk({**about, "merchant_private_key_pkcs1_pem": pkcs1_pem(generate_private_key(65537, 2048))})
    assert stranger.pay(number, sandbox.code(), "1")["sub_code"] == "isv.invalid-signature"


def test_an_answer_by_another_wallet_key_is_not_believed(sandbox: RunningSandbox, sdk: AlipaySdk, number: str) -> None:
    about: dict[str, Any] = sandbox.http.get("/merchant/alipay").json()
    doubter = AlipaySdk({**about, "alipay_public_key_pem": about["merchant_public_key_pem"]})
    with pytest.raises(cast("type[Exception]", AliPayValidationError)):
        doubter.query(number)


@pytest.mark.parametrize(("script", "captured_fen"), [("drop_after_charge", 100), ("drop_before_charge", None)])
def test_a_cut_connection_gives_a_client_nothing_at_all(
    sandbox: RunningSandbox, sdk: AlipaySdk, number: str, script: str, captured_fen: int | None
) -> None:
    with pytest.raises((RemoteDisconnected, ConnectionResetError)):
        sdk.pay(number, sandbox.code(script), "1")
    if captured_fen is None:
        assert sdk.query(number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    else:
        assert sandbox.money(number)["captured_fen"] == captured_fen


@pytest.mark.parametrize("keep_alive", [True, False])
def test_httpx_sees_a_cut_as_a_read_failure_on_a_fresh_and_on_a_used_connection(
    sandbox: RunningSandbox, sdk: AlipaySdk, number: str, keep_alive: bool
) -> None:
    qr = sdk.precreate(number, "1")["qr_code"]
    sandbox.scan(qr, "drop_after_charge")
    query = sdk.signed("alipay.trade.query", {"out_trade_no": number})
    with httpx.Client(base_url=sandbox.url, trust_env=False) as client:
        if keep_alive:
            client.get("/phone/money")
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            client.post(
                "/alipay/gateway.do", content=query, headers={"content-type": "application/x-www-form-urlencoded"}
            )
        answer = client.get("/alipay/gateway.do?" + query)
    assert answer.headers["content-type"] == "text/html;charset=utf-8"
    assert answer.json()["alipay_trade_query_response"]["trade_status"] == "TRADE_SUCCESS"
