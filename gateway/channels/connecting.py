"""Connects to an address that was judged, and to no other: a name is resolved once, each answer is judged, and the
connection goes to the very address that was (a second look-up could say something else). TLS still checks the name.

It must not know requests. `gateway/channels/http.py` puts it under httpx's transport.
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import httpcore

from gateway.channels.reach import Reach, may_connect

#: More addresses of one name than this are not tried.
_MOST_TRIED: Final = 3

#: The addresses of a name, as texts, in the order of preference. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve_by_system(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class JudgedBackend(httpcore.AsyncNetworkBackend):
    """`httpcore`'s port to the network, with the judge before it."""

    def __init__(self, reach: Reach, resolve: Resolve, inner: httpcore.AsyncNetworkBackend) -> None:
        self._reach = reach
        self._resolve = resolve
        self._inner = inner

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        addresses = await self._judged(host, port, timeout)
        share = None if timeout is None else timeout / len(addresses)
        last: httpcore.ConnectError | httpcore.ConnectTimeout | None = None
        for address in addresses:
            try:
                return await self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                last = error
        assert last is not None, "at least one address was tried"
        raise last

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[Any] | None = None
    ) -> httpcore.AsyncNetworkStream:
        raise httpcore.ConnectError("a wallet is not a file")

    async def sleep(self, seconds: float) -> None:
        await self._inner.sleep(seconds)

    async def _judged(self, host: str, port: int, timeout: float | None) -> list[str]:
        """At least one address; ConnectError when none is allowed."""
        try:
            async with asyncio.timeout(timeout):
                found = [host] if _is_address(host) else await self._resolve(host, port)
        except TimeoutError:
            raise httpcore.ConnectTimeout("the name server did not answer") from None
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        allowed = [address for address in found if may_connect(address, self._reach)]
        if not allowed:
            raise httpcore.ConnectError("no address of this name may be connected to")
        return allowed[:_MOST_TRIED]


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
