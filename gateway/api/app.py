"""The web server's side: bytes of a request into parts, and parts into bytes. Nothing is decided here.

Bodies are limited before they are read whole; paths go on as they came over the wire, because they are signed. Every
route stands behind the gate (`gate`): one that nobody gave limits is not served.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.convertors import PathConvertor, register_url_convertor
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.api.gate import refused, too_long
from gateway.api.limits import BODY_S
from gateway.api.routes import largest_body
from gateway.api.service import GatewayService
from protocol.signature import RequestParts

PlainAnswer = Callable[[], Awaitable[Response]]
#: What no other route takes: calls that are signed, and paths that nobody knows.
EVERY_PATH: Final = "/{path:anything}"


class _Anything(PathConvertor):
    """As Starlette's `path`, but over line ends too: what is signed by us and what is limited is every path."""

    regex = r"[\s\S]*"


register_url_convertor("anything", _Anything())


def make_app(service: GatewayService, plain: dict[str, PlainAnswer], open_routes: Sequence[Route] = ()) -> Starlette:
    """`plain`: unsigned pages for operations, by path. `open_routes`: what wallets and phones call, unsigned by us."""

    def page(answer: PlainAnswer) -> Callable[[Request], Awaitable[Response]]:
        async def endpoint(_request: Request) -> Response:
            return await answer()

        return endpoint

    async def signed(request: Request) -> Response:
        status = too_long(request)
        return refused(status) if status is not None else await _handle(service, request)

    routes = [Route(path, page(answer), methods=["GET"]) for path, answer in plain.items()]
    guarded = [service.gate.guarded(route) for route in (*routes, *open_routes)]
    everything = Route(EVERY_PATH, signed, methods=["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
    return Starlette(routes=[*guarded, everything])


async def _handle(service: GatewayService, request: Request) -> Response:
    raw_path: object = request.scope.get("raw_path")
    path = raw_path.decode("latin-1").partition("?")[0] if isinstance(raw_path, bytes) else request.url.path
    try:
        async with asyncio.timeout(BODY_S):
            body = await _read(request, largest_body(path))
    except (ClientDisconnect, TimeoutError):
        return Response(status_code=400)
    query: object = request.scope.get("query_string", b"")
    parts = RequestParts(
        method=request.method,
        authority=request.headers.get("host", ""),
        path=path,
        query=query.decode("latin-1") if isinstance(query, bytes) else "",
        headers={name.lower(): value for name, value in request.headers.items()},
        body=body,
    )
    answer = await service.handle(parts, request.client.host if request.client is not None else "")
    return Response(content=answer.body, status_code=answer.status, headers=dict(answer.headers))


async def _read(request: Request, limit: int) -> bytes:
    """At most `limit` + 1 bytes: one too many is what the service refuses."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            return bytes(body[: limit + 1])
    return bytes(body)
