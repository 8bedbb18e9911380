"""The calls of v3 about orders and refunds, by method and path, for merchants and for service providers.

Must not know: signatures, HTTP servers, how an order is kept.
"""

import re
from collections.abc import Callable
from typing import TypeAlias
from urllib.parse import unquote

from sandbox.codes import draw_wechat_buyer
from sandbox.wechat import v3_words
from sandbox.wechat.identities import Identities
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Asked, Order, TradeType
from sandbox.wechat.payments import Payments
from sandbox.wechat.refunds import Refunded, Refunds
from sandbox.wechat.refusals import No
from sandbox.wechat.v3_requests import Shop, bad, is_partner, read_order, read_refund, read_shop
from sandbox.wechat.v3_wire import Done, Problem, V3Call, part_of, text_of
from sandbox.wire import CutConnection, RandomBytes

Said: TypeAlias = Done | Problem | CutConnection
Method: TypeAlias = Callable[[V3Call, str, int], Said]

_ANY_SHOP = r"/v3/pay/(?:partner/)?transactions"
H5_PATH = "/cgi-bin/mmpayweb-bin/checkmweb"


class V3Methods:
    def __init__(
        self,
        *,
        merchant: WechatMerchant,
        payments: Payments,
        refunds: Refunds,
        identities: Identities,
        random_bytes: RandomBytes,
    ) -> None:
        self._merchant = merchant
        self._payments = payments
        self._refunds = refunds
        self._identities = identities
        self._random_bytes = random_bytes
        table: tuple[tuple[str, str, Method], ...] = (
            ("POST", rf"{_ANY_SHOP}/codepay()", self._codepay),
            ("POST", rf"{_ANY_SHOP}/native()", self._native),
            ("POST", rf"{_ANY_SHOP}/jsapi()", self._jsapi),
            ("POST", rf"{_ANY_SHOP}/h5()", self._h5),
            ("GET", rf"{_ANY_SHOP}/out-trade-no/([^/]+)", self._query_by_number),
            ("GET", rf"{_ANY_SHOP}/id/([^/]+)", self._query_by_id),
            ("POST", rf"{_ANY_SHOP}/out-trade-no/([^/]+)/close", self._close),
            ("POST", rf"{_ANY_SHOP}/out-trade-no/([^/]+)/reverse", self._reverse),
            ("POST", r"/v3/refund/domestic/refunds()", self._refund),
            ("GET", r"/v3/refund/domestic/refunds/([^/]+)", self._refund_query),
        )
        self._table = tuple((method, re.compile(pattern, re.ASCII), answer) for method, pattern, answer in table)

    def answer(self, call: V3Call, now_ms: int) -> Said | None:
        """None: this is no call about orders or refunds."""
        for method, pattern, answer in self._table:
            match = pattern.fullmatch(call.path)
            if match is not None and method == call.method:
                return answer(call, unquote(match.group(1)), now_ms)
        return None

    def _codepay(self, call: V3Call, _: str, now_ms: int) -> Said:
        auth_code = text_of(part_of(call.body, "payer"), "auth_code")
        if not auth_code:
            return bad("payer/auth_code", "缺少payer.auth_code")
        asked = read_order(call, self._merchant, TradeType.MICROPAY, now_ms)
        if isinstance(asked, Problem):
            return asked
        store = part_of(part_of(call.body, "scene_info"), "store_info")
        if not text_of(store, "id") and not text_of(store, "out_id"):
            return bad("scene_info/store_info", "缺少scene_info.store_info")
        said = self._payments.pay_by_code(asked, auth_code, now_ms)
        if said is No.USER_PAYING:
            said = self._payments.find(out_trade_no=asked.out_trade_no, sub_mchid=asked.sub_mchid, now_ms=now_ms)
        return self._told(said)

    def _native(self, call: V3Call, _: str, now_ms: int) -> Said:
        placed = self._place(call, TradeType.NATIVE, now_ms)
        return Done(body={"code_url": placed.code_url}) if isinstance(placed, Order) else placed

    def _jsapi(self, call: V3Call, _: str, now_ms: int) -> Said:
        placed = self._place(call, TradeType.JSAPI, now_ms)
        return Done(body={"prepay_id": placed.prepay_id}) if isinstance(placed, Order) else placed

    def _h5(self, call: V3Call, _: str, now_ms: int) -> Said:
        scene = part_of(call.body, "scene_info")
        if not text_of(scene, "payer_client_ip") or not text_of(part_of(scene, "h5_info"), "type"):
            return bad("scene_info", "缺少scene_info.payer_client_ip或h5_info.type")
        placed = self._place(call, TradeType.MWEB, now_ms)
        if not isinstance(placed, Order):
            return placed
        return Done(body={"h5_url": f"http://{call.host}{H5_PATH}?prepay_id={placed.prepay_id}&package=1"})

    def _place(self, call: V3Call, trade_type: TradeType, now_ms: int) -> Order | Problem:
        asked = read_order(call, self._merchant, trade_type, now_ms)
        if isinstance(asked, Problem):
            return asked
        buyer = draw_wechat_buyer(self._random_bytes)
        if asked.openid:
            payer = self._identities.buyer(asked.openid)
            if payer is None:
                return bad("payer/openid", "无效的openid")
            buyer = payer
        placed = self._payments.place(asked, buyer, now_ms)
        if placed is No.NUMBER_USED and self._is_open(asked, now_ms):
            return Problem(status=400, code="INVALID_REQUEST", message="请求重入时，参数与首次请求时不一致")
        return v3_words.problem_of(placed) if isinstance(placed, No) else placed

    def _is_open(self, asked: Asked, now_ms: int) -> bool:
        known = self._payments.find(out_trade_no=asked.out_trade_no, sub_mchid=asked.sub_mchid, now_ms=now_ms)
        return isinstance(known, Order) and known.is_open

    def _query_by_number(self, call: V3Call, number: str, now_ms: int) -> Said:
        shop = read_shop(call.query, self._merchant, partner=is_partner(call))
        if isinstance(shop, Problem):
            return shop
        return self._query(self._payments.find(out_trade_no=number, sub_mchid=shop.sub_mchid, now_ms=now_ms), now_ms)

    def _query_by_id(self, call: V3Call, transaction_id: str, now_ms: int) -> Said:
        shop = read_shop(call.query, self._merchant, partner=is_partner(call))
        if isinstance(shop, Problem):
            return shop
        found = self._payments.find(transaction_id=transaction_id, sub_mchid=shop.sub_mchid, now_ms=now_ms)
        return self._query(found, now_ms)

    def _query(self, found: Order | No, now_ms: int) -> Said:
        return self._told(self._payments.query(found, now_ms) if isinstance(found, Order) else found)

    def _close(self, call: V3Call, number: str, now_ms: int) -> Said:
        shop = read_shop(call.body, self._merchant, partner=is_partner(call))
        if isinstance(shop, Problem):
            return shop
        found = self._payments.find(out_trade_no=number, sub_mchid=shop.sub_mchid, now_ms=now_ms)
        said = self._payments.close(found, now_ms) if isinstance(found, Order) else found
        return v3_words.problem_of(said) if isinstance(said, No) else Done()

    def _reverse(self, call: V3Call, number: str, now_ms: int) -> Said:
        shop = read_shop(call.body, self._merchant, partner=is_partner(call))
        if isinstance(shop, Problem):
            return shop
        found = self._payments.find(out_trade_no=number, sub_mchid=shop.sub_mchid, now_ms=now_ms)
        if found is No.ORDER_UNKNOWN:
            self._payments.reverse_unseen(number, now_ms)
            return Done(body={**self._names(shop), "out_trade_no": number})
        said = self._payments.reverse(found, now_ms) if isinstance(found, Order) else found
        if isinstance(said, No):
            return v3_words.problem_of(said)
        return Done(body={**self._names(shop), "out_trade_no": number})

    def _refund(self, call: V3Call, _: str, now_ms: int) -> Said:
        asked = read_refund(call)
        if isinstance(asked, Problem):
            return asked
        sub_mchid = self._sub_mchid(call.text("sub_mchid"))
        if isinstance(sub_mchid, Problem):
            return sub_mchid
        found = self._payments.find(
            out_trade_no=call.text("out_trade_no"),
            transaction_id=call.text("transaction_id"),
            sub_mchid=sub_mchid,
            now_ms=now_ms,
        )
        if found in (No.ORDER_UNKNOWN, No.TRANSACTION_UNKNOWN):
            return Problem(status=404, code="RESOURCE_NOT_EXISTS", message="订单不存在")
        return self._told_refund(self._refunds.refund(found, asked, now_ms) if isinstance(found, Order) else found)

    def _refund_query(self, call: V3Call, number: str, now_ms: int) -> Said:
        sub_mchid = self._sub_mchid(call.query.get("sub_mchid", ""))
        if isinstance(sub_mchid, Problem):
            return sub_mchid
        return self._told_refund(self._refunds.find(number, sub_mchid, now_ms))

    def _sub_mchid(self, text: str) -> str | Problem:
        if text in ("", self._merchant.sub_mchid):
            return text
        return Problem(status=404, code="MCH_NOT_EXISTS", message="子商户号不存在")

    def _names(self, shop: Shop) -> dict[str, object]:
        if not shop.sub_mchid:
            return {"appid": self._merchant.appid, "mchid": self._merchant.mchid}
        sub_appid = {"sub_appid": shop.sub_appid} if shop.sub_appid else {}
        names = {"sp_appid": self._merchant.appid, "sp_mchid": self._merchant.mchid, "sub_mchid": shop.sub_mchid}
        return {**names, **sub_appid}

    def _told(self, said: Order | No | CutConnection) -> Said:
        if isinstance(said, Order):
            return Done(body=v3_words.transaction_body(said, self._merchant))
        return v3_words.problem_of(said) if isinstance(said, No) else said

    def _told_refund(self, said: Refunded | No) -> Said:
        if isinstance(said, No):
            return v3_words.problem_of(said)
        return Done(body=v3_words.refund_body(said.order, said.refund))
