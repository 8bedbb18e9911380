"""One WeChat Pay account of the gateway, one simulated wallet, one clock, no sockets: what the paired tests drive."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from functools import cache
from typing import TypeVar, cast
from urllib.parse import parse_qsl, urlsplit

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.channels.account import parse_account
from gateway.channels.port import (
    BillKind,
    BillOf,
    BillVerdict,
    ChannelRequest,
    ChannelResponse,
    CreateVerdict,
    LineFault,
    NoAnswer,
    Notification,
    NotificationVerdict,
    NotSent,
    OrderKind,
    OrderRef,
    PageOrder,
    PayerVerdict,
    PayOrder,
    PayVerdict,
    PrecreateVerdict,
    PreparedCall,
    QrOrder,
    QueryVerdict,
    RefundOrder,
    RefundQueryVerdict,
    RefundVerdict,
    UndoVerdict,
)
from gateway.channels.wechat.channel import WechatChannel
from gateway.channels.wechat.opening import open_wechat
from protocol.secret import Secret
from sandbox.codes import CodeBook
from sandbox.keys import fresh_keys
from sandbox.scripts import Script, parse_script
from sandbox.wallet import Origins, Outgoing
from sandbox.wechat.certificates import WechatKeys, merchant_with
from sandbox.wechat.merchant import KeyMode, WechatMerchant
from sandbox.wechat.server import WechatServer
from sandbox.wire import Answer, HttpRequestParts

#: 2026-11-22 10:00:00 in Beijing.
START_MS = 1_795_312_800_000
DAY = "2026-11-22"
NUMBER = "0123456789ABCDEFGHJKMNPQR01"
REFUND_NO = "0123456789ABCDEFGHJKMNPQZ"
AMOUNT_FEN = 1250
PLAIN, TLS = "http://127.0.0.1:8600", "https://127.0.0.1:8601"
_NAMES = ("authority", "merchant", "old", "new", "wallet", "tls")
VerdictT = TypeVar("VerdictT")
Line = NotSent | NoAnswer


@cache
def merchant(key_mode: KeyMode) -> WechatMerchant:
    keys = _keys()
    return merchant_with(
        WechatKeys(
            authority=keys["authority"],
            merchant=keys["merchant"],
            platform=(keys["old"], keys["new"]),
            wallet=keys["wallet"],
            tls_server=keys["tls"],
        ),
        now_ms=START_MS,
        key_mode=key_mode,
    )


@cache
def _keys() -> Mapping[str, RSAPrivateKey]:
    return fresh_keys(_NAMES)


def script(text: str) -> Script:
    wanted = parse_script(text)
    assert wanted is not None
    return wanted


class Pair:
    """`settings`: of the gateway's account, over those that the sandbox's own description gives."""

    def __init__(
        self,
        *,
        key_mode: KeyMode = KeyMode.SIDE_BY_SIDE,
        probe: int = 0,
        partner: bool = False,
        certified: bool = True,
        **settings: object,
    ) -> None:
        self.now_ms = START_MS
        self.sent: list[ChannelRequest] = []
        self.certified = certified
        self._drawn = 0
        codes = CodeBook(self._random_bytes)
        self.wallet = WechatServer(
            merchant=merchant(key_mode), codes=codes, random_bytes=self._random_bytes, probe=probe
        )
        about = self.wallet.about(Origins(plain=PLAIN, tls=TLS))
        channel = open_wechat(parse_account({**account(about, partner=partner), **settings}))
        assert isinstance(channel, WechatChannel)
        self.channel = channel

    def _random_bytes(self, count: int) -> bytes:
        self._drawn += 1
        return hashlib.shake_128(str(self._drawn).encode()).digest(count)

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NoAnswer:
        assert connect_timeout_ms < read_timeout_ms
        self.sent.append(request)
        parts = urlsplit(request.url)
        (route,) = (
            one for one in self.wallet.routes() if _fits(one.path, parts.path) and request.method in one.methods
        )
        if route.tls and not (self.certified and request.url.startswith(TLS)):
            return NoAnswer(LineFault.CUT)
        asked = HttpRequestParts(
            method=request.method,
            path=parts.path,
            query=parts.query.encode("ascii"),
            body=request.body,
            content_type=request.headers.get("content-type", ""),
            headers={**request.headers, "host": parts.netloc},
        )
        reply = route.handle(asked, self.now_ms)
        if not isinstance(reply, Answer):
            return NoAnswer(LineFault.CUT)
        headers = {name.lower(): value for name, value in reply.headers.items()}
        return ChannelResponse(
            status=reply.status, headers={"content-type": reply.content_type, **headers}, body=reply.body
        )

    def do(self, call: PreparedCall[VerdictT]) -> VerdictT | Line:
        return asyncio.run(call.perform(self))

    def fetched(self, request: ChannelRequest) -> ChannelResponse:
        """The answer itself, before anybody reads it."""
        answer = asyncio.run(self(request, connect_timeout_ms=1, read_timeout_ms=2))
        assert isinstance(answer, ChannelResponse)
        return answer

    def later(self, ms: int) -> None:
        self.now_ms += ms

    def pay(self, text: str = "pay", *, amount_fen: int = AMOUNT_FEN) -> PayVerdict | Line:
        return self.pay_with(self.wallet.issue_code(script(text), self.now_ms), amount_fen=amount_fen)

    def pay_with(self, code: str, *, amount_fen: int = AMOUNT_FEN) -> PayVerdict | Line:
        order = PayOrder(
            out_trade_no=NUMBER,
            amount_fen=amount_fen,
            subject="早餐 豆浆<油条>&]]>+=",
            auth_code=Secret(code),
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=60_000,
            opened_ms=START_MS,
        )
        return self.do(self.channel.pay(order, now_ms=self.now_ms))

    def qr_order(self) -> QrOrder:
        return QrOrder(
            out_trade_no=NUMBER,
            amount_fen=AMOUNT_FEN,
            subject="早餐",
            operator="c01",
            terminal="T0001",
            store="S0001",
            open_for_ms=120_000,
            opened_ms=START_MS,
        )

    def precreate(self) -> PrecreateVerdict | Line:
        return self.do(self.channel.precreate(self.qr_order(), now_ms=self.now_ms))

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
        return self.do(self.channel.create(order, now_ms=self.now_ms))

    def ref(self, kind: OrderKind = OrderKind.CODE, *, amount_fen: int = AMOUNT_FEN) -> OrderRef:
        return OrderRef(out_trade_no=NUMBER, amount_fen=amount_fen, kind=kind, opened_ms=START_MS)

    def query(self, kind: OrderKind = OrderKind.CODE, *, amount_fen: int = AMOUNT_FEN) -> QueryVerdict | Line:
        return self.do(self.channel.query(self.ref(kind, amount_fen=amount_fen), now_ms=self.now_ms))

    def cancel(self, kind: OrderKind = OrderKind.CODE) -> UndoVerdict | Line:
        return self.do(self.channel.cancel(self.ref(kind), now_ms=self.now_ms))

    def refund_order(self, kind: OrderKind = OrderKind.CODE, amount_fen: int = 250) -> RefundOrder:
        return RefundOrder(
            refund_no=REFUND_NO, order=self.ref(kind), amount_fen=amount_fen, reason="退一份", opened_ms=START_MS
        )

    def refund(self, kind: OrderKind = OrderKind.CODE, amount_fen: int = 250) -> RefundVerdict | Line:
        return self.do(self.channel.refund(self.refund_order(kind, amount_fen), now_ms=self.now_ms))

    def refund_query(self, kind: OrderKind = OrderKind.CODE, amount_fen: int = 250) -> RefundQueryVerdict | Line:
        return self.do(self.channel.refund_query(self.refund_order(kind, amount_fen), now_ms=self.now_ms))

    def authorized(self, customer: str = "wang") -> str:
        """Where the wallet's browser comes back to after the OAuth page."""
        url = self.channel.authorize_url(redirect="https://shop.test/o/x?p=1", state="s-1")
        assert url is not None
        parts = urlsplit(url)
        asked = HttpRequestParts(method="GET", path=parts.path, query=parts.query.encode("ascii"))
        back = self.wallet.authorize(asked, customer, self.now_ms)
        assert back is not None
        return back

    def payer(self, back: str) -> PayerVerdict | Line:
        call = self.channel.payer(
            dict(parse_qsl(urlsplit(back).query)), user_agent=self.wallet.user_agent, now_ms=self.now_ms
        )
        assert call is not None
        return self.do(call)

    def bill(self, kind: BillKind = BillKind.TRADE, day: str = DAY) -> BillVerdict | Line:
        verdict = self.do(self.channel.bill(BillOf(day=day, kind=kind), now_ms=self.now_ms))
        return self.do(verdict) if isinstance(verdict, PreparedCall) else verdict

    def due(self) -> tuple[Outgoing, ...]:
        return self.wallet.due_notifications(self.now_ms)

    def hears(self, outgoing: Outgoing) -> NotificationVerdict:
        headers = {name.lower(): value for name, value in outgoing.headers.items()}
        notification = Notification(headers=headers, body=outgoing.body)
        return self.channel.read_notification(notification, now_ms=self.now_ms)

    def answer(self, outgoing: Outgoing, *, received: bool) -> None:
        reply = self.channel.notification_reply(received=received)
        self.wallet.notified(outgoing.id, status=reply.status, body=reply.body, now_ms=self.now_ms)

    def moved(self) -> tuple[int, int]:
        """Captured and refunded, fen."""
        money = self.wallet.order(NUMBER, self.now_ms)
        return (0, 0) if money is None else (money.captured_fen, money.refunded_fen)


