"""Reads UnionPay's answers into verdicts.

Rules
- Only a verified message about our order is looked at (answers.py); a code that is not in a table is `Unknown`.
- 00 to a pay call means "accepted", never "paid": only a query or a notification says paid, with txnAmt and currency.
- A query has two codes: respCode is about the query, origRespCode about the trade. Neither is read for the other.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    CreateVerdict,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    PageReady,
    Paid,
    PayerKnown,
    PayerUnknown,
    PayerVerdict,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from gateway.channels.unionpay import codes
from gateway.channels.unionpay.answers import Asked, Message, verified
from gateway.channels.unionpay.signing import Seal
from protocol.secret import Secret

_QR: Final = re.compile(r"https?://[\x21-\x7e]{4,500}", re.ASCII)
_USER_ID: Final = re.compile(r"[\x21-\x7e]{1,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReader:
    """Reads the answer to one call about one order or refund."""

    asked: Asked
    seal: Seal = field(repr=False)
    now_ms: int

    def pay(self, response: ChannelResponse) -> PayVerdict:
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        code = message.code()
        if code in codes.PAID or code in codes.PENDING:
            return Pending(payer_prompted=code == "70")
        return _refusal(message)

    def order_qr(self, response: ChannelResponse) -> PrecreateVerdict:
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        if message.code() != codes.OK:
            return _refusal(message)
        qr = message.text("qrCode")
        return QrReady(qr=qr) if _QR.fullmatch(qr) else message.ask()

    def page(self, response: ChannelResponse) -> CreateVerdict:
        """The order's QR is an address: UnionPay's own browser opens it and asks its holder to pay."""
        verdict = self.order_qr(response)
        return PageReady(redirect=verdict.qr) if isinstance(verdict, QrReady) else verdict

    def query(self, response: ChannelResponse) -> QueryVerdict:
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        if message.code() in codes.NOT_FOUND:
            return NotFound(code=message.code())
        if message.code() != codes.OK:
            return _unsettled(message)
        return trade_verdict(message, message.code("origRespCode"))

    def undo(self, response: ChannelResponse) -> UndoVerdict:
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        code = message.code()
        if code in (codes.OK, codes.ALREADY_UNDONE):
            return UndoAcknowledged(action=UndoAction.NONE)
        if code in codes.PENDING:
            return UndoRetry(code=code)
        if code in codes.UNDO_REFUSED:
            return UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
        return _unsettled(message)

    def refund(self, response: ChannelResponse) -> RefundVerdict:
        """00 means accepted. 12: this number is known already; the query says what became of it."""
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        code = message.code()
        if code in codes.PAID or code in codes.PENDING or code == codes.DUPLICATE:
            return RefundOpen(code=code)
        if code in codes.REFUND_LATER:
            return RefundRefused(code=code, reason=codes.REFUND_LATER[code], final=False)
        if code in codes.REFUND_NEVER:
            return RefundRefused(code=code, reason=ChannelReason.REFUND_REFUSED, final=True)
        return _unsettled(message)

    def refund_query(self, response: ChannelResponse) -> RefundQueryVerdict:
        message = self._about_ours(response)
        if not isinstance(message, Message):
            return message
        if message.code() in codes.NOT_FOUND:
            return RefundAbsent(code=message.code())
        if message.code() != codes.OK:
            return _unsettled(message)
        code = message.code("origRespCode")
        verdict = refund_verdict(message, code)
        return message.ask("origRespCode") if verdict is None else verdict

    def user_id(self, response: ChannelResponse) -> PayerVerdict:
        message = verified(response, self.seal, now_ms=self.now_ms)
        if not isinstance(message, Message):
            return message
        if any(
            message.text(name) != value
            for name, value in {"merId": self.asked.mer_id, **self.asked.also}.items()
            if name == "merId" or name in message.fields
        ):
            return Unknown(reason=ChannelReason.UNREADABLE, code="another exchange")
        if message.code() == codes.OK:
            user = message.text("userId")
            return PayerKnown(payer=Secret(user)) if _USER_ID.fullmatch(user) else message.ask()
        return PayerUnknown(code=message.code()) if message.code() in codes.AUTH_REFUSED else _unsettled(message)

    def _about_ours(self, response: ChannelResponse) -> Message | Mismatch | Unknown:
        message = verified(response, self.seal, now_ms=self.now_ms)
        if not isinstance(message, Message):
            return message
        return self.asked.wrong(message) or message


def trade_verdict(message: Message, code: str) -> Paid | Pending | Failed | Unknown:
    """What `code`, said of the trade itself, means: origRespCode of a query, respCode of a notification."""
    amount_fen = message.amount_fen
    if code in codes.PAID:
        if amount_fen is None or not message.query_id or message.text("currencyCode") != "156":
            return message.ask()
        return Paid(
            transaction_id=message.query_id,
            amount_fen=amount_fen,
            paid_at_ms=message.traced_ms,
            payer_tail=message.payer_tail,
        )
    if code in codes.PENDING:
        return Pending(payer_prompted=code == "70")
    taken = code in codes.MONEY_TAKEN
    if taken or code in codes.FAILED:
        return Failed(
            code=code,
            reason=ChannelReason.CHANNEL_ERROR if taken else codes.FAILED[code],
            money_taken=taken,
            closed_once_undone=not taken,
            transaction_id=message.query_id,
        )
    return Unknown(reason=ChannelReason.UNLISTED, code=code)


def refund_verdict(message: Message, code: str) -> RefundDone | RefundOpen | RefundRefused | None:
    """What `code` says of a refund that UnionPay has recorded. None: nothing, ask again.

    A recorded failure is final, even low balance: the same number sent again is a duplicate. A time-out, or a code
    without a reason, is no failure.
    """
    amount_fen = message.amount_fen
    if code in codes.PAID and amount_fen is not None:
        return RefundDone(amount_fen=amount_fen, channel_refund_id=message.query_id, done_at_ms=message.traced_ms)
    if code in codes.PENDING:
        return RefundOpen(code=code)
    if code in codes.REFUND_NEVER or (code in codes.FAILED and code not in codes.NO_REASON):
        low = code == "64"
        reason = ChannelReason.SELLER_BALANCE_LOW if low else ChannelReason.REFUND_REFUSED
        return RefundRefused(code=code, reason=reason, final=True)
    return None


def _refusal(message: Message) -> Declined | Unknown:
    code = message.code()
    if code in codes.NOT_CHARGED:
        return Declined(code=code, reason=codes.NOT_CHARGED[code])
    return _unsettled(message)


def _unsettled(message: Message) -> Unknown:
    code = message.code()
    if code == codes.TOO_OFTEN:
        return Unknown(reason=ChannelReason.TOO_OFTEN, code=code)
    if code == codes.DUPLICATE or code in codes.MONEY_TAKEN:
        return message.ask()
    if code in codes.PENDING or code in ("02", "99"):
        return Unknown(reason=ChannelReason.CHANNEL_ERROR, code=code)
    return Unknown(reason=ChannelReason.UNLISTED, code=code)
