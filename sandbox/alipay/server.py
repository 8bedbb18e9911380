"""The simulated Alipay as one object: a request and the time in, an answer or a cut connection out.

Drive it with a web server or a simulation; the same calls, clock and random bytes give the same answers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum

from sandbox.alipay.envelope import Refused, open_envelope, seal
from sandbox.alipay.merchant import Merchant
from sandbox.alipay.methods import Biz, Methods, Said, Scanned
from sandbox.alipay.trades import Trade, TradeBook, TradeStatus
from sandbox.codes import CodeBook
from sandbox.scripts import Script, plan_for_qr
from sandbox.wire import Answer, CutConnection, HttpRequestParts, RandomBytes, Reply


class MoneyState(Enum):
    """What became of an order, from the customer's side."""

    WAITING = "waiting"
    PAID = "paid"
    CLOSED = "closed"
    REVERSED = "reversed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderMoney:
    """What one order moved: the truth that a shop's records must agree with."""

    out_trade_no: str
    subject: str
    total_fen: int
    captured_fen: int
    refunded_fen: int
    state: MoneyState
    created_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenQr:
    qr: str
    out_trade_no: str
    total_fen: int
    subject: str


class AlipayServer:
    """`cancel_retries`: how many times each trade's cancel first answers `retry_flag=Y`, to exercise the caller."""

    def __init__(
        self, *, merchant: Merchant, codes: CodeBook, random_bytes: RandomBytes, cancel_retries: int = 0
    ) -> None:
        self._merchant = merchant
        self._book = TradeBook()
        self._methods = Methods(
            book=self._book,
            codes=codes,
            random_bytes=random_bytes,
            store_name=merchant.store_name,
            cancel_retries=cancel_retries,
        )
        self._by_name: Mapping[str, Callable[[Biz, int], Said]] = {
            "alipay.trade.pay": self._methods.pay,
            "alipay.trade.precreate": self._methods.precreate,
            "alipay.trade.query": self._methods.query,
            "alipay.trade.cancel": self._methods.cancel,
            "alipay.trade.close": self._methods.close,
        }

    @property
    def merchant(self) -> Merchant:
        return self._merchant

    def handle(self, request: HttpRequestParts, now_ms: int) -> Reply:
        """One request to `gateway.do`."""
        if request.method not in ("GET", "POST"):
            return Answer(status=405, content_type="text/html;charset=utf-8", body=b"")
        call = open_envelope(request, self._merchant, self._by_name.keys())
        key = self._merchant.wallet_key
        if isinstance(call, Refused):
            return seal(call.node, method=call.method, charset=call.charset, key=key)
        said = self._by_name[call.method](call.biz, now_ms)
        if isinstance(said, CutConnection):
            return said
        return seal(said, method=call.method, charset=call.charset, key=key)

    def scan(self, qr: str, script: Script, now_ms: int) -> Scanned:
        """A customer scans a shop's QR and behaves as the script says."""
        return self._methods.scan(qr, plan_for_qr(script), now_ms)

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
        return None if trade is None else _order_money(trade)

    def advance(self, now_ms: int) -> None:
        """Lets time work on every trade. Never needed for right answers: each look does it for what it looks at."""
        for _ in self._book.trades(now_ms):
            pass

    def next_event_ms(self) -> int | None:
        """When a waiting trade next changes by time alone."""
        return self._book.next_event_ms()


def _order_money(trade: Trade) -> OrderMoney:
    return OrderMoney(
        out_trade_no=trade.order.out_trade_no,
        subject=trade.order.subject,
        total_fen=trade.order.total_fen,
        captured_fen=trade.captured_fen,
        refunded_fen=trade.refunded_fen,
        state=_money_state(trade),
        created_ms=trade.created_ms,
    )


def _money_state(trade: Trade) -> MoneyState:
    match trade.status:
        case TradeStatus.WAIT_BUYER_PAY:
            return MoneyState.WAITING
        case TradeStatus.TRADE_SUCCESS | TradeStatus.TRADE_FINISHED:
            return MoneyState.PAID
        case TradeStatus.TRADE_CLOSED:
            return MoneyState.CLOSED if trade.paid_ms is None else MoneyState.REVERSED
