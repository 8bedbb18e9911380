"""Reads the answers of v3 about an order: code payment, native, page, H5, query, close and reverse.

Rules
- HTTP 200 is not "paid": only the signed `trade_state` is, about our merchant, order and amount.
- A refused code payment is never "declined": refusals were seen after the customer had been charged.
- A refused order for a QR or a page is "declined" only by a signed answer with a listed code.
It must not know the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gateway.channels.address import address_fault
from gateway.channels.port import (
    ChannelResponse,
    Closed,
    CreateVerdict,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    OrderRef,
    PageReady,
    Paid,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from gateway.channels.wechat import codes
from gateway.channels.wechat.v3_messages import Refusal, Statement, V3Ours, trade_of

VerdictT = TypeVar("VerdictT")

_QR: Final = re.compile(r"weixin://[\x21-\x7e]{1,500}", re.ASCII)
_PREPAY_ID: Final = re.compile(r"[\x21-\x25\x27-\x7e]{1,64}", re.ASCII)
_H5_URL: Final = re.compile(r"https?://[\x21-\x7e]{1,500}", re.ASCII)
#: Who an order is about: all that an answer about its state must name.
_NAMED: Final = ("out_trade_no", "mchid", "sp_mchid", "sub_mchid")


@dataclass(frozen=True, slots=True, kw_only=True)
class V3Answers:
    """Reads the answer to one call about one order of one account."""

    ref: OrderRef
    ours: V3Ours = field(repr=False)

    def pay(self, response: ChannelResponse) -> PayVerdict:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                verdict = self._state(opened)
                # A trade that is over without money is told by the query that follows.
                return opened.ask() if isinstance(verdict, Closed | Failed) else verdict
            case Refusal(signed=True, code=codes.USERPAYING):
                return Pending(payer_prompted=True)
            case Refusal():
                return opened.unsettled()
            case Unknown():
                return opened

    def native(self, response: ChannelResponse) -> PrecreateVerdict:
        opened = self._placed(response)
        if not isinstance(opened, Statement):
            return opened
        qr = opened.text("code_url")
        return QrReady(qr=qr) if _QR.fullmatch(qr) else opened.ask("code_url")

    def page(self, response: ChannelResponse, *, bridge: Callable[[str], dict[str, str]]) -> CreateVerdict:
        """`bridge`: what the page hands to the wallet's script, from the prepay_id."""
        opened = self._placed(response)
        if not isinstance(opened, Statement):
            return opened
        prepay_id = opened.text("prepay_id")
        return PageReady(bridge=bridge(prepay_id)) if _PREPAY_ID.fullmatch(prepay_id) else opened.ask("prepay_id")

    def h5(self, response: ChannelResponse) -> CreateVerdict:
        """An address that a browser outside of WeChat opens, coming from the shop's page."""
        opened = self._placed(response)
        if not isinstance(opened, Statement):
            return opened
        url = opened.text("h5_url")
        callable_ = _H5_URL.fullmatch(url) and address_fault(url) is None
        return PageReady(redirect=url) if callable_ else opened.ask("h5_url")

    def query(self, response: ChannelResponse) -> QueryVerdict:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return self._state(opened)
            case Refusal(signed=True, code=code) if code in codes.NOT_FOUND:
                return NotFound(code=code)
            case Refusal():
                return opened.unsettled()
            case Unknown():
                return opened

    def close(self, response: ChannelResponse) -> UndoVerdict:
        """204 has nothing to bind it to this call but the line."""
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return opened.ask() if opened.values else UndoAcknowledged(action=UndoAction.CLOSE)
            case Refusal():
                return _undo_refused(opened)
            case Unknown():
                return opened

    def reverse(self, response: ChannelResponse) -> UndoVerdict:
        """It does not say whether it closed an unpaid order or gave a paid one back."""
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                if opened.text("trade_state"):
                    return opened.ask()
                return self._about(opened, UndoAcknowledged(action=UndoAction.NONE), "out_trade_no")
            case Refusal():
                return _undo_refused(opened)
            case Unknown():
                return opened

    def _placed(self, response: ChannelResponse) -> Statement | Declined | Mismatch | Unknown:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return self._about(opened, opened)
            case Refusal(signed=True, code=code) if code in codes.NOT_OPENED:
                return Declined(code=code, reason=codes.NOT_OPENED[code])
            case Refusal():
                return opened.unsettled()
            case Unknown():
                return opened

    def _state(self, told: Statement) -> Paid | Pending | Closed | Failed | Mismatch | Unknown:
        verdict = trade_of(told.values).verdict()
        named = tuple(name for name in _NAMED if name == "out_trade_no" or name in self.ours.identity.v3_merchant)
        match verdict:
            case Paid():
                return self._about(told, verdict, *named, "amount.total")
            case Pending() | Closed() | Failed():
                return self._about(told, verdict, *named)
            case Unknown():
                return verdict

    def _about(self, told: Statement, verdict: VerdictT, *needed: str) -> VerdictT | Mismatch:
        wrong = self.ours.differences(told.values, self.ref, *needed)
        return Mismatch(fields=wrong) if wrong else verdict


def _undo_refused(refusal: Refusal) -> UndoAcknowledged | UndoRetry | UndoRefused | Unknown:
    code = refusal.code
    if not refusal.signed:
        return refusal.unsettled()
    if code in codes.CLOSED_BEFORE:
        return UndoAcknowledged(action=UndoAction.NONE)
    if code in codes.UNDO_AGAIN:
        return UndoRetry(code=code)
    if code in codes.UNDO_REFUSED:
        return UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
    return refusal.unsettled()
