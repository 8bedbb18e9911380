"""Reads answers about a refund: the refund call and the refund query.

Rules
- A refund is done when the answer says so about our order, our request number and our amount.
- `refund_fee` is everything given back of the trade so far, never one refund: it bounds ours, it does not equal it.
- `fund_change` N moved no money by this call (a repeat, or still under way): only the query says more.
- A query without `refund_status` is a refund that is not through: under way when it names an amount, unknown otherwise.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gateway.channels.alipay import codes
from gateway.channels.alipay.amounts import fen_of, unix_ms_of
from gateway.channels.alipay.nodes import Node, Ours, ask, unsettled
from gateway.channels.alipay.requests import REFUND, REFUND_QUERY
from gateway.channels.port import (
    ChannelResponse,
    Mismatch,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundOrder,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
)

#: Fields of other methods' answers, whose nodes must not be read as ours.
_OF_OTHERS: Final = ("trade_status", "retry_flag", "qr_code", "gmt_payment")


class RefundReader(Struct, frozen=True, kw_only=True):
    """Reads the answers about one refund of one account."""

    order: RefundOrder
    ours: Ours

    def refund(self, response: ChannelResponse) -> RefundVerdict:
        node = self.ours.verified(response, method=REFUND)
        if not isinstance(node, Node):
            return node
        if node.code != codes.OK:
            return self._refused(node)
        if node.has(*_OF_OTHERS):
            return ask(node)
        if wrong := self._differences(node, "out_trade_no"):
            return Mismatch(fields=wrong)
        if node.text("fund_change") != "Y":
            return RefundOpen(code="fund_change")
        given_back = fen_of(node.text("refund_fee"))
        if given_back is None or not self.order.amount_fen <= given_back <= self.order.order.amount_fen:
            return Mismatch(fields=("refund_fee",))
        return self._done(node)

    def query(self, response: ChannelResponse) -> RefundQueryVerdict:
        node = self.ours.verified(response, method=REFUND_QUERY)
        if not isinstance(node, Node):
            return node
        if node.refusal == codes.NOT_FOUND:
            wrong = self._differences(node)
            return Mismatch(fields=wrong) if wrong else RefundAbsent(code=codes.NOT_FOUND)
        if node.code != codes.OK:
            return unsettled(node)
        if node.has(*_OF_OTHERS, "fund_change"):
            return ask(node)
        match node.text("refund_status"):
            case "REFUND_SUCCESS":
                wrong = self._differences(node, "out_trade_no", "out_request_no", "refund_amount")
                return Mismatch(fields=wrong) if wrong else self._done(node)
            case "" | "REFUND_PROCESSING" if node.has("refund_amount", "refund_status"):
                wrong = self._differences(node, "out_trade_no")
                return Mismatch(fields=wrong) if wrong else RefundOpen(code="refund_status")
            case "":
                wrong = self._differences(node)
                return Mismatch(fields=wrong) if wrong else RefundAbsent(code="refund_status")
            case _:
                return ask(node)

    def _refused(self, node: Node) -> RefundVerdict:
        if wrong := self._differences(node):
            return Mismatch(fields=wrong)
        code = node.refusal
        if code == codes.DISCORDANT:
            return Mismatch(fields=("refund_amount",))
        if code in codes.REFUND_NEVER:
            return RefundRefused(code=code, reason=codes.REFUND_NEVER[code], final=True)
        if code in codes.REFUND_LATER:
            return RefundRefused(code=code, reason=codes.REFUND_LATER[code], final=False)
        return unsettled(node)

    def _done(self, node: Node) -> RefundDone:
        """Alipay gives a refund no number of its own."""
        return RefundDone(
            amount_fen=self.order.amount_fen,
            channel_refund_id="",
            done_at_ms=unix_ms_of(node.text("gmt_refund_pay")),
        )

    def _differences(self, node: Node, *needed: str) -> tuple[str, ...]:
        """Like `Ours.differences`, with the refund's own number and amount; a refusal's amounts are not compared."""
        same = {
            "out_request_no": node.text("out_request_no") == self.order.refund_no,
            "refund_amount": fen_of(node.text("refund_amount")) == self.order.amount_fen,
        }
        if not needed:
            del same["refund_amount"]
        return (
            *self.ours.differences(node, self.order.order, *needed),
            *(name for name, ours in same.items() if not ours and (name in needed or node.has(name))),
        )
