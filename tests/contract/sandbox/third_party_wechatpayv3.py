"""A program around PyPI `wechatpayv3`: v3 in both of its key modes. See `sdk_process`.

The library knows no loopback gateway. Its core in certificate mode already fetches certificates while it is made, so
its address is a property of a subclass, there from the beginning. It verifies each answer of status 2xx itself.
"""

import json
from collections.abc import Mapping
from importlib import import_module
from typing import Any, cast

from tests.contract.sandbox.sdk_process import answer_until_the_end

_TIMEOUT_S = (5, 10)


class Shops:
    """The merchants by a name that the test gives."""

    def __init__(self) -> None:
        self._package = cast("Any", import_module("wechatpayv3"))
        self._core = cast("Any", import_module("wechatpayv3.core"))
        self._library_core = self._core.Core
        self._shops: dict[str, Any] = {}

    def open(self, name: str, about: Mapping[str, Any], notify_url: str, mode: str) -> int:
        """Gives how many platform certificates were fetched."""
        self._core.Core = _core_at(self._library_core, about["base_url"])
        by_key = {"public_key": about["public_key_pem"], "public_key_id": about["public_key_id"]}
        shop = self._package.WeChatPay(
            wechatpay_type=self._package.WeChatPayType.NATIVE,
            mchid=about["mchid"],
            private_key=about["merchant_private_key_pem"],
            cert_serial_no=about["merchant_serial_no"],
            apiv3_key=about["api_v3_key"],
            appid=about["appid"],
            notify_url=notify_url,
            timeout=_TIMEOUT_S,
            **(by_key if mode == "public_key" else {}),
        )
        self._shops[name] = shop
        return len(shop._core._certificates)

    def native(self, name: str, number: str, amount_fen: int) -> Mapping[str, object]:
        amount = {"total": amount_fen, "currency": "CNY"}
        return _read(self._shops[name].pay(description="收款 {1}", out_trade_no=number, amount=amount))

    def codepay(self, name: str, number: str, amount_fen: int, auth_code: str) -> Mapping[str, object]:
        return _read(
            self._shops[name].pay(
                description="收款",
                out_trade_no=number,
                amount={"total": amount_fen, "currency": "CNY"},
                payer={"auth_code": auth_code},
                scene_info={"store_info": {"id": "0001", "out_id": "s1"}},
                pay_type=self._package.WeChatPayType.CODEPAY,
            )
        )

    def query(self, name: str, number: str) -> Mapping[str, object]:
        return _read(self._shops[name].query(out_trade_no=number))

    def close(self, name: str, number: str) -> Mapping[str, object]:
        return _read(self._shops[name].close(out_trade_no=number))

    def refund(
        self, name: str, number: str, refund_number: str, amount_fen: int, total_fen: int
    ) -> Mapping[str, object]:
        amount = {"refund": amount_fen, "total": total_fen, "currency": "CNY"}
        return _read(
            self._shops[name].refund(out_refund_no=refund_number, out_trade_no=number, amount=amount, reason="退货")
        )

    def refund_query(self, name: str, refund_number: str) -> Mapping[str, object]:
        return _read(self._shops[name].query_refund(out_refund_no=refund_number))

    def certificates(self, name: str) -> int:
        """The status of the certificates' address."""
        status, _ = self._shops[name]._core.request("/v3/certificates", skip_verify=True)
        return int(status)

    def callback(self, name: str, headers: Mapping[str, str], body: str) -> object:
        """The callback opened; null when it is not believed. "ValueError": the library's own stumble over the name of
        a public key that it was not given."""
        try:
            return self._shops[name].callback({key.title(): value for key, value in headers.items()}, body)
        except ValueError:
            return "ValueError"


def _core_at(library_core: Any, base_url: str) -> Any:
    def address(_: object) -> str:
        return base_url

    def stay(_: object, __: str) -> None:
        """The library sets its own address while it is made."""

    return type("CoreAtLoopback", (library_core,), {"_gate_way": property(address, stay)})


def _read(answer: tuple[int, str | bytes]) -> Mapping[str, object]:
    status, text = answer
    return {"status": status, "body": json.loads(text) if text else None}


if __name__ == "__main__":
    shops = Shops()
    answer_until_the_end(
        {
            "open": shops.open,
            "native": shops.native,
            "codepay": shops.codepay,
            "query": shops.query,
            "close": shops.close,
            "refund": shops.refund,
            "refund_query": shops.refund_query,
            "certificates": shops.certificates,
            "callback": shops.callback,
        }
    )
