"""Builds the signed requests of v2: flat XML, always with its `sign_type`.

Rules
- `reverse` and `refund` go to the address that wants the client certificate in TLS; everything else to the plain one.
- A payment code's order has no `time_expire`: WeChat reverses it by itself after 45 s, and takes no shorter time.
- An unused field is left out. It must not know answers, clocks or keys' files.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import BillOf, ChannelRequest, OrderRef, PayOrder, RefundOrder
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.keys import V2Keys
from gateway.channels.wechat.v2_signing import SIGN, derived_nonce, signature
from gateway.channels.wechat.wording import order_number, plain, refund_number
from gateway.channels.wechat.xml_text import write_xml

MICROPAY: Final = "/pay/micropay"
QUERY: Final = "/pay/orderquery"
REVERSE: Final = "/secapi/pay/reverse"
CLOSE: Final = "/pay/closeorder"
REFUND: Final = "/secapi/pay/refund"
REFUND_QUERY: Final = "/pay/refundquery"
BILL: Final = "/pay/downloadbill"

_CERTIFIED: Final = frozenset({REVERSE, REFUND})
_DEVICE: Final = re.compile(r"[0-9A-Za-z_-]{1,32}", re.ASCII)
_HEADERS: Final = {"content-type": "text/xml; charset=utf-8", "accept": "*/*", "user-agent": "guitai"}
#: The caller's own address is asked for and not checked; a gateway behind others does not know it.
_CALLER: Final = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Requests:
    """Signs for one account. `certified_url`: base of the calls with a client certificate."""

    base_url: str
    certified_url: str
    notify_url: str
    identity: Identity
    keys: V2Keys = field(repr=False)

    def pay(self, order: PayOrder, *, now_ms: int) -> ChannelRequest:
        fields = {
            "body": plain(order.subject, max_bytes=127) or order.out_trade_no,
            "out_trade_no": order_number(order.out_trade_no),
            "total_fee": str(_fen(order.amount_fen)),
            "fee_type": "CNY",
            "spbill_create_ip": _CALLER,
            "auth_code": order.auth_code.reveal(),
        }
        if _DEVICE.fullmatch(order.terminal):
            fields["device_info"] = order.terminal
        return self._signed(MICROPAY, fields, now_ms=now_ms)

    def about(self, path: str, ref: OrderRef, *, now_ms: int) -> ChannelRequest:
        """Query and reverse name the order and nothing else. Always by our number: WeChat prefers its own when given
        both, and another order would be found."""
        return self._signed(path, {"out_trade_no": order_number(ref.out_trade_no)}, now_ms=now_ms)

    def refund(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        fields = {
            "out_trade_no": order_number(order.order.out_trade_no),
            "out_refund_no": refund_number(order.refund_no),
            "total_fee": str(_fen(order.order.amount_fen)),
            "refund_fee": str(_fen(order.amount_fen)),
            "refund_fee_type": "CNY",
            "notify_url": self.notify_url,
        }
        reason = plain(order.reason, max_bytes=80)
        if reason:
            fields["refund_desc"] = reason
        return self._signed(REFUND, fields, now_ms=now_ms)

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> ChannelRequest:
        return self._signed(REFUND_QUERY, {"out_refund_no": refund_number(order.refund_no)}, now_ms=now_ms)

    def bill(self, bill: BillOf, *, now_ms: int) -> ChannelRequest:
        fields = {"bill_date": bill.day.replace("-", ""), "bill_type": "ALL", "tar_type": "GZIP"}
        return self._signed(BILL, fields, now_ms=now_ms)

    def _signed(self, path: str, fields: dict[str, str], *, now_ms: int) -> ChannelRequest:
        whole = {**self.identity.v2, **fields, "sign_type": self.keys.sign_type.value}
        whole["nonce_str"] = derived_nonce(self.keys.key, path.encode() + write_xml(whole), now_ms=now_ms)
        whole[SIGN] = signature(whole, self.keys.key, self.keys.sign_type)
        base = self.certified_url if path in _CERTIFIED else self.base_url
        return ChannelRequest(method="POST", url=base + path, headers=_HEADERS, body=write_xml(whole))


def _fen(amount_fen: int) -> int:
    assert 1 <= amount_fen <= 10_000_000_000, "the gateway checks amounts before a channel is asked"
    return amount_fen
