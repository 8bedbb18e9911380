"""Builds the sealed forms of ACP 5.1.0.

Rules
- An order is named by orderId and by txnTime, the second in which it became durable: every later call repeats both.
- An unused field is left out; what UnionPay would refuse for its form (a shop's own terminal name) is left out too.
- The payment code is only ever in the body of the pay call.
- Every address is the account's. `base_url` is the base in front of `/gateway/api/...`.
It must not know answers or clocks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import unquote

from gateway.channels.account import AccountMode, ChannelAccount
from gateway.channels.port import BillOf, ChannelRequest, OrderRef, PageOrder, PayOrder, QrOrder, RefundOrder
from gateway.channels.unionpay.form import encode_form
from gateway.channels.unionpay.signing import Seal
from gateway.channels.unionpay.times import settle_date, txn_time

BACK_PATH: Final = "/gateway/api/backTransReq.do"
QUERY_PATH: Final = "/gateway/api/queryTrans.do"
CURRENCY: Final = "156"
#: UnionPay's own word, in the place of an address that a consume must have, for "send no notification" [its published
#: demo]; nothing is ever sent there. A refund may leave the field out.
NOBODY_TOLD: Final = "http://www.specialUrl.com"

_ORDER_ID: Final = re.compile(r"[0-9A-Za-z]{8,40}", re.ASCII)
_TERMINAL: Final = re.compile(r"[0-9A-Za-z]{8}", re.ASCII)
_HEADERS: Final = {
    "content-type": "application/x-www-form-urlencoded;charset=UTF-8",
    "accept": "text/plain, text/html",
    "user-agent": "guitai",
}


class TxnType(StrEnum):
    """txnType."""

    QUERY = "00"
    CONSUME = "01"
    REFUND = "04"
    FILE = "76"
    REVERSAL = "99"


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBuilder:
    """Seals for one account."""

    account: ChannelAccount
    seal: Seal = field(repr=False)

    def pay(self, order: PayOrder) -> ChannelRequest:
        """CPM consume, 01/06."""
        code = {"qrNo": order.auth_code.reveal()}
        return self._back({**self._consume(order, sub_type="06"), **code})

    def order_qr(self, order: QrOrder | PageOrder) -> ChannelRequest:
        """MPM, 01/07: UnionPay makes the order's QR, which is also an address that its own browser opens."""
        return self._back(self._consume(order, sub_type="07"))

    def query(self, ref: OrderRef) -> ChannelRequest:
        return self._ask(ref.out_trade_no, ref.opened_ms)

    def reverse(self, ref: OrderRef) -> ChannelRequest:
        """99/01 under the order's own number and time."""
        return self._back(
            {
                **self._common(TxnType.REVERSAL, "01"),
                "channelType": "08",
                **_named(ref.out_trade_no, ref.opened_ms),
                "txnAmt": str(ref.amount_fen),
                "currencyCode": CURRENCY,
            }
        )

    def refund(self, order: RefundOrder, *, orig_query_id: str) -> ChannelRequest:
        """04/00. `reqReserved` comes back with the notification, which names only the refund."""
        return self._back(
            {
                **self._common(TxnType.REFUND, "00"),
                "channelType": "08",
                **_named(order.refund_no, order.opened_ms),
                "txnAmt": str(order.amount_fen),
                "currencyCode": CURRENCY,
                "origQryId": orig_query_id,
                "reqReserved": order.order.out_trade_no,
                "backUrl": self.account.notify_url or "",
            }
        )

    def refund_query(self, order: RefundOrder) -> ChannelRequest:
        return self._ask(order.refund_no, order.opened_ms)

    def file(self, bill: BillOf, *, now_ms: int) -> ChannelRequest:
        """76/01. The file of a settlement day, which UnionPay ends at its own hour, not at midnight."""
        fields = {
            **self._common(TxnType.FILE, "01"),
            "txnTime": txn_time(now_ms),
            "settleDate": settle_date(bill.day),
            "fileType": "00",
        }
        return self._post(self.account.text("file_url"), fields)

    def user_id(self, auth_code: str, app: str, *, now_ms: int) -> ChannelRequest:
        """Exchanges a userAuthCode. No source confirms this form: only accounts with `user_id_url` use it."""
        fields = {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "merId": self.account.text("mer_id"),
            "userAuthCode": auth_code,
            "appUpIdentifier": app,
            "txnTime": txn_time(now_ms),
        }
        return self._post(self.account.text("user_id_url"), fields)

    def _consume(self, order: PayOrder | QrOrder | PageOrder, *, sub_type: str) -> dict[str, str]:
        terminal = self.account.optional("terminal_no") or order.terminal
        fields = {
            **self._common(TxnType.CONSUME, sub_type),
            "channelType": "08",
            **_named(order.out_trade_no, order.opened_ms),
            "txnAmt": str(order.amount_fen),
            "currencyCode": CURRENCY,
            "termId": terminal if _TERMINAL.fullmatch(terminal) else "",
            "backUrl": self.account.notify_url or NOBODY_TOLD,
        }
        if self.account.optional("pay_timeout") == "sent":
            fields["payTimeout"] = txn_time(order.opened_ms + order.open_for_ms)
        return fields

    def _ask(self, order_id: str, opened_ms: int) -> ChannelRequest:
        fields = {**self._common(TxnType.QUERY, "00"), **_named(order_id, opened_ms)}
        return self._post(self.account.optional("query_url") or self.account.base_url + QUERY_PATH, fields)

    def _common(self, txn_type: TxnType, sub_type: str) -> dict[str, str]:
        return {
            "version": "5.1.0",
            "encoding": "UTF-8",
            "txnType": txn_type.value,
            "txnSubType": sub_type,
            "bizType": "000000",
            "merId": self.account.text("mer_id"),
            **acting_for(self.account),
        }

    def _back(self, fields: dict[str, str]) -> ChannelRequest:
        return self._post(self.account.base_url + BACK_PATH, fields)

    def _post(self, url: str, fields: dict[str, str]) -> ChannelRequest:
        return ChannelRequest(method="POST", url=url, headers=_HEADERS, body=encode_form(self.seal.sealed(fields)))


def acting_for(account: ChannelAccount) -> dict[str, str]:
    """accessType and, for a partner, whom it acts for. No source confirms the partner's fields: all are settings."""
    if account.mode is AccountMode.DIRECT:
        return {"accessType": "0"}
    return {
        "accessType": account.text("access_type"),
        "acqInsCode": account.optional("acq_ins_code") or "",
        "subMerId": account.optional("sub_mer_id") or "",
        "subMerName": unquote(account.optional("sub_mer_name") or ""),
        "subMerAbbr": unquote(account.optional("sub_mer_abbr") or ""),
    }


def _named(order_id: str, opened_ms: int) -> dict[str, str]:
    assert _ORDER_ID.fullmatch(order_id), "numbers are made by the gateway and by terminals"
    return {"orderId": order_id, "txnTime": txn_time(opened_ms)}
