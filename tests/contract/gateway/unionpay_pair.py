"""One UnionPay account of the gateway, one simulated wallet, one clock, no sockets: what the paired tests drive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TypeVar
from urllib.parse import parse_qsl, unquote, urlsplit

from gateway.channels.account import parse_account
from gateway.channels.port import (
    BillKind,
    BillOf,
    BillVerdict,
    Channel,
    ChannelRequest,
    ChannelResponse,
    CreateVerdict,
    Failed,
    LineFault,
    NoAnswer,
    Notification,
    NotificationVerdict,
    NotSent,
    OrderRef,
    PageOrder,
    PayerVerdict,
    PayOrder,
    PayVerdict,
    PrecreateVerdict,
    PreparedCall,
    QrOrder,
    QrReady,
    QueryVerdict,
    RefundOrder,
    RefundQueryVerdict,
    RefundVerdict,
    UndoVerdict,
)
from gateway.channels.registry import open_channel
from protocol.secret import Secret
from sandbox.codes import CodeBook
from sandbox.keys import fresh_keys
from sandbox.scripts import Script, parse_script
from sandbox.unionpay.certificates import UnionpayKeys, merchant_with
from sandbox.unionpay.merchant import UnionpayMerchant
from sandbox.unionpay.server import UnionpayServer
from sandbox.wallet import OrderMoney, Origins, Outgoing, ScanResult
from sandbox.wire import Answer, HttpRequestParts, Reply

#: 2026-11-22 10:00:00 in Beijing.
START_MS = 1_795_312_800_000
DAY = "2026-11-22"
NUMBER = "0123456789ABCDEFGHJKMNPQR01"
REFUND_NO = "0123456789ABCDEFGHJKMNPQZ"
AMOUNT_FEN = 1250
BASE = "http://127.0.0.1:8600"
VerdictT = TypeVar("VerdictT")
Line = NotSent | NoAnswer


@cache
def merchant() -> UnionpayMerchant:
    made = fresh_keys(("root", "middle", "unionpay", "merchant"))
    keys = UnionpayKeys(root=made["root"], middle=made["middle"], unionpay=made["unionpay"], merchant=made["merchant"])
    return merchant_with(keys, now_ms=START_MS)


def script(text: str) -> Script:
    wanted = parse_script(text)
    assert wanted is not None
    return wanted


class Pair:
    """`settings`: of the gateway's account, over those that the sandbox's own description gives."""

    def __init__(self, settings: Mapping[str, object] | None = None) -> None:
        self.now_ms = START_MS
        self.sent: list[ChannelRequest] = []
        self._drawn = 0
        codes = CodeBook(self._random_bytes)
        self.wallet = UnionpayServer(merchant=merchant(), codes=codes, random_bytes=self._random_bytes)
        self.about = self.wallet.about(Origins(plain=BASE, tls=None))
        self.channel: Channel = open_channel(parse_account({**_account(self.about), **(settings or {})}))

    def _random_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_128(str(self._drawn).encode()).digest(count)

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NoAnswer:
        assert connect_timeout_ms < read_timeout_ms
        self.sent.append(request)
        reply = self.post(request.url, request.body)
        if not isinstance(reply, Answer):
            return NoAnswer(LineFault.CUT)
        return ChannelResponse(status=reply.status, headers={"content-type": reply.content_type}, body=reply.body)

    def post(self, url: str, body: bytes) -> Reply:
        path = urlsplit(url).path
        (route,) = (one for one in self.wallet.routes() if one.path == path)
        return route.handle(HttpRequestParts(method="POST", path=path, body=body), self.now_ms)

    def _do(self, call: PreparedCall[VerdictT]) -> VerdictT | Line:
        return asyncio.run(call.perform(self))

    def later(self, ms: int) -> None:
        self.now_ms += ms

    def pay(self, text: str = "pay", *, number: str = NUMBER, opened_ms: int = START_MS) -> PayVerdict | Line:
        code = self.wallet.issue_code(script(text), self.now_ms)
        return self.pay_with(code, number=number, opened_ms=opened_ms)

    def pay_with(self, code: str, *, number: str = NUMBER, opened_ms: int = START_MS) -> PayVerdict | Line:
        order = PayOrder(
            out_trade_no=number,
            amount_fen=AMOUNT_FEN,
            subject="早餐",
            auth_code=Secret(code),
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=60_000,
            opened_ms=opened_ms,
        )
        return self._do(self.channel.pay(order, now_ms=self.now_ms))

    def precreate(self, *, number: str = NUMBER) -> PrecreateVerdict | Line:
        order = QrOrder(
            out_trade_no=number,
            amount_fen=AMOUNT_FEN,
            subject="早餐",
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=120_000,
            opened_ms=START_MS,
        )
        return self._do(self.channel.precreate(order, now_ms=self.now_ms))

    def create(self, payer: Secret) -> CreateVerdict | Line:
        order = PageOrder(
            out_trade_no=NUMBER,
            amount_fen=AMOUNT_FEN,
            subject="早餐",
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=120_000,
            opened_ms=START_MS,
            payer=payer,
            payer_address="203.0.113.7",
        )
        return self._do(self.channel.create(order, now_ms=self.now_ms))

    def ref(self, *, transaction_id: str | None = None, opened_ms: int = START_MS, number: str = NUMBER) -> OrderRef:
        return OrderRef(out_trade_no=number, amount_fen=AMOUNT_FEN, opened_ms=opened_ms, transaction_id=transaction_id)

    def query(self, ref: OrderRef | None = None) -> QueryVerdict | Line:
        return self._do(self.channel.query(ref or self.ref(), now_ms=self.now_ms))

    def cancel(self) -> UndoVerdict | Line:
        return self._do(self.channel.cancel(self.ref(), now_ms=self.now_ms))

    def refund_order(self, query_id: str | None, amount_fen: int = 250, *, number: str = REFUND_NO) -> RefundOrder:
        return RefundOrder(
            refund_no=number,
            order=self.ref(transaction_id=query_id),
            amount_fen=amount_fen,
            reason="退一份",
            opened_ms=START_MS + 3_600_000,
        )

    def refund(self, order: RefundOrder) -> RefundVerdict | Line:
        return self._do(self.channel.refund(order, now_ms=self.now_ms))

    def refund_query(self, order: RefundOrder) -> RefundQueryVerdict | Line:
        return self._do(self.channel.refund_query(order, now_ms=self.now_ms))

    def payer(self, back: str) -> PayerVerdict | Line:
        """Exchanges what came back to the page's address."""
        handed = dict(parse_qsl(urlsplit(back).query))
        call = self.channel.payer(handed, user_agent=self.wallet.user_agent, now_ms=self.now_ms)
        assert call is not None
        return self._do(call)

    def bill(self, day: str = DAY, kind: BillKind = BillKind.TRADE) -> BillVerdict | Line:
        verdict = self._do(self.channel.bill(BillOf(day=day, kind=kind), now_ms=self.now_ms))
        assert not isinstance(verdict, PreparedCall)
        return verdict

    def due(self) -> tuple[Outgoing, ...]:
        return self.wallet.due_notifications(self.now_ms)

    def hears(self, outgoing: Outgoing) -> NotificationVerdict:
        notification = Notification(headers=outgoing.headers, body=outgoing.body)
        return self.channel.read_notification(notification, now_ms=self.now_ms)

    def answer(self, outgoing: Outgoing, *, received: bool) -> None:
        reply = self.channel.notification_reply(received=received)
        self.wallet.notified(outgoing.id, status=reply.status, body=reply.body, now_ms=self.now_ms)

    def money(self, number: str = NUMBER) -> OrderMoney:
        money = self.wallet.order(number, self.now_ms)
        assert money is not None
        return money

    def moved(self, number: str = NUMBER) -> tuple[int, int]:
        """Captured and refunded, fen."""
        money = self.wallet.order(number, self.now_ms)
        return (0, 0) if money is None else (money.captured_fen, money.refunded_fen)


