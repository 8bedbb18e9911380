"""alipay.trade.refund and its query.

Rules, the real one's: a request number is one refund for ever, and with another amount an error; the same again moves
nothing (`fund_change` N); refunds together never exceed what was paid; a refund of everything closes the trade.
Must not know: envelopes, signatures, HTTP.
"""

from dataclasses import replace

from sandbox.alipay import nodes
from sandbox.alipay.book import TradeBook
from sandbox.alipay.envelope import Call, Node
from sandbox.alipay.methods import Methods
from sandbox.alipay.requests import Malformed, RefundRequest, read_refund, read_trade_ref, text_field
from sandbox.alipay.trades import Refund, Trade, TradeStatus
from sandbox.course import ask_refund


class Refunds:
    def __init__(self, *, book: TradeBook, methods: Methods) -> None:
        self._book = book
        self._methods = methods

    def refund(self, call: Call, now_ms: int) -> Node:
        asked = read_refund(call.biz)
        if isinstance(asked, Malformed):
            return nodes.invalid_parameter(asked.why)
        trade = self._methods.find(asked.ref, now_ms)
        if not isinstance(trade, Trade):
            return trade
        if not asked.request_no:
            if asked.amount_fen != trade.order.total_fen:
                return nodes.invalid_parameter("部分退款必须传 out_request_no")
            asked = replace(asked, request_no=trade.order.out_trade_no)
        earlier = _refund(trade, asked.request_no)
        if earlier is not None:
            if earlier.amount_fen != asked.amount_fen:
                return nodes.failure("ACQ.DISCORDANT_REPEAT_REQUEST", "同一退款请求号的金额与原来不一致")
            return nodes.refunded(trade, fund_change=False)
        return self._first(trade, asked, now_ms)

    def refund_query(self, call: Call, now_ms: int) -> Node:
        """alipay.trade.fastpay.refund.query."""
        request_no = text_field(call.biz, "out_request_no")
        if not request_no:
            return nodes.invalid_parameter("缺少 out_request_no")
        trade = self._methods.find(read_trade_ref(call.biz), now_ms)
        if not isinstance(trade, Trade):
            return trade
        refund = _refund(trade, request_no)
        return nodes.refund_not_found(trade) if refund is None else nodes.refund_found(trade, refund)

    def _first(self, trade: Trade, asked: RefundRequest, now_ms: int) -> Node:
        match trade.status:
            case TradeStatus.TRADE_FINISHED:
                return nodes.failure("ACQ.TRADE_HAS_FINISHED", "交易已经完结，不能退款")
            case TradeStatus.WAIT_BUYER_PAY | TradeStatus.TRADE_CLOSED:
                return nodes.failure("ACQ.TRADE_STATUS_ERROR", "交易状态不允许退款")
            case TradeStatus.TRADE_SUCCESS:
                pass
        if trade.asked_back_fen + asked.amount_fen > trade.order.total_fen:
            return nodes.failure("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "退款金额超过可退金额")
        if trade.course.plan.refund.whole_only and asked.amount_fen != trade.order.total_fen:
            return nodes.failure("ACQ.REFUND_AMT_NOT_EQUAL_TOTAL", "该交易只能全额退款")
        course, balance_low = ask_refund(trade.course)
        trade = self._book.keep_trade(replace(trade, course=course))
        if balance_low:
            return nodes.failure("ACQ.SELLER_BALANCE_NOT_ENOUGH", "商户余额不足")
        refund = Refund(
            request_no=asked.request_no,
            amount_fen=asked.amount_fen,
            asked_ms=now_ms,
            lands_ms=now_ms + course.plan.refund.processing_ms,
        )
        self._book.keep_trade(replace(trade, refunds=(*trade.refunds, refund)))
        settled = self._book.trade(trade.order.out_trade_no, now_ms)
        assert settled is not None
        return nodes.refunded(settled, fund_change=refund.lands_ms <= now_ms)


def _refund(trade: Trade, request_no: str) -> Refund | None:
    return next((refund for refund in trade.refunds if refund.request_no == request_no), None)