def _fits(pattern: str, path: str) -> bool:
    return path.startswith(pattern[:-1]) if pattern.endswith("*") else path == pattern


def account(about: Mapping[str, object], *, partner: bool = False) -> dict[str, object]:
    """An account written from what the sandbox says about itself, as an owner would."""
    platform = cast("list[dict[str, str]]", about["platform_certificates"])
    written: dict[str, object] = {
        "id": "shop-wechat",
        "channel": "wechat",
        "base_url": about["base_url"],
        "secapi_url": about["tls_base_url"],
        "authorize_url": about["authorize_url"],
        "oauth_url": about["access_token_url"],
        "notify_url": "https://shop.test/notify/wechat/shop-wechat",
        "appid": about["appid"],
        "app_secret": about["app_secret"],
        "mch_id": about["mchid"],
        "api_v2_key": about["api_v2_key"],
        "api_v3_key": about["api_v3_key"],
        "private_key": about["merchant_private_key_pem"],
        "client_certificate": about["client_certificate_pem"],
        "certificate_serial": about["merchant_serial_no"],
        "min_query_interval_ms": 1_000,
    }
    if about["public_key_pem"] is not None:
        written |= {"wallet_public_key": about["public_key_pem"], "wallet_public_key_id": about["public_key_id"]}
    if platform:
        written["wallet_certificates"] = "".join(one["certificate_pem"] for one in platform)
    if partner:
        written |= {"mode": "partner", "sub_mch_id": about["sub_mchid"], "sub_appid": about["sub_appid"]}
    return written
