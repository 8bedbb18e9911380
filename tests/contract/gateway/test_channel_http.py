"""Rule: the line says "not sent" only when that is certain, "no answer" in every doubt, and never hangs or leaks.

Real sockets on loopback; each server plays one fault.
"""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import logging
import socket
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.channels.http import HttpExchange
from gateway.channels.port import ChannelRequest, ChannelResponse, LineFault, NoAnswer, NotSent
from gateway.channels.reach import Reach

Answer = ChannelResponse | NotSent | NoAnswer
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
CANARY = "287700112233445566"


@asynccontextmanager
async def serving(
    handler: Handler, tls: ssl.SSLContext | None = None, *, host: str = "127.0.0.1"
) -> AsyncGenerator[int]:
    """A loopback server; its open conversations end with it."""
    writers: list[asyncio.StreamWriter] = []
    tasks: list[asyncio.Task[object]] = []

    async def held(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(held, host, 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in writers:
            writer.transport.abort()
        if tasks:
            await asyncio.wait(tasks, timeout=5)


class NamelessLoop(asyncio.SelectorEventLoop):
    """A machine whose name server does not answer."""

    async def getaddrinfo(self, *_args: object, **_kwargs: object) -> NoReturn:
        raise socket.gaierror(socket.EAI_AGAIN, "no name server")


async def read_request(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(length)


def replying(reply: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(reply)
        await writer.drain()

    return handler


async def silent(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Reads for ever and says nothing."""
    while await reader.read(65_536):
        continue


async def cut(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.transport.abort()


async def ask(
    port: int,
    *,
    method: str = "POST",
    scheme: str = "http",
    host: str = "127.0.0.1",
    connect_ms: int = 2_000,
    read_ms: int = 2_000,
    exchange: HttpExchange | None = None,
) -> Answer:
    request = ChannelRequest(
        method=method,
        url=f"{scheme}://{host}:{port}/gateway.do?sign=a%2Bb%3D&x=%E4%B8%AD",
        headers={"content-type": "application/x-www-form-urlencoded;charset=utf-8"},
        body=b"biz_content=" + CANARY.encode(),
    )
    if exchange is not None:
        return await exchange(request, connect_timeout_ms=connect_ms, read_timeout_ms=read_ms)
    async with HttpExchange(reach=Reach.LOOPBACK) as own:
        return await own(request, connect_timeout_ms=connect_ms, read_timeout_ms=read_ms)


OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n\r\n{}"


def test_a_whole_answer_is_handed_over_as_it_came_and_the_request_as_it_was_built() -> None:
    got: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()

    async def main() -> Answer:
        async with serving(handler) as port:
            return await ask(port)

    answer = asyncio.run(main())
    assert isinstance(answer, ChannelResponse)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"{}", "text/html")
    assert got[0].startswith(b"POST /gateway.do?sign=a%2Bb%3D&x=%E4%B8%AD HTTP/1.1\r\n")
    assert got[0].endswith(b"\r\n\r\nbiz_content=" + CANARY.encode())
    assert b"accept-encoding: identity" in got[0].lower()


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("/v3/pay", "/v3/pay"),
        ("", "/"),
        ("/gateway.do?sign=%2B-._~&a=", "/gateway.do?sign=%2B-._~&a="),
        ("/v3/a%20b?mchid=1", "/v3/a%20b?mchid=1"),
        ("/v3/pay?say=中 文", "/v3/pay?say=%E4%B8%AD%20%E6%96%87"),
        ("/v3/pay?a='<b>'", "/v3/pay?a='%3Cb%3E'"),
    ],
)
def test_a_target_is_sent_as_it_is_written_and_escaped_where_it_must_be(written: str, sent: str) -> None:
    got: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.append(await read_request(reader))
        writer.write(OK)
        await writer.drain()

    async def main() -> None:
        async with serving(handler) as port, HttpExchange(reach=Reach.LOOPBACK) as exchange:
            url = f"http://127.0.0.1:{port}{written}"
            request = ChannelRequest(method="POST", url=url, headers={}, body=b"")
            assert isinstance(await exchange(request, connect_timeout_ms=2_000, read_timeout_ms=2_000), ChannelResponse)

    asyncio.run(main())
    assert got[0].split(b"\r\n")[0] == f"POST {sent} HTTP/1.1".encode()


@pytest.mark.parametrize("written", ["/v3/pay?", "/v3/pay#part", "?a=1"])
def test_a_target_that_cannot_be_sent_as_it_was_signed_is_not_sent(written: str) -> None:
    async def main() -> Answer:
        async with serving(replying(OK)) as port, HttpExchange(reach=Reach.LOOPBACK) as exchange:
            url = f"http://127.0.0.1:{port}{written}"
            request = ChannelRequest(method="POST", url=url, headers={}, body=b"")
            return await exchange(request, connect_timeout_ms=2_000, read_timeout_ms=2_000)

    assert asyncio.run(main()) == NotSent(LineFault.NOT_ALLOWED)


def test_a_refused_connection_is_not_sent() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, never listening
        assert asyncio.run(ask(taken.getsockname()[1])) == NotSent(LineFault.CONNECT_FAILED)


def test_a_name_that_does_not_resolve_is_not_sent() -> None:
    async def main() -> Answer:
        async with HttpExchange(reach=Reach.PUBLIC) as exchange:
            return await ask(443, scheme="https", host="wallet.test", exchange=exchange)

    with asyncio.Runner(loop_factory=NamelessLoop) as runner:
        assert runner.run(main()) == NotSent(LineFault.CONNECT_FAILED)


def test_when_all_connections_are_taken_a_call_waits_and_then_is_not_sent() -> None:
    async def main() -> tuple[Answer, Answer]:
        few = HttpExchange(reach=Reach.LOOPBACK, most_connections=3)
        async with serving(silent) as port, few as exchange:
            ahead = [asyncio.create_task(ask(port, exchange=exchange, read_ms=20_000)) for _ in range(2)]
            last = asyncio.create_task(ask(port, exchange=exchange, read_ms=400))
            await asyncio.sleep(0)
            late = ask(port, exchange=exchange, connect_ms=100)
            soon = ask(port, exchange=exchange, connect_ms=10_000, read_ms=50)
            refused, waited = await asyncio.gather(late, soon)
            assert await last == NoAnswer(LineFault.READ_TIMEOUT), "which freed the one connection"
            for task in ahead:
                task.cancel()
            await asyncio.wait(ahead)
            return refused, waited

    assert asyncio.run(main()) == (NotSent(LineFault.NO_FREE_CONNECTION), NoAnswer(LineFault.READ_TIMEOUT))


def test_a_connection_that_is_never_accepted_is_not_sent() -> None:
    async def main() -> Answer:
        with socket.socket() as full:
            full.bind(("127.0.0.1", 0))
            full.listen(0)
            port = full.getsockname()[1]
            fillers = [socket.socket() for _ in range(3)]
            for filler in fillers:
                filler.setblocking(False)
                filler.connect_ex(("127.0.0.1", port))
            try:
                return await ask(port, connect_ms=150)
            finally:
                for filler in fillers:
                    filler.close()

    assert asyncio.run(main()) == NotSent(LineFault.CONNECT_TIMEOUT)


@pytest.mark.parametrize(
    ("handler", "fault"),
    [
        (cut, LineFault.CUT),
        (replying(b""), LineFault.CUT),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Len"), LineFault.CUT),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"), LineFault.CUT),
        (replying(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab"), LineFault.CUT),
        (replying(b"\x16\x03\x01 this is not HTTP\r\n\r\n"), LineFault.CUT),
        (replying(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"x" * 400_000), LineFault.TOO_LARGE),
        (replying(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 400_000), LineFault.TOO_LARGE),
    ],
)
def test_once_connected_every_fault_is_no_answer(handler: Handler, fault: LineFault) -> None:
    async def main() -> Answer:
        async with serving(handler) as port:
            return await ask(port)

    assert asyncio.run(main()) == NoAnswer(fault)


def test_a_silent_wallet_ends_as_no_answer_at_the_read_limit() -> None:
    async def main() -> Answer:
        async with serving(silent) as port:
            return await ask(port, read_ms=80)

    assert asyncio.run(main()) == NoAnswer(LineFault.READ_TIMEOUT)


def test_a_dripping_answer_cannot_hold_a_payment_beyond_the_limit() -> None:
    """Each byte arrives in time, the whole never does."""
    dripped: list[int] = []

    async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b"x")
            dripped.append(1)
            await writer.drain()
            await asyncio.sleep(0.01)

    async def main() -> Answer:
        async with serving(drip) as port:
            return await ask(port, read_ms=200)

    assert asyncio.run(main()) == NoAnswer(LineFault.READ_TIMEOUT)
    assert len(dripped) > 1


def test_html_of_a_proxy_is_an_answer_for_the_reader_to_judge() -> None:
    page = b"<html>502</html>"
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(page), page)

    async def main() -> Answer:
        async with serving(replying(reply)) as port:
            return await ask(port)

    answer = asyncio.run(main())
    assert isinstance(answer, ChannelResponse)
    assert answer.body == page


def test_redirects_are_not_followed() -> None:
    visits: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visits.append(await read_request(reader))
        writer.write(b"HTTP/1.1 307 Go\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()

    async def main() -> Answer:
        async with serving(handler) as port:
            return await ask(port)

    answer = asyncio.run(main())
    assert isinstance(answer, ChannelResponse)
    assert (answer.status, len(visits)) == (307, 1)


def test_a_compressed_bomb_stays_compressed() -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08"

    async def main() -> Answer:
        async with serving(replying(reply)) as port:
            return await ask(port)

    answer = asyncio.run(main())
    assert isinstance(answer, ChannelResponse)
    assert answer.body == b"\x1f\x8b\x08"


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")

    async def main() -> Answer:
        async with serving(replying(OK)) as port:
            return await ask(port)

    assert isinstance(asyncio.run(main()), ChannelResponse)


@pytest.mark.parametrize("method", ["POST", "GET"])
def test_a_kept_connection_that_the_wallet_cuts_on_the_second_request_is_no_answer(method: str) -> None:
    """The bytes may have arrived: reusing a connection is never "not sent", nor a second request."""
    seen: list[int] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK)
        await writer.drain()
        await read_request(reader)
        seen.append(1)
        writer.transport.abort()

    async def main() -> tuple[Answer, Answer]:
        async with serving(handler) as port, HttpExchange(reach=Reach.LOOPBACK) as exchange:
            return await ask(port, exchange=exchange), await ask(port, method=method, exchange=exchange)

    first, second = asyncio.run(main())
    assert isinstance(first, ChannelResponse)
    assert second == NoAnswer(LineFault.CUT)
    assert seen == [1]


def test_a_cancelled_caller_gets_its_cancellation_and_the_connection_is_closed() -> None:
    reached, gone = asyncio.Event(), asyncio.Event()

    async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        reached.set()
        await reader.read()
        gone.set()

    async def main() -> None:
        async with serving(handler) as port, HttpExchange(reach=Reach.LOOPBACK) as exchange:
            task = asyncio.create_task(ask(port, exchange=exchange, read_ms=20_000))
            await asyncio.wait_for(reached.wait(), 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await asyncio.wait_for(gone.wait(), 5)

    asyncio.run(main())


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, str]:
    """A wallet's own authority-less certificate for 127.0.0.1: its server side, and its PEM to trust."""
    key = generate_private_key(SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "wallet")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=365 * 60))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, SHA256())
    )
    folder: Path = tmp_path_factory.mktemp("tls")
    pem = made.public_bytes(Encoding.PEM)
    (folder / "wallet.pem").write_bytes(pem + key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "wallet.pem")
    return context, pem.decode()


def test_an_untrusted_certificate_is_not_sent_and_no_request_byte_arrives(
    certificate: tuple[ssl.SSLContext, str],
) -> None:
    arrived: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        arrived.append(await reader.read())

    async def main() -> Answer:
        async with serving(handler, certificate[0]) as port:
            return await ask(port, scheme="https")

    assert asyncio.run(main()) == NotSent(LineFault.TLS_FAILED)
    assert b"".join(arrived) == b""


def test_a_trusted_certificate_for_another_host_is_not_sent(certificate: tuple[ssl.SSLContext, str]) -> None:
    async def main() -> Answer:
        trusting = HttpExchange(reach=Reach.LOOPBACK, trusted_ca_pem=certificate[1])
        async with serving(silent, certificate[0], host="127.0.0.2") as port, trusting as exchange:
            return await ask(port, scheme="https", host="127.0.0.2", exchange=exchange)

    assert asyncio.run(main()) == NotSent(LineFault.TLS_FAILED)


def test_a_trusted_certificate_works_and_a_cut_after_the_request_is_no_answer(
    certificate: tuple[ssl.SSLContext, str],
) -> None:
    async def main() -> tuple[Answer, Answer]:
        async with HttpExchange(reach=Reach.LOOPBACK, trusted_ca_pem=certificate[1]) as exchange:
            async with serving(replying(OK), certificate[0]) as port:
                whole = await ask(port, scheme="https", exchange=exchange)
            async with serving(replying(b""), certificate[0]) as port:
                return whole, await ask(port, scheme="https", exchange=exchange)

    whole, severed = asyncio.run(main())
    assert isinstance(whole, ChannelResponse)
    assert severed == NoAnswer(LineFault.CUT)


@pytest.mark.parametrize(
    ("handler", "fault"),
    [
        (cut, LineFault.TLS_FAILED),
        (silent, LineFault.CONNECT_TIMEOUT),
        (replying(b"HTTP/1.1 400 plain\r\n\r\n"), LineFault.CONNECT_TIMEOUT),
    ],
)
def test_a_handshake_that_fails_or_hangs_is_not_sent(handler: Handler, fault: LineFault) -> None:
    async def main() -> Answer:
        async with serving(handler) as port:
            return await ask(port, scheme="https", connect_ms=150)

    assert asyncio.run(main()) == NotSent(fault)


def test_nothing_of_a_request_is_logged_even_at_debug(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving(replying(OK)) as port:
            await ask(port)
        async with serving(cut) as port:
            await ask(port)

    with caplog.at_level(logging.DEBUG):
        asyncio.run(main())
    assert CANARY not in caplog.text
    assert "sign=" not in caplog.text
