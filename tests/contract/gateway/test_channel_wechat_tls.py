"""Rule: the account's certificate is shown in TLS to the wallet that asks for it; without it a reverse stays unknown.

Real sockets on loopback; the simulated wallet's own authority and certificates.
"""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from gateway.channels.account import AccountError, ChannelAccount, parse_account
from gateway.channels.http import ClientCertificate, ClientCertificateUnusable, HttpExchange, line_of
from gateway.channels.port import (
    ChannelRequest,
    ChannelResponse,
    LineFault,
    NoAnswer,
    NotSent,
    OrderRef,
    UndoVerdict,
    Unknown,
)
from gateway.channels.reach import Reach
from gateway.channels.registry import open_channel
from protocol.secret import Secret
from sandbox.wallet import Origins
from sandbox.wechat.merchant import Certified, KeyMode, certificate_pem, private_pem
from sandbox.wechat.server import WechatServer
from tests.contract.gateway.test_channel_http import read_request, serving
from tests.contract.gateway.wechat_pair import NUMBER, START_MS, Pair, account, merchant

Answer = ChannelResponse | NotSent | NoAnswer
MERCHANT = merchant(KeyMode.SIDE_BY_SIDE)
PAGE = b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"


@pytest.fixture
def tls(tmp_path: Path) -> ssl.SSLContext:
    """Demands a certificate of the sandbox's authority."""
    path = tmp_path / "server.pem"
    path.write_text(certificate_pem(MERCHANT.tls_server.certificate) + private_pem(MERCHANT.tls_server.key))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    context.load_verify_locations(cadata=certificate_pem(MERCHANT.authority))
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def written(port: int, **changes: object) -> ChannelAccount:
    wallet: WechatServer = Pair().wallet
    origin = f"https://127.0.0.1:{port}"
    about = wallet.about(Origins(plain=origin, tls=origin))
    settings = {**account(about), "trusted_ca": about["ca_certificate_pem"], **changes}
    return parse_account({name: value for name, value in settings.items() if value is not None})


def shown(certified: Certified) -> ClientCertificate:
    return ClientCertificate(
        certificate_pem=certificate_pem(certified.certificate), private_key=Secret(private_pem(certified.key))
    )


def test_the_accounts_certificate_is_shown(tls: ssl.SSLContext) -> None:
    seen: list[object] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = writer.get_extra_info("ssl_object")
        seen.append(peer.getpeercert(binary_form=True))
        await read_request(reader)
        writer.write(PAGE)
        await writer.drain()

    async def main() -> UndoVerdict | NotSent | NoAnswer:
        async with serving(handler, tls) as port:
            owned = written(port)
            ref = OrderRef(out_trade_no=NUMBER, amount_fen=1250, opened_ms=START_MS)
            async with line_of(owned) as line:
                return await open_channel(owned).cancel(ref, now_ms=START_MS).perform(line)

    assert isinstance(asyncio.run(main()), Unknown)
    expected = ssl.PEM_cert_to_DER_cert(certificate_pem(MERCHANT.merchant.certificate))
    assert seen == [expected]


@pytest.mark.parametrize("certificate", [None, MERCHANT.tls_server], ids=["none", "not for clients"])
def test_without_a_good_certificate_the_call_has_no_answer_and_is_never_taken_as_refused(
    tls: ssl.SSLContext, certificate: Certified | None
) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(PAGE)
        await writer.drain()

    async def main() -> Answer:
        line = HttpExchange(
            reach=Reach.LOOPBACK,
            trusted_ca_pem=certificate_pem(MERCHANT.authority),
            client_certificate=None if certificate is None else shown(certificate),
        )
        async with serving(handler, tls) as port, line:
            url = f"https://127.0.0.1:{port}/secapi/pay/reverse"
            asked = ChannelRequest(method="POST", url=url, headers={}, body=b"<xml/>")
            return await line(asked, connect_timeout_ms=2_000, read_timeout_ms=2_000)

    # In TLS 1.3 the server refuses after our handshake is through: the request may have left.
    assert asyncio.run(main()) == NoAnswer(LineFault.CUT)


def test_a_certificate_that_does_not_load_is_the_accounts_fault_and_is_not_repeated() -> None:
    other = ClientCertificate(
        certificate_pem=certificate_pem(MERCHANT.merchant.certificate),
        private_key=Secret(private_pem(MERCHANT.tls_server.key)),
    )
    canary = ClientCertificate(certificate_pem="canary", private_key=Secret("canary"))
    for unusable in (other, canary):
        with pytest.raises(ClientCertificateUnusable) as raised:
            HttpExchange(reach=Reach.LOOPBACK, client_certificate=unusable)
        assert "canary" not in str(raised.value)
        assert "canary" not in repr(unusable)
    for key, text in (("trusted_ca", "canary"), ("trusted_ca", "证书"), ("client_certificate", "canary")):
        with pytest.raises(AccountError) as fault:
            line_of(written(1, **{key: text}))
        assert fault.value.where == key


def test_an_account_without_a_certificate_has_a_line_too() -> None:
    async def main() -> None:
        async with line_of(written(1, client_certificate=None)):
            return

    asyncio.run(main())
