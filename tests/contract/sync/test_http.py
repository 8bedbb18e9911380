"""HTTP on real sockets: NotSent only when nothing was written, everything else is NoAnswer, answers are bounded."""

from __future__ import annotations

import asyncio
import datetime
import socket
import ssl
from contextlib import closing
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from protocol.signature import RequestParts, ResponseParts
from sync.link.address import AddressError, read_gateway_url
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from sync.link.http import MAX_ANSWER_BYTES, HttpExchange
from tests.contract.sync.loopback import Handler, Loopback

SHORT = Timeouts(connect_ms=500, write_ms=500, read_ms=400, total_ms=1_500)
YES = ResponseParts(status=200, headers={"content-type": "application/json"}, body=b"{}")


def post(url: str, body: bytes = b'{"a":1}') -> RequestParts:
    return RequestParts(
        method="POST", authority=url.partition("://")[2], path="/v1/payments", query="a=b&c=%20",
        headers={"content-type": "application/json", "signature": "guitai=:AA==:"}, body=body,
    )  # fmt: skip


def exchange_with(handler: Handler, *, timeouts: Timeouts = SHORT) -> tuple[object, Loopback]:
    async def main() -> tuple[object, Loopback]:
        async with Loopback(handler) as server, HttpExchange() as exchange:
            return await exchange(server.url, post(server.url), timeouts), server

    return asyncio.run(main())


def always(answer: ResponseParts | bytes | None) -> Handler:
    async def handler(_: RequestParts) -> ResponseParts | bytes | None:
        return answer

    return handler


def test_request_and_answer_pass_unchanged() -> None:
    answer, server = exchange_with(always(YES))
    assert isinstance(answer, ResponseParts)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"{}", "application/json")
    (request,) = server.requests
    sent = post(server.url)
    assert (request.method, request.authority, request.path, request.query, request.body) == (
        sent.method, sent.authority, sent.path, sent.query, sent.body,
    )  # fmt: skip
    assert request.headers["signature"] == sent.headers["signature"]


def test_a_refused_connection_is_not_sent() -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"

        async def main() -> object:
            async with HttpExchange() as exchange:
                return await exchange(url, post(url), SHORT)

        assert isinstance(asyncio.run(main()), NotSent)


def test_a_tls_handshake_that_fails_is_not_sent() -> None:
    with closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"

        async def main() -> object:
            async with HttpExchange() as exchange:
                return await exchange(url, post(url), SHORT)

        assert isinstance(asyncio.run(main()), NotSent)


TOO_LONG = b"HTTP/1.1 200 OK\r\ncontent-length: 2097152\r\n\r\n" + b"x" * (2 * MAX_ANSWER_BYTES)


async def _never(_: RequestParts) -> None:
    await asyncio.sleep(30)


async def _drip(_: RequestParts) -> bytes:
    return b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf"


@pytest.mark.parametrize(
    "handler",
    [
        always(None),
        always(b"HTTP/1.1 200 OK\r\ncontent-le"),
        always(b"\x00\x01\x02 nonsense\r\n\r\n"),
        always(TOO_LONG),
        _never,
        _drip,
    ],
    ids=["cut", "half a header", "garbage", "too long", "silence", "cut body"],
)
def test_whatever_happens_after_the_first_byte_is_no_answer(handler: Handler) -> None:
    answer, server = exchange_with(handler)
    assert isinstance(answer, NoAnswer)
    assert len(server.requests) == 1


def test_a_redirect_is_an_answer_not_a_journey() -> None:
    elsewhere = ResponseParts(status=307, headers={"location": "http://127.0.0.1:1/", "content-type": "x/y"}, body=b"")
    answer, server = exchange_with(always(elsewhere))
    assert isinstance(answer, ResponseParts)
    assert answer.status == 307
    assert len(server.requests) == 1


def test_a_proxy_in_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    answer, _ = exchange_with(always(YES))
    assert isinstance(answer, ResponseParts)


def test_an_idle_connection_that_the_gateway_closed_is_opened_again() -> None:
    async def main() -> None:
        async with Loopback(always(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}")) as server:
            async with HttpExchange() as exchange:
                for _ in range(3):
                    answer = await exchange(server.url, post(server.url), SHORT)
                    assert isinstance(answer, ResponseParts)
                    await asyncio.sleep(0.02)
            assert server.connections == 3

    asyncio.run(main())


# --- certificates -------------------------------------------------------------------------------------------------

DAY = datetime.timedelta(days=1)


def certificate(folder: Path, *, begins: datetime.datetime, ends: datetime.datetime) -> tuple[ssl.SSLContext, str]:
    """A server context with a self-signed certificate for 127.0.0.1, and the PEM file that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "gateway")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem, private = folder / "cert.pem", folder / "key.pem"
    pem.write_bytes(built.public_bytes(Encoding.PEM))
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, private)
    return context, str(pem)


def over_tls(context: ssl.SSLContext, authorities: str | None, signed_time_s: int | None) -> object:
    async def main() -> object:
        async with Loopback(always(YES), tls=context) as server, HttpExchange(authorities=authorities) as exchange:
            exchange.signed_time = lambda: signed_time_s
            return await exchange(server.url, post(server.url), SHORT)

    return asyncio.run(main())


def test_tls_is_verified_and_a_stranger_gets_no_byte(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    context, pem = certificate(tmp_path, begins=now - DAY, ends=now + DAY)
    assert isinstance(over_tls(context, None, None), NotSent)
    assert isinstance(over_tls(context, pem, None), ResponseParts)


def test_certificate_dates_are_judged_by_signed_time_not_by_this_computers_clock(tmp_path: Path) -> None:
    now = datetime.datetime.now(datetime.UTC)
    # To this computer the certificate begins in ten years: as if its own clock were ten years slow.
    context, pem = certificate(tmp_path, begins=now + 3650 * DAY, ends=now + 3660 * DAY)
    inside = int((now + 3655 * DAY).timestamp())
    assert isinstance(over_tls(context, pem, None), ResponseParts)
    assert isinstance(over_tls(context, pem, inside), ResponseParts)
    assert isinstance(over_tls(context, pem, int(now.timestamp())), NotSent)
    assert isinstance(over_tls(context, pem, inside + 30 * 86_400), NotSent)


# --- addresses ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://Pay.Example.CN/", "https://pay.example.cn"),
        ("https://pay.example.cn:443", "https://pay.example.cn"),
        ("https://pay.example.cn:8443", "https://pay.example.cn:8443"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:9", "http://[::1]:9"),
    ],
)
def test_a_gateways_address_is_https_or_this_computer(text: str, url: str) -> None:
    assert read_gateway_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "http://pay.example.cn", "http://10.0.0.5:80", "ftp://x", "pay.example.cn", "", "https://", "https://u:p@host",
        "https://host/path", "https://host?x", "http://127.0.0.1.example.cn", "https://host:99999", "http://0x7f.1",
    ],
)  # fmt: skip
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(AddressError):
        read_gateway_url(text)
