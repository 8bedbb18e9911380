"""The calls of v2: reads a call's fields, asks the orders, answers in v2's fields.

Must not know: signatures, HTTP, how an order is kept.
"""

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from sandbox.wechat import v2_words
from sandbox.wechat.beijing import parse_compact_stamp
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Api, Asked, Order, TradeType
from sandbox.wechat.payments import Payments
from sandbox.wechat.refunds import AskedRefund, Refunded, Refunds
from sandbox.wechat.refusals import No
from sandbox.wechat.v2_wire import Fields, V2Call
from sandbox.wire import CutConnection

Said: TypeAlias = Fields | CutConnection
Method: TypeAlias = Callable[[V2Call, int], Said]

_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{1,32}", re.ASCII)
_OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
_FEN = re.compile(r"[1-9][0-9]{0,9}", re.ASCII)
_MOST_BODY_BYTES = 128
_REFUNDS_PER_ANSWER = 10


class V2Methods:
    def __init__(self, *, merchant: WechatMerchant, payments: Payments, refunds: Refunds) -> None:
        self._merchant = merchant
        self._payments = payments
        self._refunds = refunds
        self._recalls: dict[str, int] = {}

    def by_path(self) -> Mapping[str, Method]:
        return {
            "/pay/micropay": self.micropay,
            "/pay/orderquery": self.orderquery,
            "/pay/closeorder": self.closeorder,
            "/secapi/pay/reverse": self.reverse,
            "/secapi/pay/refund": self.refund,
            "/pay/refundquery": self.refundquery,
        }

    def micropay(self, call: V2Call, now_ms: int) -> Said:
        asked = self._asked(call, now_ms)
        if isinstance(asked, Asked):
            said = self._payments.pay_by_code(asked, call.text("auth_code"), now_ms)
            return self._told(said, v2_words.payment_fields)
        return asked

    def orderquery(self, call: V2Call, now_ms: int) -> Said:
        found = self._find(call, now_ms)
        said = self._payments.query(found, now_ms) if isinstance(found, Order) else found
        return self._told(said, v2_words.query_fields)

    def closeorder(self, call: V2Call, now_ms: int) -> Said:
        found = self._find(call, now_ms)
        said = self._payments.close(found, now_ms) if isinstance(found, Order) else found
        return self._told(said, lambda _: {"result_msg": "OK"})

    def reverse(self, call: V2Call, now_ms: int) -> Said:
        found = self._find(call, now_ms)
        if found is No.ORDER_UNKNOWN:
            self._payments.reverse_unseen(call.text("out_trade_no"), now_ms)
            return {"appid": self._merchant.appid, "result_code": "SUCCESS", "recall": "N"}
        if isinstance(found, No):
            return {"appid": self._merchant.appid, **v2_words.refusal_fields(found), "recall": "Y"}
        if not isinstance(found, Order):
            return found
        said = self._payments.reverse(found, now_ms)
        if isinstance(said, Order):
            return {**v2_words.order_head(said), "recall": "N"}
        if said is No.REVERSE_AGAIN:
            return self._recall(found)
        return {**v2_words.refusal_fields(said), "appid": self._merchant.appid, "recall": "N"}

    def refund(self, call: V2Call, now_ms: int) -> Said:
        problem = self._problem(call, "out_refund_no", "total_fee", "refund_fee")
        if problem is not None:
            return problem
        total, amount = _fen(call.text("total_fee")), _fen(call.text("refund_fee"))
        if not _OUT_REFUND_NO.fullmatch(call.text("out_refund_no")) or total is None or amount is None:
            return _param_error("out_refund_no、total_fee 或 refund_fee 格式错误")
        asked = AskedRefund(
            out_refund_no=call.text("out_refund_no"),
            amount_fen=amount,
            total_fen=total,
            api=Api.V2,
            notify_url=call.text("notify_url"),
        )
        found = self._find(call, now_ms)
        said = self._refunds.refund(found, asked, now_ms) if isinstance(found, Order) else found
        if isinstance(said, Refunded):
            return {**v2_words.order_head(said.order), **v2_words.refund_fields(said.order, said.refund)}
        return self._told(said, v2_words.order_head)

    def refundquery(self, call: V2Call, now_ms: int) -> Said:
        name = call.text("refund_id") or call.text("out_refund_no")
        if name:
            found = self._refunds.find(name, call.text("sub_mch_id"), now_ms)
            if isinstance(found, No):
                return self._told(found, v2_words.order_head)
            return {
                **v2_words.order_head(found.order),
                **v2_words.refund_query_fields(found.order, (found.refund,)),
            }
        order = self._find(call, now_ms)
        if not isinstance(order, Order):
            return self._told(order, v2_words.order_head)
        if not order.refunds:
            return self._told(No.REFUND_UNKNOWN, v2_words.order_head)
        offset = int(call.text("offset")) if re.fullmatch("[0-9]{1,2}", call.text("offset"), re.ASCII) else 0
        shown = order.refunds[offset : offset + _REFUNDS_PER_ANSWER]
        return {**v2_words.order_head(order), **v2_words.refund_query_fields(order, shown)}

    def _asked(self, call: V2Call, now_ms: int) -> Asked | Fields:
        problem = self._problem(call, "body", "out_trade_no", "total_fee", "spbill_create_ip", "auth_code")
        if problem is not None:
            return problem
        total_fen = _fen(call.text("total_fee"))
        if total_fen is None or not _OUT_TRADE_NO.fullmatch(call.text("out_trade_no")):
            return _param_error("out_trade_no 或 total_fee 格式错误")
        if len(call.text("body").encode("utf-8")) > _MOST_BODY_BYTES or call.text("fee_type") not in ("", "CNY"):
            return _param_error("body 过长，或 fee_type 不支持")
        expires = call.text("time_expire")
        expires_ms = parse_compact_stamp(expires)
        if expires and (expires_ms is None or expires_ms <= now_ms):
            return _param_error("time_expire 应为将来的时间，格式 yyyyMMddHHmmss")
        return Asked(
            out_trade_no=call.text("out_trade_no"),
            trade_type=TradeType.MICROPAY,
            total_fen=total_fen,
            description=call.text("body"),
            appid=call.text("appid"),
            sub_mchid=call.text("sub_mch_id"),
            sub_appid=call.text("sub_appid"),
            attach=call.text("attach"),
            expires_ms=expires_ms,
        )

    def _find(self, call: V2Call, now_ms: int) -> Order | No | Fields:
        problem = self._problem(call)
        if problem is not None:
            return problem
        if not call.text("out_trade_no") and not call.text("transaction_id"):
            return _lack("out_trade_no 与 transaction_id 至少传一个")
        return self._payments.find(
            out_trade_no=call.text("out_trade_no"),
            transaction_id=call.text("transaction_id"),
            sub_mchid=call.text("sub_mch_id"),
            now_ms=now_ms,
        )

    def _problem(self, call: V2Call, *needed: str) -> Fields | None:
        """What is wrong with the fields that name the merchant, or lack."""
        for name in ("appid", *needed):
            if not call.text(name):
                return _lack(f"缺少参数{name}")
        if call.text("appid") != self._merchant.appid:
            return _fail("APPID_NOT_EXIST", "appid不存在")
        if call.text("sub_mch_id") not in ("", self._merchant.sub_mchid):
            return _fail("MCHID_NOT_EXIST", "子商户号sub_mch_id不存在")
        if call.text("sub_appid") not in ("", self._merchant.sub_appid):
            return _fail("APPID_MCHID_NOT_MATCH", "sub_appid与sub_mch_id不匹配")
        return None

    def _told(self, said: Order | No | Fields | CutConnection, words: Callable[[Order], Fields]) -> Said:
        if isinstance(said, Order):
            return {**v2_words.order_head(said), **words(said)}
        if isinstance(said, No):
            return {"appid": self._merchant.appid, **v2_words.refusal_fields(said)}
        return said

    def _recall(self, order: Order) -> Fields:
        """Both of v2's ways to say "again" are met in turn: as a failure, and as a success that asks for a recall."""
        heard = self._recalls.get(order.number, 0)
        self._recalls[order.number] = heard + 1
        if heard % 2 == 0:
            return {"appid": self._merchant.appid, **v2_words.refusal_fields(No.REVERSE_AGAIN), "recall": "Y"}
        return {**v2_words.order_head(order), "recall": "Y"}


def _fen(text: str) -> int | None:
    return int(text) if _FEN.fullmatch(text) else None


def _lack(words: str) -> Fields:
    return _fail("LACK_PARAMS", words)


def _param_error(words: str) -> Fields:
    return _fail("PARAM_ERROR", words)


def _fail(code: str, words: str) -> Fields:
    return {"result_code": "FAIL", "err_code": code, "err_code_des": words}
