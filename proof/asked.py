"""What a request to a wallet asks, read from its bytes without the parts that nobody may see. Knows each wallet's wire,
not its signatures; used by worlds that watch the gateway's lines."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import Final, cast
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from gateway.channels.port import ChannelRequest


class Verb(StrEnum):
    """What kind of call it is, in words of our own."""

    PAY = "pay"
    CREATE = "create"  # a QR or an order for the page
    QUERY = "query"
    CANCEL = "cancel"
    CLOSE = "close"
    REFUND = "refund"
    REFUND_QUERY = "refund_query"
    OTHER = "other"  # authorisation, bills, certificates


class Asked(Struct, frozen=True, kw_only=True):
    """`number`: the out_trade_no, or of a refund its refund_no; empty for OTHER. `account_id`: over whose line it goes,
    where that is known."""

    wallet: str
    verb: Verb
    number: str
    account_id: str = ""

    def __str__(self) -> str:
        return f"{self.wallet} {self.verb} {self.number}".rstrip()


_ALIPAY: Final = {
    "alipay.trade.pay": Verb.PAY,
    "alipay.trade.precreate": Verb.CREATE,
    "alipay.trade.create": Verb.CREATE,
    "alipay.trade.query": Verb.QUERY,
    "alipay.trade.cancel": Verb.CANCEL,
    "alipay.trade.close": Verb.CLOSE,
    "alipay.trade.refund": Verb.REFUND,
    "alipay.trade.fastpay.refund.query": Verb.REFUND_QUERY,
}
_WECHAT_V2: Final = {
    "/pay/micropay": Verb.PAY,
    "/pay/orderquery": Verb.QUERY,
    "/secapi/pay/reverse": Verb.CANCEL,
    "/secapi/pay/refund": Verb.REFUND,
    "/pay/refundquery": Verb.REFUND_QUERY,
    "/pay/closeorder": Verb.CLOSE,
}
_UNIONPAY: Final = {"01": Verb.CREATE, "31": Verb.CANCEL, "99": Verb.CANCEL, "04": Verb.REFUND}
_V3_ORDER: Final = re.compile(r"/v3/pay/(?:partner/)?transactions/out-trade-no/([^/]+)(?:/(close|reverse))?")
_V3_NEW: Final = re.compile(r"/v3/pay/(?:partner/)?transactions/(native|jsapi|h5|codepay)")
_V3_REFUND: Final = re.compile(r"/v3/refund/domestic/refunds(?:/([^/]+))?")


def asked(request: ChannelRequest) -> Asked:
    """Reads what our own adapters wrote."""
    parts = urlsplit(request.url)
    path = parts.path
    if path.endswith("/gateway.do"):
        return _alipay(parts.query, request.body)
    if path.startswith("/gateway/api/"):
        return _unionpay(path, request.body)
    if path.startswith("/v3/"):
        return _wechat_v3(path, request.body)
    if path in _WECHAT_V2:
        return _wechat_v2(_WECHAT_V2[path], request.body)
    return Asked(wallet="", verb=Verb.OTHER, number="")


def _alipay(query: str, body: bytes) -> Asked:
    verb = _ALIPAY.get(parse_qs(query)["method"][0], Verb.OTHER)
    content = _object(parse_qs(body.decode("ascii")).get("biz_content", ["{}"])[0])
    number = content.get("out_request_no" if verb in (Verb.REFUND, Verb.REFUND_QUERY) else "out_trade_no", "")
    return Asked(wallet="alipay", verb=verb, number=str(number))


def _wechat_v2(verb: Verb, body: bytes) -> Asked:
    name = "out_refund_no" if verb in (Verb.REFUND, Verb.REFUND_QUERY) else "out_trade_no"
    found = re.search(rf"<{name}>(?:<!\[CDATA\[)?([0-9A-Za-z]+)", body.decode("utf-8"))
    return Asked(wallet="wechat", verb=verb, number=found[1] if found else "")


def _wechat_v3(path: str, body: bytes) -> Asked:
    order, new, refund = _V3_ORDER.fullmatch(path), _V3_NEW.fullmatch(path), _V3_REFUND.fullmatch(path)
    if order is not None:
        verb = {"close": Verb.CLOSE, "reverse": Verb.CANCEL}.get(order[2] or "", Verb.QUERY)
        return Asked(wallet="wechat", verb=verb, number=order[1])
    if new is not None:
        verb = Verb.PAY if new[1] == "codepay" else Verb.CREATE
        return Asked(wallet="wechat", verb=verb, number=str(_object(body.decode("utf-8")).get("out_trade_no", "")))
    if refund is not None and refund[1] is not None:
        return Asked(wallet="wechat", verb=Verb.REFUND_QUERY, number=refund[1])
    if refund is not None:
        number = str(_object(body.decode("utf-8")).get("out_refund_no", ""))
        return Asked(wallet="wechat", verb=Verb.REFUND, number=number)
    return Asked(wallet="wechat", verb=Verb.OTHER, number="")


def _unionpay(path: str, body: bytes) -> Asked:
    form = parse_qs(body.decode("ascii"), keep_blank_values=True)
    number = form.get("orderId", [""])[0]
    if path.endswith("/queryTrans.do"):
        return Asked(wallet="unionpay", verb=Verb.QUERY, number=number)
    verb = _UNIONPAY.get(form.get("txnType", [""])[0], Verb.OTHER)
    if verb is Verb.CREATE and form.get("txnSubType", [""])[0] == "06":
        verb = Verb.PAY
    return Asked(wallet="unionpay", verb=verb, number=number)


def _object(text: str) -> dict[str, object]:
    read: object = json.loads(text)
    return cast("dict[str, object]", read) if isinstance(read, dict) else {}
