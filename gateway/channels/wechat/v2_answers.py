"""Reads the answers of v2: pay, query, reverse, refund and refund query.

Rules
- Signature first, by the sign_type of the request. `return_code` FAIL carries no signature: it settles nothing,
  whatever it says. "Declined" comes only out of a signed answer with a listed code.
- An answer is about our application, merchant and order, "paid" also about our amount; what differs is a `Mismatch`.
- A signature does not cover which call is answered: a field that only another call has makes an answer settle nothing.
- A missing client certificate is no answer of v2 at all (the line is cut, or an HTML page comes): unknown.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Closed,
    Declined,
    Failed,
    Mismatch,
    NotFound,
    OrderRef,
    Paid,
    PayVerdict,
    Pending,
    QueryVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)
from gateway.channels.wechat import codes
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.keys import V2Keys
from gateway.channels.wechat.times import unix_ms_of
from gateway.channels.wechat.trade import Trade
from gateway.channels.wechat.v2_signing import SIGN, is_signed
from gateway.channels.wechat.xml_text import read_xml

VerdictT = TypeVar("VerdictT")

_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_FEN: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Verified fields."""

    values: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        return self.values.get(name, "")

    def fen(self, name: str) -> int | None:
        value = self.text(name)
        return int(value) if _FEN.fullmatch(value) else None

    @property
    def succeeded(self) -> bool:
        return self.text("result_code") == "SUCCESS"

    @property
    def refusal(self) -> str:
        """err_code, when the answer is a refusal at all."""
        return self.text("err_code") if self.text("result_code") == "FAIL" else ""

    def ask(self) -> Unknown:
        return Unknown(reason=ChannelReason.ASK_AGAIN, code=safe_code(self.text("err_code")))

    def unsettled(self) -> Unknown:
        """A refusal that is in no table of its call."""
        code = self.refusal
        if code in codes.CHANNEL_FAULTS:
            return Unknown(reason=ChannelReason.CHANNEL_ERROR, code=code)
        if code in codes.TOO_OFTEN:
            return Unknown(reason=ChannelReason.TOO_OFTEN, code=code)
        if code in codes.MISCONFIGURED:
            return Unknown(reason=ChannelReason.MERCHANT_CONFIG, code=code)
        if code in codes.ASK or not code:
            return self.ask()
        return Unknown(reason=ChannelReason.UNLISTED, code=safe_code(code))


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Ours:
    """Who we are, and by what answers are verified."""

    identity: Identity
    keys: V2Keys = field(repr=False)

    def verified(self, response: ChannelResponse) -> Fields | Unknown:
        if response.status != 200:
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        values = read_xml(response.body)
        if values is None:
            return Unknown(reason=ChannelReason.UNREADABLE)
        if values.get("return_code") != "SUCCESS":
            return Unknown(reason=ChannelReason.UNSIGNED, code="return_code")
        if not values.get(SIGN):
            return Unknown(reason=ChannelReason.UNSIGNED)
        if not is_signed(values, self.keys.key, self.keys.sign_type):
            return Unknown(reason=ChannelReason.BAD_SIGNATURE)
        return Fields(values=values)

    def differences(self, fields: Fields, ref: OrderRef, *needed: str) -> tuple[str, ...]:
        """Names of fields that are not ours. One that is not `needed` may be absent, never different."""
        same = {
            "out_trade_no": fields.text("out_trade_no") == ref.out_trade_no,
            "total_fee": fields.fen("total_fee") == ref.amount_fen,
            "fee_type": fields.text("fee_type") == "CNY",
        }
        own = ("appid", "mch_id") if needed else ()
        missing = [name for name in own if not fields.text(name)]
        wrong = [name for name, ours in same.items() if not ours and (name in needed or fields.text(name))]
        return (*missing, *self.identity.foreign_v2(fields.values), *wrong)


def safe_code(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""


def trade_of(fields: Fields, state: str) -> Trade:
    return Trade(
        state=state,
        transaction_id=fields.text("transaction_id"),
        amount_fen=fields.fen("total_fee"),
        paid_at_ms=unix_ms_of(fields.text("time_end")),
        payer=fields.text("openid") or fields.text("sub_openid"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class V2Answers:
    """Reads the answer to one call about one order of one account."""

    ref: OrderRef
    ours: V2Ours = field(repr=False)

    def pay(self, response: ChannelResponse) -> PayVerdict:
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if fields.text("trade_state") or fields.text("recall"):
            return fields.ask()
        if fields.succeeded:
            if fields.text("trade_type") != "MICROPAY":
                return fields.ask()
            paid = trade_of(fields, "SUCCESS").paid()
            return self._about(fields, paid, "out_trade_no", "total_fee") if isinstance(paid, Paid) else paid
        if fields.refusal == codes.USERPAYING:
            return self._about(fields, Pending(payer_prompted=True))
        if fields.refusal in codes.NOT_CHARGED:
            return self._about(fields, Declined(code=fields.refusal, reason=codes.NOT_CHARGED[fields.refusal]))
        return fields.unsettled()

    def query(self, response: ChannelResponse) -> QueryVerdict:
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if fields.refusal in codes.NOT_FOUND:
            return self._about(fields, NotFound(code=fields.refusal))
        if not fields.succeeded:
            return fields.unsettled()
        verdict = trade_of(fields, fields.text("trade_state")).verdict()
        match verdict:
            case Paid():
                return self._about(fields, verdict, "out_trade_no", "total_fee")
            case Pending() | Closed() | Failed():
                return self._about(fields, verdict, "out_trade_no")
            case Unknown():
                return verdict

    def reverse(self, response: ChannelResponse) -> UndoVerdict:
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if fields.text("trade_state") or fields.text("total_fee"):
            return fields.ask()
        return self._about(fields, self._undo(fields))

    def close(self, response: ChannelResponse) -> UndoVerdict:
        """Of a QR or page. It takes only what is unpaid."""
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if fields.text("trade_state") or fields.text("recall") or fields.text("total_fee"):
            return fields.ask()
        return self._about(fields, self._closed(fields))

    def _closed(self, fields: Fields) -> UndoAcknowledged | UndoRetry | UndoRefused | Unknown:
        code = fields.refusal
        if fields.succeeded:
            return UndoAcknowledged(action=UndoAction.CLOSE)
        if code in codes.CLOSED_BEFORE:
            return UndoAcknowledged(action=UndoAction.NONE)
        if code in codes.UNDO_AGAIN:
            return UndoRetry(code=code)
        if code in codes.UNDO_REFUSED:
            return UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
        return fields.unsettled()

    def _undo(self, fields: Fields) -> UndoAcknowledged | UndoRetry | UndoRefused | Unknown:
        code = fields.refusal
        if code == codes.WINDOW_OVER:
            return UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
        if fields.text("recall") == "Y":
            return UndoRetry(code=safe_code(code) or "recall")
        if fields.succeeded:
            acknowledged = fields.text("recall") == "N"
            # It does not say whether it closed an unpaid order or gave a paid one back.
            return UndoAcknowledged(action=UndoAction.NONE) if acknowledged else fields.ask()
        if code in codes.UNDO_AGAIN:
            return UndoRetry(code=code)
        if code in codes.UNDO_REFUSED:
            return UndoRefused(code=code, reason=codes.UNDO_REFUSED[code])
        return fields.unsettled()

    def _about(self, fields: Fields, verdict: VerdictT, *needed: str) -> VerdictT | Mismatch:
        wrong = self.ours.differences(fields, self.ref, *needed)
        return Mismatch(fields=wrong) if wrong else verdict
