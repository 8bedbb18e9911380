"""The line to the wallets, the gateway's only HTTP client: moves one request and says what is known for sure of it.

Rules
- `NotSent` only on positive evidence: no connection was there, so no byte of the request can have left. From the moment
  that there is one, anything without a whole answer is `NoAnswer`.
- `connect_timeout_ms` bounds the wait for a free connection, and again resolving, TCP and TLS together; a deadline runs
  from the connection to the last answer byte: a dripping answer cannot hold a payment. Answers have a size limit.
- Nothing is retried, redirected or unpacked here; no cookies, no proxies from the environment, no netrc, no log line
  with the URL (it carries the signature). TLS is always verified. Bodies are never logged.
- What was signed is what is sent: an address that aiohttp would write in another way is refused.
- Where it may go is judged (`reach`): the address by its text, then each address that its name resolves to, and only
  such a one is connected to.
- Idle connections are kept for two seconds only: long enough for polling, too short to meet a wallet's own idle limit.
aiohttp, because its parser is compiled: a call costs a quarter of what it costs on httpx (ARCHITECTURE.md). Signing is
not done here: building a call costs about a millisecond of CPU, and a caller with many payments per second may build it
in a worker thread. It must not know wallets, orders or verdicts.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import ssl
import tempfile
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from types import SimpleNamespace, TracebackType
from typing import Final, Self, assert_never
from urllib.parse import quote

import aiohttp
import certifi
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)
from yarl import URL

from gateway.channels.account import ChannelAccount
from gateway.channels.connecting import JudgedResolver, Resolve, resolve_by_system
from gateway.channels.port import ChannelRequest, ChannelResponse
from gateway.channels.reach import Reach, call_fault, reach_of
from gateway.channels.verdicts import LineFault, NoAnswer, NotSent
from protocol.secret import Secret

_KEEPALIVE_S: Final = 2.0
_MAX_CONNECTIONS: Final = 192
#: What stands in a target as it is written; all else is escaped (RFC 3986).
_TARGET: Final = "!#$%&'()*+,/:;=?@[]~"
#: Time is kept here, by the stage that a call is in.
_NO_TIMEOUTS: Final = aiohttp.ClientTimeout(total=None, connect=None, sock_connect=None, sock_read=None)
#: Headers that nobody signed or asked for.
_NOT_OURS: Final = ("accept", "user-agent", "content-type")


class ClientCertificateUnusable(Exception):
    """The certificate and key do not load. The message repeats no part of either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientCertificate:
    """Who we are in TLS, shown to a server that asks for it and to no other. Both PEM, the key unencrypted."""

    certificate_pem: str = field(repr=False)
    private_key: Secret


class HttpExchange:
    """An `Exchange` over real sockets, one per channel account, for one event loop. Close it with `aclose()`."""

    def __init__(
        self,
        *,
        reach: Reach,
        trusted_ca_pem: str | None = None,
        client_certificate: ClientCertificate | None = None,
        resolve: Resolve = resolve_by_system,
        most_connections: int = _MAX_CONNECTIONS,
    ) -> None:
        """`reach`: where it may go. `trusted_ca_pem` is trusted besides the public roots (a test wallet's own
        authority). Raises ClientCertificateUnusable."""
        tls = ssl.create_default_context(cafile=certifi.where())
        if trusted_ca_pem is not None:
            tls.load_verify_locations(cadata=trusted_ca_pem)
        if client_certificate is not None:
            _show(client_certificate, tls)
        assert tls.verify_mode is ssl.CERT_REQUIRED, "a wallet's certificate is always verified"
        assert tls.check_hostname, "a wallet's host name is always verified"
        self._reach = reach
        self._resolve = resolve
        self._tls = tls
        self._most_connections = most_connections
        self._opened: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        if self._opened is not None:
            await self._opened.close()

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        address = quote(request.url, safe=_TARGET)
        url = URL(address, encoded=True)
        if call_fault(request.url, self._reach) is not None or url.raw_path_qs != _target(address):
            return NotSent(LineFault.NOT_ALLOWED)
        deadline = asyncio.timeout(connect_timeout_ms / 1000)
        progress = _Progress(deadline, connect_s=connect_timeout_ms / 1000, read_s=read_timeout_ms / 1000)
        try:
            async with deadline:
                return await self._exchange(url, request, progress)
        except TimeoutError:
            return progress.timed_out()

    async def _exchange(
        self, url: URL, request: ChannelRequest, progress: _Progress
    ) -> ChannelResponse | NotSent | NoAnswer:
        try:
            async with self._session().request(
                request.method,
                url,
                headers={**request.headers, "accept-encoding": "identity"},
                skip_auto_headers=_NOT_OURS,
                data=request.body or None,
                allow_redirects=False,
                trace_request_ctx=progress,
            ) as incoming:
                return await _collect(incoming, request.most_answer_bytes)
        except aiohttp.ClientConnectorError as error:
            return progress.failed(_connect_fault(error), LineFault.CUT)
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, aiohttp.ClientResponseError, OSError):
            return progress.failed(LineFault.CONNECT_FAILED, LineFault.CUT)
        except (aiohttp.ClientError, ValueError):
            return progress.failed(LineFault.CONNECT_FAILED, LineFault.PROTOCOL)

    def _session(self) -> aiohttp.ClientSession:
        """Opened by the first call: it belongs to the loop that runs then."""
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    ssl=self._tls,
                    limit=self._most_connections,
                    keepalive_timeout=_KEEPALIVE_S,
                    resolver=JudgedResolver(self._reach, self._resolve),
                    use_dns_cache=False,
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                timeout=_NO_TIMEOUTS,
                trace_configs=[_traced()],
            )
            # A GET on a kept connection that is found cut would be sent a second time.
            setattr(self._opened, "_retry_connection", False)  # noqa: B010 - it has no public name
        return self._opened


