"""The simulated wallet at the end of the gateway's line: the sandbox's real logic, reached with real signed bytes.

It never dies, and what it says about money is the truth that every record must agree with at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

from gateway.channels.port import ChannelRequest
from proof.simulation.network import Reply
from protocol.secret import Secret
from sandbox.alipay.merchant import Merchant, pkcs8_pem, public_pem
from sandbox.alipay.methods import Scanned
from sandbox.alipay.server import AlipayServer, MoneyState, OrderMoney
from sandbox.codes import CodeBook
from sandbox.phone import Phone
from sandbox.scripts import Script
from sandbox.wire import CutConnection, HttpRequestParts

GATEWAY_URL = "http://127.0.0.1:8600/alipay/gateway.do"

#: Called with an order's number and what became of it, right when it happens.
Watch = Callable[[str, OrderMoney], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What a request to the wallet asks, without the parts that nobody may see."""

    method: str
    out_trade_no: str

    def __str__(self) -> str:
        return f"{self.method} {self.out_trade_no}"


def asked(request: ChannelRequest) -> Asked:
    """Reads what our own adapter wrote."""
    method = parse_qs(urlsplit(request.url).query)["method"][0].removeprefix("alipay.trade.")
    content = json.loads(parse_qs(request.body.decode("ascii"))["biz_content"][0])
    return Asked(method=method, out_trade_no=str(content["out_trade_no"]))


class Wallet:
    """`watch` hears of each movement of money, in the order in which they happen."""

    def __init__(
        self,
        *,
        merchant: Merchant,
        random_bytes: Callable[[int], bytes],
        now_ms: Callable[[], int],
        watch: Watch,
        cancel_retries: int,
    ) -> None:
        self._merchant = merchant
        self._now_ms = now_ms
        self._watch = watch
        codes = CodeBook(random_bytes)
        self._server = AlipayServer(
            merchant=merchant, codes=codes, random_bytes=random_bytes, cancel_retries=cancel_retries
        )
        self._phone = Phone(codes=codes, alipay=self._server)
        self._seen: dict[str, tuple[int, int]] = {}

    def settings(self, *, account_id: str, min_query_interval_ms: int) -> dict[str, object]:
        """The merchant's account as an owner writes it."""
        return {
            "id": account_id,
            "channel": "alipay",
            "base_url": GATEWAY_URL,
            "app_id": self._merchant.app_id,
            "seller_id": self._merchant.seller_id,
            "private_key": pkcs8_pem(self._merchant.merchant_key),
            "wallet_public_key": public_pem(self._merchant.wallet_key.public_key()),
            "min_query_interval_ms": min_query_interval_ms,
        }

    async def serve(self, request: ChannelRequest) -> Reply | None:
        """One HTTP request as it arrives; None: the connection is cut."""
        parts = HttpRequestParts(
            method=request.method,
            query=urlsplit(request.url).query.encode("ascii"),
            body=request.body,
            content_type=request.headers.get("content-type", ""),
        )
        reply = self._server.handle(parts, self._now_ms())
        self.look([asked(request).out_trade_no])
        if isinstance(reply, CutConnection):
            return None
        return Reply(status=reply.status, headers={"content-type": reply.content_type}, body=reply.body)

    def show_code(self, script: Script) -> Secret:
        return Secret(self._phone.show_code(script, self._now_ms()))

    def scan(self, qr: str, script: Script) -> Scanned:
        scanned = self._phone.scan(qr, script, self._now_ms())
        if scanned.out_trade_no is not None:
            self.look([scanned.out_trade_no])
        return scanned

    def money(self, out_trade_no: str) -> OrderMoney | None:
        return self._server.order(out_trade_no, self._now_ms())

    def orders(self) -> tuple[OrderMoney, ...]:
        return self._server.orders(self._now_ms())

    def next_event_ms(self) -> int | None:
        """When a customer pays, or a trade ends, by time alone."""
        return self._server.next_event_ms()

    def look(self, out_trade_nos: Iterable[str] | None = None) -> None:
        """Tells the watch about movements: of these orders, or of all."""
        numbers = [o.out_trade_no for o in self.orders()] if out_trade_nos is None else out_trade_nos
        for number in numbers:
            money = self.money(number)
            if money is None:
                continue
            now = (money.captured_fen, money.refunded_fen)
            if self._seen.get(number, (0, 0)) != now:
                self._seen[number] = now
                self._watch(number, money)


def kept_fen(money: OrderMoney | None) -> int:
    """What the shop has of an order."""
    return 0 if money is None else money.captured_fen - money.refunded_fen


__all__ = ["GATEWAY_URL", "Asked", "MoneyState", "Wallet", "asked", "kept_fen"]
