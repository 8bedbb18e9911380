"""Builds the signed requests of `gateway.do`: public parameters in the query string, `biz_content` in the body.

Rules: an unused field is left out, never sent empty; a field that the platform would refuse for its form (a shop's own
operator name, a subject with reserved marks) is trimmed or left out rather than failing the payment; the payment code
and an authorisation code are only ever in the body. It must not know answers, clocks or keys' files.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.account import ChannelAccount
from gateway.channels.alipay.amounts import beijing_text, express_text, yuan_text
from gateway.channels.alipay.keys import AccountKeys
from gateway.channels.alipay.signing import request_string, sign
from gateway.channels.escaping import form_text
from gateway.channels.port import BillKind, BillOf, ChannelRequest, OrderRef, PageOrder, PayOrder, QrOrder, RefundOrder
from protocol.secret import Secret

PAY: Final = "alipay.trade.pay"
PRECREATE: Final = "alipay.trade.precreate"
QUERY: Final = "alipay.trade.query"
CANCEL: Final = "alipay.trade.cancel"
CLOSE: Final = "alipay.trade.close"
CREATE: Final = "alipay.trade.create"
REFUND: Final = "alipay.trade.refund"
REFUND_QUERY: Final = "alipay.trade.fastpay.refund.query"
BILL: Final = "alipay.data.dataservice.bill.downloadurl.query"
TOKEN: Final = "alipay.system.oauth.token"

_NUMBER: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
#: A user's number; whatever else names a user is an open_id.
_USER_ID: Final = re.compile(r"2088\d{12}", re.ASCII)
_BILL_TYPES: Final = {BillKind.TRADE: "trade", BillKind.FUND_FLOW: "signcustomer"}
_WORD: Final = re.compile(r"[A-Za-z0-9_.-]+")
#: Reserved in a subject by the platform, and control characters.
_RESERVED: Final = re.compile(r"[\x00-\x1f\x7f/=&\\\"'<>]+")
_HEADERS: Final = {
    "content-type": "application/x-www-form-urlencoded;charset=utf-8",
    "accept": "text/html, application/json",
    "user-agent": "guitai",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBuilder:
    """Signs for one account."""

    account: ChannelAccount
    keys: AccountKeys = field(repr=False)

    def pay(self, order: PayOrder, *, now_ms: int) -> ChannelRequest:
        content = {
            **_order_fields(order),
            "scene": "bar_code",
            "auth_code": order.auth_code.reveal(),
            "product_code": "FACE_TO_FACE_PAYMENT",
        }
        return self._opening(PAY, content, now_ms=now_ms)

    def precreate(self, order: QrOrder, *, now_ms: int) -> ChannelRequest:
        return self._opening(PRECREATE, _order_fields(order), now_ms=now_ms)

    def create(self, order: PageOrder, *, now_ms: int) -> ChannelRequest:
        payer = order.payer.reveal()
        content = {
            **_order_fields(order),
            "product_code": "JSAPI_PAY",
            "buyer_id" if _USER_ID.fullmatch(payer) else "buyer_open_id": payer,
        }
        return self._opening(CREATE, content, now_ms=now_ms)

    def about(self, method: str, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        """Query, cancel and close name the order and nothing else."""
        return self._for_merchant(method, {"out_trade_no": _checked(ref.out_trade_no)}, {}, now_ms=now_ms)

    def refund(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        """`out_request_no` always, so that a repeat is the same refund."""
        content = {
            "out_trade_no": _checked(order.order.out_trade_no),
            "out_request_no": _checked(order.refund_no),
            "refund_amount": yuan_text(order.amount_fen),
        }
        reason = _plain(order.reason)
        if reason:
            content["refund_reason"] = reason
        return self._for_merchant(REFUND, content, {}, now_ms=now_ms)

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        content = {
            "out_trade_no": _checked(order.order.out_trade_no),
            "out_request_no": _checked(order.refund_no),
        }
        return self._for_merchant(REFUND_QUERY, content, {}, now_ms=now_ms)

    def bill(self, bill: BillOf, *, now_ms: int) -> ChannelRequest:
        content = {"bill_type": _BILL_TYPES[bill.kind], "bill_date": bill.day}
        return self._for_merchant(BILL, content, {}, now_ms=now_ms)

    def token(self, code: Secret, *, now_ms: int) -> ChannelRequest:
        """The payer authorised the application itself, in partner mode too: no merchant's token goes with it."""
        fields = {"grant_type": "authorization_code", "code": code.reveal()}
        return self._signed(TOKEN, fields, {}, now_ms=now_ms)

    def _opening(self, method: str, content: dict[str, str], *, now_ms: int) -> ChannelRequest:
        """What makes a trade says where its notifications go."""
        notify_url = self.account.notify_url
        return self._for_merchant(
            method, content, {} if notify_url is None else {"notify_url": notify_url}, now_ms=now_ms
        )

    def _for_merchant(
        self, method: str, content: dict[str, str], public: dict[str, str], *, now_ms: int
    ) -> ChannelRequest:
        token = self.account.optional_secret("app_auth_token")
        merchant = {} if token is None else {"app_auth_token": token.reveal()}
        biz_content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        return self._signed(method, {"biz_content": biz_content}, {**public, **merchant}, now_ms=now_ms)

    def _signed(self, method: str, form: dict[str, str], more: dict[str, str], *, now_ms: int) -> ChannelRequest:
        """`form` goes into the body; `more`: public parameters besides the constant ones."""
        public = {
            "app_id": self.account.text("app_id"),
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(now_ms),
            "version": "1.0",
            **self.keys.names,
            **more,
        }
        signature = sign(self.keys.private, request_string({**public, **form}))
        query = form_text({**public, "sign": signature})
        return ChannelRequest(
            method="POST",
            url=f"{self.account.base_url}?{query}",
            headers=_HEADERS,
            body=form_text(form).encode("ascii"),
        )


def _order_fields(order: PayOrder | QrOrder | PageOrder) -> dict[str, str]:
    optional = (
        ("operator_id", order.operator, 28),
        ("terminal_id", order.terminal, 32),
        ("store_id", order.store, 32),
    )
    return {
        "out_trade_no": _checked(order.out_trade_no),
        "total_amount": yuan_text(order.amount_fen),
        "subject": _plain(order.subject) or order.out_trade_no,
        "timeout_express": express_text(order.open_for_ms),
        **{name: value for name, value, limit in optional if len(value) <= limit and _WORD.fullmatch(value)},
    }


def _plain(text: str) -> str:
    return _RESERVED.sub(" ", text).strip()[:128]


def _checked(number: str) -> str:
    assert _NUMBER.fullmatch(number), "order and refund numbers are made by us"
    return number
