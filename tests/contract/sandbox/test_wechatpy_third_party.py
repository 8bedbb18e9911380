"""PyPI `wechatpy` trades by v2 with the sandbox, with its client certificate, and can verify every answer."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.contract.sandbox.running_sandbox import RunningSandbox
from tests.contract.sandbox.sdk_process import SdkProcess, sdk_process
from tests.contract.sandbox.stub_shop import stub_shop

DIRECT, PARTNER, NO_CERTIFICATE = "direct", "partner", "no certificate"


@pytest.fixture(scope="module")
def about(sandbox: RunningSandbox) -> Mapping[str, Any]:
    return dict(sandbox.http.get("/merchant/wechat").json())


@pytest.fixture(scope="module")
def sdk(about: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[SdkProcess]:
    files = _files(about, tmp_path_factory.mktemp("wechatpy"))
    with sdk_process("third_party_wechatpy") as running:
        running.ask("open", name=DIRECT, about=about, files=files, sub_mch_id=None)
        running.ask("open", name=PARTNER, about=about, files=files, sub_mch_id=about["sub_mchid"])
        running.ask("open", name=NO_CERTIFICATE, about=about, files=None, sub_mch_id=None)
        yield running


def _files(about: Mapping[str, Any], folder: Path) -> Mapping[str, str]:
    pems = {
        "certificate": about["client_certificate_pem"],
        "key": about["client_private_key_pem"],
        "authority": about["ca_certificate_pem"],
    }
    for name, pem in pems.items():
        (folder / f"{name}.pem").write_text(pem, encoding="ascii")
    return {name: str(folder / f"{name}.pem") for name in pems}


@pytest.mark.parametrize("name", [DIRECT, PARTNER])
def test_a_code_is_charged_asked_for_and_given_back(
    sandbox: RunningSandbox, sdk: SdkProcess, about: Mapping[str, Any], name: str
) -> None:
    number = f"V2{name}"
    paid = sdk.ask("micropay", name=name, number=number, amount_fen=1250, auth_code=sandbox.code(wallet="wechat"))
    assert (paid["result_code"], paid["total_fee"], paid["attach"]) == ("SUCCESS", "1250", "一号店")
    assert paid.get("sub_mch_id") == (about["sub_mchid"] if name == PARTNER else None)
    assert sdk.ask("orderquery", name=name, number=number)["trade_state"] == "SUCCESS"
    back = {"number": number, "refund_number": f"{number}R", "amount_fen": 250, "total_fen": 1250, "notify_url": None}
    first = sdk.ask("refund", name=name, **back)
    assert (first["result_code"], first["refund_fee"]) == ("SUCCESS", "250")
    assert sdk.ask("refund", name=name, **back)["refund_id"] == first["refund_id"]
    found = sdk.ask("refundquery", name=name, refund_number=f"{number}R")
    assert (found["refund_count"], found["refund_status_0"], found["refund_fee_0"]) == ("1", "SUCCESS", "250")
    assert sandbox.money(number)["refunded_fen"] == 250


def test_a_reverse_over_the_clients_certificate_gives_everything_back(sandbox: RunningSandbox, sdk: SdkProcess) -> None:
    sdk.ask("micropay", name=DIRECT, number="V2REV", amount_fen=800, auth_code=sandbox.code(wallet="wechat"))
    assert sdk.ask("reverse", name=DIRECT, number="V2REV")["recall"] == "N"
    assert sdk.ask("orderquery", name=DIRECT, number="V2REV")["trade_state"] == "REVOKED"
    money = sandbox.money("V2REV")
    assert (money["captured_fen"], money["refunded_fen"], money["state"]) == (800, 800, "reversed")


def test_a_customer_who_must_type_a_password_is_an_exception_and_no_end(
    sandbox: RunningSandbox, sdk: SdkProcess
) -> None:
    code = sandbox.code("ask_password:0", wallet="wechat")
    said = sdk.ask("micropay", name=DIRECT, number="V2WAIT", amount_fen=100, auth_code=code)
    assert (said["refused"], said["return_code"]) == ("USERPAYING", "SUCCESS")
    assert sdk.ask("orderquery", name=DIRECT, number="V2WAIT")["trade_state"] == "SUCCESS"


def test_a_customer_who_never_pays_waits_until_the_reverse(sandbox: RunningSandbox, sdk: SdkProcess) -> None:
    code = sandbox.code("never", wallet="wechat")
    said = sdk.ask("micropay", name=DIRECT, number="V2NEVER", amount_fen=100, auth_code=code)
    assert said["refused"] == "USERPAYING"
    assert sdk.ask("orderquery", name=DIRECT, number="V2NEVER")["trade_state"] == "USERPAYING"
    assert sdk.ask("reverse", name=DIRECT, number="V2NEVER")["recall"] == "N"
    assert sandbox.money("V2NEVER")["captured_fen"] == 0


@pytest.mark.parametrize(
    ("script", "refused"), [("balance_low", "NOTENOUGH"), ("expired", "AUTHCODEEXPIRE"), ("pay", "ORDERPAID")]
)
def test_refusals_have_v2s_words(sandbox: RunningSandbox, sdk: SdkProcess, script: str, refused: str) -> None:
    number = f"V2NO{refused}"
    pay = {"name": DIRECT, "number": number, "amount_fen": 100}
    said = sdk.ask("micropay", **pay, auth_code=sandbox.code(script, wallet="wechat"))
    if script == "pay":
        said = sdk.ask("micropay", **pay, auth_code=sandbox.code(wallet="wechat"))
    assert said["refused"] == refused


def test_an_unknown_order_and_an_unknown_refund(sdk: SdkProcess) -> None:
    assert sdk.ask("orderquery", name=DIRECT, number="V2NOBODY")["refused"] == "ORDERNOTEXIST"
    assert sdk.ask("refundquery", name=DIRECT, refund_number="V2NOBODY")["refused"] == "REFUNDNOTEXIST"


def test_hmac_is_answered_by_hmac(sandbox: RunningSandbox, sdk: SdkProcess) -> None:
    sdk.ask("micropay", name=DIRECT, number="V2HMAC", amount_fen=100, auth_code=sandbox.code(wallet="wechat"))
    assert sdk.ask("orderquery_hmac", name=DIRECT, number="V2HMAC")["trade_state"] == "SUCCESS"


def test_the_plain_port_takes_what_needs_no_certificate_and_no_more(sandbox: RunningSandbox, sdk: SdkProcess) -> None:
    pay = {"name": NO_CERTIFICATE, "number": "V2PLAIN", "amount_fen": 100}
    assert sdk.ask("micropay", **pay, auth_code=sandbox.code(wallet="wechat"))["result_code"] == "SUCCESS"
    assert "refused" in sdk.ask("reverse", name=NO_CERTIFICATE, number="V2PLAIN")
    assert sandbox.money("V2PLAIN")["refunded_fen"] == 0


def test_the_notification_of_a_refund_is_opened(
    sandbox: RunningSandbox, sdk: SdkProcess, about: Mapping[str, Any]
) -> None:
    """v2 encrypts what a refund's notification says; it has no signature."""
    with stub_shop() as shop:
        shop.answers = [(200, b"<xml><return_code>SUCCESS</return_code></xml>")]
        code = sandbox.code(wallet="wechat")
        sdk.ask("micropay", name=DIRECT, number="V2TOLD", amount_fen=100, auth_code=code)
        back = {"number": "V2TOLD", "refund_number": "V2TOLDR", "amount_fen": 100, "total_fen": 100}
        sdk.ask("refund", name=DIRECT, **back, notify_url=f"{shop.url}/notify/wechat")
        heard = shop.notified.get(timeout=5)
    told = sdk.ask("refund_notice", name=DIRECT, body=heard.body.decode("utf-8"))
    assert (told["out_refund_no"], told["refund_status"], told["refund_fee"]) == ("V2TOLDR", "SUCCESS", 100)
    assert about["api_v2_key"] not in heard.body.decode("utf-8")
