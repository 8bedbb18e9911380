"""Reads answers about an order into verdicts: pay, precreate, create, query, cancel and close.

Rules
- A statement about a trade must repeat our order number, "paid" also our amount; whatever else it names must be ours.
- A code or state that is not in a table is `Unknown`. 20000 and SYSTEM_ERROR may have charged.
- A node's signature does not cover which method it answers, so readers ask for the fields that only their method has:
  a query's "waiting" node can never be read as a pay answer.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from typing import Final, TypeVar

from msgspec import Struct

from gateway.channels.alipay import codes
from gateway.channels.alipay.amounts import unix_ms_of
from gateway.channels.alipay.nodes import CODE, TRADE_NO, Node, Ours, ask, unsettled
from gateway.channels.port import (
    ChannelResponse,
    Closed,
    CreateVerdict,
    Declined,
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

VerdictT = TypeVar("VerdictT")

_QR: Final = re.compile(r"[\x21-\x7e]{8,512}", re.ASCII)


class AnswerReader(Struct, frozen=True, kw_only=True):
    """Reads the answer to one call about one order of one account."""

    method: str
    ref: OrderRef
    ours: Ours

    def pay(self, response: ChannelResponse) -> PayVerdict:
        node = self.ours.verified(response, method=self.method)
        if not isinstance(node, Node):
            return node
        if node.code == codes.OK:
            if "trade_status" in node.values or unix_ms_of(node.text("gmt_payment")) is None:
                return ask(node)
            return self._paid(node, paid_at="gmt_payment")
        if node.code == codes.WAITING:
            return self._stated(node, Pending(payer_prompted=True))
        return self._refusal(node)

    def precreate(self, response: ChannelResponse) -> PrecreateVerdict:
        node = self.ours.verified(response, method=self.method)
        if not isinstance(node, Node):
            return node
        if node.code != codes.OK:
            return self._refusal(node)
        qr = node.text("qr_code")
        return self._stated(node, QrReady(qr=qr) if _QR.fullmatch(qr) else ask(node))

    def create(self, response: ChannelResponse) -> CreateVerdict:
        node = self.ours.verified(response, method=self.method)
        if not isinstance(node, Node):
            return node
        if node.code != codes.OK:
            return self._refusal(node)
        trade_no = node.text("trade_no")
        if not TRADE_NO.fullmatch(trade_no) or node.has("trade_status", "total_amount", "retry_flag", "fund_change"):
            return ask(node)
        return self._stated(node, PageReady(bridge={"tradeNO": trade_no}))

    def query(self, response: ChannelResponse) -> QueryVerdict:
        node = self.ours.verified(response, method=self.method)
        if not isinstance(node, Node):
            return node
        if node.code == "40004" and node.text("sub_code") == codes.NOT_FOUND:
            wrong = self.ours.differences(node, self.ref)
            return Mismatch(fields=wrong) if wrong else NotFound(code=codes.NOT_FOUND)
        if node.code != codes.OK:
            return unsettled(node)
        match node.text("trade_status"):
            case "TRADE_SUCCESS" | "TRADE_FINISHED":
                return self._paid(node, paid_at="send_pay_date")
            case "WAIT_BUYER_PAY":
                return self._stated(node, Pending(payer_prompted=True))
            case "TRADE_CLOSED":
                return self._stated(node, Closed(code="TRADE_CLOSED"))
            case _:
                return ask(node)

    def undo(self, response: ChannelResponse) -> UndoVerdict:
        """Cancel and close. `retry_flag` and `action` are cancel's; close answers with neither."""
        node = self.ours.verified(response, method=self.method)
        if not isinstance(node, Node):
            return node
        if wrong := self.ours.differences(node, self.ref):
            return Mismatch(fields=wrong)
        if node.code == codes.OK:
            return self._undone(node)
        if node.refusal in codes.RETRY:
            return UndoRetry(code=node.refusal)
        if node.refusal in codes.UNDO_REFUSED:
            return UndoRefused(code=node.refusal, reason=codes.UNDO_REFUSED[node.refusal])
        return unsettled(node)

    def _undone(self, node: Node) -> UndoVerdict:
        if "trade_status" in node.values or "total_amount" in node.values:
            return ask(node)
        closing = self.method.endswith(".close")
        match (node.text("retry_flag"), node.text("action")):
            case ("Y", _):
                return UndoRetry(code="retry_flag")
            case ("N" | "", "close"):
                return UndoAcknowledged(action=UndoAction.CLOSE)
            case ("N" | "", "refund"):
                return UndoAcknowledged(action=UndoAction.REFUND)
            case ("N" | "", ""):
                return UndoAcknowledged(action=UndoAction.CLOSE if closing else UndoAction.NONE)
            case _:
                return ask(node)

    def _stated(self, node: Node, verdict: VerdictT) -> VerdictT | Mismatch:
        wrong = self.ours.differences(node, self.ref, "out_trade_no")
        return Mismatch(fields=wrong) if wrong else verdict

    def _refusal(self, node: Node) -> Declined | Mismatch | Unknown:
        if node.refusal not in codes.NOT_CHARGED:
            return unsettled(node)
        if wrong := self.ours.differences(node, self.ref):
            return Mismatch(fields=wrong)
        return Declined(code=node.refusal, reason=codes.NOT_CHARGED[node.refusal])

    def _paid(self, node: Node, *, paid_at: str) -> Paid | Mismatch | Unknown:
        if wrong := self.ours.differences(node, self.ref, "out_trade_no", "total_amount"):
            return Mismatch(fields=wrong)
        trade_no = node.text("trade_no")
        if not TRADE_NO.fullmatch(trade_no):
            return ask(node)
        return Paid(
            transaction_id=trade_no,
            amount_fen=self.ref.amount_fen,
            paid_at_ms=unix_ms_of(node.text(paid_at)),
            payer_tail=payer_tail(node.text("buyer_user_id") or node.text("buyer_open_id")),
        )


def payer_tail(payer: str) -> str:
    """The last four characters of a payer's id; nothing of a short or strange one."""
    return payer[-4:] if len(payer) >= 16 and CODE.fullmatch(payer) else ""
