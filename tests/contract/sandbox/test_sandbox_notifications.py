"""Notifications that really leave: to a shop on loopback, verified there by an SDK that others wrote."""

from collections.abc import Iterator

import pytest

from tests.contract.sandbox.running_sandbox import RunningSandbox
from tests.contract.sandbox.stub_shop import Shop, stub_shop
from tests.contract.sandbox.wechat_sdk import WechatSdk


@pytest.fixture
def shop() -> Iterator[Shop]:
    with stub_shop() as running:
        yield running


@pytest.fixture
def wechat(sandbox: RunningSandbox, shop: Shop) -> WechatSdk:
    return WechatSdk(sandbox, f"{shop.url}/notify/wechat/a")


def test_a_payment_is_told_at_once_and_the_sdk_believes_it(
    sandbox: RunningSandbox, shop: Shop, wechat: WechatSdk
) -> None:
    qr = wechat.native("NOTIFY1", 1250)
    assert sandbox.scan(qr, wallet="wechat")["result"] == "paid"
    heard = shop.notified.get(timeout=5)
    assert (heard.method, heard.path) == ("POST", "/notify/wechat/a")
    told = wechat.read_callback(heard.headers, heard.body)
    assert (told["event_type"], told["resource"]["out_trade_no"]) == ("TRANSACTION.SUCCESS", "NOTIFY1")
    assert wechat.query("NOTIFY1")["trade_state"] == "SUCCESS"


def test_a_payment_that_time_brings_is_told_when_it_happens(
    sandbox: RunningSandbox, shop: Shop, wechat: WechatSdk
) -> None:
    """Nobody calls the sandbox meanwhile: its own clock makes the customer pay and the notification go out."""
    qr = wechat.native("NOTIFY2", 100)
    assert sandbox.scan(qr, "callback_twice", wallet="wechat")["result"] == "waiting"
    copies = [shop.notified.get(timeout=5) for _ in range(2)]
    assert len({wechat.read_callback(one.headers, one.body)["id"] for one in copies}) == 1


def test_one_with_a_bad_signature_arrives_and_is_not_believed(
    sandbox: RunningSandbox, shop: Shop, wechat: WechatSdk
) -> None:
    sandbox.scan(wechat.native("NOTIFY3", 100), "callback_bad_signature", wallet="wechat")
    heard = shop.notified.get(timeout=5)
    assert wechat.read_callback(heard.headers, heard.body) == {}


def test_a_shop_that_cannot_be_reached_harms_nobody(sandbox: RunningSandbox) -> None:
    """Plain http beyond this computer is never called; a dead port on it gives no answer."""
    for name, url in (("NOTIFY4", "http://127.0.0.1:9/notify"), ("NOTIFY5", "http://192.0.2.1/notify")):
        qr = WechatSdk(sandbox, url).native(name, 100)
        assert sandbox.scan(qr, wallet="wechat")["state"] == "paid"
        assert sandbox.money(name)["captured_fen"] == 100
