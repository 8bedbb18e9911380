"""Alipay as a `Channel`: joins each request with the reader of its answer, for one account.

Pure. It must not know schedules beyond the traits it states, nor what becomes of a verdict.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.channels.account import AccountError, ChannelAccount
from gateway.channels.alipay.requests import CANCEL, CLOSE, PAY, PRECREATE, QUERY, RequestBuilder
from gateway.channels.alipay.responses import AnswerReader
from gateway.channels.alipay.signing import KeyUnreadable, read_private_key, read_public_key
from gateway.channels.port import (
    Channel,
    ChannelTraits,
    OrderRef,
    PayOrder,
    PayVerdict,
    PrecreateVerdict,
    PreparedCall,
    QrOrder,
    QueryVerdict,
    UndoAction,
    UndoVerdict,
)

NAME: Final = "alipay"


def open_alipay(account: ChannelAccount) -> Channel:
    """Loads the account's keys. Raises AccountError."""
    try:
        private_key = read_private_key(account.secret("private_key"))
    except KeyUnreadable as bad:
        raise AccountError(account=account.id, where="private_key", hint=str(bad)) from None
    try:
        wallet_key = read_public_key(account.text("wallet_public_key"))
    except KeyUnreadable as bad:
        raise AccountError(account=account.id, where="wallet_public_key", hint=str(bad)) from None
    if private_key.public_key() == wallet_key:
        hint = "is the application's own key; the wallet's key is another one, shown beside it in the console"
        raise AccountError(account=account.id, where="wallet_public_key", hint=hint)
    return AlipayChannel(
        account=account,
        wallet_key=wallet_key,
        builder=RequestBuilder(account=account, private_key=private_key),
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
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AlipayChannel:
    """See `gateway.channels.port.Channel`."""

    account: ChannelAccount
    builder: RequestBuilder = field(repr=False)
    wallet_key: RSAPublicKey = field(repr=False)
    traits: ChannelTraits

    def pay(self, order: PayOrder, *, now_ms: int) -> PreparedCall[PayVerdict]:
        return PreparedCall(
            request=self.builder.pay(order, now_ms=now_ms),
            read=self._reader(PAY, order.ref).pay,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )

    def precreate(self, order: QrOrder, *, now_ms: int) -> PreparedCall[PrecreateVerdict]:
        return PreparedCall(
            request=self.builder.precreate(order, now_ms=now_ms),
            read=self._reader(PRECREATE, order.ref).precreate,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )

    def query(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]:
        return PreparedCall(
            request=self.builder.about(QUERY, ref, now_ms=now_ms),
            read=self._reader(QUERY, ref).query,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )

    def cancel(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        return self._undo(CANCEL, ref, now_ms=now_ms)

    def close(self, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        return self._undo(CLOSE, ref, now_ms=now_ms)

    def _undo(self, method: str, ref: OrderRef, *, now_ms: int) -> PreparedCall[UndoVerdict]:
        return PreparedCall(
            request=self.builder.about(method, ref, now_ms=now_ms),
            read=self._reader(method, ref).undo,
            connect_timeout_ms=self.account.connect_timeout_ms,
            read_timeout_ms=self.account.read_timeout_ms,
        )

    def _reader(self, method: str, ref: OrderRef) -> AnswerReader:
        return AnswerReader(
            method=method,
            ref=ref,
            app_id=self.account.text("app_id"),
            seller_id=self.account.optional("seller_id"),
            wallet_key=self.wallet_key,
        )
