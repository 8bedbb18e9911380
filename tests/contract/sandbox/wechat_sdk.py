"""wechatpayv3 behind types: the one place that touches the untyped library. It verifies each answer it gives.

The library knows no loopback gateway, so its private address field is set, as its own users do.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from tests.contract.sandbox.running_sandbox import RunningSandbox


class WechatSdk:
    """A direct merchant in public-key mode. `notify_url`: where the wallet tells of payments."""

    def __init__(self, sandbox: RunningSandbox, notify_url: str) -> None:
        about: dict[str, Any] = sandbox.http.get("/merchant/wechat").json()
        self.about: Mapping[str, Any] = about
        module = cast("Any", import_module("wechatpayv3"))
        self._types = module.WeChatPayType
        self._sdk = module.WeChatPay(
            wechatpay_type=module.WeChatPayType.NATIVE,
            mchid=about["mchid"],
            private_key=about["merchant_private_key_pem"],
            cert_serial_no=about["merchant_serial_no"],
            apiv3_key=about["api_v3_key"],
            appid=about["appid"],
            notify_url=notify_url,
            public_key=about["public_key_pem"],
            public_key_id=about["public_key_id"],
        )
        self._sdk._core._gate_way = about["base_url"]

    def native(self, number: str, amount_fen: int) -> str:
        """The QR of a new order."""
        return str(self._pay(number, amount_fen, pay_type=self._types.NATIVE)["code_url"])

    def jsapi(self, number: str, amount_fen: int, openid: str) -> dict[str, str]:
        """A new order for the page, as the values that the wallet's script wants."""
        said = self._pay(number, amount_fen, pay_type=self._types.JSAPI, payer={"openid": openid})
        package = f"prepay_id={said['prepay_id']}"
        values = [str(self.about["appid"]), "1700000000", "n0nce", package]
        names = ("appId", "timeStamp", "nonceStr", "package")
        return {**dict(zip(names, values, strict=True)), "signType": "RSA", "paySign": str(self._sdk.sign(values))}

    def query(self, number: str) -> dict[str, Any]:
        return self._read(self._sdk.query(out_trade_no=number))

    def read_callback(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any]:
        """The callback, verified and opened; empty when the library does not believe it."""
        named = {name.title(): value for name, value in headers.items()}
        return dict(self._sdk.callback(named, body.decode()) or {})

    def _pay(self, number: str, amount_fen: int, **more: Any) -> dict[str, Any]:
        return self._read(self._sdk.pay(description="收款", out_trade_no=number, amount={"total": amount_fen}, **more))

    @staticmethod
    def _read(answer: tuple[int, str]) -> dict[str, Any]:
        status, text = answer
        assert status == 200, text
        return dict(json.loads(text))
