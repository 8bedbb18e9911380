"""Builds the signed requests of v3.

Rules
- The bytes that are signed are the bytes that are sent, the query string included; nothing is written twice.
- In public-key mode a request names the key's id, so that the answer is signed with it.
- The same order asked for again is word for word the same: its end is reckoned from the moment it became durable. Only
  when that is too near it moves, because WeChat wants the end at least a minute away.
- An unused field is left out, never null. It must not know answers, clocks or keys' files.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import quote, urlencode, urlsplit

from gateway.channels.port import (
    BillKind,
    BillOf,
    ChannelRequest,
    OrderRef,
    PageOrder,
    PayOrder,
    QrOrder,
    RefundOrder,
)
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.json_text import write_json
from gateway.channels.wechat.keys import AccountKeys
from gateway.channels.wechat.times import rfc3339_text
from gateway.channels.wechat.v3_signing import authorization, request_text, sign
from gateway.channels.wechat.wording import order_number, plain, refund_number

REFUNDS: Final = "/v3/refund/domestic/refunds"
TRADE_BILL: Final = "/v3/bill/tradebill"
FUND_FLOW: Final = "/v3/bill/fundflowbill"
CERTIFICATES: Final = "/v3/certificates"

_SHORTEST_MS: Final = 65_000
_STORE: Final = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)
_NO_STORE: Final = "1"
_HEADERS: Final = {"accept": "application/json", "content-type": "application/json", "user-agent": "guitai"}


@dataclass(frozen=True, slots=True, kw_only=True)
class V3Requests:
    """Signs for one account."""

    base_url: str
    notify_url: str
    identity: Identity
    keys: AccountKeys = field(repr=False)

    def codepay(self, order: PayOrder, *, now_ms: int) -> ChannelRequest:
        content = {
            **self.identity.v3,
            "description": plain(order.subject, max_bytes=127) or order.out_trade_no,
            "out_trade_no": order_number(order.out_trade_no),
            "payer": {"auth_code": order.auth_code.reveal()},
            "amount": _amount(order.amount_fen),
            "scene_info": _scene(order),
        }
        return self._post(f"{self.identity.v3_orders}/codepay", content, now_ms=now_ms)

    def native(self, order: QrOrder, *, now_ms: int) -> ChannelRequest:
        return self._post(f"{self.identity.v3_orders}/native", self._order(order, now_ms), now_ms=now_ms)

    def jsapi(self, order: PageOrder, *, now_ms: int) -> ChannelRequest:
        """The payer's id is of our own application, the one that the page asked it for."""
        name = "openid" if self.identity.sub_mch_id is None else "sp_openid"
        content = {**self._order(order, now_ms), "payer": {name: order.payer.reveal()}}
        return self._post(f"{self.identity.v3_orders}/jsapi", content, now_ms=now_ms)

    def h5(self, order: QrOrder, *, payer_address: str, now_ms: int) -> ChannelRequest:
        """For a browser outside of WeChat. The address must be the phone's own, and the page's Referer the shop's."""
        content = self._order(order, now_ms)
        scene = {"payer_client_ip": payer_address, "h5_info": {"type": "Wap"}}
        return self._post(f"{self.identity.v3_orders}/h5", {**content, "scene_info": scene}, now_ms=now_ms)

    def query(self, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        return self._get(self._number(ref), self.identity.v3_merchant, now_ms=now_ms)

    def close(self, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        return self._post(f"{self._number(ref)}/close", self.identity.v3_merchant, now_ms=now_ms)

    def reverse(self, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        return self._post(f"{self._number(ref)}/reverse", self.identity.v3, now_ms=now_ms)

    def refund(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        content: dict[str, object] = {
            **self.identity.v3_sub_merchant,
            "out_trade_no": order_number(order.order.out_trade_no),
            "out_refund_no": refund_number(order.refund_no),
            "notify_url": self.notify_url,
            "amount": {
                "refund": _fen(order.amount_fen),
                "total": _fen(order.order.amount_fen),
                "currency": "CNY",
            },
        }
        reason = plain(order.reason, max_bytes=80)
        if reason:
            content["reason"] = reason
        return self._post(REFUNDS, content, now_ms=now_ms)

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        path = f"{REFUNDS}/{refund_number(order.refund_no)}"
        return self._get(path, self.identity.v3_sub_merchant, now_ms=now_ms)

    def bill(self, bill: BillOf, *, now_ms: int) -> ChannelRequest:
        """A sub-merchant has trade bills only; flows of funds are the service provider's."""
        if bill.kind is BillKind.TRADE:
            named = {"bill_date": bill.day, "bill_type": "ALL", **self.identity.v3_sub_merchant, "tar_type": "GZIP"}
            return self._get(TRADE_BILL, named, now_ms=now_ms)
        named = {"bill_date": bill.day, "account_type": "BASIC", "tar_type": "GZIP"}
        return self._get(FUND_FLOW, named, now_ms=now_ms)

    def download(self, url: str, *, now_ms: int) -> ChannelRequest:
        """The address that a bill call gave out, signed over its own path and query."""
        return self._signed("GET", url, b"", now_ms=now_ms)

    def certificates(self, *, now_ms: int) -> ChannelRequest:
        return self._get(CERTIFICATES, {}, now_ms=now_ms)

    def derived_nonce(self, content: bytes) -> str:
        """32 characters, foreseen by nobody without the APIv3 key; the same for the same content."""
        key = self.keys.v3_key.reveal().encode()
        return hmac.new(key, b"nonce\n" + content, hashlib.sha256).hexdigest()[:32]

    def _number(self, ref: OrderRef) -> str:
        return f"{self.identity.v3_orders}/out-trade-no/{order_number(ref.out_trade_no)}"

    def _order(self, order: QrOrder | PageOrder, now_ms: int) -> dict[str, object]:
        begun_ms = order.opened_ms or now_ms
        ends_ms = max(begun_ms + max(order.open_for_ms, _SHORTEST_MS), now_ms + _SHORTEST_MS)
        return {
            **self.identity.v3,
            "description": plain(order.subject, max_bytes=127) or order.out_trade_no,
            "out_trade_no": order_number(order.out_trade_no),
            "time_expire": rfc3339_text(ends_ms),
            "notify_url": self.notify_url,
            "amount": _amount(order.amount_fen),
        }

    def _post(self, path: str, content: Mapping[str, object], *, now_ms: int) -> ChannelRequest:
        return self._signed("POST", self.base_url + path, write_json(content), now_ms=now_ms)

    def _get(self, path: str, named: Mapping[str, str], *, now_ms: int) -> ChannelRequest:
        query = f"?{urlencode(named, quote_via=quote, safe='')}" if named else ""
        return self._signed("GET", f"{self.base_url}{path}{query}", b"", now_ms=now_ms)

    def _signed(self, method: str, url: str, body: bytes, *, now_ms: int) -> ChannelRequest:
        parts = urlsplit(url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        seconds = str(now_ms // 1000)
        nonce = self.derived_nonce(b"%s\n%s\n%d\n" % (method.encode(), target.encode(), now_ms) + body)
        text = request_text(method, target, seconds=seconds, nonce=nonce, body=body)
        authorized = authorization(
            mch_id=self.identity.mch_id,
            serial=self.keys.serial,
            nonce=nonce,
            seconds=seconds,
            signature=sign(self.keys.private, text),
        )
        asked = {} if self.keys.wallet.asked is None else {"wechatpay-serial": self.keys.wallet.asked}
        return ChannelRequest(
            method=method, url=url, headers={**_HEADERS, **asked, "authorization": authorized}, body=body
        )


def _amount(amount_fen: int) -> dict[str, object]:
    return {"total": _fen(amount_fen), "currency": "CNY"}


def _scene(order: PayOrder) -> dict[str, object]:
    """A scanned code must say in which shop."""
    store = order.store if _STORE.fullmatch(order.store) else _NO_STORE
    device = {"device_id": order.terminal} if _STORE.fullmatch(order.terminal) else {}
    return {**device, "store_info": {"out_id": store}}


def _fen(amount_fen: int) -> int:
    assert 1 <= amount_fen <= 10_000_000_000, "the gateway checks amounts before a channel is asked"
    return amount_fen
