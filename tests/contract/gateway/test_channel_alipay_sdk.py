"""Rule: an SDK that others wrote signs the same text with the same result, and accepts what our reader accepts."""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Protocol, cast
from urllib.parse import parse_qsl, urlsplit

import pytest

from gateway.channels.port import ChannelRequest, Paid
from tests.unit.gateway import channel_alipay_wallet as wallet
from tests.unit.gateway.channel_alipay_wallet import NOW_MS, ORDER, PAY_NODE, QR_ORDER, REF


class Sdk(Protocol):
    """The part of python-alipay-sdk that is used; it has no types of its own."""

    def sign_data(self, data: dict[str, str]) -> str: ...

    def _verify(self, raw_content: str, signature: str) -> bool: ...

    def _verify_and_return_sync_response(self, raw_string: str, response_type: str) -> Mapping[str, object]: ...


@cache
def sdk(public_key: str | None = None) -> Sdk:
    module = importlib.import_module("alipay")
    made = module.AliPay(
        appid="2021000000000001",
        app_notify_url=None,
        app_private_key_string=wallet.pem(wallet.app_key()),
        alipay_public_key_string=public_key or wallet.public_pem(wallet.wallet_key()),
        sign_type="RSA2",
    )
    return cast("Sdk", made)


REQUESTS = {
    "pay": lambda: wallet.channel().pay(ORDER, now_ms=NOW_MS).request,
    "pay as partner": lambda: wallet.channel(mode="partner", app_auth_token="t").pay(ORDER, now_ms=NOW_MS).request,
    "precreate": lambda: wallet.channel(notify_url="https://a.test/n").precreate(QR_ORDER, now_ms=NOW_MS).request,
    "query": lambda: wallet.channel().query(REF, now_ms=NOW_MS).request,
    "cancel": lambda: wallet.channel().cancel(REF, now_ms=NOW_MS).request,
    "close": lambda: wallet.channel().close(REF, now_ms=NOW_MS).request,
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_sdk_makes_the_same_signature_over_the_same_parameters(name: str) -> None:
    request: ChannelRequest = REQUESTS[name]()
    sent = dict(parse_qsl(urlsplit(request.url).query)) | dict(parse_qsl(request.body.decode("ascii")))
    ours = sent.pop("sign")
    theirs = dict(parse_qsl(sdk().sign_data(sent)))["sign"]
    assert ours == theirs


def test_the_sdk_accepts_an_answer_that_our_reader_takes_as_paid_and_refuses_it_when_changed() -> None:
    content = wallet.body(PAY_NODE).decode()
    node = sdk()._verify_and_return_sync_response(content, "alipay_trade_pay_response")  # pyright: ignore[reportPrivateUsage]
    assert node["out_trade_no"] == REF.out_trade_no
    read = wallet.channel().pay(ORDER, now_ms=NOW_MS).read
    assert isinstance(read(wallet.answer(content.encode())), Paid)
    changed = content.replace("12.50", "12.51")
    refusal: type[Exception] = importlib.import_module("alipay.exceptions").AliPayValidationError
    with pytest.raises(refusal):
        sdk()._verify_and_return_sync_response(changed, "alipay_trade_pay_response")  # pyright: ignore[reportPrivateUsage]
    assert not isinstance(read(wallet.answer(changed.encode())), Paid)


def test_the_sdk_accepts_the_production_vector_that_our_reader_accepts() -> None:
    text = (Path(__file__).parents[2] / "vectors" / "alipay_gateway.json").read_text(encoding="utf-8")
    vector = cast("dict[str, str]", json.loads(text))
    spki = vector["public_key_b64_spki"]
    pem = f"-----BEGIN PUBLIC KEY-----\n{spki}\n-----END PUBLIC KEY-----"
    assert sdk(pem)._verify(vector["node"], vector["sign"])  # pyright: ignore[reportPrivateUsage]
