"""A program around PyPI `wechatpy`: v2 over the port that demands a client certificate. See `sdk_process`.

A refusal is the library's exception, and comes back as values. It does not verify answers on its own: here its own
function does, so an answer that others cannot verify is a failure.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from tests.contract.sandbox.sdk_process import answer_until_the_end

_TIMEOUT_S = 10


class Shops:
    """The merchants by a name that the test gives."""

    def __init__(self) -> None:
        self._package = cast("Any", import_module("wechatpy.pay"))
        self._signing = cast("Any", import_module("wechatpy.pay.utils"))
        exceptions = cast("Any", import_module("wechatpy.exceptions"))
        self._refusal = cast("type[Exception]", exceptions.WeChatPayException)
        self._shops: dict[str, Any] = {}

    def open(
        self, name: str, about: Mapping[str, Any], files: Mapping[str, str] | None, sub_mch_id: str | None
    ) -> None:
        """`files`: where the client certificate, its key and the wallet's authority are; without them the plain port
        is called."""
        address = about["base_url"] if files is None else about["tls_base_url"]
        at_sandbox = type("WeChatPayAtLoopback", (self._package.WeChatPay,), {"API_BASE_URL": address + "/"})
        certified = {} if files is None else {"mch_cert": files["certificate"], "mch_key": files["key"]}
        shop = at_sandbox(
            appid=about["appid"],
            api_key=about["api_v2_key"],
            mch_id=about["mchid"],
            sub_mch_id=sub_mch_id,
            timeout=_TIMEOUT_S,
            **certified,
        )
        # A machine's own certificate settings would replace the authority given here.
        shop._http.trust_env = False
        if files is not None:
            shop._http.verify = files["authority"]
        self._shops[name] = shop

    def micropay(self, name: str, number: str, amount_fen: int, auth_code: str) -> object:
        def call(shop: Any) -> Any:
            return shop.micropay.create(
                "收款 <1> & 2", amount_fen, auth_code, client_ip="127.0.0.1", out_trade_no=number, attach="一号店"
            )

        return self._answer(name, call)

    def orderquery(self, name: str, number: str) -> object:
        return self._answer(name, lambda shop: shop.order.query(out_trade_no=number))

    def reverse(self, name: str, number: str) -> object:
        return self._answer(name, lambda shop: shop.order.reverse(out_trade_no=number))

    def refund(
        self, name: str, number: str, refund_number: str, amount_fen: int, total_fen: int, notify_url: str | None
    ) -> object:
        def call(shop: Any) -> Any:
            return shop.refund.apply(
                total_fen, amount_fen, refund_number, out_trade_no=number, refund_desc="退货", notify_url=notify_url
            )

        return self._answer(name, call)

    def refundquery(self, name: str, refund_number: str) -> object:
        return self._answer(name, lambda shop: shop.refund.query(out_refund_no=refund_number))

    def orderquery_hmac(self, name: str, number: str) -> object:
        """The library signs by HMAC-SHA256 when a call has that sign_type; its methods have no place for it."""
        shop = self._shops[name]
        data = {"appid": shop.appid, "out_trade_no": number, "sign_type": "HMAC-SHA256"}
        said = dict(shop.post("pay/orderquery", data=data))
        sign = said.pop("sign")
        assert sign == self._signing.calculate_signature_hmac(said, shop.api_key)
        return said

    def refund_notice(self, name: str, body: str) -> object:
        return dict(self._shops[name].parse_refund_notify_result(body))

    def _answer(self, name: str, call: Callable[[Any], Any]) -> object:
        shop = self._shops[name]
        try:
            said = dict(call(shop))
        except self._refusal as error:
            refused = cast("Any", error)
            return {"refused": refused.errcode, "return_code": refused.return_code, "return_msg": refused.errmsg}
        assert shop.check_signature(said)
        return said


if __name__ == "__main__":
    shops = Shops()
    answer_until_the_end(
        {
            "open": shops.open,
            "micropay": shops.micropay,
            "orderquery": shops.orderquery,
            "orderquery_hmac": shops.orderquery_hmac,
            "reverse": shops.reverse,
            "refund": shops.refund,
            "refundquery": shops.refundquery,
            "refund_notice": shops.refund_notice,
        }
    )
