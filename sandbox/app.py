"""The sandbox's web applications: each wallet on its real paths, the control calls, the phone's page and browser.

An edge: reads the clock once per request and carries out what the pure wallets decide. Needs `CuttableHttp` underneath.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.courier import Courier
from sandbox.cut import Silence
from sandbox.gun_port import Gun
from sandbox.line import Line
from sandbox.page import PhonePage
from sandbox.phone import Phone
from sandbox.shown_browser import ShownBrowser
from sandbox.wallet import SimulatedWallet, WireRoute
from sandbox.wire import CutConnection, HttpRequestParts, RandomBytes

Handler: TypeAlias = Callable[[Request], Awaitable[Response | Silence]]
_NO_CERTIFICATE = "<html><head><title>400 No required SSL certificate was sent</title></head></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Apps:
    """`tls`: for the port that demands a client certificate; the wallets alone answer there, on all their paths."""

    plain: Starlette
    tls: Starlette


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the applications are made of. `tls_origin`: the base URL of the TLS port."""

    wallets: Mapping[str, SimulatedWallet]
    gun: Gun | None
    clock: Clock
    line: Line
    courier: Courier
    random_bytes: RandomBytes
    tls_origin: str | None


def build_apps(parts: Parts) -> Apps:
    phone = Phone(parts.wallets)
    control = Control(
        phone=phone,
        gun=parts.gun,
        clock=parts.clock,
        line=parts.line,
        courier=parts.courier,
        tls_origin=parts.tls_origin,
    )
    page = PhonePage(phone=phone, gun=parts.gun, clock=parts.clock)
    browser = ShownBrowser(
        wallets=parts.wallets,
        clock=parts.clock,
        line=parts.line,
        courier=parts.courier,
        random_bytes=parts.random_bytes,
    )
    wired = list(_wired(parts))
    on_plain = [_mounted(route, _refuse_without_certificate if route.tls else handler) for route, handler in wired]
    on_tls = [_mounted(route, handler) for route, handler in wired]
    return Apps(
        plain=Starlette(routes=[*control.routes(), *page.routes(), *on_plain, *browser.routes()]),
        tls=Starlette(routes=on_tls),
    )


def _wired(parts: Parts) -> Iterator[tuple[WireRoute, Handler]]:
    for wallet in parts.wallets.values():
        for route in wallet.routes():
            yield route, _handler(wallet, route, parts)


def _handler(wallet: SimulatedWallet, route: WireRoute, parts: Parts) -> Handler:
    async def handle(request: Request) -> Response | Silence:
        reply = route.handle(await _parts_of(request), parts.clock())
        await parts.courier.after_call(wallet)
        if isinstance(reply, CutConnection):
            return Silence()
        # The header is set whole: Starlette would add a second charset.
        return Response(
            reply.body, status_code=reply.status, headers={**reply.headers, "content-type": reply.content_type}
        )

    return handle


async def _parts_of(request: Request) -> HttpRequestParts:
    return HttpRequestParts(
        method=request.method,
        path=bytes(request.scope["raw_path"]).decode("latin-1"),
        query=bytes(request.scope["query_string"]),
        body=await request.body(),
        content_type=request.headers.get("content-type", ""),
        headers=dict(request.headers),
    )


def _mounted(route: WireRoute, handler: Handler) -> Route:
    path = route.path.removesuffix("*") + "{rest:path}" if route.path.endswith("*") else route.path
    return Route(path, handler, methods=list(route.methods))


async def _refuse_without_certificate(_request: Request) -> Response:
    """As the web server in front of the wallet does."""
    return HTMLResponse(_NO_CERTIFICATE, status_code=400)
