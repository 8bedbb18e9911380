"""The simulated UnionPay as one object: a request and the time in, an answer or a cut connection out.

Drive it with a web server or a simulation; the same calls, clock and random bytes give the same answers. It is a
`sandbox.wallet.SimulatedWallet`.
"""

from collections.abc import Callable, Mapping
from datetime import date
from typing import TypeAlias

from sandbox.billing import BillDiscrepancy
from sandbox.codes import UNIONPAY_CODES, CodeBook
from sandbox.notifying import UNIONPAY_RETRIES_MS, NotificationBook
from sandbox.scripts import Script
from sandbox.unionpay.about import BACK_PATH, FILE_PATH, QUERY_PATH, USER_ID_PATH, about_merchant
from sandbox.unionpay.beijing import SETTLEMENT_HOUR
from sandbox.unionpay.book import TradeBook
from sandbox.unionpay.codes import Code
from sandbox.unionpay.customers import Customers
from sandbox.unionpay.files import Files
from sandbox.unionpay.forms import Call, Refused, answer, open_form, refuse
from sandbox.unionpay.identities import USER_AUTH_PATH, Identities
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.methods import Methods
from sandbox.unionpay.notices import Notices, is_received
from sandbox.unionpay.payments import Payments, is_payment_code
from sandbox.unionpay.returns import Returns
from sandbox.unionpay.trades import Trade, TradeState, TxnType
from sandbox.wallet import MoneyState, OpenQr, OrderMoney, Origins, Outgoing, Scanned, WireRoute
from sandbox.wire import Answer, CutConnection, HttpRequestParts, RandomBytes, Reply

_USER_AGENT = (
    "Mozilla/5.0 (Linux; Android 14; Pixel 8) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.0.0 "
    "Mobile Safari/537.36 (com.unionpay.chsp) (cordova 7.0.0) (updebug 0) (version 1018) UnionPay/1.0 CloudPay"
)
_Method: TypeAlias = Callable[[Call, int], Mapping[str, str] | CutConnection]


