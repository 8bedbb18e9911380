"""The five methods of the counter: pay, precreate, query, cancel, close; and the customer who scans a precreated QR.

Rules, the real one's: the same number with the same content is the same trade, with other content an error; a
precreated order does not exist until somebody scans it; a cancel closes what is unpaid, gives back what is paid, says
yes to a number it never saw, and stops working after 24 hours. Must not know: envelopes, signatures, HTTP.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum
from typing import TypeAlias, assert_never

from sandbox.alipay import nodes
from sandbox.alipay.beijing import day_stamp
from sandbox.alipay.envelope import Node
from sandbox.alipay.requests import Malformed, TradeRef, read_order, read_qr_limit, read_trade_ref, text_field
from sandbox.alipay.trades import Offer, Order, Trade, TradeBook, TradeEvent, TradeStatus, moved
from sandbox.codes import Buyer, CodeBook, CodeRefused, Presented, draw_alipay_buyer
from sandbox.plan import Effect, Fault, Plan
from sandbox.wire import CutConnection, RandomBytes, random_digits, random_text

Biz: TypeAlias = Mapping[str, object]
Said: TypeAlias = Node | CutConnection

CANCEL_WINDOW_MS = 86_400_000
_QR_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyz"


class ScanResult(Enum):
    """What a customer sees after scanning a QR."""

    PAID = "paid"
    WAITING = "waiting"
    QR_EXPIRED = "qr_expired"
    QR_VOID = "qr_void"
    ALREADY_PAID = "already_paid"
    ORDER_CLOSED = "order_closed"
    UNKNOWN_QR = "unknown_qr"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scanned:
    result: ScanResult
    out_trade_no: str | None


class Methods:
    """`cancel_retries`: how many times each trade's cancel first answers `retry_flag=Y` and does nothing."""

    def __init__(
        self, *, book: TradeBook, codes: CodeBook, random_bytes: RandomBytes, store_name: str, cancel_retries: int = 0
    ) -> None:
        self._book = book
        self._codes = codes
        self._random_bytes = random_bytes
        self._store_name = store_name
        self._cancel_retries = cancel_retries
        self._cancels_put_off: dict[str, int] = {}

    def pay(self, biz: Biz, now_ms: int) -> Said:
        """alipay.trade.pay: charge the customer whose code was scanned."""
        order = read_order(biz, now_ms)
        if isinstance(order, Malformed):
            return nodes.invalid_parameter(order.why)
        auth_code = text_field(biz, "auth_code")
        if text_field(biz, "scene") != "bar_code" or not auth_code:
            return nodes.invalid_parameter("scene 应为 bar_code，且必须有 auth_code")
        known = self._book.trade(order.out_trade_no, now_ms)
        if known is not None:
            return self._pay_again(known, order, auth_code)
        if self._book.offer(order.out_trade_no) is not None:
            return nodes.failure("ACQ.CONTEXT_INCONSISTENT", "该订单号已用于预下单")
        presented = self._codes.present(auth_code, now_ms)
        if isinstance(presented, CodeRefused):
            return _code_refused()
        return self._pay_first(order, auth_code, presented, now_ms)

    def precreate(self, biz: Biz, now_ms: int) -> Said:
        """alipay.trade.precreate: a QR for the customer to scan."""
        order = read_order(biz, now_ms)
        if isinstance(order, Malformed):
            return nodes.invalid_parameter(order.why)
        limit_ms = read_qr_limit(biz, now_ms)
        if isinstance(limit_ms, Malformed):
            return nodes.invalid_parameter(limit_ms.why)
        known = self._book.trade(order.out_trade_no, now_ms)
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

    def query(self, biz: Biz, now_ms: int) -> Said:
        """alipay.trade.query."""
        ref = read_trade_ref(biz)
        if isinstance(ref, Malformed):
            return nodes.invalid_parameter(ref.why)
        trade = self._find(ref, now_ms)
        if trade is None:
            return nodes.trade_not_exist()
        if trade.query_faults:
            return self._faulty_query(trade)
        return nodes.queried(trade, self._store_name)

    def cancel(self, biz: Biz, now_ms: int) -> Said:
        """alipay.trade.cancel: whatever this order was, nobody shall have paid for it."""
        ref = read_trade_ref(biz)
        if isinstance(ref, Malformed):
            return nodes.invalid_parameter(ref.why)
        trade = self._find(ref, now_ms)
        offer = self._book.offer(ref.out_trade_no if trade is None else trade.order.out_trade_no)
        if trade is None and ref.trade_no:
            return nodes.trade_not_exist()
        if trade is None:
            if offer is not None:
                self._book.keep_offer(replace(offer, void=True))
            return nodes.cancelled(ref.out_trade_no, None, retry=False)
        return self._cancel_trade(trade, now_ms)

    def close(self, biz: Biz, now_ms: int) -> Said:
        """alipay.trade.close: only for a trade that exists and waits for its buyer."""
        ref = read_trade_ref(biz)
        if isinstance(ref, Malformed):
            return nodes.invalid_parameter(ref.why)
        trade = self._find(ref, now_ms)
        if trade is None:
            return nodes.trade_not_exist()
        if trade.status is not TradeStatus.WAIT_BUYER_PAY:
            return nodes.failure("ACQ.TRADE_STATUS_ERROR", "交易状态不允许关闭")
        return nodes.closed(self._book.keep_trade(moved(trade, TradeEvent.SHOP_CLOSES, now_ms)))

    def scan(self, qr: str, plan: Plan, now_ms: int) -> Scanned:
        """A customer scans a precreated QR: this is the moment at which the trade comes to be."""
        offer = self._book.offer_by_qr(qr)
        if offer is None:
            return Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)
        number = offer.order.out_trade_no
        trade = self._book.trade(number, now_ms)
        refused = _why_not_payable(offer, trade, plan, now_ms)
        if refused is not None:
            return Scanned(result=refused, out_trade_no=number)
        buyer = trade.buyer if trade is not None else draw_alipay_buyer(self._random_bytes)
        opened = trade or self._new_trade(offer.order, buyer, now_ms)
        opened = self._book.keep_trade(_follow(opened, plan, now_ms))
        paid = opened.status is TradeStatus.TRADE_SUCCESS
        return Scanned(result=ScanResult.PAID if paid else ScanResult.WAITING, out_trade_no=number)

    def _pay_first(self, order: Order, auth_code: str, presented: Presented, now_ms: int) -> Said:
        plan = presented.plan
        trade = self._new_trade(order, presented.buyer, now_ms)
        match plan.effect:
            case Effect.CHARGED | Effect.OPENED:
                trade = self._book.keep_trade(replace(_follow(trade, plan, now_ms), auth_code=auth_code))
                node = self._pay_node(trade)
            case Effect.BALANCE_LOW:
                node = nodes.failure("ACQ.BUYER_BALANCE_NOT_ENOUGH", "买家余额不足")
            case Effect.CODE_REFUSED | Effect.OPENED_LATE | Effect.SCANNED_AFTER_UNDO:
                node = _code_refused()
            case Effect.NOTHING | Effect.HIDDEN:
                node = nodes.system_error()
            case _:
                assert_never(plan.effect)
        match plan.answer_fault:
            case Fault.CUT:
                return CutConnection(after_effect=plan.effect is not Effect.NOTHING)
            case Fault.SYSTEM_ERROR:
                return nodes.system_error()
            case None:
                return node
            case _:
                assert_never(plan.answer_fault)

    def _pay_again(self, trade: Trade, order: Order, auth_code: str) -> Said:
        """The same out_trade_no once more: the code belongs to the content, for each code is another customer."""
        if trade.order != order or trade.auth_code is None:
            return _inconsistent()
        if trade.auth_code == auth_code and trade.status is not TradeStatus.TRADE_CLOSED:
            return self._pay_node(trade)
        if trade.status is TradeStatus.WAIT_BUYER_PAY:
            return nodes.failure("ACQ.TRADE_BUYER_NOT_MATCH", "付款人与该订单的付款人不一致")
        return _not_payable(trade)

    def _pay_node(self, trade: Trade) -> Node:
        waiting = trade.status is TradeStatus.WAIT_BUYER_PAY
        return nodes.pay_waiting(trade) if waiting else nodes.pay_done(trade, self._store_name)

    def _faulty_query(self, trade: Trade) -> Said:
        fault, *later = trade.query_faults
        self._book.keep_trade(replace(trade, query_faults=tuple(later)))
        match fault:
            case Fault.CUT:
                return CutConnection(after_effect=False)
            case Fault.SYSTEM_ERROR:
                # Both of Alipay's ways to say "unknown" are met: the gateway's own first, then the method's.
                return nodes.service_unavailable() if later else nodes.system_error()
            case _:
                assert_never(fault)

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
        trade = self._book.keep_trade(moved(trade, TradeEvent.SHOP_CANCELS, now_ms))
        return nodes.cancelled(number, trade, retry=False)

    def _find(self, ref: TradeRef, now_ms: int) -> Trade | None:
        if ref.trade_no:
            return self._book.trade_by_trade_no(ref.trade_no, now_ms)
        return self._book.trade(ref.out_trade_no, now_ms)

    def _new_trade(self, order: Order, buyer: Buyer, now_ms: int) -> Trade:
        trade_no = day_stamp(now_ms) + "2200" + random_digits(self._random_bytes, 16)
        return Trade(trade_no=trade_no, order=order, buyer=buyer, created_ms=now_ms)


