"""The only module of the terminal that imports httpx, on first use: that import costs a tenth of a second.

NotSent is said only when the transport had not begun to write the request. No redirects, no proxies from the
environment, bounded answers. TLS is verified without a switch; only the *dates* of a certificate are judged by signed
gateway time instead of this computer's clock, so that a dead clock battery neither stops sales nor revives an old key.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from collections.abc import Callable
from types import ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, Final, Self, cast

from protocol.signature import RequestParts, ResponseParts
from sync.link.exchange import NoAnswer, NotSent, Timeouts

if TYPE_CHECKING:
    import httpx

#: No answer of the gateway is longer.
MAX_ANSWER_BYTES: Final = 1024 * 1024
_CONNECTIONS: Final = 24
_NO_CHECK_TIME: Final = 0x200000  # X509_V_FLAG_NO_CHECK_TIME
_WRITING: Final = (".send_request_headers.started", ".send_connection_init.started")

#: The signed gateway time in Unix seconds, or None before the first signed answer.
SignedTime = Callable[[], int | None]


def _no_signed_time() -> int | None:
    return None


class _CertificateDateError(Exception):
    """Raised inside the handshake's trace: nothing has been written yet."""


def tls_context(authorities: str | None = None) -> ssl.SSLContext:
    """Verifies chain and host name; dates are judged in `_Trace`. `authorities`: a PEM file instead of the usual ones
    (the system's, and those that come with the HTTP library)."""
    context = ssl.create_default_context(cafile=authorities)
    if authorities is None:
        import certifi

        context.load_verify_locations(certifi.where())
    context.verify_flags |= _NO_CHECK_TIME
    return context


def _leave_out(module: str) -> None:
    """The library goes on without its own command line, which draws with `rich`: half of its import, for nothing."""
    sys.modules.setdefault(module, cast("ModuleType", None))


class HttpExchange:
    """`Exchange` over HTTP/1.1, for the loop that uses it (`async with`). `signed_time` is set by who knows it."""

    def __init__(self, *, authorities: str | None = None) -> None:
        self.signed_time: SignedTime = _no_signed_time
        self._authorities = authorities
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _opened(self, base_url: str) -> httpx.AsyncClient:
        _leave_out("httpx._main")
        import httpx

        if self._client is None:
            verify = tls_context(self._authorities) if base_url.startswith("https:") else True
            self._client = httpx.AsyncClient(
                verify=verify,
                trust_env=False,
                follow_redirects=False,
                limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=4, keepalive_expiry=20),
            )
        return self._client

    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        trace = _Trace(self.signed_time)
        try:
            async with asyncio.timeout(timeouts.total_ms / 1000):
                return await self._exchange(base_url, request, timeouts, trace)
        except Exception as error:  # noqa: BLE001 - whatever a hostile peer makes the library raise is "no answer"
            # The text of a transport error may quote what was sent; its type says enough.
            detail = type(error).__name__
            return NoAnswer(detail=detail) if trace.writing else NotSent(detail=detail)

    async def _exchange(
        self, base_url: str, request: RequestParts, timeouts: Timeouts, trace: _Trace
    ) -> ResponseParts | NoAnswer:
        client = self._opened(base_url)
        import httpx

        query = f"?{request.query}" if request.query else ""
        limits = httpx.Timeout(
            connect=timeouts.connect_ms / 1000,
            read=timeouts.read_ms / 1000,
            write=timeouts.write_ms / 1000,
            pool=timeouts.connect_ms / 1000,
        )
        async with client.stream(
            request.method,
            f"{base_url}{request.path}{query}",
            headers={**request.headers, "accept-encoding": "identity"},
            content=request.body or None,
            timeout=limits,
            extensions={"trace": trace},
        ) as response:
            body = bytearray()
            async for piece in response.aiter_raw():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    return NoAnswer(detail="answer too long")
            headers = {name.lower(): value for name, value in response.headers.items()}
            return ResponseParts(status=response.status_code, headers=headers, body=bytes(body))


class _Trace:
    """httpcore's trace hook: notes when writing begins, and looks at the certificate's dates before that."""

    def __init__(self, signed_time: SignedTime) -> None:
        self._signed_time = signed_time
        self.writing = False

    async def __call__(self, name: str, details: dict[str, Any]) -> None:
        if name.endswith(_WRITING):
            self.writing = True
        elif name == "connection.start_tls.complete":
            stream = details["return_value"]
            tls = stream.get_extra_info("ssl_object")
            if tls is not None and not self._in_date(tls.getpeercert()):
                # Nobody else closes it: the pool has not seen this connection yet.
                await stream.aclose()
                raise _CertificateDateError

    def _in_date(self, certificate: dict[str, Any] | None) -> bool:
        now_s = self._signed_time()
        if now_s is None or not certificate:
            return True
        begins = ssl.cert_time_to_seconds(certificate["notBefore"])
        ends = ssl.cert_time_to_seconds(certificate["notAfter"])
        return begins <= now_s <= ends
