"""Alipay's asynchronous notifications: when one is due and what it says, signed anew at each sending.

Rules: told are paid, closed, finished and each refund that lands, to the `notify_url` of the call that made the trade;
the signature covers every non-empty field but `sign` and `sign_type`; only the body `success` means received.
Must not know: HTTP clients, who else simulates a wallet.
"""

import json
from collections.abc import Mapping
from urllib.parse import urlencode

from sandbox.alipay.beijing import stamp
from sandbox.alipay.merchant import Merchant
from sandbox.alipay.money import yuan_from_fen
from sandbox.alipay.signing import sign
from sandbox.alipay.trades import Trade, TradeEvent
from sandbox.notifying import Letter, NotificationBook, Sending
from sandbox.plan import CallbackPlan, Forgery
from sandbox.wire import RandomBytes, random_digits

_OTHER_APP_ID = "2021000199990001"
_OTHER_SELLER_ID = "2088999999990001"
# Seen in the wild, and breaks parsers that are strict about it.
_CONTENT_TYPE = "application/x-www-form-urlencoded; text/html; charset=utf-8"


class Notices:
    def __init__(self, *, merchant: Merchant, notifications: NotificationBook, random_bytes: RandomBytes) -> None:
        self._merchant = merchant
        self._notifications = notifications
        self._random_bytes = random_bytes

    def watch(self, trade: Trade, event: TradeEvent, at_ms: int) -> None:
        """Hears every change of every trade."""
        if not trade.order.notify_url:
            return
        match event:
            case TradeEvent.BUYER_PAYS | TradeEvent.CHARGE_EXECUTES:
                self._tell(trade, event, trade.course.plan.callback, at_ms)
            case TradeEvent.REFUND_LANDS:
                # A refund of the last fen is told by the close that follows at the same moment.
                if trade.refunded_fen < trade.captured_fen:
                    self._tell(trade, event, CallbackPlan(), at_ms)
            case (
                TradeEvent.TIME_IS_UP
                | TradeEvent.SHOP_CLOSES
                | TradeEvent.SHOP_CANCELS
                | TradeEvent.REFUNDED_IN_FULL
                | TradeEvent.REFUND_WINDOW_ENDS
            ):
                self._tell(trade, event, CallbackPlan(), at_ms)

    def _tell(self, trade: Trade, event: TradeEvent, plan: CallbackPlan, at_ms: int) -> None:
        notify_id = f"{stamp(at_ms)[:10].replace('-', '')}00222{random_digits(self._random_bytes, 21)}"
        fields = {**self._fields(trade, event), "notify_id": notify_id}

        def build(sending: Sending) -> Letter:
            return self._letter(trade.order.notify_url, fields, trade.order.total_fen, sending)

        self._notifications.add(notify_id, plan=plan, build=build, happened_ms=at_ms)

    def _fields(self, trade: Trade, event: TradeEvent) -> dict[str, str]:
        fields = {
            "notify_type": "trade_status_sync",
            "app_id": self._merchant.app_id,
            "auth_app_id": self._merchant.app_id,
            "charset": "utf-8",
            "version": "1.0",
            "trade_no": trade.trade_no,
            "out_trade_no": trade.order.out_trade_no,
            "buyer_id": trade.buyer.user_id,
            "buyer_logon_id": trade.buyer.logon_id,
            "seller_id": self._merchant.seller_id,
            "seller_email": "guitai_sandbox@example.com",
            "trade_status": trade.status.value,
            "total_amount": yuan_from_fen(trade.order.total_fen),
            "subject": trade.order.subject,
            "gmt_create": stamp(trade.created_ms),
        }
        if trade.paid_ms is not None:
            received = yuan_from_fen(trade.captured_fen)
            fields |= {
                "receipt_amount": received,
                "invoice_amount": received,
                "buyer_pay_amount": received,
                "point_amount": "0.00",
                "gmt_payment": stamp(trade.paid_ms),
                # camelCase here, unlike the synchronous answers.
                "fund_bill_list": json.dumps([{"amount": received, "fundChannel": "ALIPAYACCOUNT"}]),
            }
        if trade.refunded_fen:
            landed = [refund for refund in trade.refunds if refund.landed]
            fields["refund_fee"] = yuan_from_fen(trade.refunded_fen)
            fields["gmt_refund"] = stamp(landed[-1].lands_ms if landed else trade.ended_ms or trade.created_ms)
            if landed and event is not TradeEvent.SHOP_CANCELS:
                fields["out_biz_no"] = landed[-1].request_no
        if trade.ended_ms is not None:
            fields["gmt_close"] = stamp(trade.ended_ms)
        return fields

    def _letter(self, url: str, told: Mapping[str, str], total_fen: int, sending: Sending) -> Letter:
        fields = {**told, "notify_time": stamp(sending.now_ms)}
        match sending.forgery:
            case Forgery.WRONG_AMOUNT:
                fields["total_amount"] = yuan_from_fen(total_fen + 1)
            case Forgery.OTHER_MERCHANT:
                fields |= {"app_id": _OTHER_APP_ID, "auth_app_id": _OTHER_APP_ID, "seller_id": _OTHER_SELLER_ID}
            case Forgery.BAD_SIGNATURE | None:
                pass
        text = "&".join(f"{name}={fields[name]}" for name in sorted(fields) if fields[name])
        signed = text + "&forged=1" if sending.forgery is Forgery.BAD_SIGNATURE else text
        signature = sign(self._merchant.wallet_key, signed.encode("utf-8"))
        body = urlencode({**fields, "sign_type": "RSA2", "sign": signature}).encode("ascii")
        return Letter(url=url, headers={"content-type": _CONTENT_TYPE}, body=body)


def is_received(status: int | None, body: bytes) -> bool:
    """Whether the shop's answer is Alipay's word for "received": seven letters, nothing else."""
    return status == 200 and body == b"success"
