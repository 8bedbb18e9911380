"""Reads answers about a refund, of v2 and of v3: the call and the query.

Rules
- A refund is done when a signed answer says so about our order, our refund number and both amounts. Accepted is not
  done.
- ABNORMAL (v2 CHANGE) means that the payer's account did not take it: it stays open until a person settles it in
  WeChat's console. CLOSED (v2 REFUNDCLOSE) is the end without money.
- One number is one refund for ever at WeChat, so sending it again is safe whatever an answer was worth. Therefore, and
  only here, an unsigned refusal of v3 (its common form) may lead to "again later"; it never ends a refund.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Mismatch,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundOrder,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    Unknown,
)
from gateway.channels.wechat import codes
from gateway.channels.wechat.json_text import fen_of, part_of, text_of
from gateway.channels.wechat.times import unix_ms_of
from gateway.channels.wechat.v2_answers import Fields, V2Ours
from gateway.channels.wechat.v3_messages import Refusal, Statement, V3Ours

_REFUND_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_MAX_REFUNDS: Final = 50


class ToldRefund(Struct, frozen=True, kw_only=True):
    """One refund's state, in either protocol's word."""

    status: str
    amount_fen: int
    refund_id: str
    done_at_ms: int | None

    def verdict(self) -> RefundDone | RefundOpen | RefundRefused | None:
        """None: a word that is not known."""
        match self.status:
            case "SUCCESS":
                refund_id = self.refund_id if _REFUND_ID.fullmatch(self.refund_id) else ""
                return RefundDone(amount_fen=self.amount_fen, channel_refund_id=refund_id, done_at_ms=self.done_at_ms)
            case "PROCESSING" | "ABNORMAL" | "CHANGE":
                return RefundOpen(code=self.status)
            case "CLOSED" | "REFUNDCLOSE":
                return RefundRefused(code=self.status, reason=ChannelReason.REFUND_REFUSED, final=True)
            case _:
                return None


@dataclass(frozen=True, slots=True, kw_only=True)
class V2RefundAnswers:
    order: RefundOrder
    ours: V2Ours = field(repr=False)

    def refund(self, response: ChannelResponse) -> RefundVerdict:
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if not fields.succeeded:
            return self._refused(fields)
        if wrong := self._differences(fields, "out_trade_no", "total_fee", "out_refund_no", "refund_fee"):
            return Mismatch(fields=wrong)
        return RefundOpen(code="accepted")

    def query(self, response: ChannelResponse) -> RefundQueryVerdict:
        fields = self.ours.verified(response)
        if not isinstance(fields, Fields):
            return fields
        if fields.refusal in codes.REFUND_ABSENT:
            wrong = self._differences(fields)
            return Mismatch(fields=wrong) if wrong else RefundAbsent(code=fields.refusal)
        if not fields.succeeded:
            return fields.unsettled()
        index = self._index(fields)
        if index is None:
            return Mismatch(fields=("out_refund_no",))
        wrong = list(self.ours.differences(fields, self.order.order, "out_trade_no"))
        if fields.fen(f"refund_fee_{index}") != self.order.amount_fen:
            wrong.append("refund_fee")
        if wrong:
            return Mismatch(fields=tuple(wrong))
        told = ToldRefund(
            status=fields.text(f"refund_status_{index}"),
            amount_fen=self.order.amount_fen,
            refund_id=fields.text(f"refund_id_{index}"),
            done_at_ms=unix_ms_of(fields.text(f"refund_success_time_{index}")),
        )
        return told.verdict() or fields.ask()

    def _refused(self, fields: Fields) -> RefundVerdict:
        if wrong := self._differences(fields):
            return Mismatch(fields=wrong)
        code = fields.refusal
        if code in codes.REFUND_DIFFERS:
            return Mismatch(fields=("refund_fee",))
        if code in codes.REFUND_NEVER:
            return RefundRefused(code=code, reason=codes.REFUND_NEVER[code], final=True)
        if code in codes.REFUND_LATER:
            return RefundRefused(code=code, reason=codes.REFUND_LATER[code], final=False)
        return fields.unsettled()

    def _index(self, fields: Fields) -> int | None:
        """Ours among those that the answer counts."""
        found = (n for n in range(_MAX_REFUNDS) if fields.text(f"out_refund_no_{n}") == self.order.refund_no)
        return next(found, None)

    def _differences(self, fields: Fields, *needed: str) -> tuple[str, ...]:
        same = {
            "out_refund_no": fields.text("out_refund_no") == self.order.refund_no,
            "refund_fee": fields.fen("refund_fee") == self.order.amount_fen,
        }
        return (
            *self.ours.differences(fields, self.order.order, *needed),
            *(name for name, ours in same.items() if not ours and (name in needed or fields.text(name))),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class V3RefundAnswers:
    order: RefundOrder
    ours: V3Ours = field(repr=False)

    def refund(self, response: ChannelResponse) -> RefundVerdict:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return self._told(opened)
            case Refusal():
                return _refused(opened)
            case Unknown():
                return opened

    def query(self, response: ChannelResponse) -> RefundQueryVerdict:
        opened = self.ours.opened(response)
        match opened:
            case Statement():
                return self._told(opened)
            case Refusal(code=code) if code in codes.REFUND_ABSENT:
                return RefundAbsent(code=code)
            case Refusal():
                return opened.unsettled()
            case Unknown():
                return opened

    def _told(self, told: Statement) -> RefundDone | RefundOpen | RefundRefused | Mismatch | Unknown:
        amount = part_of(told.values, "amount")
        wrong = list(self.ours.differences(told.values, self.order.order, "out_trade_no", "amount.total"))
        if told.text("out_refund_no") != self.order.refund_no:
            wrong.append("out_refund_no")
        if fen_of(amount, "refund") != self.order.amount_fen:
            wrong.append("amount.refund")
        if wrong:
            return Mismatch(fields=tuple(wrong))
        status = ToldRefund(
            status=told.text("status"),
            amount_fen=self.order.amount_fen,
            refund_id=told.text("refund_id"),
            done_at_ms=unix_ms_of(text_of(told.values, "success_time")),
        )
        return status.verdict() or told.ask("status")


def _refused(refusal: Refusal) -> RefundRefused | Unknown:
    code = refusal.code
    if code in codes.REFUND_NEVER:
        return RefundRefused(code=code, reason=codes.REFUND_NEVER[code], final=refusal.signed)
    if code in codes.REFUND_LATER:
        return RefundRefused(code=code, reason=codes.REFUND_LATER[code], final=False)
    return refusal.unsettled()
