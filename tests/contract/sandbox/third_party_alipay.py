"""A program around PyPI `python-alipay-sdk`: public-key mode and certificate mode. See `sdk_process`.

Another public SDK has the same module name, `alipay`. The library verifies each answer itself; a refusal is an answer
like any other. It knows no loopback gateway, so its private address field is set, as its own users do.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast
from urllib.parse import parse_qsl

from tests.contract.sandbox.sdk_process import answer_until_the_end


class Shops:
    """The merchants by a name that the test gives."""

    def __init__(self) -> None:
        self._package = cast("Any", import_module("alipay"))
        exceptions = cast("Any", import_module("alipay.exceptions"))
        self._not_believed = cast("type[Exception]", exceptions.AliPayValidationError)
        self._shops: dict[str, Any] = {}

    def open(self, name: str, about: Mapping[str, str], notify_url: str, mode: str) -> None:
        names = {
            "appid": about["app_id"],
            "app_notify_url": notify_url,
            "app_private_key_string": about["merchant_private_key_pkcs1_pem"],
        }
        if mode == "certificates":
            shop = self._package.DCAliPay(
                **names,
                app_public_key_cert_string=about["app_certificate_pem"],
                alipay_public_key_cert_string=about["alipay_certificate_pem"],
                alipay_root_cert_string=about["alipay_root_certificate_pem"],
            )
        else:
            shop = self._package.AliPay(**names, alipay_public_key_string=about["alipay_public_key_pem"])
        shop._gateway = about["gateway_url"]
        self._shops[name] = shop

    def pay(self, name: str, number: str, amount: str, auth_code: str) -> object:
        return self._shops[name].api_alipay_trade_pay(
            out_trade_no=number, scene="bar_code", auth_code=auth_code, subject="收款", total_amount=amount
        )

    def precreate(self, name: str, number: str, amount: str) -> object:
        return self._shops[name].api_alipay_trade_precreate(subject="收款", out_trade_no=number, total_amount=amount)

    def query(self, name: str, number: str) -> object:
        """ "not believed": the library could not verify the answer."""
        try:
            return self._shops[name].api_alipay_trade_query(out_trade_no=number)
        except self._not_believed:
            return "not believed"

    def cancel(self, name: str, number: str) -> object:
        return self._shops[name].api_alipay_trade_cancel(out_trade_no=number)

    def close(self, name: str, number: str) -> object:
        return self._shops[name].api_alipay_trade_close(out_trade_no=number)

    def refund(self, name: str, number: str, request_number: str, amount: str) -> object:
        return self._shops[name].api_alipay_trade_refund(
            refund_amount=amount, out_trade_no=number, out_request_no=request_number
        )

    def refund_query(self, name: str, number: str, request_number: str) -> object:
        return self._shops[name].api_alipay_trade_fastpay_refund_query(
            out_request_no=request_number, out_trade_no=number
        )

    def notification(self, name: str, body: str) -> object:
        """Its fields; null when it is not believed."""
        fields = dict(parse_qsl(body))
        signature = fields.pop("sign")
        return fields if self._shops[name].verify(fields, signature) else None


if __name__ == "__main__":
    shops = Shops()
    answer_until_the_end(
        {
            "open": shops.open,
            "pay": shops.pay,
            "precreate": shops.precreate,
            "query": shops.query,
            "cancel": shops.cancel,
            "close": shops.close,
            "refund": shops.refund,
            "refund_query": shops.refund_query,
            "notification": shops.notification,
        }
    )