class UnionpayServer:
    """`settlement_hour`: when the settlement day ends; 24 is the Beijing day."""

    def __init__(
        self,
        *,
        merchant: UnionpayMerchant,
        codes: CodeBook,
        random_bytes: RandomBytes,
        settlement_hour: int = SETTLEMENT_HOUR,
    ) -> None:
        self._merchant = merchant
        self._codes = codes
        self._notifications = NotificationBook(UNIONPAY_RETRIES_MS)
        notices = Notices(merchant=merchant, notifications=self._notifications, settlement_hour=settlement_hour)
        self._book = TradeBook(notices.watch)
        self._identities = Identities(random_bytes=random_bytes)
        self._customers = Customers(book=self._book, store_name=merchant.store_name)
        self._files = Files(merchant=merchant, book=self._book, settlement_hour=settlement_hour)
        self._methods = Methods(
            merchant=merchant,
            book=self._book,
            payments=Payments(
                book=self._book,
                codes=codes,
                random_bytes=random_bytes,
                settlement_hour=settlement_hour,
            ),
            returns=Returns(book=self._book, random_bytes=random_bytes, settlement_hour=settlement_hour),
            settlement_hour=settlement_hour,
        )

    @property
    def merchant(self) -> UnionpayMerchant:
        return self._merchant

    @property
    def name(self) -> str:
        return "unionpay"

    @property
    def user_agent(self) -> str:
        return _USER_AGENT

    def routes(self) -> tuple[WireRoute, ...]:
        return (
            WireRoute(path=BACK_PATH, handle=self._handling(self._methods.back)),
            WireRoute(path=QUERY_PATH, handle=self._handling(self._methods.query)),
            WireRoute(path=FILE_PATH, handle=self._handling(self._files.download)),
            WireRoute(path=USER_ID_PATH, handle=self._handling(self._identities.user_id)),
            WireRoute(path=USER_AUTH_PATH, handle=self._identities.page, methods=("GET",)),
        )

    def about(self, origins: Origins) -> Mapping[str, object]:
        return about_merchant(self._merchant, origins)

    def issue_code(self, script: Script, now_ms: int) -> str:
        """A fresh payment code, good once and for 60 seconds."""
        return self._codes.issue(UNIONPAY_CODES, script, now_ms)

    def has_shown(self, auth_code: str) -> bool:
        return is_payment_code(auth_code) and self._codes.is_known(auth_code)

    def owns_qr(self, qr: str) -> bool:
        return self._customers.owns_qr(qr)

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans an order's QR, or follows it as an address, and behaves as the script says."""
        return self._customers.scan(qr, script, now_ms)

    def authorize(self, request: HttpRequestParts, customer: str, now_ms: int) -> str | None:
        return self._identities.authorize(request, customer, now_ms)

    def pay_in_browser(self, handed: Mapping[str, str], script: Script, now_ms: int) -> Scanned:
        """The page sent its browser to the address in `redirect` (or `payUrl`)."""
        return self._customers.pay_in_browser(handed, script, now_ms)

    def open_qrs(self, now_ms: int) -> tuple[OpenQr, ...]:
        return self._customers.open_qrs(now_ms)

    def orders(self, now_ms: int) -> tuple[OrderMoney, ...]:
        """Every trade that exists, the oldest first. A QR that nobody scanned is not one; one orderId under two
        txnTimes is two."""
        return tuple(self._order_money(trade) for trade in self._book.trades(now_ms) if trade.exists)

    def order(self, out_trade_no: str, now_ms: int) -> OrderMoney | None:
        """Of several under one orderId: the one with money, else the newest."""
        found = [trade for trade in self._book.trades_with(out_trade_no, now_ms) if trade.exists]
        with_money = [trade for trade in found if trade.captured_fen]
        chosen = (with_money or found)[-1:]
        return self._order_money(chosen[0]) if chosen else None

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
        """`body` says nothing: HTTP 200 is UnionPay's word for "received"."""
        self._notifications.answered(delivery_id, acknowledged=is_received(status), now_ms=now_ms)

    def distort_bill(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        """`day`: the settlement day."""
        self._files.distort(day, discrepancies)

    def end_next_charge(self, code: Code) -> None:
        """The next debit ends so: A6 (with a defect), 42, 74 or 75 (debited, and no success). Calls queue up."""
        self._book.end_next_charge(code)

    def _handling(self, method: _Method) -> Callable[[HttpRequestParts, int], Reply]:
        def handle(request: HttpRequestParts, now_ms: int) -> Reply:
            call = open_form(request, self._merchant)
            match call:
                case Answer():
                    return call
                case Refused():
                    return refuse(call, self._merchant)
                case Call():
                    said = method(call, now_ms)
                    return said if isinstance(said, CutConnection) else answer(call, said, self._merchant)

        return handle

    def _order_money(self, trade: Trade) -> OrderMoney:
        return OrderMoney(
            out_trade_no=trade.name.order_id,
            subject=trade.asked.description or self._merchant.store_name,
            total_fen=trade.asked.amount_fen,
            captured_fen=trade.captured_fen,
            refunded_fen=trade.refunded_fen,
            state=_money_state(trade),
            created_ms=trade.created_ms,
            number=trade.query_id,
        )


def _money_state(trade: Trade) -> MoneyState:
    match trade.state:
        case TradeState.OPEN:
            return MoneyState.WAITING
        case TradeState.PAID:
            landed = {one.txn_type for one in trade.returns if one.landed}
            if TxnType.CANCEL in landed:
                return MoneyState.REVERSED
            return MoneyState.REFUNDED if landed else MoneyState.PAID
        case TradeState.FAILED:
            return MoneyState.CLOSED
        case TradeState.VOID:
            return MoneyState.CLOSED if trade.paid_ms is None else MoneyState.REVERSED
