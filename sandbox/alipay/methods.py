"""The methods of the counter and the page: pay, precreate, create, query, cancel, close.

Rules, the real one's: the same number with the same content is the same trade, with other content an error; a
precreated order does not exist until somebody scans it; a cancel closes what is unpaid, gives back what is paid, says
yes to a number it never saw, and stops working after 24 hours. Must not know: envelopes, signatures, HTTP.
"""

from dataclasses import replace
from typing import TypeAlias, assert_never

from sandbox.alipay import nodes
from sandbox.alipay.beijing import day_stamp
from sandbox.alipay.book import Offer, TradeBook
from sandbox.alipay.envelope import Call, Node
from sandbox.alipay.identities import Identities
from sandbox.alipay.requests import Malformed, TradeRef, read_order, read_qr_limit, read_trade_ref, text_field
from sandbox.alipay.trades import Order, Trade, TradeEvent, TradeStatus
from sandbox.codes import Buyer, CodeBook, CodeRefused, Presented
from sandbox.course import Course, QueryTurn, UndoTurn, ask_query, ask_undo
from sandbox.plan import Effect, Fault, Plan
from sandbox.wire import CutConnection, RandomBytes, random_digits, random_text

Said: TypeAlias = Node | CutConnection

CANCEL_WINDOW_MS = 86_400_000
_QR_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"
_UNTOUCHED = Plan(effect=Effect.OPENED)


