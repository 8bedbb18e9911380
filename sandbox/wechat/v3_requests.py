"""Reads the bodies of v3: every field is checked for form before anything is done with it. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sandbox.wechat.beijing import parse_rfc3339
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Api, Asked, TradeType
from sandbox.wechat.refunds import AskedRefund
from sandbox.wechat.v3_wire import Problem, V3Call, part_of, text_of, whole_number

SHORTEST_LIFE_MS = 60_000
_OUT_TRADE_NO = re.compile(r"[0-9A-Za-z_\-|*]{6,32}", re.ASCII)
_OUT_REFUND_NO = re.compile(r"[0-9A-Za-z_\-|*@]{1,64}", re.ASCII)
_MOST_DESCRIPTION, _MOST_ATTACH, _MOST_URL, _MOST_REASON = 127, 128, 255, 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """Who a call is made for: the merchant itself, or its sub-merchant."""

    appid: str
    sub_mchid: str
    sub_appid: str


def bad(field: str, message: str) -> Problem:
    return Problem(status=400, code="PARAM_ERROR", message=message, field=f"/{field}", issue=message)


def read_shop(values: Mapping[str, object], merchant: WechatMerchant, *, partner: bool) -> Shop | Problem:
    """The merchant's names, of a body or of a query. The appid is needed only where a call has one."""
    mchid_name, appid_name = ("sp_mchid", "sp_appid") if partner else ("mchid", "appid")
    if text_of(values, mchid_name) != merchant.mchid:
        return bad(mchid_name, f"{mchid_name}与签名的商户号不一致")
    appid = text_of(values, appid_name)
    if appid_name in values and appid != merchant.appid:
        return Problem(status=400, code="APPID_MCHID_NOT_MATCH", message=f"{appid_name}和{mchid_name}不匹配")
    if not partner:
        return Shop(appid=appid, sub_mchid="", sub_appid="")
    sub_mchid, sub_appid = text_of(values, "sub_mchid"), text_of(values, "sub_appid")
    if sub_mchid != merchant.sub_mchid:
        return Problem(status=400, code="MCH_NOT_EXISTS", message="子商户号不存在")
    if sub_appid not in ("", merchant.sub_appid):
        return Problem(status=400, code="APPID_MCHID_NOT_MATCH", message="sub_appid和sub_mchid不匹配")
    return Shop(appid=appid, sub_mchid=sub_mchid, sub_appid=sub_appid)


def read_order(call: V3Call, merchant: WechatMerchant, trade_type: TradeType, now_ms: int) -> Asked | Problem:
    partner = is_partner(call)
    shop = read_shop(call.body, merchant, partner=partner)
    if isinstance(shop, Problem):
        return shop
    if not shop.appid:
        return bad("sp_appid" if partner else "appid", "缺少appid")
    total_fen = whole_number(part_of(call.body, "amount"), "total")
    expires = text_of(call.body, "time_expire")
    expires_ms = parse_rfc3339(expires)
    problem = _text_problem(call)
    if problem is not None:
        return problem
    if total_fen is None or not 1 <= total_fen <= 10**10 or _currency(call) != "CNY":
        return bad("amount/total", "金额应为大于0的整数分，币种CNY")
    if expires and (expires_ms is None or expires_ms < now_ms + SHORTEST_LIFE_MS):
        return bad("time_expire", "time_expire应为RFC3339格式，且晚于现在至少1分钟")
    notify_url = call.text("notify_url")
    if trade_type is not TradeType.MICROPAY and not _is_notify_url(notify_url):
        return bad("notify_url", "notify_url应为完整的URL，且不带参数")
    openid = _openid(call, partner=partner)
    if trade_type is TradeType.JSAPI and not openid:
        return bad("payer/openid", "缺少payer.openid")
    return Asked(
        out_trade_no=call.text("out_trade_no"),
        trade_type=trade_type,
        total_fen=total_fen,
        description=call.text("description"),
        appid=shop.appid,
        sub_mchid=shop.sub_mchid,
        sub_appid=shop.sub_appid,
        attach=call.text("attach"),
        openid=openid,
        expires_ms=expires_ms,
        notify_url=notify_url,
    )


def read_refund(call: V3Call) -> AskedRefund | Problem:
    amount = part_of(call.body, "amount")
    refund_fen, total_fen = whole_number(amount, "refund"), whole_number(amount, "total")
    if not _OUT_REFUND_NO.fullmatch(call.text("out_refund_no")):
        return bad("out_refund_no", "out_refund_no应为1到64位数字、字母或_-|*@")
    if refund_fen is None or total_fen is None or refund_fen < 1 or text_of(amount, "currency") != "CNY":
        return bad("amount/refund", "金额应为大于0的整数分，币种CNY")
    if bool(call.text("out_trade_no")) == bool(call.text("transaction_id")):
        return bad("transaction_id", "transaction_id与out_trade_no二选一")
    if len(call.text("reason").encode("utf-8")) > _MOST_REASON:
        return bad("reason", "reason不超过80个字节")
    notify_url = call.text("notify_url")
    if notify_url and not _is_notify_url(notify_url):
        return bad("notify_url", "notify_url应为完整的URL，且不带参数")
    return AskedRefund(
        out_refund_no=call.text("out_refund_no"),
        amount_fen=refund_fen,
        total_fen=total_fen,
        api=Api.V3,
        notify_url=notify_url,
    )


def is_partner(call: V3Call) -> bool:
    return call.path.startswith("/v3/pay/partner/")


def _text_problem(call: V3Call) -> Problem | None:
    if not _OUT_TRADE_NO.fullmatch(call.text("out_trade_no")):
        return bad("out_trade_no", "out_trade_no应为6到32位数字、字母或_-|*")
    if not 0 < len(call.text("description").encode("utf-8")) <= _MOST_DESCRIPTION:
        return bad("description", "description不能为空，且不超过127个字节")
    if len(call.text("attach").encode("utf-8")) > _MOST_ATTACH:
        return bad("attach", "attach不超过128个字节")
    return None


def _currency(call: V3Call) -> str:
    return text_of(part_of(call.body, "amount"), "currency") or "CNY"


def _openid(call: V3Call, *, partner: bool) -> str:
    payer = part_of(call.body, "payer")
    if partner:
        return text_of(payer, "sp_openid") or text_of(payer, "sub_openid")
    return text_of(payer, "openid")


def _is_notify_url(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in ("http", "https") and bool(parts.netloc) and not parts.query and 0 < len(text) <= _MOST_URL
