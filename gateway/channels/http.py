"""The line to the wallets: the gateway's only httpx. Moves one request and says exactly what is known of its fate.

Rules
- `NotSent` only on positive evidence: connecting or the TLS handshake was seen to fail (or no connection was free), and
  sending had not begun. Anything else without a whole answer is `NoAnswer`.
- `connect_timeout_ms` bounds TCP and TLS, each; a deadline runs from the first request byte to the last answer byte: a
  dripping answer cannot hold a payment. Answers have a size limit. Nothing is retried here.
- The transport is used without httpx's client: no redirects, no cookies, no proxies from the environment, no netrc, no
  log line with the URL (it carries the signature). TLS is always verified. Bodies are never logged.
- Where it may go is judged (`reach`): the address by its text, then each address that its name resolves to, and only
  such a one is connected to.
- Idle connections are kept for two seconds only: long enough for polling, too short to meet a wallet's own idle limit.
Signing is not done here: building a call costs about a millisecond of CPU, and a caller with many payments per second
may build it in a worker thread. It must not know wallets, orders or verdicts.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import ssl
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self, cast

import httpcore
import httpx
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from gateway.channels.account import ChannelAccount
from gateway.channels.connecting import JudgedBackend, Resolve, resolve_by_system
from gateway.channels.port import ChannelRequest, ChannelResponse
from gateway.channels.reach import Reach, call_fault, reach_of
from gateway.channels.verdicts import LineFault, NoAnswer, NotSent
from protocol.secret import Secret

_KEEPALIVE_S: Final = 2.0
_MAX_CONNECTIONS: Final = 64


#: What httpx would leave as it is.
_PLAIN_QUERY: Final = re.compile(r"[A-Za-z0-9._~%&=-]+", re.ASCII)


class ClientCertificateUnusable(Exception):
    """The certificate and key do not load. The message repeats no part of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """Who we are in TLS, shown to a server that asks for it and to no other. Both PEM, the key unencrypted."""

    certificate_pem: str = field(repr=False)
    private_key: Secret


class _Transport(httpx.AsyncHTTPTransport):
    """httpx's own, over connections that were judged."""

    def __init__(self, tls: ssl.SSLContext, network: httpcore.AsyncNetworkBackend) -> None:
        super().__init__(verify=tls, trust_env=False)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=_MAX_CONNECTIONS,
            max_keepalive_connections=8,
            keepalive_expiry=_KEEPALIVE_S,
            network_backend=network,
        )


class HttpExchange:
    """An `Exchange` over real sockets, one per channel account, for one event loop. Close it with `aclose()`."""

    def __init__(
        self,
        *,
        reach: Reach,
        trusted_ca_pem: str | None = None,
        client_certificate: ClientCertificate | None = None,
        resolve: Resolve = resolve_by_system,
    ) -> None:
        """`reach`: where it may go. `trusted_ca_pem` is trusted besides the public roots (a test wallet's own
        authority). Raises ClientCertificateUnusable."""
        tls = httpx.create_ssl_context(trust_env=False)
        if trusted_ca_pem is not None:
            tls.load_verify_locations(cadata=trusted_ca_pem)
        if client_certificate is not None:
            _show(client_certificate, tls)
        assert tls.verify_mode is ssl.CERT_REQUIRED, "a wallet's certificate is always verified"
        assert tls.check_hostname, "a wallet's host name is always verified"
        self._reach = reach
        # Without anyio httpcore has a stand-in of another type; httpx always brings anyio.
        sockets = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._transport = _Transport(tls, JudgedBackend(reach, resolve, sockets))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        await self._transport.aclose()

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        if call_fault(request.url, self._reach) is not None:
            return NotSent(LineFault.NOT_ALLOWED)
        # A backstop, past the transport's own limits: cancelling a handshake would leave its socket to the collector.
        deadline = asyncio.timeout(3 * connect_timeout_ms / 1000)
        progress = _Progress(deadline=deadline, read_timeout_s=read_timeout_ms / 1000)
        try:
            async with deadline:
                return await self._exchange(
                    request, progress, connect_s=connect_timeout_ms / 1000, read_s=read_timeout_ms / 1000
                )
        except TimeoutError:
            return progress.fault(LineFault.CONNECT_TIMEOUT, LineFault.READ_TIMEOUT)

    async def _exchange(
        self, request: ChannelRequest, progress: _Progress, *, connect_s: float, read_s: float
    ) -> ChannelResponse | NotSent | NoAnswer:
        timeouts = {"connect": connect_s, "pool": connect_s, "write": read_s, "read": read_s}
        address, _, query = request.url.partition("?")
        plain = _PLAIN_QUERY.fullmatch(query) is not None  # else httpx escapes what needs it
        outgoing = httpx.Request(
            request.method,
            _parsed(address) if plain else request.url,
            headers={**request.headers, "accept-encoding": "identity"},
            content=request.body,
            extensions={"timeout": timeouts, "trace": progress.see},
        )
        if plain:
            outgoing.url = _Target(_parsed(address), query)
        try:
            incoming = await self._transport.handle_async_request(outgoing)
            try:
                return await self._collect(incoming, request.most_answer_bytes)
            finally:
                await incoming.aclose()
        except httpx.PoolTimeout:
            return NoAnswer(LineFault.CUT) if progress.sending else NotSent(LineFault.NO_FREE_CONNECTION)
        except httpx.ConnectTimeout:
            return progress.fault(LineFault.CONNECT_TIMEOUT, LineFault.CUT)
        except httpx.ConnectError:
            return progress.fault(progress.connect_fault, LineFault.CUT)
        except (httpx.ReadTimeout, httpx.WriteTimeout):
            return NoAnswer(LineFault.READ_TIMEOUT)
        except httpx.NetworkError:
            return NoAnswer(LineFault.CUT)
        except httpx.RemoteProtocolError:
            return NoAnswer(LineFault.CUT)
        except (httpx.HTTPError, httpx.StreamError):
            return NoAnswer(LineFault.PROTOCOL)

    async def _collect(self, incoming: httpx.Response, most_bytes: int) -> ChannelResponse | NoAnswer:
        body = bytearray()
        async for part in incoming.aiter_raw():
            body += part
            if len(body) > most_bytes:
                return NoAnswer(LineFault.TOO_LARGE)
        headers: Mapping[str, str] = {name.lower(): value for name, value in incoming.headers.items()}
        return ChannelResponse(status=incoming.status_code, headers=headers, body=bytes(body))