def _target(address: str) -> str:
    """Path and query of an absolute address, as they are written."""
    return "/" + address.split("/", 3)[3] if address.count("/") > 2 else "/"


async def _collect(incoming: aiohttp.ClientResponse, most_bytes: int) -> ChannelResponse | NoAnswer:
    body = bytearray()
    async for part in incoming.content.iter_any():
        body += part
        if len(body) > most_bytes:
            return NoAnswer(LineFault.TOO_LARGE)
    headers = {name.lower(): value for name, value in incoming.headers.items()}
    return ChannelResponse(status=incoming.status, headers=headers, body=bytes(body))


def _connect_fault(error: aiohttp.ClientConnectorError) -> LineFault:
    if isinstance(error, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return LineFault.TLS_FAILED
    # A TCP connect is refused or unreachable; what is reset or ends is a conversation that had begun.
    ended = isinstance(error.os_error, ConnectionResetError | ConnectionAbortedError | BrokenPipeError)
    return LineFault.TLS_FAILED if ended and error.ssl else LineFault.CONNECT_FAILED


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


class _Stage(Enum):
    WAITING = auto()  # for one of the connections to be free
    CONNECTING = auto()
    CONNECTED = auto()  # bytes of the request may have left


class _Progress:
    """How far a call has come, and until when it may stay there."""

    def __init__(self, deadline: asyncio.Timeout, *, connect_s: float, read_s: float) -> None:
        self._deadline = deadline
        self._connect_s = connect_s
        self._read_s = read_s
        self._stage = _Stage.WAITING

    def connecting(self) -> None:
        self._reached(_Stage.CONNECTING, self._connect_s)

    def connected(self) -> None:
        self._reached(_Stage.CONNECTED, self._read_s)

    def failed(self, before: LineFault, after: LineFault) -> NotSent | NoAnswer:
        return NoAnswer(after) if self._stage is _Stage.CONNECTED else NotSent(before)

    def timed_out(self) -> NotSent | NoAnswer:
        match self._stage:
            case _Stage.WAITING:
                return NotSent(LineFault.NO_FREE_CONNECTION)
            case _Stage.CONNECTING:
                return NotSent(LineFault.CONNECT_TIMEOUT)
            case _Stage.CONNECTED:
                return NoAnswer(LineFault.READ_TIMEOUT)
            case _:
                assert_never(self._stage)

    def _reached(self, stage: _Stage, within_s: float) -> None:
        self._stage = stage
        if not self._deadline.expired():
            self._deadline.reschedule(asyncio.get_running_loop().time() + within_s)


def _traced() -> aiohttp.TraceConfig:
    """Tells each call's progress. A connection is there before the first byte of the request is written."""

    async def connecting(_session: aiohttp.ClientSession, about: SimpleNamespace, _: object) -> None:
        about.trace_request_ctx.connecting()

    async def connected(_session: aiohttp.ClientSession, about: SimpleNamespace, _: object) -> None:
        about.trace_request_ctx.connected()

    told = aiohttp.TraceConfig()
    told.on_connection_create_start.append(connecting)
    told.on_connection_create_end.append(connected)
    told.on_connection_reuseconn.append(connected)
    return told


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
