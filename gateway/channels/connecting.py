"""Connects to an address that was judged, and to no other: a name is resolved once, each answer is judged, and the
connection goes to the very address that was (a second look-up could say something else). TLS still checks the name.

It must not know requests. `gateway/channels/http.py` gives it to aiohttp as its resolver; an address that is written as
a number is not resolved, and is judged by its text (`gateway/channels/reach.py`).
"""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

from gateway.channels.reach import Reach, may_connect

#: More addresses of one name than this are not tried.
_MOST_TRIED: Final = 3

#: The addresses of a name, as texts, in the order of preference. Raises OSError.
Resolve = Callable[[str, int], Awaitable[list[str]]]


async def resolve_by_system(host: str, port: int) -> list[str]:
    """What the system's resolver says."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class JudgedResolver(AbstractResolver):
    """aiohttp's port to the name server, with the judge behind it."""

    def __init__(self, reach: Reach, resolve: Resolve) -> None:
        self._reach = reach
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """At least one address; OSError when none is allowed."""
        try:
            found = await self._resolve(host, port)
        except UnicodeError:
            raise OSError("the name is none") from None
        allowed = [address for address in found if may_connect(address, self._reach)]
        if not allowed:
            raise OSError("no address of this name may be connected to")
        return [_to_connect(host, address, port) for address in allowed[:_MOST_TRIED]]

    async def close(self) -> None:
        """Nothing is held."""


def _to_connect(host: str, address: str, port: int) -> ResolveResult:
    version = ipaddress.ip_address(address.partition("%")[0]).version
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET if version == 4 else socket.AF_INET6,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
