"""The line to the wallets connects to addresses that were judged, whatever a name server says, and when it says it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

import httpcore
import pytest

from gateway.channels.connecting import JudgedBackend
from gateway.channels.http import HttpExchange, line_of
from gateway.channels.port import ChannelRequest, ChannelResponse, LineFault, NoAnswer, NotSent
from gateway.channels.reach import Reach
from tests.contract.gateway.test_channel_http import serving, silent
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


class Network(httpcore.AsyncMockBackend):
    """The sockets below: remembers where it was sent."""

    def __init__(self, *, refuses: bool = False) -> None:
        super().__init__([])
        self._refuses = refuses
        self.connected: list[str] = []
        self.timeouts: list[float | None] = []

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.connected.append(host)
        self.timeouts.append(timeout)
        if self._refuses:
            raise httpcore.ConnectError
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


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


def test_a_name_is_asked_once_and_the_connection_goes_to_the_judged_address() -> None:
    """DNS rebinding: the second answer would lead inside. The network below hears an address, never the name."""

    async def main() -> tuple[Names, list[str]]:
        names, network = Names(["203.119.205.1"], ["127.0.0.1"]), Network()
        await JudgedBackend(Reach.PUBLIC, names, network).connect_tcp("wallet.test", 443, 1.0)
        return names, network.connected

    names, connected = asyncio.run(main())
    assert names.asked == ["wallet.test"]
    assert connected == ["203.119.205.1"]


def test_of_many_addresses_only_the_allowed_are_tried_and_not_for_ever() -> None:
    async def main() -> list[str]:
        network = Network(refuses=True)
        told = ["10.0.0.1", "1.1.1.1", "127.0.0.1", "1.0.0.1", "2400:3200::1", "9.9.9.9"]
        with pytest.raises(httpcore.ConnectError):
            await JudgedBackend(Reach.PUBLIC, Names(told), network).connect_tcp("wallet.test", 443, 0.9)
        assert network.timeouts == [pytest.approx(0.3)] * 3
        return network.connected

    assert asyncio.run(main()) == ["1.1.1.1", "1.0.0.1", "2400:3200::1"]


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
