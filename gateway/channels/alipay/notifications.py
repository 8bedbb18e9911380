"""Reads an asynchronous notification, after it is verified.

Rules
- Verified over the bytes that came, then the application, the seller and the currency must be ours.
- A notification that names a refund is about that refund, never a second payment, although `trade_status` says SUCCESS.
  Its `refund_fee` is everything given back so far, so it proves no single refund: the refund query does.
- It is a hint like every notification: whether the order and its amount are ours is the gateway's question.
- There is no time window: an honest delivery may be 25 hours late. `notify_id` names the event.
It must not know orders, clocks, or HTTP.
"""

from __future__ import annotations

import re
from typing import Final

from gateway.channels.alipay.amounts import fen_of, unix_ms_of
from gateway.channels.alipay.forms import Form, open_form
from gateway.channels.alipay.keys import Trust
from gateway.channels.alipay.nodes import CODE, TRADE_NO, Ours
from gateway.channels.alipay.responses import payer_tail
from gateway.channels.port import (
    ChannelReason,
    Closed,
    Forgery,
    NotBelieved,
    Notification,
    NotificationReply,
    NotificationVerdict,
    NotifiedNothing,
    Paid,
    PaymentNotified,
    Pending,
    RefundNotified,
    RefundOpen,
    Unknown,
)

_TRADE_EVENT: Final = "trade_status_sync"
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)
_NUMBER: Final = re.compile(r"[A-Za-z0-9_-]{1,64}", re.ASCII)


def read_notification(notification: Notification, *, ours: Ours) -> NotificationVerdict:
    form = open_form(notification.body)
    if form is None:
        return NotBelieved(why=Forgery.MALFORMED)
    forgery = _forgery(form, ours)
    if forgery is not None:
        return NotBelieved(why=forgery)
    event_id, number = form.text("notify_id"), form.text("out_trade_no")
    if not _PLAIN.fullmatch(event_id):
        return NotBelieved(why=Forgery.MALFORMED)
    kind = form.text("notify_type")
    if kind != _TRADE_EVENT:
        return NotifiedNothing(event_id=event_id, what=kind if CODE.fullmatch(kind) else "")
    if ours.seller_id is not None and form.text("seller_id") != ours.seller_id:
        return NotBelieved(why=Forgery.FOREIGN)
    if not _PLAIN.fullmatch(number):
        return NotBelieved(why=Forgery.MALFORMED)
    refund = _refund(form, event_id=event_id, number=number)
    return refund or PaymentNotified(event_id=event_id, out_trade_no=number, verdict=_payment(form))


def reply(*, received: bool) -> NotificationReply:
    """Exactly these letters: whatever else is delivered again."""
    return NotificationReply(
        status=200, content_type="text/plain; charset=utf-8", body=b"success" if received else b"fail"
    )


def _forgery(form: Form, ours: Ours) -> Forgery | None:
    """Why this is not the wallet's word to us."""
    if not form.text("sign"):
        return Forgery.UNSIGNED
    if form.text("sign_type") != "RSA2":
        return Forgery.BAD_SIGNATURE
    trust = ours.wallet.judge(form.signed, form.text("sign"), number=form.text("alipay_cert_sn") or None)
    if trust is Trust.UNKNOWN_KEY:
        return Forgery.UNKNOWN_KEY
    if trust is not Trust.GOOD:
        return Forgery.BAD_SIGNATURE
    if form.text("app_id") != ours.app_id or form.text("trans_currency") not in ("", "CNY"):
        return Forgery.FOREIGN
    return None


def _refund(form: Form, *, event_id: str, number: str) -> RefundNotified | None:
    """What was given back by a cancel names no refund, and is told as a closed trade."""
    refund_no = form.text("out_biz_no")
    if not (form.text("refund_fee") or form.text("gmt_refund")):
        return None
    if form.text("trade_status") not in {"TRADE_SUCCESS", "TRADE_FINISHED"} and not refund_no:
        return None
    return RefundNotified(
        event_id=event_id,
        out_trade_no=number,
        refund_no=refund_no if _NUMBER.fullmatch(refund_no) else None,
        verdict=RefundOpen(code="refund_fee"),
    )


def _payment(form: Form) -> Paid | Pending | Closed | Unknown:
    match form.text("trade_status"):
        case "TRADE_SUCCESS" | "TRADE_FINISHED":
            amount_fen, trade_no = fen_of(form.text("total_amount")), form.text("trade_no")
            if amount_fen is None or not TRADE_NO.fullmatch(trade_no):
                return Unknown(
                    reason=ChannelReason.ASK_AGAIN, code="total_amount" if amount_fen is None else "trade_no"
                )
            return Paid(
                transaction_id=trade_no,
                amount_fen=amount_fen,
                paid_at_ms=unix_ms_of(form.text("gmt_payment")),
                payer_tail=payer_tail(form.text("buyer_id") or form.text("buyer_open_id")),
            )
        case "WAIT_BUYER_PAY":
            return Pending(payer_prompted=True)
        case "TRADE_CLOSED":
            return Closed(code="TRADE_CLOSED")
        case status:
            return Unknown(reason=ChannelReason.ASK_AGAIN, code=status if CODE.fullmatch(status) else "")