def _follow(trade: Trade, plan: Plan, now_ms: int) -> Trade:
    """A waiting trade as the customer's plan leaves it now."""
    pays_ms = None if plan.pays_after_ms is None else now_ms + plan.pays_after_ms
    trade = replace(trade, pays_ms=pays_ms, query_faults=plan.query_faults)
    return moved(trade, TradeEvent.BUYER_PAYS, now_ms) if plan.effect is Effect.CHARGED else trade


def _why_not_payable(offer: Offer, trade: Trade | None, plan: Plan, now_ms: int) -> ScanResult | None:
    if trade is not None and trade.status is TradeStatus.TRADE_CLOSED:
        return ScanResult.ORDER_CLOSED
    if trade is not None and trade.status is not TradeStatus.WAIT_BUYER_PAY:
        return ScanResult.ALREADY_PAID
    if offer.void:
        return ScanResult.QR_VOID
    if now_ms >= offer.expires_ms or plan.effect is Effect.OPENED_LATE:
        return ScanResult.QR_EXPIRED
    return None


def _code_refused() -> Node:
    return nodes.failure("ACQ.PAYMENT_AUTH_CODE_INVALID", "付款码无效，请顾客刷新后重新扫码")


def _inconsistent() -> Node:
    return nodes.failure("ACQ.CONTEXT_INCONSISTENT", "同一订单号的交易信息与原来不一致")


def _not_payable(trade: Trade) -> Node:
    if trade.status is TradeStatus.TRADE_CLOSED:
        return nodes.failure("ACQ.TRADE_HAS_CLOSE", "交易已经关闭")
    return nodes.failure("ACQ.TRADE_HAS_SUCCESS", "交易已被支付")
