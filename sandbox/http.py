"""The sandbox's only httpx: sends one request and gives back the whole answer, or nothing.

The transport is used without httpx's client: no redirects, no cookies, no proxies from the environment, no log line
with the URL. TLS is always verified. Must not know: wallets, pages.
"""

import asyncio
from typing import Final, Self

import httpx

from sandbox.line import LineAnswer, LineRequest, may_call

_MAX_ANSWER_BYTES: Final = 2_000_000
_MAX_CONNECTIONS: Final = 64
_KEEPALIVE_S: Final = 2.0


class HttpLine:
    """A `sandbox.line.Line` over real sockets, for one event loop. Close it with `aclose()`."""

    def __init__(self) -> None:
        limits = httpx.Limits(
            max_connections=_MAX_CONNECTIONS, max_keepalive_connections=8, keepalive_expiry=_KEEPALIVE_S
        )
        tls = httpx.create_ssl_context(trust_env=False)
        self._transport = httpx.AsyncHTTPTransport(verify=tls, trust_env=False, limits=limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_ending: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        if not may_call(request.url):
            return None
        try:
            async with asyncio.timeout(timeout_s):
                return await self._exchange(request, timeout_s)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, TimeoutError):
            return None

    async def _exchange(self, request: LineRequest, timeout_s: float) -> LineAnswer | None:
        outgoing = httpx.Request(
            request.method,
            request.url,
            headers={**request.headers, "accept-encoding": "identity"},
            content=request.body or None,
            extensions={"timeout": dict.fromkeys(("connect", "pool", "write", "read"), timeout_s)},
        )
        incoming = await self._transport.handle_async_request(outgoing)
        try:
            body = bytearray()
            async for part in incoming.aiter_raw():
                body += part
                if len(body) > _MAX_ANSWER_BYTES:
                    return None
        finally:
            await incoming.aclose()
        headers = tuple((name.lower(), value) for name, value in incoming.headers.multi_items())
        return LineAnswer(status=incoming.status_code, headers=headers, body=bytes(body))
