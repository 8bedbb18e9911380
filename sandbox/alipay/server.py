"""The simulated Alipay as one object: a request and the time in, an answer or a cut connection out.

Drive it with a web server or a simulation; the same calls, clock and random bytes give the same answers. It is a
`sandbox.wallet.SimulatedWallet`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias

from sandbox.alipay.about import AUTHORIZE_PATH, GATEWAY_PATH, about_merchant
from sandbox.alipay.bills import DOWNLOAD_PATH, Bills
from sandbox.alipay.book import TradeBook
from sandbox.alipay.customers import Customers
from sandbox.alipay.envelope import Call, Node, Refused, Unnamed, open_envelope, seal
from sandbox.alipay.identities import Identities
from sandbox.alipay.merchant import Merchant
from sandbox.alipay.methods import Methods
from sandbox.alipay.notices import Notices, is_received
from sandbox.alipay.refunds import Refunds
from sandbox.alipay.trades import Trade, TradeStatus
from sandbox.billing import BillDiscrepancy
from sandbox.codes import ALIPAY_CODES, CodeBook
from sandbox.notifying import ALIPAY_RETRIES_MS, NotificationBook
from sandbox.scripts import Script
from sandbox.wallet import MoneyState, OpenQr, OrderMoney, Origins, Outgoing, Scanned, ScanResult, WireRoute
from sandbox.wire import Answer, CutConnection, HttpRequestParts, RandomBytes, Reply

_USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 "
    "Mobile Safari/537.36 AliApp(AP/10.6.10.8000) AlipayClient/10.6.10.8000 Language/zh-Hans"
)
_PREFIXES = tuple(str(number) for number in range(25, 31))
_AUTHORIZE_PAGE = """<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>授权（模拟）</title>
<p>请在支付宝中打开 · Open this in Alipay.</p></html>"""
_Method: TypeAlias = Callable[[Call, int], Node | Unnamed | CutConnection]


class AlipayServer:
    """`cancel_retries`: how many times each trade's cancel first answers `retry_flag=Y`, to exercise the caller."""

    def __init__(
        self, *, merchant: Merchant, codes: CodeBook, random_bytes: RandomBytes, cancel_retries: int = 0
    ) -> None:
        self._merchant = merchant
        self._codes = codes
        self._notifications = NotificationBook(ALIPAY_RETRIES_MS)
        notices = Notices(merchant=merchant, notifications=self._notifications, random_bytes=random_bytes)
        self._book = TradeBook(notices.watch)
        self._identities = Identities(app_id=merchant.app_id, random_bytes=random_bytes)
        self._bills = Bills(merchant=merchant, book=self._book, random_bytes=random_bytes)
        methods = Methods(
            book=self._book,
            codes=codes,
            identities=self._identities,
            random_bytes=random_bytes,
            store_name=merchant.store_name,
            cancel_retries=cancel_retries,
        )
        self._customers = Customers(book=self._book, methods=methods, random_bytes=random_bytes)
        refunds = Refunds(book=self._book, methods=methods)
        self._by_name: Mapping[str, _Method] = {
            "alipay.trade.pay": methods.pay,
            "alipay.trade.precreate": methods.precreate,
            "alipay.trade.create": methods.create,
            "alipay.trade.query": methods.query,
            "alipay.trade.cancel": methods.cancel,
            "alipay.trade.close": methods.close,
            "alipay.trade.refund": refunds.refund,
            "alipay.trade.fastpay.refund.query": refunds.refund_query,
            "alipay.system.oauth.token": self._identities.token,
            "alipay.data.dataservice.bill.downloadurl.query": self._bills.address,
        }

    @property
    def merchant(self) -> Merchant:
        return self._merchant

    @property
    def name(self) -> str:
        return "alipay"

    @property
    def user_agent(self) -> str:
        return _USER_AGENT

    def routes(self) -> tuple[WireRoute, ...]:
        return (
            WireRoute(path=GATEWAY_PATH, handle=self.handle),
            WireRoute(path=AUTHORIZE_PATH, handle=self._authorize_page, methods=("GET",)),
            WireRoute(path=DOWNLOAD_PATH, handle=self._bills.download, methods=("GET",)),
        )

    def about(self, origins: Origins) -> Mapping[str, object]:
        return about_merchant(self._merchant, origins)

    def handle(self, request: HttpRequestParts, now_ms: int) -> Reply:
        """One request to `gateway.do`."""
        if request.method not in ("GET", "POST"):
            return Answer(status=405, content_type="text/html;charset=utf-8", body=b"")
        call = open_envelope(request, self._merchant, self._by_name.keys())
        key = self._merchant.wallet_key
        if isinstance(call, Refused):
            return seal(call.node, method=call.method, charset=call.charset, key=key)
        said = self._by_name[call.method](call, now_ms)
        if isinstance(said, CutConnection):
            return said
        if isinstance(said, Unnamed):
            return seal(said.node, method=None, charset=call.charset, key=key)
        return seal(said, method=call.method, charset=call.charset, key=key, cert_sn=call.cert_sn)

    def issue_code(self, script: Script, now_ms: int) -> str:
        """A fresh payment code, good once and for 60 seconds."""
        return self._codes.issue(ALIPAY_CODES, script, now_ms)

    def has_shown(self, auth_code: str) -> bool:
        return auth_code.startswith(_PREFIXES) and self._codes.is_known(auth_code)

    def owns_qr(self, qr: str) -> bool:
        return self._book.offer_by_qr(qr) is not None

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans a shop's QR and behaves as the script says."""
        return self._customers.scan(qr, script, now_ms)

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        return self._identities.authorize(request.query, customer, now_ms) if request.path == AUTHORIZE_PATH else None

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """The page called `tradePay` with these values."""
        trade_no = handed.get("tradeNO")
        if trade_no is None:
            return Scanned(result=ScanResult.UNKNOWN_QR, out_trade_no=None)
        return self._customers.pay_in_browser(trade_no, script, now_ms)

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        """QRs that could be scanned and paid now, the newest first."""
        return tuple(
            OpenQr(
                qr=offer.qr,
                out_trade_no=offer.order.out_trade_no,
                total_fen=offer.order.total_fen,
                subject=offer.order.subject,
            )
            for offer in self._book.open_offers(now_ms)
        )

    def orders(self, now_ms: int) -> tuple[OrderMoney, ...]:
        """Every trade that exists, the oldest first. A QR that nobody scanned is not one."""
        return tuple(map(_order_money, self._book.trades(now_ms)))

    def order(self, out_trade_no: str, now_ms: int) -> OrderMoney | None:
        trade = self._book.trade(out_trade_no, now_ms)
        return None if trade is None or trade.hidden else _order_money(trade)

    def advance(self, now_ms: int) -> None:
        self._book.advance(now_ms)

    def next_event_ms(self) -> int | None:
        """When time alone next changes a trade or makes a notification due."""
        coming = (self._book.next_event_ms(), self._notifications.next_ms())
        return min((at_ms for at_ms in coming if at_ms is not None), default=None)

    def due_notifications(self, now_ms: int) -> tuple[Outgoing, ...]:
        self._book.advance(now_ms)
        return self._notifications.due(now_ms)

    def notified(self, delivery_id: str, *, status: int | None, body: bytes, now_ms: int) -> None:
        self._notifications.answered(delivery_id, acknowledged=is_received(status, body), now_ms=now_ms)

    def distort_bill(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        self._bills.distort(day, discrepancies)

    def _authorize_page(self, _request: HttpRequestParts, _now_ms: int) -> Reply:
        """What a browser that is no wallet's gets here."""
        return Answer(status=200, content_type="text/html;charset=utf-8", body=_AUTHORIZE_PAGE.encode())


def _order_money(trade: Trade) -> OrderMoney:
    return OrderMoney(
        out_trade_no=trade.order.out_trade_no,
        subject=trade.order.subject,
        total_fen=trade.order.total_fen,
        captured_fen=trade.captured_fen,
        refunded_fen=trade.refunded_fen,
        state=_money_state(trade),
        created_ms=trade.created_ms,
        number=trade.trade_no,
    )


def _money_state(trade: Trade) -> MoneyState:
    if trade.status is TradeStatus.WAIT_BUYER_PAY:
        return MoneyState.WAITING
    if trade.paid_ms is None:
        return MoneyState.CLOSED
    if trade.cancelled:
        return MoneyState.REVERSED
    return MoneyState.REFUNDED if trade.refunded_fen else MoneyState.PAID
