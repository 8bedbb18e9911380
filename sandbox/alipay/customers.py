"""What customers do to orders: scan a precreated QR, or pay a created trade in the wallet's browser.

A scan is the moment at which a precreated trade comes to be. Must not know: envelopes, signatures, HTTP.
"""

from dataclasses import replace

from sandbox.alipay.book import Offer, TradeBook
from sandbox.alipay.methods import Methods
from sandbox.alipay.trades import Trade, TradeEvent, TradeStatus
from sandbox.codes import draw_alipay_buyer
from sandbox.course import Course
from sandbox.plan import Effect, Plan
from sandbox.scripts import Behaviour, Script, plan_for_qr
from sandbox.wallet import Scanned, ScanResult
from sandbox.wire import RandomBytes


class Customers:
    def __init__(self, *, book: TradeBook, methods: Methods, random_bytes: RandomBytes) -> None:
        self._book = book
        self._methods = methods
        self._random_bytes = random_bytes

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans a shop's QR."""
        offer = self._book.offer_by_qr(qr)
        if offer is None:
            return Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)
        number = offer.order.out_trade_no
        plan = plan_for_qr(script)
        trade = self._methods.visible(number, now_ms)
        if plan.effect is Effect.SCANNED_AFTER_UNDO and (_undone(trade) or (offer.void and not _was_paid(trade))):
            return self._pay_undone(offer, trade, plan, now_ms)
        refused = _why_not_payable(offer, trade, plan, now_ms)
        if refused is not None:
            return Scanned(result=refused, out_trade_no=number)
        opened = trade or self._open(offer, plan, now_ms)
        return Scanned(result=self._follow(opened, plan, now_ms), out_trade_no=number)

    def pay_in_browser(self, trade_no: str, script: Script, now_ms: int) -> Scanned:
        """`tradePay` of the page's script was called."""
        trade = self._book.trade_by_trade_no(trade_no, now_ms)
        if trade is None or trade.hidden:
            return Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)
        number = trade.order.out_trade_no
        plan = plan_for_qr(script)
        if plan.effect is Effect.SCANNED_AFTER_UNDO:
            # The page is open already: nobody pays until the shop has undone it.
            plan = replace(plan, effect=Effect.OPENED)
        if trade.status is TradeStatus.TRADE_CLOSED:
            return Scanned(result=ScanResult.ORDER_CLOSED, out_trade_no=number)
        if trade.status is not TradeStatus.WAIT_BUYER_PAY:
            return Scanned(result=ScanResult.ALREADY_PAID, out_trade_no=number)
        if plan.effect is Effect.OPENED_LATE:
            return Scanned(result=ScanResult.QR_EXPIRED, out_trade_no=number)
        result = self._follow(trade, plan, now_ms)
        gave_up = script.behaviour is Behaviour.BALANCE_LOW
        return Scanned(result=ScanResult.GAVE_UP if gave_up else result, out_trade_no=number)

    def _follow(self, trade: Trade, plan: Plan, now_ms: int) -> ScanResult:
        """The customer does now what the plan says."""
        number = trade.order.out_trade_no
        trade = self._book.keep_trade(replace(trade, course=Course(plan=plan, begun_ms=now_ms)))
        if plan.effect is Effect.CHARGED:
            self._book.move(trade, TradeEvent.BUYER_PAYS, now_ms)
            return ScanResult.PAID
        settled = self._methods.visible(number, now_ms)
        paid = settled is not None and settled.status is TradeStatus.TRADE_SUCCESS
        return ScanResult.PAID if paid else ScanResult.WAITING

    def _pay_undone(self, offer: Offer, trade: Trade | None, plan: Plan, now_ms: int) -> Scanned:
        """The old QR of an order that the shop has undone is paid all the same."""
        trade = self._book.keep_trade(trade or self._open(offer, plan, now_ms))
        self._book.move(trade, TradeEvent.CHARGE_EXECUTES, now_ms)
        return Scanned(result=ScanResult.PAID, out_trade_no=offer.order.out_trade_no)

    def _open(self, offer: Offer, plan: Plan, now_ms: int) -> Trade:
        course = Course(plan=plan, begun_ms=now_ms)
        return self._methods.new_trade(offer.order, draw_alipay_buyer(self._random_bytes), course, now_ms)


def _undone(trade: Trade | None) -> bool:
    return trade is not None and trade.status is TradeStatus.TRADE_CLOSED and trade.paid_ms is None


def _was_paid(trade: Trade | None) -> bool:
    """Once is all that an old QR is paid, also after that money went back."""
    return trade is not None and trade.paid_ms is not None


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
