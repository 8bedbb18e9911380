"""The web server's side of the callback gateway: the address, the body with its limit, the reply as bytes.

A body that is too long or too slow is not read to its end. Nothing is decided here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from gateway.callbacks.gateway import NOT_NOW, CallbackGateway
from gateway.callbacks.letter import MOST_BYTES
from gateway.channels.port import NotificationReply
from gateway.store.units import StoreFailed

PATH: Final = "/notify/{channel}/{account}"
#: Wallets wait five seconds for the answer.
_READ_S: Final = 4.0


def callback_routes(gateway: CallbackGateway) -> list[Route]:
    return [Route(PATH, _endpoint(gateway), methods=["POST"])]


def _endpoint(gateway: CallbackGateway) -> Callable[[Request], Awaitable[Response]]:
    async def notify(request: Request) -> Response:
        try:
            async with asyncio.timeout(_READ_S):
                body = await _read(request)
        except (ClientDisconnect, TimeoutError):
            return Response(status_code=400)
        try:
            reply = await gateway.handle(
                request.path_params["channel"],
                request.path_params["account"],
                {name.lower(): value for name, value in request.headers.items()},
                body,
                request.client.host if request.client is not None else "",
            )
        except StoreFailed:
            reply = NOT_NOW  # the store has told the process to end; the wallet comes again
        return _response(reply)

    return notify


async def _read(request: Request) -> bytes:
    """At most one byte more than a notification may have."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            return bytes(body[: MOST_BYTES + 1])
    return bytes(body)


def _response(reply: NotificationReply) -> Response:
    return Response(content=reply.body, status_code=reply.status, headers={"content-type": reply.content_type})
