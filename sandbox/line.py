"""One HTTP request that the sandbox makes itself, and what came back: notifications to the shop, pages a phone opens.

The shop answers on this computer, or by https anywhere: a notification names a payer, a page carries a session.
Must not know: any HTTP library, wallets.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class LineRequest:
    """The URL may carry a page's token, so it stays out of repr."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class LineAnswer:
    status: int
    headers: tuple[tuple[str, str], ...] = field(repr=False)
    """By lower-case name, in the order in which they came: a cookie each is a header each."""
    body: bytes = field(repr=False)

    def header(self, name: str) -> str:
        """The first of that name; empty when there is none."""
        return next((value for one, value in self.headers if one == name), "")


class Line(Protocol):
    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        """None: no whole answer came, or the address may not be called."""
        ...


def may_call(url: str) -> bool:
    """Plain http to this computer, https to anybody."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        return False
    if not host or parts.username is not None:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