def _account(about: Mapping[str, object]) -> dict[str, object]:
    """An account written from what the sandbox says about itself, as an owner would."""
    return {
        "id": "shop-unionpay",
        "channel": "unionpay",
        "base_url": about["base_url"],
        "file_url": about["file_url"],
        "authorize_url": about["authorize_url"],
        "user_id_url": about["user_id_url"],
        "notify_url": "https://shop.test/notify/unionpay/shop-unionpay",
        "mer_id": about["mer_id"],
        "private_key": about["merchant_private_key_pem"],
        "certificate": about["merchant_certificate_pem"],
        "root_certificate": about["root_certificate_pem"],
        "middle_certificate": about["middle_certificate_pem"],
        "min_query_interval_ms": 1_000,
    }


def by_key() -> dict[str, object]:
    """Settings of signMethod 11."""
    certificates = ("private_key", "certificate", "root_certificate", "middle_certificate")
    return {"sign_method": "11", "secret_key": merchant().secret_key, **dict.fromkeys(certificates)}


def sent_fields(request: ChannelRequest) -> dict[str, str]:
    pairs = (piece.partition("=") for piece in request.body.decode("ascii").split("&"))
    return {name: unquote(value) for name, _, value in pairs}


def scanned(pair: Pair, text: str) -> ScanResult:
    """The order's QR, shown and scanned."""
    ready = pair.precreate()
    assert isinstance(ready, QrReady)
    return pair.wallet.scan(ready.qr, script(text), pair.now_ms).result


def is_over(verdict: object) -> bool:
    """Counts as closed once it was undone (table P)."""
    return isinstance(verdict, Failed) and verdict.closed_once_undone and not verdict.money_taken


def authorised(pair: Pair, customer: str = "Li") -> str:
    """The address to which the wallet's browser comes back."""
    url = pair.channel.authorize_url(redirect="https://shop.test/q/token", state="s/1+2")
    assert url is not None
    path, _, query = url.removeprefix("http://127.0.0.1:8600").partition("?")
    asked = HttpRequestParts(method="GET", path=path, query=query.encode("ascii"))
    back = pair.wallet.authorize(asked, customer, pair.now_ms)
    assert back is not None
    assert back.startswith("https://shop.test/q/token?state=s%2F1%2B2&userAuthCode=")
    return back
