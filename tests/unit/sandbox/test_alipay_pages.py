"""The page in Alipay's browser: who the payer is, the trade made for that one, and the payment in the browser."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from sandbox.alipay.about import AUTHORIZE_PATH
from sandbox.alipay.identities import CODE_LIFE_MS
from sandbox.wallet import ScanResult
from sandbox.wire import HttpRequestParts
from tests.unit.sandbox.alipay_bench import Bench, public_params, script

BACK = "http://127.0.0.1:1/back?pos=1"
ASKED = {"app_id": "2021000000000001", "scope": "auth_base", "redirect_uri": BACK, "state": "s 1"}


def opened(bench: Bench, customer: str = "anna", **changes: str) -> str | None:
    """Where the authorisation page sends this customer."""
    asked = {name: value for name, value in {**ASKED, **changes}.items() if value}
    request = HttpRequestParts(method="GET", path=AUTHORIZE_PATH, query=urlencode(asked).encode())
    return bench.alipay.authorize(request, customer, bench.now_ms)


def code_of(bench: Bench, customer: str = "anna") -> str:
    address = opened(bench, customer)
    assert address is not None
    return parse_qs(urlsplit(address).query)["auth_code"][0]


def token(bench: Bench, code: str, **changes: str) -> dict[str, Any]:
    params = public_params("alipay.system.oauth.token", {})
    del params["biz_content"]
    return bench.asked({**params, "grant_type": "authorization_code", "code": code, **changes})


def create(bench: Bench, number: str, buyer: str, **changes: str) -> dict[str, Any]:
    biz = {"out_trade_no": number, "total_amount": "12.50", "subject": "收款", "buyer_id": buyer, **changes}
    return bench.call("alipay.trade.create", **biz)


def in_browser(bench: Bench, trade_no: str, text: str = "pay") -> ScanResult:
    return bench.alipay.pay_in_browser({"tradeNO": trade_no}, script(text), bench.now_ms).result


def test_the_page_goes_back_to_where_it_came_from_with_a_code_and_the_state() -> None:
    address = opened(Bench())
    assert address is not None
    assert address.startswith("http://127.0.0.1:1/back?pos=1&")
    handed = parse_qs(urlsplit(address).query)
    assert (handed["state"], handed["scope"], handed["app_id"]) == (["s 1"], ["auth_base"], ["2021000000000001"])


@pytest.mark.parametrize("wrong", [{"app_id": "1"}, {"scope": "all"}, {"redirect_uri": ""}, {"redirect_uri": "/x"}])
def test_a_page_that_was_asked_for_wrongly_sends_nobody_anywhere(wrong: dict[str, str]) -> None:
    assert opened(Bench(), **wrong) is None


def test_a_code_becomes_the_customers_id_once() -> None:
    bench = Bench()
    code = code_of(bench)
    said = token(bench, code)
    assert said["user_id"].startswith("2088")
    assert said["open_id"]
    again = token(bench, code)
    assert (again["code"], again["sub_code"]) == ("40002", "isv.code-invalid")


@pytest.mark.parametrize(("after_ms", "works"), [(CODE_LIFE_MS - 1, True), (CODE_LIFE_MS, False)])
def test_a_code_lives_for_ten_minutes(after_ms: int, works: bool) -> None:
    assert CODE_LIFE_MS == 600_000
    bench = Bench()
    code = code_of(bench)
    bench.now_ms += after_ms
    assert ("user_id" in token(bench, code)) == works


def test_another_kind_of_grant_is_refused_and_does_not_use_up_the_code() -> None:
    bench = Bench()
    code = code_of(bench)
    assert token(bench, code, grant_type="refresh_token")["sub_code"] == "isv.grant-type-invalid"
    assert "user_id" in token(bench, code)


def test_one_customer_is_one_account_and_two_are_two() -> None:
    bench = Bench()
    first, again, other = (token(bench, code_of(bench, who))["user_id"] for who in ("anna", "anna", "bo"))
    assert first == again != other


def test_a_trade_is_made_for_a_known_buyer_and_paid_in_the_browser_once() -> None:
    bench = Bench()
    user = token(bench, code_of(bench))
    made = create(bench, "P1", user["user_id"])
    assert (made["code"], made["out_trade_no"]) == ("10000", "P1")
    assert bench.status("P1") == "WAIT_BUYER_PAY"
    assert in_browser(bench, made["trade_no"]) is ScanResult.PAID
    assert in_browser(bench, made["trade_no"]) is ScanResult.ALREADY_PAID
    assert bench.query("P1")["buyer_user_id"] == user["user_id"]
    assert bench.money("P1").captured_fen == 1250


def test_the_open_id_names_the_same_buyer() -> None:
    bench = Bench()
    user = token(bench, code_of(bench))
    made = create(bench, "P1", "", buyer_open_id=user["open_id"])
    assert create(bench, "P1", user["user_id"])["trade_no"] == made["trade_no"]


def test_nobody_else_can_be_the_buyer() -> None:
    assert create(Bench(), "P1", "2088000000000009")["sub_code"] == "ACQ.INVALID_PARAMETER"


def test_creating_the_same_again_is_the_same_trade_and_anything_else_is_refused() -> None:
    bench = Bench()
    anna, bo = (token(bench, code_of(bench, who))["user_id"] for who in ("anna", "bo"))
    made = create(bench, "P1", anna)
    assert create(bench, "P1", anna) == made
    assert create(bench, "P1", bo)["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    assert create(bench, "P1", anna, total_amount="12.51")["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    bench.precreate("Q1")
    bench.pay("A1", bench.code())
    for number in ("Q1", "A1"):
        assert create(bench, number, anna)["sub_code"] == "ACQ.CONTEXT_INCONSISTENT"
    in_browser(bench, made["trade_no"])
    assert create(bench, "P1", anna)["sub_code"] == "ACQ.TRADE_HAS_SUCCESS"


def test_a_cancelled_page_cannot_be_paid_any_more() -> None:
    bench = Bench()
    trade_no = create(bench, "P1", token(bench, code_of(bench))["user_id"])["trade_no"]
    assert bench.cancel("P1")["action"] == "close"
    assert in_browser(bench, trade_no) is ScanResult.ORDER_CLOSED


def test_a_payer_who_gives_up_may_come_back() -> None:
    bench = Bench()
    trade_no = create(bench, "P1", token(bench, code_of(bench))["user_id"])["trade_no"]
    came = [in_browser(bench, trade_no, text) for text in ("balance_low", "never", "pay")]
    assert came == [ScanResult.GAVE_UP, ScanResult.WAITING, ScanResult.PAID]


@pytest.mark.parametrize("handed", [{}, {"tradeNO": "2026112222001234567890123456"}, {"orderStr": "x"}])
def test_a_trade_that_nobody_made_cannot_be_paid(handed: dict[str, str]) -> None:
    bench = Bench()
    assert bench.alipay.pay_in_browser(handed, script("pay"), bench.now_ms).result is ScanResult.UNKNOWN_QR