class _Target(httpx.URL):
    """An address that was parsed, with a query that needs no parsing: httpx looks at a URL character by character, and
    one that carries a signature has hundreds."""

    def __init__(self, address: httpx.URL, query: str) -> None:
        super().__init__(address)
        self._raw_path = address.raw_path + b"?" + query.encode("ascii")

    @property
    def raw_path(self) -> bytes:
        return self._raw_path


@lru_cache(maxsize=256)
def _parsed(address: str) -> httpx.URL:
    """Of an address without a query: an account calls few. Raises httpx.InvalidURL."""
    return httpx.URL(address)


def line_of(account: ChannelAccount) -> HttpExchange:
    """The line that this account's settings ask for: whom it trusts, and the certificate that it shows in TLS.

    Raises AccountError.
    """
    certificate, key = account.optional("client_certificate"), account.optional_secret("private_key")
    shown = None
    if certificate is not None and key is not None:
        shown = ClientCertificate(certificate_pem=certificate, private_key=key)
    try:
        reach = reach_of(account.base_url)
        return HttpExchange(reach=reach, trusted_ca_pem=account.trusted_ca, client_certificate=shown)
    except ClientCertificateUnusable:
        raise account.error("client_certificate", "does not load, or is not of private_key") from None
    except (ssl.SSLError, TypeError, ValueError):  # a text beyond ASCII is a TypeError
        raise account.error("trusted_ca", "is not a certificate in PEM form") from None


class _Progress:
    """What the transport was seen doing. Told by its trace; a step that is not recognised is no evidence."""

    def __init__(self, *, deadline: asyncio.Timeout, read_timeout_s: float) -> None:
        self._deadline = deadline
        self._read_timeout_s = read_timeout_s
        self._connect_failed = False
        self.sending = False
        self.connect_fault = LineFault.CONNECT_FAILED

    async def see(self, step: str, _details: Mapping[str, object]) -> None:
        if step in {"connection.connect_tcp.failed", "connection.start_tls.failed"}:
            self._connect_failed = True
        elif step == "connection.start_tls.started":
            self.connect_fault = LineFault.TLS_FAILED
        elif step.endswith(".send_request_headers.started"):
            self.sending = True
            if not self._deadline.expired():
                self._deadline.reschedule(asyncio.get_running_loop().time() + self._read_timeout_s)

    def fault(self, before: LineFault, after: LineFault) -> NotSent | NoAnswer:
        if self._connect_failed and not self.sending:
            return NotSent(before)
        return NoAnswer(after)


def _show(client: ClientCertificate, tls: ssl.SSLContext) -> None:
    """OpenSSL takes them from a file only. The key is written encrypted under a password that is never written, into a
    folder that is this user's alone and gone when this returns."""
    password = secrets.token_bytes(32).hex()
    try:
        key = load_pem_private_key(client.private_key.reveal().strip().encode(), password=None)
        sealed = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode()))
        with tempfile.TemporaryDirectory(prefix="guitai-") as folder:
            path = Path(folder) / "client.pem"
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(client.certificate_pem.strip().encode() + b"\n" + sealed)
            tls.load_cert_chain(path, password=password)
    except (ValueError, TypeError, UnsupportedAlgorithm, ssl.SSLError):
        # `from None`: the parser's message may quote the input
        raise ClientCertificateUnusable("not a certificate with its own private key, PEM") from None
