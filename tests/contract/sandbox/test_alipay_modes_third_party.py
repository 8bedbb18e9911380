"""PyPI `python-alipay-sdk` trades with the sandbox by public key and by certificates, and verifies every answer and
every notification.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.contract.sandbox.running_sandbox import RunningSandbox
from tests.contract.sandbox.sdk_process import SdkProcess, sdk_process
from tests.contract.sandbox.stub_shop import Heard, Shop, stub_shop

BY_KEY, BY_CERTIFICATE = "public_key", "certificates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One merchant of the SDK. `mode` begins its order numbers."""

    sdk: SdkProcess
    sandbox: RunningSandbox
    shop: Shop
    mode: str

    def ask(self, call: str, **given: object) -> Any:
        return self.sdk.ask(call, name=self.mode, **given)

    def reads(self, heard: Heard) -> Any:
        return self.ask("notification", body=heard.body.decode("ascii"))

    def told(self) -> Heard:
        return self.shop.notified.get(timeout=5)


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with stub_shop() as running:
        yield running


@pytest.fixture(scope="module")
def sdk_programs(sandbox: RunningSandbox, shop: Shop) -> Iterator[SdkProcess]:
    about = sandbox.http.get("/merchant/alipay").json()
    with sdk_process("third_party_alipay") as running:
        for mode in (BY_KEY, BY_CERTIFICATE):
            running.ask("open", name=mode, about=about, notify_url=f"{shop.url}/notify/alipay", mode=mode)
        yield running


@pytest.fixture(params=[BY_KEY, BY_CERTIFICATE])
def trader(request: pytest.FixtureRequest, sandbox: RunningSandbox, shop: Shop, sdk_programs: SdkProcess) -> Trader:
    return Trader(sdk=sdk_programs, sandbox=sandbox, shop=shop, mode=request.param)


def test_a_code_is_charged_and_told_and_given_back_in_two_parts(trader: Trader) -> None:
    """A part's refund is told as a trade that goes on, the last as its close."""
    number = f"{trader.mode}PAY"
    paid = trader.ask("pay", number=number, amount="12.50", auth_code=trader.sandbox.code())
    assert (paid["code"], paid["total_amount"]) == ("10000", "12.50")
    told = trader.reads(trader.told())
    assert (told["trade_status"], told["out_trade_no"], told["total_amount"]) == ("TRADE_SUCCESS", number, "12.50")
    part = {"number": number, "request_number": "R1", "amount": "2.50"}
    assert [trader.ask("refund", **part)["fund_change"] for _ in range(2)] == ["Y", "N"]
    told = trader.reads(trader.told())
    assert (told["trade_status"], told["refund_fee"], told["out_biz_no"]) == ("TRADE_SUCCESS", "2.50", "R1")
    found = trader.ask("refund_query", number=number, request_number="R1")
    assert (found["refund_status"], found["refund_amount"]) == ("REFUND_SUCCESS", "2.50")
    assert "refund_status" not in trader.ask("refund_query", number=number, request_number="R2")
    assert trader.ask("refund", number=number, request_number="R2", amount="10.00")["fund_change"] == "Y"
    told = trader.reads(trader.told())
    assert (told["trade_status"], told["refund_fee"]) == ("TRADE_CLOSED", "12.50")
    assert trader.ask("query", number=number)["trade_status"] == "TRADE_CLOSED"
    assert trader.sandbox.money(number)["refunded_fen"] == 1250


def test_more_than_was_paid_is_never_given_back(trader: Trader) -> None:
    number = f"{trader.mode}MORE"
    trader.ask("pay", number=number, amount="1.00", auth_code=trader.sandbox.code())
    trader.told()
    refused = trader.ask("refund", number=number, request_number="R1", amount="1.01")
    assert refused["sub_code"] == "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL"
    assert trader.sandbox.money(number)["refunded_fen"] == 0


def test_a_qr_is_paid_told_and_cancelled(trader: Trader) -> None:
    number = f"{trader.mode}QR"
    qr = trader.ask("precreate", number=number, amount="8.00")["qr_code"]
    assert trader.ask("query", number=number)["sub_code"] == "ACQ.TRADE_NOT_EXIST"
    trader.sandbox.scan(qr)
    told = trader.reads(trader.told())
    assert (told["trade_status"], told["total_amount"]) == ("TRADE_SUCCESS", "8.00")
    assert trader.ask("query", number=number)["trade_status"] == "TRADE_SUCCESS"
    assert trader.ask("cancel", number=number)["action"] == "refund"
    assert trader.reads(trader.told())["trade_status"] == "TRADE_CLOSED"
    assert trader.sandbox.money(number)["state"] == "reversed"


def test_a_waiting_customer_is_closed_and_the_close_is_told(trader: Trader) -> None:
    number = f"{trader.mode}CLOSE"
    assert trader.ask("pay", number=number, amount="1", auth_code=trader.sandbox.code("never"))["code"] == "10003"
    assert trader.ask("close", number=number)["code"] == "10000"
    assert trader.reads(trader.told())["trade_status"] == "TRADE_CLOSED"
    assert trader.sandbox.money(number)["captured_fen"] == 0


def test_a_notification_with_a_bad_signature_or_another_amount_is_not_believed(trader: Trader) -> None:
    pay = {"number": f"{trader.mode}BAD", "amount": "1.00"}
    trader.ask("pay", **pay, auth_code=trader.sandbox.code("callback_bad_signature"))
    assert trader.reads(trader.told()) is None
    trader.ask("pay", number=f"{trader.mode}GOOD", amount="1.00", auth_code=trader.sandbox.code())
    body = trader.told().body.decode("ascii")
    assert trader.ask("notification", body=body.replace("total_amount=1.00", "total_amount=9.00")) is None
    assert trader.ask("notification", body=body)["total_amount"] == "1.00"


def test_answers_by_another_certificate_are_not_believed(sandbox: RunningSandbox, sdk_programs: SdkProcess) -> None:
    about = sandbox.http.get("/merchant/alipay").json()
    about["alipay_certificate_pem"] = about["app_certificate_pem"]
    sdk_programs.ask("open", name="doubter", about=about, notify_url="", mode=BY_CERTIFICATE)
    assert sdk_programs.ask("query", name="doubter", number="NOBODY") == "not believed"
