"""Builds the signed requests of `gateway.do`: public parameters in the query string, `biz_content` in the body.

Rules: an unused field is left out, never sent empty; a field that the platform would refuse for its form (a shop's own
operator name, a subject with reserved marks) is trimmed or left out rather than failing the payment; the payment code
is only ever in the body. It must not know answers, clocks or keys' files.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.channels.account import ChannelAccount
from gateway.channels.alipay.amounts import beijing_text, express_text, yuan_text
from gateway.channels.alipay.signing import request_string, sign
from gateway.channels.port import ChannelRequest, OrderRef, PayOrder, QrOrder

PAY: Final = "alipay.trade.pay"
PRECREATE: Final = "alipay.trade.precreate"
QUERY: Final = "alipay.trade.query"
CANCEL: Final = "alipay.trade.cancel"
CLOSE: Final = "alipay.trade.close"

_OUT_TRADE_NO: Final = re.compile(r"[A-Za-z0-9_]{1,64}")
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
    private_key: RSAPrivateKey = field(repr=False)

    def pay(self, order: PayOrder, *, now_ms: int) -> ChannelRequest:
        content = {
            **_order_fields(order),
            "scene": "bar_code",
            "auth_code": order.auth_code.reveal(),
            "product_code": "FACE_TO_FACE_PAYMENT",
        }
        return self._signed(PAY, content, now_ms=now_ms, notify_url=self.account.notify_url)

    def precreate(self, order: QrOrder, *, now_ms: int) -> ChannelRequest:
        return self._signed(PRECREATE, _order_fields(order), now_ms=now_ms, notify_url=self.account.notify_url)

    def about(self, method: str, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        """Query, cancel and close name the order and nothing else."""
        return self._signed(method, {"out_trade_no": _checked(ref.out_trade_no)}, now_ms=now_ms, notify_url=None)

    def _signed(self, method: str, content: dict[str, str], *, now_ms: int, notify_url: str | None) -> ChannelRequest:
        token = self.account.optional_secret("app_auth_token")
        public = {
            "app_id": self.account.text("app_id"),
            "method": method,
            "format": "JSON",
            "charset": "utf-8",
            "sign_type": "RSA2",
            "timestamp": beijing_text(now_ms),
            "version": "1.0",
        }
        if notify_url is not None:
            public["notify_url"] = notify_url
        if token is not None:
            public["app_auth_token"] = token.reveal()
        biz_content = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        signature = sign(self.private_key, request_string({**public, "biz_content": biz_content}))
        query = urlencode({**public, "sign": signature}, quote_via=quote, safe="")
        return ChannelRequest(
            method="POST",
            url=f"{self.account.base_url}?{query}",
            headers=_HEADERS,
            body=urlencode({"biz_content": biz_content}, quote_via=quote, safe="").encode("ascii"),
        )


def _order_fields(order: PayOrder | QrOrder) -> dict[str, str]:
    optional = (
        ("operator_id", order.operator, 28),
        ("terminal_id", order.terminal, 32),
        ("store_id", order.store, 32),
    )
    return {
        "out_trade_no": _checked(order.out_trade_no),
        "total_amount": yuan_text(order.amount_fen),
        "subject": _RESERVED.sub(" ", order.subject).strip()[:128] or order.out_trade_no,
        "timeout_express": express_text(order.open_for_ms),
        **{name: value for name, value, limit in optional if len(value) <= limit and _WORD.fullmatch(value)},
    }


def _checked(out_trade_no: str) -> str:
    assert _OUT_TRADE_NO.fullmatch(out_trade_no), "out_trade_no is made by the gateway"
    return out_trade_no
