"""WeChat Pay as a `Channel`: joins each request with the reader of its answer, for one account.

Decided here
- A payment code goes by v2 from the first call to the last refund (`code_api` v3: by v3). A QR or a page is made and
  refunded by v3; it is asked about and closed by v2 where the account has its key: v3 says "no such order" in an
  unsigned 404, from which nothing may follow, and v2 signs its own.
- Undoing a code is the reverse, before and after it is paid; undoing a QR or page is the close, which takes only what
  is unpaid. WeChat refuses each for the other kind.
- A trade bill covers all of a merchant's trades, whichever protocol they were made by.
Pure. It must not know schedules beyond the traits it states, nor what becomes of a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

from gateway.channels.account import ChannelAccount
from gateway.channels.port import (
    BillKind,
    BillOf,
    BillVerdict,
    ChannelRequest,
    ChannelResponse,
    ChannelTraits,
    CreateVerdict,
    Notification,
    NotificationReply,
    NotificationVerdict,
    OrderKind,
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
    RefundVerdict,
    UndoVerdict,
)
from gateway.channels.wechat.bills import V3BillReader, read_v2_bill
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.keys import AccountKeys
from gateway.channels.wechat.notifications import RECEIVED, REFUSED, NotificationReader
from gateway.channels.wechat.payers import authorization_code, authorize_address, exchange_request, read_payer
from gateway.channels.wechat.refund_answers import V2RefundAnswers, V3RefundAnswers
from gateway.channels.wechat.v2_answers import V2Answers, V2Ours
from gateway.channels.wechat.v2_requests import CLOSE, QUERY, REVERSE, V2Requests
from gateway.channels.wechat.v3_answers import V3Answers
from gateway.channels.wechat.v3_messages import V3Ours
from gateway.channels.wechat.v3_requests import V3Requests
from gateway.channels.wechat.v3_signing import sign

VerdictT = TypeVar("VerdictT")


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Side:
    builder: V2Requests = field(repr=False)
    ours: V2Ours = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class WechatChannel:
    """See `gateway.channels.port.Channel`. `v2` None: payment codes go by v3."""

    account: ChannelAccount
    identity: Identity
    keys: AccountKeys = field(repr=False)
    v2: V2Side | None
    v3: V3Requests = field(repr=False)
    traits: ChannelTraits

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]:
        if self.v2 is None:
            return self._call(self.v3.codepay(order, now_ms=now_ms), self._v3(order.ref, now_ms).pay)
        return self._call(self.v2.builder.pay(order, now_ms=now_ms), _v2(self.v2, order.ref).pay)

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]:
        return self._call(self.v3.native(order, now_ms=now_ms), self._v3(order.ref, now_ms).native)

    def create(self, order: PageOrder, *, now_ms: int) -> PreparedCall[CreateVerdict]:
        read = partial(self._v3(order.ref, now_ms).page, bridge=partial(self._bridge, now_ms=now_ms))
        return self._call(self.v3.jsapi(order, now_ms=now_ms), read)

    def create_h5(self, order: QrOrder, *, payer_address: str, now_ms: int) -> PreparedCall[CreateVerdict]:
        """Not of the port: an order for a browser outside of WeChat, whose page opens the address it gets."""
        request = self.v3.h5(order, payer_address=payer_address, now_ms=now_ms)
        return self._call(request, self._v3(order.ref, now_ms).h5)

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]:
        if self.v2 is None:
            return self._call(self.v3.query(ref, now_ms=now_ms), self._v3(ref, now_ms).query)
        return self._call(self.v2.builder.about(QUERY, ref, now_ms=now_ms), _v2(self.v2, ref).query)

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        if ref.kind is not OrderKind.CODE and self.v2 is not None:
            return self._call(self.v2.builder.about(CLOSE, ref, now_ms=now_ms), _v2(self.v2, ref).close)
        if ref.kind is not OrderKind.CODE:
            return self._call(self.v3.close(ref, now_ms=now_ms), self._v3(ref, now_ms).close)
        if self.v2 is None:
            return self._call(self.v3.reverse(ref, now_ms=now_ms), self._v3(ref, now_ms).reverse)
        return self._call(self.v2.builder.about(REVERSE, ref, now_ms=now_ms), _v2(self.v2, ref).reverse)

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """A payment code's order has no close: its reverse does both."""
        return self.cancel(ref, now_ms=now_ms)

    def refund(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundVerdict]:
        side = self._side(order.order)
        if side is None:
            reader = V3RefundAnswers(order=order, ours=self._v3_ours(now_ms))
            return self._call(self.v3.refund(order, now_ms=now_ms), reader.refund)
        return self._call(
            side.builder.refund(order, now_ms=now_ms), V2RefundAnswers(order=order, ours=side.ours).refund
        )

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundQueryVerdict]:
        side = self._side(order.order)
        if side is None:
            reader = V3RefundAnswers(order=order, ours=self._v3_ours(now_ms))
            return self._call(self.v3.refund_query(order, now_ms=now_ms), reader.query)
        return self._call(
            side.builder.refund_query(order, now_ms=now_ms), V2RefundAnswers(order=order, ours=side.ours).query
        )

    def authorize_url(self, *, redirect: str, state: str) -> str | None:
        page = self.account.optional("authorize_url")
        if page is None or not self.traits.pages:
            return None
        return authorize_address(page, appid=self.identity.appid, redirect=redirect, state=state)

    def payer(self, query: Mapping[str, str], *, user_agent: str, now_ms: int) -> PreparedCall[PayerVerdict] | None:
        code = authorization_code(query)
        if code is None or not self.traits.pages:
            return None
        request = exchange_request(
            self.account.text("oauth_url"),
            appid=self.identity.appid,
            secret=self.account.secret("app_secret"),
            code=code,
        )
        return self._call(request, read_payer)

    def read_notification(self, notification: Notification, *, now_ms: int) -> NotificationVerdict:
        return NotificationReader(identity=self.identity, keys=self.keys).read(notification, now_ms=now_ms)

    def notification_reply(self, *, received: bool) -> NotificationReply:
        return RECEIVED if received else REFUSED

    def bill(self, bill: BillOf, *, now_ms: int) -> PreparedCall[BillVerdict | PreparedCall[BillVerdict]]:
        if self.v2 is not None and bill.kind is BillKind.TRADE:
            return self._call(self.v2.builder.bill(bill, now_ms=now_ms), read_v2_bill)
        reader = V3BillReader(
            ours=self._v3_ours(now_ms),
            builder=self.v3,
            asked_ms=now_ms,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )
        return self._call(self.v3.bill(bill, now_ms=now_ms), reader.address)

    def _side(self, ref: OrderRef) -> V2Side | None:
        """v2, where this order went by it."""
        return self.v2 if ref.kind is OrderKind.CODE else None

    def _v3_ours(self, now_ms: int) -> V3Ours:
        return V3Ours(identity=self.identity, wallet=self.keys.wallet, now_ms=now_ms)

    def _v3(self, ref: OrderRef, now_ms: int) -> V3Answers:
        return V3Answers(ref=ref, ours=self._v3_ours(now_ms))

    def _bridge(self, prepay_id: str, *, now_ms: int) -> dict[str, str]:
        """What `getBrandWCPayRequest` wants: the script pays only with the merchant's signature over it."""
        appid, seconds, package = self.identity.appid, str(now_ms // 1000), f"prepay_id={prepay_id}"
        nonce = self.v3.derived_nonce(f"{appid}\n{seconds}\n{package}\n".encode())
        text = f"{appid}\n{seconds}\n{nonce}\n{package}\n".encode()
        return {
            "appId": appid,
            "timeStamp": seconds,
            "nonceStr": nonce,
            "package": package,
            "signType": "RSA",
            "paySign": sign(self.keys.private, text),
        }

    def _call(self, request: ChannelRequest, read: Callable[[ChannelResponse], VerdictT]) -> PreparedCall[VerdictT]:
        return PreparedCall(
            request=request,
            read=read,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )


def _v2(side: V2Side, ref: OrderRef) -> V2Answers:
    return V2Answers(ref=ref, ours=side.ours)
