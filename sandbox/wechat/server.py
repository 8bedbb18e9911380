"""The simulated WeChat Pay as one object: a request and the time in, an answer or a cut connection out.

Drive it with a web server or a simulation; the same calls, clock and random bytes give the same answers. It is a
`sandbox.wallet.SimulatedWallet`.
"""

from collections.abc import Mapping
from datetime import date

from sandbox.billing import BillDiscrepancy
from sandbox.codes import WECHAT_CODES, CodeBook
from sandbox.notifying import WECHAT_RETRIES_MS, NotificationBook
from sandbox.scripts import Script
from sandbox.wallet import MoneyState, OpenQr, OrderMoney, Origins, Outgoing, Scanned, WireRoute
from sandbox.wechat.about import about_merchant
from sandbox.wechat.bills import Bills
from sandbox.wechat.book import OrderBook
from sandbox.wechat.customers import Customers
from sandbox.wechat.gateway import Gateway
from sandbox.wechat.identities import AUTHORIZE_PATH, TOKEN_PATH, Identities
from sandbox.wechat.merchant import WechatMerchant
from sandbox.wechat.notices import Notices, is_received
from sandbox.wechat.orders import Order, TradeState
from sandbox.wechat.payments import Payments, is_payment_code
from sandbox.wechat.refunds import Refunds
from sandbox.wechat.v2_methods import V2Methods
from sandbox.wechat.v3_methods import H5_PATH, V3Methods
from sandbox.wire import HttpRequestParts, RandomBytes

_USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 "
    "Mobile Safari/537.36 XWEB/1260183 MMWEBSDK/20240501 MMWEBID/1234 MicroMessenger/8.0.50.2701 WeChat/arm64 "
    "Weixin NetType/4G Language/zh_CN ABI/arm64"
)
_V2_TLS = ("/secapi/pay/reverse", "/secapi/pay/refund", "/pay/downloadfundflow")
_V2_PLAIN = ("/pay/micropay", "/pay/orderquery", "/pay/closeorder", "/pay/refundquery", "/pay/downloadbill")


class WechatServer:
    """`probe`: every that many callbacks a `WECHATPAY/SIGNTEST/` probe goes out first; 0 sends none."""

    def __init__(self, *, merchant: WechatMerchant, codes: CodeBook, random_bytes: RandomBytes, probe: int = 0) -> None:
        self._merchant = merchant
        self._codes = codes
        self._notifications = NotificationBook(WECHAT_RETRIES_MS)
        notices = Notices(merchant=merchant, notifications=self._notifications, random_bytes=random_bytes, probe=probe)
        self._book = OrderBook(notices.watch)
        self._identities = Identities(merchant=merchant, random_bytes=random_bytes)
        self._customers = Customers(merchant=merchant, book=self._book)
        self._bills = Bills(merchant=merchant, book=self._book, random_bytes=random_bytes)
        payments = Payments(book=self._book, codes=codes, random_bytes=random_bytes)
        refunds = Refunds(book=self._book, random_bytes=random_bytes)
        self._gateway = Gateway(
            merchant=merchant,
            v2=V2Methods(merchant=merchant, payments=payments, refunds=refunds),
            v3=V3Methods(
                merchant=merchant,
                payments=payments,
                refunds=refunds,
                identities=self._identities,
                random_bytes=random_bytes,
            ),
            bills=self._bills,
            random_bytes=random_bytes,
        )

    @property
    def merchant(self) -> WechatMerchant:
        return self._merchant

    @property
    def name(self) -> str:
        return "wechat"

    @property
    def user_agent(self) -> str:
        return _USER_AGENT

    def routes(self) -> tuple[WireRoute, ...]:
        return (
            *(WireRoute(path=path, handle=self._gateway.handle_v2) for path in _V2_PLAIN),
            *(WireRoute(path=path, handle=self._gateway.handle_v2, tls=True) for path in _V2_TLS),
            WireRoute(path="/v3/*", handle=self._gateway.handle_v3, methods=("GET", "POST", "PUT", "PATCH", "DELETE")),
            WireRoute(path=AUTHORIZE_PATH, handle=self._identities.page, methods=("GET",)),
            WireRoute(path=TOKEN_PATH, handle=self._identities.access_token, methods=("GET",)),
            WireRoute(path=H5_PATH, handle=self._gateway.h5_page, methods=("GET",)),
        )

    def about(self, origins: Origins) -> Mapping[str, object]:
        return about_merchant(self._merchant, origins)

    def issue_code(self, script: Script, now_ms: int) -> str:
        """A fresh payment code, good once and for 60 seconds."""
        return self._codes.issue(WECHAT_CODES, script, now_ms)

    def has_shown(self, auth_code: str) -> bool:
        return is_payment_code(auth_code) and self._codes.is_known(auth_code)

    def owns_qr(self, qr: str) -> bool:
        return self._customers.owns_qr(qr)

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans a native QR, or follows an H5 address, and behaves as the script says."""
        return self._customers.scan(qr, script, now_ms)

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        return self._identities.authorize(request, customer, now_ms)

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """The page called `getBrandWCPayRequest` with these values."""
        return self._customers.pay_in_browser(handed, script, now_ms)

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        return self._customers.open_qrs(now_ms)

    def orders(self, now_ms: int) -> tuple[OrderMoney, ...]:
        """Every order that exists, the oldest first."""
        return tuple(map(_order_money, self._book.orders(now_ms)))

    def order(self, out_trade_no: str, now_ms: int) -> OrderMoney | None:
        order = self._book.order(out_trade_no, now_ms)
        return None if order is None or order.hidden else _order_money(order)

    def advance(self, now_ms: int) -> None:
        self._book.advance(now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone next changes an order or makes a callback due."""
        coming = (self._book.next_event_ms(), self._notifications.next_ms())
        return min((at_ms for at_ms in coming if at_ms is not None), default=None)

    def due_notifications(self, now_ms: int) -> tuple[Outgoing, ...]:
        self._book.advance(now_ms)
        return self._notifications.due(now_ms)

    def notified(self, delivery_id: str, *, status: int | None, body: bytes, now_ms: int) -> None:
        received = is_received(delivery_id, status, body)
        self._notifications.answered(delivery_id, acknowledged=received, now_ms=now_ms)

    def distort_bill(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        self._bills.distort(day, discrepancies)


def _order_money(order: Order) -> OrderMoney:
    return OrderMoney(
        out_trade_no=order.number,
        subject=order.asked.description,
        total_fen=order.asked.total_fen,
        captured_fen=order.captured_fen,
        refunded_fen=order.refunded_fen,
        state=_money_state(order),
        created_ms=order.created_ms,
        number=order.transaction_id,
    )


def _money_state(order: Order) -> MoneyState:
    match order.state:
        case TradeState.NOTPAY | TradeState.USERPAYING:
            return MoneyState.WAITING
        case TradeState.SUCCESS:
            return MoneyState.PAID
        case TradeState.REFUND:
            return MoneyState.REFUNDED if order.refunded_fen else MoneyState.PAID
        case TradeState.REVOKED:
            return MoneyState.CLOSED if order.paid_ms is None else MoneyState.REVERSED
        case TradeState.CLOSED | TradeState.PAYERROR:
            return MoneyState.CLOSED
