"""Cuts a client's connection without a byte of answer, as a dying line does.

ASGI has no word for this, and a server answers 500 for an application that stays silent. So the HTTP protocol class
hands each request, in its scope's extensions, a function that drops the connection below HTTP.
"""

import asyncio
from collections.abc import Callable, MutableMapping
from typing import Any, cast

from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

_EXTENSION = "sandbox.cut"


class CuttableHttp(H11Protocol):
    """uvicorn's HTTP/1.1, whose requests can cut their own connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:
        super().connection_made(transport)
        app = self.app

        async def with_cut(scope: Scope, receive: Receive, send: Send) -> None:
            extensions = cast("MutableMapping[str, Any]", scope.setdefault("extensions", {}))
            extensions[_EXTENSION] = transport.abort
            await app(cast("Any", scope), cast("Any", receive), cast("Any", send))

        self.app = cast("Any", with_cut)


class Silence:
    """An ASGI response that is none: the connection is gone before it, and nothing is sent."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        cut = cast("Callable[[], None]", scope["extensions"][_EXTENSION])
        cut()
        # The server must have noticed before this returns, or it would take the silence for a bug and log it.
        message = await receive()
        while message["type"] != "http.disconnect":
            message = await receive()
