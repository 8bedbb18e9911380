"""Reads what UnionPay posts to backUrl: the fields of an answer as a normal url-encoded form.

Rules
- The form is read strictly, then the seal over every field that came; nothing else is looked at before that.
- Another merchant's number or another currency is foreign, however well it is signed.
- A notification says what a query would say; amounts are compared by whoever knows the order.
- A refund's notification names the refund; the order comes back in reqReserved, as our request gave it.
It must not know clocks, storage, or which orders exist.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.channels.port import (
    Forgery,
    NotBelieved,
    Notification,
    NotificationReply,
    NotificationVerdict,
    NotifiedNothing,
    PaymentNotified,
    RefundNotified,
    RefundOpen,
)
from gateway.channels.unionpay.answers import Message
from gateway.channels.unionpay.form import parse_notification
from gateway.channels.unionpay.requests import CURRENCY, TxnType
from gateway.channels.unionpay.responses import refund_verdict, trade_verdict
from gateway.channels.unionpay.signing import Flaw, Seal

RECEIVED: Final = NotificationReply(status=200, content_type="text/plain", body=b"ok")
REFUSED: Final = NotificationReply(status=400, content_type="text/plain", body=b"fail")

_NUMBER: Final = re.compile(r"[0-9A-Za-z]{8,40}", re.ASCII)
_FORGERIES: Final = {
    Flaw.UNSIGNED: Forgery.UNSIGNED,
    Flaw.UNKNOWN_KEY: Forgery.UNKNOWN_KEY,
    Flaw.BAD_SIGNATURE: Forgery.BAD_SIGNATURE,
}


def read_notification(notification: Notification, seal: Seal, *, mer_id: str, now_ms: int) -> NotificationVerdict:
    fields = parse_notification(notification.body)
    if fields is None:
        return NotBelieved(why=Forgery.MALFORMED)
    flaw = seal.flaw(fields, now_ms=now_ms)
    if flaw is not None:
        return NotBelieved(why=_FORGERIES[flaw])
    message = Message(fields=fields)
    if message.text("merId") != mer_id or message.text("currencyCode") not in ("", CURRENCY):
        return NotBelieved(why=Forgery.FOREIGN)
    order_id, kind = message.text("orderId"), message.text("txnType")
    if not _NUMBER.fullmatch(order_id) or not message.code():
        return NotBelieved(why=Forgery.MALFORMED)
    event_id = f"{kind}-{order_id}-{message.text('txnTime')}-{message.query_id}-{message.code()}"[:128]
    if kind == TxnType.CONSUME:
        return PaymentNotified(event_id=event_id, out_trade_no=order_id, verdict=trade_verdict(message, message.code()))
    if kind == TxnType.REFUND:
        named = message.text("reqReserved")
        return RefundNotified(
            event_id=event_id,
            out_trade_no=named if _NUMBER.fullmatch(named) else "",
            refund_no=order_id,
            verdict=refund_verdict(message, message.code()) or RefundOpen(code=message.code()),
        )
    return NotifiedNothing(event_id=event_id, what=f"txnType {kind[:4]}")
