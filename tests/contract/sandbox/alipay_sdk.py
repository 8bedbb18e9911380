"""python-alipay-sdk behind types: the one place that touches the untyped library. It verifies each answer it gives.

The library knows no loopback gateway, so its private address field is set, as its own users do.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol, cast


class _Sdk(Protocol):
    _gateway: str

    def api_alipay_trade_pay(
        self, *, out_trade_no: str, scene: str, auth_code: str, subject: str, **more: Any
    ) -> Any: ...
    def api_alipay_trade_precreate(self, *, subject: str, out_trade_no: str, total_amount: str, **more: Any) -> Any: ...
    def api_alipay_trade_query(self, *, out_trade_no: str) -> Any: ...
    def api_alipay_trade_cancel(self, *, out_trade_no: str) -> Any: ...
    def client_api(self, api_name: str, biz_content: dict[str, Any]) -> str: ...
    def server_api(self, api_name: str, biz_content: dict[str, Any]) -> Any: ...


class AlipaySdk:
    """`about` is what the sandbox says about its merchant."""

    def __init__(self, about: Mapping[str, str]) -> None:
        module = cast("Any", import_module("alipay"))
        self._sdk = cast(
            "_Sdk",
            module.AliPay(
                appid=about["app_id"],
                app_private_key_string=about["merchant_private_key_pkcs1_pem"],
                alipay_public_key_string=about["alipay_public_key_pem"],
            ),
        )
        self._sdk._gateway = about["gateway_url"]  # pyright: ignore[reportPrivateUsage]

    def pay(self, number: str, auth_code: str, amount: str, **more: Any) -> dict[str, Any]:
        return dict(
            self._sdk.api_alipay_trade_pay(
                out_trade_no=number, scene="bar_code", auth_code=auth_code, subject="收款", total_amount=amount, **more
            )
        )

    def precreate(self, number: str, amount: str) -> dict[str, Any]:
        return dict(self._sdk.api_alipay_trade_precreate(subject="收款", out_trade_no=number, total_amount=amount))

    def query(self, number: str) -> dict[str, Any]:
        return dict(self._sdk.api_alipay_trade_query(out_trade_no=number))

    def cancel(self, number: str) -> dict[str, Any]:
        return dict(self._sdk.api_alipay_trade_cancel(out_trade_no=number))

    def close(self, number: str) -> dict[str, Any]:
        return dict(self._sdk.server_api("alipay.trade.close", {"out_trade_no": number}))

    def signed(self, method: str, biz: dict[str, Any]) -> str:
        """A signed request as one form-encoded text, not sent."""
        return self._sdk.client_api(method, biz)
