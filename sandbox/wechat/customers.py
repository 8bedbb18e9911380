"""What customers do to placed orders: scan a native QR, open an H5 address, or pay in the wallet's browser.

The browser's script is believed only with the shop's own signature over its values, as the real one does.
Must not know: v2, HTTP servers.
"""

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

from sandbox.course import Course
from sandbox.plan import Effect, Plan
from sandbox.scripts import Behaviour, Script, plan_for_qr
from sandbox.wallet import OpenQr, Scanned, ScanResult
from sandbox.wechat.book import OrderBook
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.orders import Order, OrderEvent, TradeState, TradeType
from sandbox.wechat.payments import CODE_URL_LIFE_MS
from sandbox.wechat.signing import rsa_verifies
from sandbox.wechat.v3_methods import H5_PATH

CODE_URL_HEAD = "weixin://wxpay/bizpayurl?"
H5_LIFE_MS = 300_000
_UNKNOWN = Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)


class Customers:
    def __init__(self, *, merchant: WechatMerchant, book: OrderBook) -> None:
        self._merchant = merchant
        self._book = book

    def owns_qr(self, qr: str) -> bool:
        """A code URL, or the address that H5 gave out."""
        return qr.startswith(CODE_URL_HEAD) or urlsplit(qr).path == H5_PATH

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans a shop's QR, or follows an H5 address into the wallet."""
        order = self._book.order_by(qr, now_ms)
        life_ms = CODE_URL_LIFE_MS
        if order is None and urlsplit(qr).path == H5_PATH:
            (prepay_id,) = parse_qs(urlsplit(qr).query).get("prepay_id", [""])[:1]
            order = self._book.order_by(prepay_id, now_ms)
            life_ms = H5_LIFE_MS
        if order is None or order.asked.trade_type not in (TradeType.NATIVE, TradeType.MWEB):
            return _UNKNOWN
        plan = plan_for_qr(script)
        if plan.effect is Effect.SCANNED_AFTER_UNDO and order.state is TradeState.CLOSED:
            self._book.move(order, OrderEvent.CHARGE_EXECUTES, now_ms)
            return Scanned(result=ScanResult.PAID, out_trade_no=order.number)
        refused = _why_not_payable(order, plan, order.created_ms + life_ms, now_ms)
        if refused is not None:
            return Scanned(result=refused, out_trade_no=order.number)
        return Scanned(result=self._follow(order, plan, now_ms), out_trade_no=order.number)

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """`getBrandWCPayRequest` of the page's script was called with these values."""
        head, equals, prepay_id = handed.get("package", "").partition("=")
        order = self._book.order_by(prepay_id, now_ms)
        right = head == "prepay_id" and equals and self._is_signed(handed)
        if order is None or order.asked.trade_type is not TradeType.JSAPI or not right:
            return _UNKNOWN
        if handed["appId"] not in (order.asked.appid, order.asked.sub_appid):
            return _UNKNOWN
        plan = plan_for_qr(script)
        refused = _why_not_payable(order, plan, order.created_ms + CODE_URL_LIFE_MS, now_ms)
        if refused is not None:
            return Scanned(result=refused, out_trade_no=order.number)
        result = self._follow(order, plan, now_ms)
        gave_up = script.behaviour is Behaviour.BALANCE_LOW
        return Scanned(result=ScanResult.GAVE_UP if gave_up else result, out_trade_no=order.number)

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        """QRs that could be scanned and paid now, the newest first."""
        waiting = [
            order
            for order in self._book.orders(now_ms)
            if order.code_url and order.is_open and now_ms < order.created_ms + CODE_URL_LIFE_MS
        ]
        return tuple(
            OpenQr(
                qr=order.code_url,
                out_trade_no=order.number,
                total_fen=order.asked.total_fen,
                subject=order.asked.description,
            )
            for order in reversed(waiting)
        )

    def _follow(self, order: Order, plan: Plan, now_ms: int) -> ScanResult:
        """The customer does now what the plan says. What the shop has done to the order already stays done."""
        course = Course(plan=plan, begun_ms=now_ms, undos=order.course.undos)
        order = self._book.keep(replace(order, course=course))
        if plan.effect is Effect.CHARGED:
            self._book.move(order, OrderEvent.BUYER_PAYS, now_ms)
            return ScanResult.PAID
        settled = self._book.order(order.number, now_ms)
        paid = settled is not None and settled.paid_ms is not None
        return ScanResult.PAID if paid else ScanResult.WAITING

    def _is_signed(self, handed: Mapping[str, str]) -> bool:
        names = ("appId", "timeStamp", "nonceStr", "package")
        if handed.get("signType") != "RSA" or any(not handed.get(name) for name in names):
            return False
        text = "".join(f"{handed[name]}\n" for name in names).encode("utf-8", "replace")
        return rsa_verifies(self._merchant.merchant.key.public_key(), text, handed.get("paySign", ""))


def _why_not_payable(order: Order, plan: Plan, void_ms: int, now_ms: int) -> ScanResult | None:
    if order.paid_ms is not None:
        return ScanResult.ALREADY_PAID
    if not order.is_open:
        return ScanResult.ORDER_CLOSED
    return ScanResult.QR_EXPIRED if now_ms >= void_ms or plan.effect is Effect.OPENED_LATE else None
