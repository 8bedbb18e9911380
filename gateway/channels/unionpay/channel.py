"""UnionPay as a `Channel`: joins each request with the reader of its answer, for one account.

Decided here
- A page is the order's QR opened as an address in UnionPay's own browser (no JS order exists in ACP): the payer is
  known to the gateway, which locks the order for him; UnionPay is not told.
- Cancel and close are both the reversal 99/01: it needs no queryId. The cancel of the same settlement day (31/00) does.
- A refund needs the paid order's queryId. Without it the order is asked about instead, and the refund stays to be sent.
Pure. It must not know schedules beyond the traits it states, nor what becomes of a verdict.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar
from urllib.parse import quote

from gateway.channels.account import ChannelAccount
from gateway.channels.port import (
    BillKind,
    BillOf,
    BillVerdict,
    ChannelReason,
    ChannelRequest,
    ChannelResponse,
    ChannelTraits,
    CreateVerdict,
    NoBill,
    Notification,
    NotificationReply,
    NotificationVerdict,
    OrderRef,
    PageOrder,
    PayerVerdict,
    PayOrder,
    PayVerdict,
    PrecreateVerdict,
    PreparedCall,
    QrOrder,
    QueryVerdict,
    RefundOrder,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    UndoVerdict,
)
from gateway.channels.unionpay.answers import Asked
from gateway.channels.unionpay.file import FileReader
from gateway.channels.unionpay.notifications import RECEIVED, REFUSED, read_notification
from gateway.channels.unionpay.requests import RequestBuilder, TxnType
from gateway.channels.unionpay.responses import AnswerReader
from gateway.channels.unionpay.signing import Seal
from gateway.channels.unionpay.times import day_end_ms, settle_date, txn_time

#: `UnionPay/<version> <AppID>` in the User-Agent of 云闪付 and of the banks' applications.
_APP: Final = re.compile(r"UnionPay/[0-9.]{1,16} ([A-Za-z0-9_]{1,64})", re.ASCII)
_CLOUD_PAY: Final = "CloudPay"
_AUTH_CODE: Final = re.compile(r"[A-Za-z0-9+/=_.-]{1,256}", re.ASCII)
VerdictT = TypeVar("VerdictT")


@dataclass(frozen=True, slots=True, kw_only=True)
class UnionPayChannel:
    """See `gateway.channels.port.Channel`. `bill_wait_ms`: how long after its day a missing file may still come."""

    account: ChannelAccount
    builder: RequestBuilder = field(repr=False)
    seal: Seal = field(repr=False)
    traits: ChannelTraits
    bill_wait_ms: int

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]:
        reader = self._reader(order.ref, {TxnType.CONSUME}, now_ms=now_ms)
        return self._call(self.builder.pay(order), reader.pay)

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]:
        reader = self._reader(order.ref, {TxnType.CONSUME}, now_ms=now_ms)
        return self._call(self.builder.order_qr(order), reader.order_qr)

    def create(self, order: PageOrder, *, now_ms: int) -> PreparedCall[CreateVerdict]:
        reader = self._reader(order.ref, {TxnType.CONSUME}, now_ms=now_ms)
        return self._call(self.builder.order_qr(order), reader.page)

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]:
        reader = self._reader(ref, {TxnType.QUERY, TxnType.CONSUME}, now_ms=now_ms)
        return self._call(self.builder.query(ref), reader.query)

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        reader = self._reader(ref, {TxnType.REVERSAL}, now_ms=now_ms)
        return self._call(self.builder.reverse(ref), reader.undo)

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        return self.cancel(ref, now_ms=now_ms)

    def refund(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundVerdict]:
        query_id = order.order.transaction_id
        if query_id is None:
            return self._call(self.builder.query(order.order), _not_yet)
        reader = self._refund_reader(order, {TxnType.REFUND}, now_ms=now_ms)
        return self._call(self.builder.refund(order, orig_query_id=query_id), reader.refund)

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundQueryVerdict]:
        reader = self._refund_reader(order, {TxnType.QUERY, TxnType.REFUND}, now_ms=now_ms)
        return self._call(self.builder.refund_query(order), reader.refund_query)

    def authorize_url(self, *, redirect: str, state: str) -> str | None:
        """UnionPay gives back no state of its own: it travels inside redirectUrl."""
        page = self.account.optional("authorize_url")
        if page is None or not self.traits.pages:
            return None
        back = f"{redirect}{'&' if '?' in redirect else '?'}state={quote(state, safe='')}"
        return f"{page}?version=1.0.0&redirectUrl={quote(back, safe='')}"

    def payer(self, query: Mapping[str, str], *, user_agent: str, now_ms: int) -> PreparedCall[PayerVerdict] | None:
        """The code is base64 and comes unescaped: a blank in it was a `+`."""
        code = query.get("userAuthCode", "").replace(" ", "+")
        if not self.traits.pages or not _AUTH_CODE.fullmatch(code):
            return None
        found = _APP.search(user_agent)
        app = found[1] if found is not None else _CLOUD_PAY
        asked = Asked(
            mer_id=self.account.text("mer_id"),
            order_id="",
            txn_time=txn_time(now_ms),
            amount_fen=0,
            kinds=frozenset(),
            also={"userAuthCode": code, "appUpIdentifier": app, "txnTime": txn_time(now_ms)},
        )
        reader = AnswerReader(asked=asked, seal=self.seal, now_ms=now_ms)
        return self._call(self.builder.user_id(code, app, now_ms=now_ms), reader.user_id)

    def read_notification(self, notification: Notification, *, now_ms: int) -> NotificationVerdict:
        return read_notification(notification, self.seal, mer_id=self.account.text("mer_id"), now_ms=now_ms)

    def notification_reply(self, *, received: bool) -> NotificationReply:
        return RECEIVED if received else REFUSED

    def bill(self, bill: BillOf, *, now_ms: int) -> PreparedCall[BillVerdict | PreparedCall[BillVerdict]]:
        """One file holds all: there is no separate one of fund flows."""
        reader = FileReader(
            mer_id=self.account.text("mer_id"),
            settle_date=settle_date(bill.day),
            final_ms=day_end_ms(bill.day) + self.bill_wait_ms,
            seal=self.seal,
            now_ms=now_ms,
        )
        trades = bill.kind is BillKind.TRADE
        return self._call(self.builder.file(bill, now_ms=now_ms), reader.read if trades else _no_such_file)

    def _reader(self, ref: OrderRef, kinds: set[TxnType], *, now_ms: int) -> AnswerReader:
        return self._about(ref.out_trade_no, ref.opened_ms, ref.amount_fen, kinds, {}, now_ms=now_ms)

    def _refund_reader(self, order: RefundOrder, kinds: set[TxnType], *, now_ms: int) -> AnswerReader:
        query_id = order.order.transaction_id
        also = {} if query_id is None else {"origQryId": query_id}
        return self._about(order.refund_no, order.opened_ms, order.amount_fen, kinds, also, now_ms=now_ms)

    def _about(
        self, number: str, opened_ms: int, amount_fen: int, kinds: set[TxnType], also: dict[str, str], *, now_ms: int
    ) -> AnswerReader:
        asked = Asked(
            mer_id=self.account.text("mer_id"),
            order_id=number,
            txn_time=txn_time(opened_ms),
            amount_fen=amount_fen,
            kinds=frozenset(kind.value for kind in kinds),
            also=also,
        )
        return AnswerReader(asked=asked, seal=self.seal, now_ms=now_ms)

    def _call(self, request: ChannelRequest, read: Callable[[ChannelResponse], VerdictT]) -> PreparedCall[VerdictT]:
        return PreparedCall(
            request=request,
            read=read,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )


def _not_yet(_response: ChannelResponse) -> RefundRefused:
    return RefundRefused(code="queryId", reason=ChannelReason.ORDER_STATE, final=False)


def _no_such_file(_response: ChannelResponse) -> NoBill:
    return NoBill(code="fund_flow")
