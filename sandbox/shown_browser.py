"""`GET /phone/browser`: a wallet's browser as a page, so that a person, or Chromium, walks through a shop's page.

The shop's pages are fetched with the wallet's User-Agent and cookies and served under a path of their own, with the
wallet's script added (bridge.js); redirects and the addresses that lead into the wallet are led back here. The shop
hears what it would hear from a phone: its own origin. Must not know: what a page looks like.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, cast
from urllib.parse import quote, urljoin, urlsplit

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.control import DEFAULT_CUSTOMER, read_body, script_for
from sandbox.courier import Courier
from sandbox.line import Line, LineAnswer
from sandbox.page import render
from sandbox.problems import problem
from sandbox.served_page import Frame, served_headers, with_bridge
from sandbox.wallet import MoneyState, Scanned, ScanResult, SimulatedWallet
from sandbox.wallet_browser import Nowhere, OwnQr, WalletBrowser, WebPlace
from sandbox.wire import RandomBytes
from sandbox.words import choose_language

_MOST_TABS: Final = 64
_FORWARDED: Final = ("accept", "content-type", "x-requested-with", "sec-fetch-mode", "sec-fetch-dest")
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PAGES: Final = "/phone/browser/"
_BRIDGES: Final = "/phone/bridge/"


class PayRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What the page handed to the wallet's script."""

    values: dict[str, str | int]


class WindowRequest(msgspec.Struct, frozen=True, kw_only=True):
    qr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tab:
    """One wallet's browser on the pages of one shop. `origin`: the shop's."""

    id: str
    origin: str
    browser: WalletBrowser = field(repr=False)

    @property
    def root(self) -> str:
        return _PAGES + self.id

    @property
    def bridge(self) -> str:
        return _BRIDGES + self.id