class Methods:
    """`cancel_retries`: how many times each trade's cancel first answers `retry_flag=Y` and does nothing."""

    def __init__(
        self,
        *,
        book: TradeBook,
        codes: CodeBook,
        identities: Identities,
        random_bytes: RandomBytes,
        store_name: str,
        cancel_retries: int = 0,
    ) -> None:
        self._book = book
        self._codes = codes
        self._identities = identities
        self._random_bytes = random_bytes
        self._store_name = store_name
        self._cancel_retries = cancel_retries
        self._cancels_put_off: dict[str, int] = {}

    def pay(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.pay: charge the customer whose code was scanned."""
        order = read_order(call.biz, call.params.get("notify_url", ""), now_ms)
        if isinstance(order, Malformed):
            return nodes.invalid_parameter(order.why)
        auth_code = text_field(call.biz, "auth_code")
        if text_field(call.biz, "scene") != "bar_code" or not auth_code:
            return nodes.invalid_parameter("scene 应为 bar_code，且必须有 auth_code")
        known = self._book.trade(order.out_trade_no, now_ms)
        if known is not None:
            return self._pay_again(known, order, auth_code, now_ms)
        if self._book.offer(order.out_trade_no) is not None:
            return nodes.failure("ACQ.CONTEXT_INCONSISTENT", "该订单号已用于预下单")
        presented = self._codes.present(auth_code, now_ms)
        if isinstance(presented, CodeRefused):
            return _code_refused()
        return self._pay_first(order, auth_code, presented, now_ms)

    def precreate(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.precreate: a QR for the customer to scan."""
        order = read_order(call.biz, call.params.get("notify_url", ""), now_ms)
        if isinstance(order, Malformed):
            return nodes.invalid_parameter(order.why)
        limit_ms = read_qr_limit(call.biz, now_ms)
        if isinstance(limit_ms, Malformed):
            return nodes.invalid_parameter(limit_ms.why)
        known = self.visible(order.out_trade_no, now_ms)
        offer = self._book.offer(order.out_trade_no)
        earlier = known.order if known is not None else offer.order if offer is not None else None
        if earlier is not None and earlier != order:
            return _inconsistent()
        if known is not None and known.status is not TradeStatus.WAIT_BUYER_PAY:
            return _not_payable(known)
        if offer is None and known is None:
            qr = "https://qr.alipay.com/bax" + random_text(self._random_bytes, 21, _QR_ALPHABET)
            # The order's limit is the QR's: a trade opened by a late scan does not outlive what the shop shows.
            offer = self._book.keep_offer(Offer(order=replace(order, expires_ms=limit_ms), qr=qr, expires_ms=limit_ms))
        if offer is None:
            return _inconsistent()
        if offer.void:
            return nodes.failure("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
        return nodes.precreated(order.out_trade_no, offer.qr)

    def create(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.create: a trade for one known buyer, who pays it in the wallet's browser."""
        order = read_order(call.biz, call.params.get("notify_url", ""), now_ms)
        if isinstance(order, Malformed):
            return nodes.invalid_parameter(order.why)
        buyer = self._identities.buyer(text_field(call.biz, "buyer_id"), text_field(call.biz, "buyer_open_id"))
        if buyer is None:
            return nodes.invalid_parameter("buyer_id 或 buyer_open_id 不存在")
        known = self._book.trade(order.out_trade_no, now_ms)
        if known is None and self._book.offer(order.out_trade_no) is None:
            course = Course(plan=_UNTOUCHED, begun_ms=now_ms)
            return nodes.created(self._book.keep_trade(self.new_trade(order, buyer, course, now_ms)))
        if known is None or known.order != order or known.buyer != buyer or known.auth_code is not None:
            return _inconsistent()
        return nodes.created(known) if known.status is TradeStatus.WAIT_BUYER_PAY else _not_payable(known)

    def query(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.query."""
        trade = self.find(read_trade_ref(call.biz), now_ms)
        if not isinstance(trade, Trade):
            return trade
        course, turn = ask_query(trade.course, now_ms)
        trade = self._book.keep_trade(replace(trade, course=course))
        match turn:
            case QueryTurn.ANSWER:
                return nodes.queried(trade, self._store_name)
            case QueryTurn.TOO_OFTEN:
                return nodes.called_too_often()
            case QueryTurn.CUT:
                return CutConnection(after_effect=False)
            case QueryTurn.SYSTEM_ERROR:
                # Both of Alipay's ways to say "unknown" are met: the gateway's own first, then the method's.
                more = course.faulty_queries < len(course.plan.query_faults)
                return nodes.service_unavailable() if more else nodes.system_error()
            case _:
                assert_never(turn)

    def cancel(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.cancel: whatever this order was, nobody shall have paid for it."""
        ref = read_trade_ref(call.biz)
        if isinstance(ref, Malformed):
            return nodes.invalid_parameter(ref.why)
        if ref.trade_no and self._book.trade_by_trade_no(ref.trade_no, now_ms) is None:
            return nodes.trade_not_exist()
        trade = self._find_any(ref, now_ms)
        number = ref.out_trade_no if trade is None else trade.order.out_trade_no
        offer = self._book.offer(number)
        if offer is not None and (trade is None or trade.hidden):
            self._book.keep_offer(replace(offer, void=True))
        if trade is None:
            return nodes.cancelled(number, None, retry=False)
        if trade.hidden:
            course, _ = ask_undo(trade.course, paid=False, now_ms=now_ms)
            self._book.keep_trade(replace(trade, course=course))
            return nodes.cancelled(number, None, retry=False)
        if trade.course.in_maintenance(now_ms):
            return nodes.service_unavailable()
        return self._cancel_trade(trade, now_ms)

    def close(self, call: Call, now_ms: int) -> Said:
        """alipay.trade.close: only for a trade that exists and waits for its buyer."""
        trade = self.find(read_trade_ref(call.biz), now_ms)
        if not isinstance(trade, Trade):
            return trade
        if trade.status is not TradeStatus.WAIT_BUYER_PAY:
            return nodes.failure("ACQ.TRADE_STATUS_ERROR", "交易状态不允许关闭")
        course, turn = ask_undo(trade.course, paid=False, now_ms=now_ms)
        trade = self._book.keep_trade(replace(trade, course=course))
        match turn:
            case UndoTurn.AGAIN:
                return nodes.system_error()
            case UndoTurn.ACKNOWLEDGED:
                return nodes.closed(trade)
            case UndoTurn.APPLIES:
                return nodes.closed(self._book.move(trade, TradeEvent.SHOP_CLOSES, now_ms))
            case _:
                assert_never(turn)

    def visible(self, out_trade_no: str, now_ms: int) -> Trade | None:
        trade = self._book.trade(out_trade_no, now_ms)
        return None if trade is None or trade.hidden else trade

    def find(self, ref: TradeRef | Malformed, now_ms: int) -> Trade | Node:
        """The trade that a method is about, or what the method says instead."""
        if isinstance(ref, Malformed):
            return nodes.invalid_parameter(ref.why)
        trade = self._find_any(ref, now_ms)
        if trade is None or trade.hidden:
            return nodes.trade_not_exist()
        return nodes.service_unavailable() if trade.course.in_maintenance(now_ms) else trade

    def new_trade(self, order: Order, buyer: Buyer, course: Course, now_ms: int) -> Trade:
        trade_no = day_stamp(now_ms) + "2200" + random_digits(self._random_bytes, 16)
        return Trade(trade_no=trade_no, order=order, buyer=buyer, course=course, created_ms=now_ms)

    def _pay_first(self, order: Order, auth_code: str, presented: Presented, now_ms: int) -> Said:
        plan = presented.plan
        course = Course(plan=plan, begun_ms=now_ms)
        trade = replace(self.new_trade(order, presented.buyer, course, now_ms), auth_code=auth_code)
        match plan.effect:
            case Effect.CHARGED:
                self._book.keep_trade(trade)
                node = self._pay_node(self._book.move(trade, TradeEvent.BUYER_PAYS, now_ms))
            case Effect.OPENED:
                node = self._pay_node(self._book.keep_trade(trade))
            case Effect.HIDDEN:
                self._book.keep_trade(trade)
                node = nodes.system_error()
            case Effect.BALANCE_LOW:
                node = nodes.failure("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足")
            case Effect.CODE_REFUSED | Effect.OPENED_LATE | Effect.SCANNED_AFTER_UNDO:
                node = _code_refused()
            case Effect.NOTHING:
                node = nodes.system_error()
            case _:
                assert_never(plan.effect)
        match plan.answer_fault:
            case Fault.CUT:
                return CutConnection(after_effect=plan.effect is not Effect.NOTHING)
            case Fault.SYSTEM_ERROR:
                return nodes.system_error()
            case None:
                return nodes.service_unavailable() if course.in_maintenance(now_ms) else node
            case _:
                assert_never(plan.answer_fault)

    def _pay_again(self, trade: Trade, order: Order, auth_code: str, now_ms: int) -> Said:
        """The same out_trade_no once more: the code belongs to the content, for each code is another customer."""
        if trade.order != order or trade.auth_code is None:
            return _inconsistent()
        if trade.course.in_maintenance(now_ms):
            return nodes.service_unavailable()
        if trade.hidden:
            return nodes.system_error()
        if trade.auth_code == auth_code and trade.status is not TradeStatus.TRADE_CLOSED:
            return self._pay_node(trade)
        if trade.status is TradeStatus.WAIT_BUYER_PAY:
            return nodes.failure("ACQ.TRADE_BUYER_NOT_MATCH", "付款人与该订单的付款人不一致")
        return _not_payable(trade)

    def _pay_node(self, trade: Trade) -> Node:
        waiting = trade.status is TradeStatus.WAIT_BUYER_PAY
        return nodes.pay_waiting(trade) if waiting else nodes.pay_done(trade, self._store_name)

    def _cancel_trade(self, trade: Trade, now_ms: int) -> Said:
        number = trade.order.out_trade_no
        if trade.status is TradeStatus.TRADE_CLOSED:
            return nodes.cancelled(number, trade, retry=False)
        if trade.status is TradeStatus.TRADE_FINISHED:
            return nodes.failure("ACQ.TRADE_HAS_FINISHED", "交易已经完结")
        if now_ms >= trade.created_ms + CANCEL_WINDOW_MS:
            return nodes.failure("ACQ.TRADE_CANCEL_TIME_OUT", "超过撤销时间范围，请使用退款")
        put_off = self._cancels_put_off.get(number, 0)
        if put_off < self._cancel_retries:
            self._cancels_put_off[number] = put_off + 1
            return nodes.cancelled(number, trade, retry=True)
        course, turn = ask_undo(trade.course, paid=trade.paid_ms is not None, now_ms=now_ms)
        trade = self._book.keep_trade(replace(trade, course=course))
        if turn is UndoTurn.APPLIES:
            trade = self._book.move(trade, TradeEvent.SHOP_CANCELS, now_ms)
        return nodes.cancelled(number, trade, retry=turn is UndoTurn.AGAIN)

    def _find_any(self, ref: TradeRef, now_ms: int) -> Trade | None:
        if ref.trade_no:
            return self._book.trade_by_trade_no(ref.trade_no, now_ms)
        return self._book.trade(ref.out_trade_no, now_ms)


def _code_refused() -> Node:
    return nodes.failure("ACQ.PAYMENT_AUTH_CODE_INVALID", "付款码无效，请顾客刷新后重新扫码")


def _inconsistent() -> Node:
    return nodes.failure("ACQ.CONTEXT_INCONSISTENT", "同一订单号的交易信息与原来不一致")


def _not_payable(trade: Trade) -> Node:
    if trade.status is TradeStatus.TRADE_CLOSED:
        return nodes.failure("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    return nodes.failure("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
