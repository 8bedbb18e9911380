"""The sandbox's web application: each wallet's gateway on its real path, the control calls, the phone page.

An edge: reads the clock once per request and carries out what the pure wallets decide. Needs `CuttableHttp` underneath.
"""

from typing import TypeAlias

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from sandbox.alipay.server import AlipayServer
from sandbox.clock import Clock
from sandbox.control import Control
from sandbox.cut import Silence
from sandbox.gun_port import Gun
from sandbox.page import PhonePage
from sandbox.phone import Phone
from sandbox.wire import CutConnection, HttpRequestParts

Reply: TypeAlias = Response | Silence


def build_app(*, alipay: AlipayServer, phone: Phone, gun: Gun | None, clock: Clock) -> Starlette:
    async def alipay_gateway(request: Request) -> Reply:
        parts = HttpRequestParts(
            method=request.method,
            query=bytes(request.scope["query_string"]),
            body=await request.body(),
            content_type=request.headers.get("content-type", ""),
        )
        reply = alipay.handle(parts, clock())
        if isinstance(reply, CutConnection):
            return Silence()
        # The header is set whole: Starlette would add a second charset.
        return Response(reply.body, status_code=reply.status, headers={"content-type": reply.content_type})

    control = Control(phone=phone, merchant=alipay.merchant, gun=gun, clock=clock)
    page = PhonePage(phone=phone, gun=gun, clock=clock)
    gateway = Route("/alipay/gateway.do", alipay_gateway, methods=["GET", "POST"])
    return Starlette(routes=[gateway, *control.routes(), *page.routes()])
