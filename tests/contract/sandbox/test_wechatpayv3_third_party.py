"""PyPI `wechatpayv3` trades with the sandbox in both of its key modes, and verifies every answer and notification."""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sandbox.wechat.merchant import KeyMode
from tests.contract.sandbox.running_sandbox import RunningSandbox, running_sandbox
from tests.contract.sandbox.sdk_process import SdkProcess, sdk_process
from tests.contract.sandbox.stub_shop import Heard, Shop, stub_shop

BY_KEY, BY_CERTIFICATE = "public_key", "certificates"
MODES = (
    (KeyMode.SIDE_BY_SIDE, BY_KEY),
    (KeyMode.SIDE_BY_SIDE, BY_CERTIFICATE),
    (KeyMode.PUBLIC_KEY, BY_KEY),
    (KeyMode.CERTIFICATES, BY_CERTIFICATE),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trader:
    """One merchant of the SDK at one sandbox."""

    sdk: SdkProcess
    sandbox: RunningSandbox
    shop: Shop
    name: str
    fetched: int

    def ask(self, call: str, **given: object) -> Any:
        return self.sdk.ask(call, name=self.name, **given)

    def pays(self, number: str, script: str = "pay") -> Heard:
        """An order of 12.50 yuan, paid; gives the notification that reached the shop."""
        shown = self.ask("native", number=number, amount_fen=1250)
        assert shown["status"] == 200
        self.sandbox.scan(shown["body"]["code_url"], script, wallet="wechat")
        return self.shop.notified.get(timeout=5)

    def reads(self, heard: Heard) -> Any:
        return self.ask("callback", headers=dict(heard.headers), body=heard.body.decode("utf-8"))


@pytest.fixture(scope="module")
def shop() -> Iterator[Shop]:
    with stub_shop() as running:
        yield running


@pytest.fixture(scope="module")
def sdk() -> Iterator[SdkProcess]:
    with sdk_process("third_party_wechatpayv3") as running:
        yield running


@pytest.fixture(scope="module")
def sandboxes(sandbox: RunningSandbox, wallet_keys: Path) -> Iterator[Mapping[KeyMode, RunningSandbox]]:
    modes = (KeyMode.PUBLIC_KEY, KeyMode.CERTIFICATES)
    with ExitStack() as started:

        def start(mode: KeyMode) -> RunningSandbox:
            return started.enter_context(running_sandbox(gun=False, wechat_keys=mode, keys=wallet_keys))

        # Both start at the same time: a start is mostly imports and the checks of kept keys.
        with ThreadPoolExecutor(len(modes)) as threads:
            others = dict(zip(modes, threads.map(start, modes), strict=True))
        yield {KeyMode.SIDE_BY_SIDE: sandbox, **others}


@pytest.fixture
def open_trader(sdk: SdkProcess, shop: Shop, sandboxes: Mapping[KeyMode, RunningSandbox]) -> Any:
    def opened(keys: KeyMode, mode: str) -> Trader:
        at = sandboxes[keys]
        about = at.http.get("/merchant/wechat").json()
        name = f"{keys.value} {mode}"
        url = f"{shop.url}/notify/wechat"
        fetched = sdk.ask("open", name=name, about=about, notify_url=url, mode=mode)
        return Trader(sdk=sdk, sandbox=at, shop=shop, name=name, fetched=fetched)

    return opened


@pytest.fixture(params=MODES, ids=lambda mode: f"{mode[0].value}-by-{mode[1]}")
def trader(request: pytest.FixtureRequest, open_trader: Any) -> Trader:
    return open_trader(*request.param)


@pytest.fixture
def number(trader: Trader) -> str:
    """A beginning of order numbers that no other way of trading uses."""
    return "V3" + "".join(letter for letter in trader.name if letter.isalpha())[:22]


def test_certificates_are_fetched_in_certificate_mode_only(trader: Trader) -> None:
    assert trader.fetched == (2 if trader.name.endswith(BY_CERTIFICATE) else 0)


def test_a_qr_is_paid_and_asked_for_and_gives_back(trader: Trader, number: str) -> None:
    """The description has letters beyond ASCII: the library signs and sends them escaped."""
    unpaid = trader.ask("native", number=f"{number}A", amount_fen=1250)
    assert trader.ask("query", number=f"{number}A")["body"]["trade_state"] == "NOTPAY"
    trader.sandbox.scan(unpaid["body"]["code_url"], wallet="wechat")
    paid = trader.ask("query", number=f"{number}A")["body"]
    assert (paid["trade_state"], paid["amount"]["total"]) == ("SUCCESS", 1250)
    trader.shop.notified.get(timeout=5)
    back = trader.ask("refund", number=f"{number}A", refund_number=f"{number}R", amount_fen=250, total_fen=1250)
    assert (back["status"], back["body"]["amount"]["refund"]) == (200, 250)
    told = trader.shop.notified.get(timeout=5)
    assert told.path == "/notify/wechat"
    assert trader.ask("refund_query", refund_number=f"{number}R")["body"]["status"] == "SUCCESS"
    assert trader.sandbox.money(f"{number}A")["refunded_fen"] == 250


def test_a_close_has_no_body_and_is_signed(trader: Trader, number: str) -> None:
    trader.ask("native", number=f"{number}B", amount_fen=100)
    assert trader.ask("close", number=f"{number}B") == {"status": 204, "body": None}
    assert trader.ask("query", number=f"{number}B")["body"]["trade_state"] == "CLOSED"
    assert trader.sandbox.money(f"{number}B")["state"] == "closed"


def test_a_payment_code_is_charged(trader: Trader, number: str) -> None:
    code = trader.sandbox.code(wallet="wechat")
    paid = trader.ask("codepay", number=f"{number}C", amount_fen=100, auth_code=code)
    assert (paid["status"], paid["body"]["trade_state"]) == (200, "SUCCESS")
    assert trader.sandbox.money(f"{number}C")["captured_fen"] == 100


def test_an_unknown_order_is_a_problem(trader: Trader, number: str) -> None:
    said = trader.ask("query", number=f"{number}Z")
    assert (said["status"], said["body"]["code"]) == (404, "ORDER_NOT_EXIST")


@pytest.mark.parametrize(("keys", "mode"), [(KeyMode.PUBLIC_KEY, BY_KEY), (KeyMode.CERTIFICATES, BY_CERTIFICATE)])
def test_notifications_are_verified_and_opened(open_trader: Any, keys: KeyMode, mode: str) -> None:
    trader = open_trader(keys, mode)
    for number in ("V3CALLBACK1", "V3CALLBACK2"):
        told = trader.reads(trader.pays(number))
        assert told["event_type"] == "TRANSACTION.SUCCESS"
        order = told["resource"]
        assert (order["out_trade_no"], order["trade_state"], order["amount"]["total"]) == (number, "SUCCESS", 1250)
    trader.ask("refund", number=number, refund_number="V3CALLBACKR", amount_fen=1250, total_fen=1250)
    told = trader.reads(trader.shop.notified.get(timeout=5))
    assert (told["event_type"], told["resource"]["out_refund_no"]) == ("REFUND.SUCCESS", "V3CALLBACKR")


def test_in_migration_callbacks_are_signed_in_turn_and_only_who_knows_the_public_key_reads_all(
    open_trader: Any,
) -> None:
    """A merchant with the public key fetches the certificates that a callback names; the library in certificate mode
    cannot even read the name of a public key."""
    by_key = open_trader(KeyMode.SIDE_BY_SIDE, BY_KEY)
    by_certificate = open_trader(KeyMode.SIDE_BY_SIDE, BY_CERTIFICATE)
    heard = [by_key.pays(number) for number in ("V3TURN1", "V3TURN2")]
    by_number = {told["resource"]["out_trade_no"] for told in map(by_key.reads, heard)}
    assert by_number == {"V3TURN1", "V3TURN2"}
    stumbles = [by_certificate.reads(one) == "ValueError" for one in heard]
    assert sorted(stumbles) == [False, True]


@pytest.mark.parametrize(("keys", "mode"), [(KeyMode.PUBLIC_KEY, BY_KEY), (KeyMode.CERTIFICATES, BY_CERTIFICATE)])
def test_a_notification_with_a_bad_signature_or_another_body_is_not_believed(
    open_trader: Any, keys: KeyMode, mode: str
) -> None:
    trader = open_trader(keys, mode)
    assert trader.reads(trader.pays("V3FORGED1", "callback_bad_signature")) is None
    good = trader.pays("V3FORGED2")
    assert trader.ask("callback", headers=dict(good.headers), body=good.body.decode("utf-8") + " ") is None
    assert trader.reads(good) is not None


def test_without_platform_certificates_there_are_none_to_fetch(open_trader: Any) -> None:
    assert open_trader(KeyMode.PUBLIC_KEY, BY_KEY).ask("certificates") == 404
