"""The gateway with its cashier page on a virtual clock, and phones whose wallets' browsers walk through it: the
simulated wallets' own sign-in, script and payment, over the page's real routes, without a socket."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urljoin

import httpx
from starlette.applications import Starlette

from gateway.channels.port import OrderKind
from gateway.core import Gateway
from gateway.payments.values import ChannelOrder, Payment, PaymentKey
from gateway.store import pages, payments
from gateway.store.pages import STATIC_KEY
from gateway.store.places import add_terminal
from gateway.store.tables import CHANNEL_ORDERS, PAYMENTS
from gateway.store.units import Tx
from proof.virtual_time import VirtualTimeLoop, run_virtual
from proof.wallets import opened_once
from protocol.chain import genesis
from protocol.messages import PaymentStatus
from sandbox.following import Followed, follow
from sandbox.line import LineAnswer, LineRequest
from sandbox.wallet import Scanned
from sandbox.wallet_browser import WalletBrowser, WebPlace
from tests.contract.gateway.gateway_world import Till, World, script_of

T = TypeVar("T")
PUBLIC = "https://pay.test"
STATIC_TOKEN = "STAT1CT0KEN00000000000000A"
_FACTS = re.compile(r'<script type="application/json" id="guitai-page">(.*?)</script>', re.DOTALL)


class PageWorld(World):
    """No account is marked to make its wallet's own QR: the page takes them all."""

    def __init__(self, loop: VirtualTimeLoop, *, public_url: str = PUBLIC, qr_shown_ms: int = 120_000) -> None:
        self.public_url = public_url
        super().__init__(loop, wallet="", qr_shown_ms=qr_shown_ms)
        self.phones = 0

    def _new_gateway(self) -> Gateway:
        return Gateway(
            store=self.store,
            clock=self.gateway_clock,
            entropy=self.entropy,
            keys=self.keys,
            exchange_for=lambda _account: self.line,
            qr_shown_ms=self.qr_shown_ms,
            longest_sleep_ms=60_000,
            opener=opened_once,
            public_url=self.public_url,
        )

    def phone(
        self, wallet: str, *, customer: str = "customer", script: str = "pay", address: str = "203.0.113.9"
    ) -> Phone:
        browser = WalletBrowser(
            wallet=self.wallets.by_name[wallet],
            customer=customer,
            script=script_of(script),
            line=PageLine(world=self, address=address),
            clock=self.clock.now_ms,
        )
        return Phone(world=self, browser=browser)

    async def request(
        self,
        method: str,
        path: str,
        *,
        headers: dict[str, str] | None = None,
        body: bytes = b"",
        address: str = "203.0.113.9",
    ) -> httpx.Response:
        """One request to the page's routes. No cookie is kept."""
        page, offline = self.gateway.page, self.gateway.offline_page
        assert page is not None
        assert offline is not None
        app = Starlette(routes=[*page.routes(), *offline.routes()])
        transport = httpx.ASGITransport(app=app, client=(address, 5))
        url = urljoin(self.public_url, path)
        request = httpx.Request(method, url, headers=headers, content=body)
        response = await transport.handle_async_request(request)
        await response.aread()
        return response

    async def shown_page(self, till: Till, amount_fen: int = 1250) -> PaymentStatus:
        """A till's payment whose QR leads to the page."""
        return await till.shown(till.payment(None, amount_fen=amount_fen))

    def payment_of(self, status: PaymentStatus) -> Payment:
        key = PaymentKey(terminal_id=status.terminal_id, order_no=status.order_no, n=status.n)
        found = self.store.run_now(lambda tx: payments.find(tx, key))
        assert found is not None
        return found

    def orders_of(self, key: PaymentKey) -> list[ChannelOrder]:
        return self.store.run_now(lambda tx: payments.orders_of(tx, key))

    def all_payments(self) -> list[Payment]:
        def unit(tx: Tx) -> list[Payment]:
            keys = tx.connection.execute(PAYMENTS.select()).all()
            found = [payments.find(tx, PaymentKey(terminal_id=k.terminal_id, order_no=k.order_no, n=k.n)) for k in keys]
            return [one for one in found if one is not None]

        return self.store.run_now(unit)

    def all_orders(self) -> int:
        return self.store.run_now(lambda tx: len(tx.connection.execute(CHANNEL_ORDERS.select()).all()))

    def static_qr(self, store_id: str = "s1") -> str:
        """Puts up the store's static QR; returns its link."""

        def unit(tx: Tx) -> None:
            add_terminal(
                tx,
                terminal_id="STAT1CQR00001",
                store_id=store_id,
                name="台牌",
                public_key=STATIC_KEY + store_id,
                head=genesis("STAT1CQR00001"),
                now_ms=self.clock.now_ms(),
            )
            pages.add(
                tx,
                token=STATIC_TOKEN,
                store_id=store_id,
                terminal_id="STAT1CQR00001",
                key=None,
                now_ms=self.clock.now_ms(),
            )

        self.store.run_now(unit)
        return f"{self.public_url}/q/{STATIC_TOKEN}"


