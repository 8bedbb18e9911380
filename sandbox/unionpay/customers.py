"""What customers do to an order's QR: scan it, or be sent to it as to an address by a page in UnionPay's own browser.

Must not know: forms, HTTP servers.
"""

from collections.abc import Mapping
from dataclasses import replace

from sandbox.course import Course
from sandbox.plan import Effect, Plan
from sandbox.scripts import Behaviour, Script, plan_for_qr
from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.payments import QR_HEAD
from sandbox.unionpay.trades import Trade, TradeEvent, TradeState
from sandbox.wallet import OpenQr, Scanned, ScanResult

_HANDED = ("redirect", "payUrl", "pay_url", "qrCode")
_UNKNOWN = Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)


class Customers:
    """`store_name` stands where an order says nothing of itself."""

    def __init__(self, *, book: TradeBook, store_name: str) -> None:
        self._book = book
        self._store_name = store_name

    def owns_qr(self, qr: str) -> bool:
        return qr.startswith(QR_HEAD)

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        trade = self._book.trade_by(qr, now_ms)
        if trade is None or not trade.qr:
            return _UNKNOWN
        plan = plan_for_qr(script)
        if plan.effect is Effect.SCANNED_AFTER_UNDO and trade.state is TradeState.VOID and trade.paid_ms is None:
            self._book.move(trade, TradeEvent.CHARGE_EXECUTES, now_ms)
            return Scanned(result=ScanResult.PAID, out_trade_no=trade.name.order_id)
        refused = _why_not_payable(trade, plan)
        if refused is not None:
            return Scanned(result=refused, out_trade_no=trade.name.order_id)
        return Scanned(result=self._follow(trade, plan, now_ms), out_trade_no=trade.name.order_id)

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """The page sent its browser to the order's address."""
        address = next((handed[name] for name in _HANDED if handed.get(name)), "")
        scanned = self.scan(address, script, now_ms)
        gave_up = script.behaviour is Behaviour.BALANCE_LOW and scanned.result is ScanResult.WAITING
        return replace(scanned, result=ScanResult.GAVE_UP) if gave_up else scanned

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        """QRs that could be scanned and paid now, the newest first."""
        waiting = [trade for trade in self._book.trades(now_ms) if trade.qr and trade.state is TradeState.OPEN]
        return tuple(
            OpenQr(
                qr=trade.qr,
                out_trade_no=trade.name.order_id,
                total_fen=trade.asked.amount_fen,
                subject=trade.asked.description or self._store_name,
            )
            for trade in reversed(waiting)
        )

    def _follow(self, trade: Trade, plan: Plan, now_ms: int) -> ScanResult:
        """The customer does now what the plan says. What the shop has done to the trade already stays done."""
        course = Course(plan=plan, begun_ms=now_ms, undos=trade.course.undos)
        seen = trade.seen or plan.effect is not Effect.SCANNED_AFTER_UNDO
        trade = self._book.keep(replace(trade, course=course, seen=seen))
        if plan.effect is Effect.CHARGED:
            self._book.move(trade, TradeEvent.BUYER_PAYS, now_ms)
            return ScanResult.PAID
        settled = self._book.trade(trade.name, now_ms)
        paid = settled is not None and settled.paid_ms is not None
        return ScanResult.PAID if paid else ScanResult.WAITING


def _why_not_payable(trade: Trade, plan: Plan) -> ScanResult | None:
    if trade.paid_ms is not None:
        return ScanResult.ALREADY_PAID
    match trade.state:
        case TradeState.FAILED:
            return ScanResult.QR_EXPIRED
        case TradeState.VOID:
            return ScanResult.ORDER_CLOSED
        case TradeState.OPEN | TradeState.PAID:
            return ScanResult.QR_EXPIRED if plan.effect is Effect.OPENED_LATE else None