class ShownBrowser:
    def __init__(
        self,
        *,
        wallets: Mapping[str, SimulatedWallet],
        clock: Clock,
        line: Line,
        courier: Courier,
        random_bytes: RandomBytes,
    ) -> None:
        self._wallets = wallets
        self._clock = clock
        self._line = line
        self._courier = courier
        self._random_bytes = random_bytes
        self._tabs: dict[str, _Tab] = {}

    def routes(self) -> list[Route]:
        """The last one takes what no other route has: an absolute address that a page went to by itself."""
        return [
            Route("/phone/browser", self.enter, methods=["GET"]),
            Route(_PAGES + "{tab}/{rest:path}", self.show, methods=["GET", "POST"]),
            Route(_BRIDGES + "{tab}/bridge.js", self.script, methods=["GET"]),
            Route(_BRIDGES + "{tab}/pay", self.pay, methods=["POST"]),
            Route(_BRIDGES + "{tab}/scan", self.scan, methods=["POST"]),
            Route(_BRIDGES + "{tab}/order/{number}", self.order, methods=["GET"]),
            Route(_BRIDGES + "{tab}/window", self.window, methods=["GET"]),
            Route("/{rest:path}", self.strayed, methods=["GET", "POST"]),
        ]

    async def enter(self, request: Request) -> Response:
        """`wallet` and `url`; `script` (pays at once if not given) and `customer` as in /phone/scan."""
        asked = request.query_params
        name = asked.get("wallet", "")
        script = script_for(name, asked.get("script", "pay"), self._wallets)
        if isinstance(script, Response):
            return script
        browser = WalletBrowser(
            wallet=self._wallets[name],
            customer=asked.get("customer", DEFAULT_CUSTOMER),
            script=script,
            line=self._line,
            clock=self._clock,
        )
        led = self._led(browser, asked.get("url", "").strip())
        if led is None:
            detail = "Give url: a page by https, or by http on this computer, or one of this wallet's own QRs."
            return problem(404, "page_unreachable", "No page there", detail)
        return RedirectResponse(led, status_code=303)

    async def show(self, request: Request) -> Response:
        """One request of the page, or for it."""
        tab = self._tab(request)
        if tab is None:
            return _gone()
        here = urljoin(tab.origin, _target(request, tab.root))
        headers = {name: request.headers[name] for name in _FORWARDED if name in request.headers}
        came_from = _page_of(request, tab)
        if came_from is not None:
            headers |= {"referer": came_from, "sec-fetch-site": "same-origin"}
        if "origin" in request.headers:
            headers["origin"] = tab.origin
        answer = await tab.browser.fetch(request.method, here, headers=headers, body=await request.body())
        if answer is None:
            return problem(502, "page_unreachable", "Page unreachable", "The shop did not answer this phone.")
        return self._served(request, tab, here, answer)

    async def script(self, request: Request) -> Response:
        script = Path(__file__).with_name("bridge.js").read_bytes()
        return Response(script, media_type="text/javascript", headers={"cache-control": "no-store"})

    async def pay(self, request: Request) -> Response:
        """The page called the wallet's script."""
        tab = self._tab(request)
        if tab is None:
            return _gone()
        asked = await read_body(request, PayRequest)
        if isinstance(asked, Response):
            return asked
        scanned = tab.browser.pay({name: str(value) for name, value in asked.values.items()})
        await self._courier.after_call(tab.browser.wallet)
        return self._said(tab, scanned)

    async def scan(self, request: Request) -> Response:
        """The wallet's own window pays a QR."""
        tab = self._tab(request)
        if tab is None:
            return _gone()
        asked = await read_body(request, WindowRequest)
        if isinstance(asked, Response):
            return asked
        scanned = tab.browser.scan(asked.qr)
        await self._courier.after_call(tab.browser.wallet)
        return self._said(tab, scanned)

    async def order(self, request: Request) -> Response:
        """What has become of an order whose customer was still typing a password."""
        tab = self._tab(request)
        number = str(request.path_params["number"])
        order = None if tab is None else tab.browser.wallet.order(number, self._clock())
        if tab is None or order is None:
            return _gone()
        results = {MoneyState.WAITING: ScanResult.WAITING, MoneyState.PAID: ScanResult.PAID}
        result = results.get(order.state, ScanResult.ORDER_CLOSED)
        return self._said(tab, Scanned(result=result, out_trade_no=number))

    async def window(self, request: Request) -> Response:
        """The wallet's own window: it pays what the shop sent the customer to."""
        tab = self._tab(request)
        if tab is None:
            return _gone()
        language = choose_language(request.query_params.get("lang"), request.headers.get("accept-language", ""))
        asked = json.dumps({"qr": request.query_params.get("qr", "")}).replace("<", "\\u003c")
        wallet = tab.browser.wallet.name
        return render("window.html", language, wallet=wallet, bridge=tab.bridge, asked_json=asked)

    async def strayed(self, request: Request) -> Response:
        """A page that goes to an absolute path by itself leaves its root: it is led back by where it came from."""
        referer = urlsplit(request.headers.get("referer", ""))
        name = referer.path.removeprefix(_PAGES).partition("/")[0]
        tab = self._tabs.get(name) if referer.path.startswith(_PAGES) else None
        if tab is None:
            return Response("Not Found", status_code=404, media_type="text/plain")
        return RedirectResponse(tab.root + _target(request, ""), status_code=307)

    def _served(self, request: Request, tab: _Tab, here: str, answer: LineAnswer) -> Response:
        frame = Frame(root=tab.root, bridge=tab.bridge, wallet=tab.browser.wallet.name, shop=tab.origin)
        headers = served_headers(answer.headers)
        if answer.status in _REDIRECTS:
            led = self._led(tab.browser, urljoin(here, answer.header("location")))
            if led is None:
                return problem(502, "page_unreachable", "No page there", "The shop sent this phone nowhere.")
            return RedirectResponse(led, status_code=answer.status, headers=headers)
        body = answer.body
        kind = answer.header("content-type").partition(";")[0].strip().lower()
        if kind == "text/html":
            body, headers = with_bridge(body, headers, frame)
        elif kind == "application/json":
            body = self._with_led_redirect(tab, here, body, str(request.base_url).rstrip("/"))
        return Response(body, status_code=answer.status, headers=headers)

    def _with_led_redirect(self, tab: _Tab, here: str, body: bytes, base: str) -> bytes:
        """The answer to a press may send the customer into the wallet: that address is this phone's."""
        try:
            said: object = json.loads(body)
        except ValueError:
            return body
        values = cast("dict[str, object]", said) if isinstance(said, dict) else {}
        redirect = values.get("redirect")
        led = self._led(tab.browser, urljoin(here, redirect)) if isinstance(redirect, str) and redirect else None
        return body if led is None else json.dumps({**values, "redirect": base + led}).encode()

    def _led(self, browser: WalletBrowser, url: str) -> str | None:
        """Where on this phone an address is."""
        match browser.place(url):
            case Nowhere():
                return None
            case OwnQr(qr=qr):
                return f"{self._opened(browser, '').bridge}/window?qr={quote(qr, safe='')}"
            case WebPlace(url=place):
                parts = urlsplit(place)
                tab = self._opened(browser, f"{parts.scheme}://{parts.netloc}")
                query = f"?{parts.query}" if parts.query else ""
                return f"{tab.root}{parts.path or '/'}{query}"

    def _opened(self, browser: WalletBrowser, origin: str) -> _Tab:
        """The browser's tab at that shop."""
        for tab in self._tabs.values():
            if tab.browser is browser and tab.origin == origin:
                return tab
        tab = _Tab(id=self._random_bytes(12).hex(), origin=origin, browser=browser)
        while len(self._tabs) >= _MOST_TABS:
            del self._tabs[next(iter(self._tabs))]
        self._tabs[tab.id] = tab
        return tab

    def _tab(self, request: Request) -> _Tab | None:
        return self._tabs.get(str(request.path_params["tab"]))

    def _said(self, tab: _Tab, scanned: Scanned) -> Response:
        number = scanned.out_trade_no
        order = None if number is None else tab.browser.wallet.order(number, self._clock())
        state = None if order is None else order.state.value
        return JSONResponse({"result": scanned.result.value, "out_trade_no": number, "state": state})


def _target(request: Request, root: str) -> str:
    """The path and query as they were sent, below the root."""
    path = bytes(request.scope["raw_path"]).decode("latin-1").removeprefix(root)
    query = bytes(request.scope["query_string"]).decode("latin-1")
    return f"{path}?{query}" if query else path


def _page_of(request: Request, tab: _Tab) -> str | None:
    """The shop's address of the page that makes the request."""
    referer = urlsplit(request.headers.get("referer", ""))
    if not referer.path.startswith(tab.root + "/"):
        return None
    path = referer.path.removeprefix(tab.root)
    return f"{tab.origin}{path}?{referer.query}" if referer.query else tab.origin + path


def _gone() -> Response:
    return problem(404, "no_such_tab", "Closed", "This tab of the phone's browser is closed; open the page again.")
