"""The line to the wallets connects to addresses that were judged, whatever a name server says, and when it says it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import pytest
from aiohttp.abc import ResolveResult

from gateway.channels.connecting import JudgedResolver
from gateway.channels.http import HttpExchange, line_of
from gateway.channels.port import ChannelRequest, ChannelResponse, LineFault, NoAnswer, NotSent
from gateway.channels.reach import Reach
from tests.contract.gateway.test_channel_http import cut, serving, silent
from tests.unit.gateway import channel_alipay_wallet as wallet

Answer = ChannelResponse | NotSent | NoAnswer


class Names:
    """A name server that answers what it is told to, one after another; the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked.append(host)
        return list(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])


async def fetch(url: str, *, reach: Reach, names: Names | None = None) -> Answer:
    request = ChannelRequest(method="GET", url=url, headers={}, body=b"")
    exchange = HttpExchange(reach=reach) if names is None else HttpExchange(reach=reach, resolve=names)
    async with exchange:
        return await exchange(request, connect_timeout_ms=1_000, read_timeout_ms=1_000)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://127.0.0.1/", "https://0x7f.1/", "https://wallet.test:1/", "https://[::1]/"]
)
def test_an_address_that_may_not_be_called_is_not_sent_and_no_name_is_asked(url: str) -> None:
    names = Names(["127.0.0.1"])
    assert asyncio.run(fetch(url, reach=Reach.PUBLIC, names=names)) == NotSent(LineFault.NOT_ALLOWED)
    assert names.asked == []


@pytest.mark.parametrize("inside", ["127.0.0.1", "::1", "10.0.0.7", "169.254.169.254", "::ffff:127.0.0.1", "junk"])
def test_a_name_that_leads_inside_is_not_connected_to(inside: str) -> None:
    """The socket guard of the tests would refuse a connection beyond this computer; loopback it would not."""
    found = asyncio.run(fetch("https://wallet.test/", reach=Reach.PUBLIC, names=Names([inside])))
    assert found == NotSent(LineFault.CONNECT_FAILED)


def addresses(found: Sequence[ResolveResult]) -> list[tuple[str, int, socket.AddressFamily]]:
    return [(one["host"], one["port"], socket.AddressFamily(one["family"])) for one in found]


def test_what_is_connected_to_are_addresses_that_were_judged_and_never_the_name() -> None:
    async def main() -> list[ResolveResult]:
        names = Names(["203.119.205.1", "127.0.0.1", "2400:3200::1"])
        return await JudgedResolver(Reach.PUBLIC, names).resolve("wallet.test", 443)

    found = asyncio.run(main())
    assert addresses(found) == [
        ("203.119.205.1", 443, socket.AF_INET),
        ("2400:3200::1", 443, socket.AF_INET6),
    ]
    assert all(one["flags"] & socket.AI_NUMERICHOST for one in found)


def test_a_name_is_asked_once_for_each_connection_and_again_for_the_next() -> None:
    """DNS rebinding: an answer that leads elsewhere is of no use to who has been judged, and is judged itself."""

    async def main() -> tuple[list[str], list[Answer]]:
        names = Names(["127.0.0.1"], ["10.0.0.1"])
        async with serving(cut) as port, HttpExchange(reach=Reach.LOOPBACK, resolve=names) as exchange:
            request = ChannelRequest(method="GET", url=f"http://localhost:{port}/", headers={}, body=b"")
            heard = [await exchange(request, connect_timeout_ms=1_000, read_timeout_ms=1_000) for _ in range(2)]
        return names.asked, heard

    asked, heard = asyncio.run(main())
    assert asked == ["localhost"] * 2
    assert heard == [NoAnswer(LineFault.CUT), NotSent(LineFault.CONNECT_FAILED)]


def test_of_many_addresses_only_the_allowed_are_tried_and_not_for_ever() -> None:
    told = ["10.0.0.1", "1.1.1.1", "127.0.0.1", "1.0.0.1", "2400:3200::1", "9.9.9.9"]
    found = asyncio.run(JudgedResolver(Reach.PUBLIC, Names(told)).resolve("wallet.test", 443))
    assert [one["host"] for one in found] == ["1.1.1.1", "1.0.0.1", "2400:3200::1"]


def test_the_second_address_is_tried_when_the_first_refuses() -> None:
    async def main() -> Answer:
        names = Names(["127.0.0.3", "127.0.0.1"])
        async with serving(cut) as port, HttpExchange(reach=Reach.LOOPBACK, resolve=names) as exchange:
            request = ChannelRequest(method="GET", url=f"http://localhost:{port}/", headers={}, body=b"")
            return await exchange(request, connect_timeout_ms=1_000, read_timeout_ms=1_000)

    assert asyncio.run(main()) == NoAnswer(LineFault.CUT)


def test_a_name_server_that_hangs_ends_as_not_sent() -> None:
    class Hanging(Names):
        async def __call__(self, host: str, port: int) -> list[str]:
            await asyncio.Event().wait()
            raise AssertionError("unreachable")

    found = asyncio.run(fetch("https://wallet.test/", reach=Reach.PUBLIC, names=Hanging([])))
    assert found == NotSent(LineFault.CONNECT_TIMEOUT)


def test_the_line_of_an_account_reaches_what_its_own_base_url_does() -> None:
    """A simulated wallet's account calls this computer; a real one's does not, whatever an answer names."""

    async def main() -> tuple[Answer, Answer]:
        async with serving(silent) as port:
            url = f"http://127.0.0.1:{port}/"
            request = ChannelRequest(method="GET", url=url, headers={}, body=b"")
            async with line_of(wallet.account(base_url=url)) as near, line_of(wallet.account()) as far:
                return (
                    await near(request, connect_timeout_ms=500, read_timeout_ms=200),
                    await far(request, connect_timeout_ms=500, read_timeout_ms=200),
                )

    near, far = asyncio.run(main())
    assert near == NoAnswer(LineFault.READ_TIMEOUT)
    assert far == NotSent(LineFault.NOT_ALLOWED)