@dataclass
class PageLine:
    """The phone's line to the page. See `sandbox.line.Line`."""

    world: PageWorld
    address: str
    visited: list[str] = field(default_factory=list[str])

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        self.visited.append(request.url)
        answer = await self.world.request(
            request.method, request.url, headers=dict(request.headers), body=request.body, address=self.address
        )
        headers = tuple((name.lower(), value) for name, value in answer.headers.multi_items())
        return LineAnswer(status=answer.status_code, headers=headers, body=answer.content)


@dataclass
class Opened:
    """A page in a wallet's browser: where it is, what it says."""

    url: str
    html: str
    status: int
    headers: dict[str, str]

    @property
    def facts(self) -> dict[str, Any]:
        found = _FACTS.search(self.html)
        assert found is not None, self.html[:200]
        facts: dict[str, Any] = json.loads(found[1])
        return facts


@dataclass
class Phone:
    """One customer's phone, step by step."""

    world: PageWorld
    browser: WalletBrowser

    async def follow(self, qr: str, *, amount_fen: int | None = None) -> Followed:
        return await follow(self.browser, qr, amount_fen=amount_fen)

    async def open(self, qr: str) -> Opened:
        """Opens a link and signs in, if the page asks for it."""
        here = qr
        for _ in range(6):
            place = self.browser.place(here)
            assert isinstance(place, WebPlace), place
            answer = await self.browser.fetch("GET", place.url, headers={})
            assert answer is not None
            if answer.status not in (302, 303):
                return Opened(
                    url=place.url, html=answer.body.decode(), status=answer.status, headers=dict(answer.headers)
                )
            here = urljoin(place.url, answer.header("location"))
        raise AssertionError("led around in circles")

    async def press(self, page: Opened, amount_fen: int | None = None) -> dict[str, Any]:
        body = json.dumps({} if amount_fen is None else {"amount_fen": amount_fen}).encode()
        url = urljoin(page.url, page.facts["press"])
        headers = {"content-type": "application/json", "sec-fetch-site": "same-origin"}
        answer = await self.browser.fetch("POST", url, headers=headers, body=body)
        assert answer is not None
        said: dict[str, Any] = json.loads(answer.body)
        return said

    async def leave(self, page: Opened) -> bool:
        """Presses "let somebody else pay"."""
        headers = {"content-type": "application/json"}
        answer = await self.browser.fetch("POST", page.url.partition("?")[0] + "/leave", headers=headers, body=b"{}")
        assert answer is not None
        left: bool = json.loads(answer.body)["left"]
        return left

    async def status(self, page: Opened, said: dict[str, Any], *, query: str = "") -> dict[str, Any]:
        answer = await self.browser.fetch("GET", urljoin(page.url, said["status"]) + query, headers={})
        assert answer is not None
        told: dict[str, Any] = json.loads(answer.body)
        return told

    def pay(self, said: dict[str, Any]) -> Scanned:
        """The wallet's script is handed what the page got."""
        if said["redirect"] is not None:
            return self.browser.scan(said["redirect"])
        return self.browser.pay({name: str(value) for name, value in said["bridge"].items()})


def page_order(world: PageWorld, status: PaymentStatus) -> ChannelOrder:
    """The payment's only order."""
    (order,) = world.orders_of(world.payment_of(status).key)
    assert order.kind is OrderKind.PAGE
    return order


def in_page_world(
    story: Callable[[PageWorld], Coroutine[Any, Any, T]],
    *,
    notify: bool = False,
    public_url: str = PUBLIC,
    qr_shown_ms: int = 120_000,
) -> T:
    """Plays one story to its end in virtual time."""
    loop = VirtualTimeLoop()

    async def played() -> T:
        world = PageWorld(loop, public_url=public_url, qr_shown_ms=qr_shown_ms)
        await world.gateway.start()
        delivering = asyncio.create_task(world.notifications()) if notify else None
        try:
            return await story(world)
        finally:
            if delivering is not None:
                delivering.cancel()
                await asyncio.gather(delivering, return_exceptions=True)
            await world.gateway.aclose()
            await world.store.aclose()

    return run_virtual(played(), loop)
