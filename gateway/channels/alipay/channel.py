"""Alipay as a `Channel`: joins each request with the reader of its answer, for one account.

Pure. It must not know schedules beyond the traits it states, nor what becomes of a verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeVar

from gateway.channels.account import ChannelAccount
from gateway.channels.alipay import notifications
from gateway.channels.alipay.bills import BillReader
from gateway.channels.alipay.keys import open_keys
from gateway.channels.alipay.nodes import Ours
from gateway.channels.alipay.payers import AUTHORIZE_URL, authorization_code, authorize_address, read_payer
from gateway.channels.alipay.refund_answers import RefundReader
from gateway.channels.alipay.requests import CANCEL, CLOSE, CREATE, PAY, PRECREATE, QUERY, RequestBuilder
from gateway.channels.alipay.responses import AnswerReader
from gateway.channels.port import (
    BillOf,
    BillVerdict,
    Channel,
    ChannelRequest,
    ChannelResponse,
    ChannelTraits,
    CreateVerdict,
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
    RefundVerdict,
    UndoAction,
    UndoVerdict,
)

NAME: Final = "alipay"
VerdictT = TypeVar("VerdictT")


def open_alipay(account: ChannelAccount) -> Channel:
    """Loads the account's keys. Raises AccountError."""
    keys = open_keys(account)
    return AlipayChannel(
        account=account,
        ours=Ours(app_id=account.text("app_id"), seller_id=account.optional("seller_id"), wallet=keys.wallet),
        builder=RequestBuilder(account=account, keys=keys),
        traits=ChannelTraits(
            channel=NAME,
            display_name="支付宝",
            min_query_interval_ms=account.min_query_interval_ms,
            query_interval_ms=account.min_query_interval_ms,
            code_open_ms=60_000,
            decide_after_ms=45_000,
            undo_not_before_ms=0,
            undo_window_ms=24 * 3_600_000,
            undo_of_paid=UndoAction.REFUND,
            qr_unknown_until_scanned=True,
            calls_per_second=account.calls_per_second,
            pages=True,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayChannel:
    """See `gateway.channels.port.Channel`."""

    account: ChannelAccount
    builder: RequestBuilder = field(repr=False)
    ours: Ours = field(repr=False)
    traits: ChannelTraits

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]:
        return self._call(self.builder.pay(order, now_ms=now_ms), self._reader(PAY, order.ref).pay)

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]:
        return self._call(self.builder.precreate(order, now_ms=now_ms), self._reader(PRECREATE, order.ref).precreate)

    def create(self, order: PageOrder, *, now_ms: int) -> PreparedCall[CreateVerdict]:
        return self._call(self.builder.create(order, now_ms=now_ms), self._reader(CREATE, order.ref).create)

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]:
        return self._call(self.builder.about(QUERY, ref, now_ms=now_ms), self._reader(QUERY, ref).query)

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        """One call for every kind of order: closes what is unpaid, gives back what is paid."""
        return self._call(self.builder.about(CANCEL, ref, now_ms=now_ms), self._reader(CANCEL, ref).undo)

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        return self._call(self.builder.about(CLOSE, ref, now_ms=now_ms), self._reader(CLOSE, ref).undo)

    def refund(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundVerdict]:
        reader = RefundReader(order=order, ours=self.ours)
        return self._call(self.builder.refund(order, now_ms=now_ms), reader.refund)

    def refund_query(self, order: RefundOrder, *, now_ms: int) -> PreparedCall[RefundQueryVerdict]:
        reader = RefundReader(order=order, ours=self.ours)
        return self._call(self.builder.refund_query(order, now_ms=now_ms), reader.query)

    def authorize_url(self, *, redirect: str, state: str) -> str | None:
        page = self.account.optional("authorize_url") or AUTHORIZE_URL
        return authorize_address(page, app_id=self.ours.app_id, redirect=redirect, state=state)

    def payer(self, query: Mapping[str, str], *, user_agent: str, now_ms: int) -> PreparedCall[PayerVerdict] | None:
        code = authorization_code(query, app_id=self.ours.app_id)
        if code is None:
            return None
        return self._call(self.builder.token(code, now_ms=now_ms), partial(read_payer, ours=self.ours))

    def read_notification(self, notification: Notification, *, now_ms: int) -> NotificationVerdict:
        return notifications.read_notification(notification, ours=self.ours)

    def notification_reply(self, *, received: bool) -> NotificationReply:
        return notifications.reply(received=received)

    def bill(self, bill: BillOf, *, now_ms: int) -> PreparedCall[BillVerdict | PreparedCall[BillVerdict]]:
        reader = BillReader(
            bill=bill,
            asked_ms=now_ms,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
            ours=self.ours,
        )
        return self._call(self.builder.bill(bill, now_ms=now_ms), reader.address)

    def _call(self, request: ChannelRequest, read: Callable[[ChannelResponse], VerdictT]) -> PreparedCall[VerdictT]:
        return PreparedCall(
            request=request,
            read=read,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )

    def _reader(self, method: str, ref: OrderRef) -> AnswerReader:
        return AnswerReader(method=method, ref=ref, ours=self.ours)
