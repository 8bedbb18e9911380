"""Where a call of ours may go: the judge of addresses that a merchant's file or a wallet's answer gave (SSRF). Pure.

Rules
- `PUBLIC`: https on port 443, no user or password, a name or a public address. Private, loopback, link-local (cloud
  metadata), shared, multicast, reserved and documentation ranges are denied, in IPv4, in IPv6, and where one is written
  inside the other. A number in disguise (`0x7f.1`, `2130706433`, `017700000001`) is no host.
- `LOOPBACK`: this computer and nothing else; for an account whose own `base_url` says so, which is a simulated wallet.
- A name is judged by what it resolves to, at the moment of the call, by who connects: `may_connect`.
There is no switch. It must not know what the addresses are for.
"""

from __future__ import annotations

import re
from enum import StrEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final
from urllib.parse import urlsplit

from gateway.channels.address import address_fault

_PORT: Final = 443
#: How a resolver of the C library reads a number as an address: decimal, octal or hexadecimal, one to four parts.
_NUMBER: Final = re.compile(r"(?:0[xX][0-9A-Fa-f]*|[0-9]+)", re.ASCII)
#: An IPv4 address behind a fixed front (RFC 6052, RFC 4291): whoever translates them would reach it.
_FRONTS: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("::/96"))
#: Tunnels carry an address that nobody sees; site-local addresses are private by another name; who translates within a
#: network of his own (RFC 8215) may write the IPv4 address at any place.
_DENIED: Final = (
    IPv6Network("2002::/16"), IPv6Network("2001::/32"), IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"),
)  # fmt: skip

Address = IPv4Address | IPv6Address


class Reach(StrEnum):
    PUBLIC = "public"
    LOOPBACK = "loopback"


def reach_of(base_url: str) -> Reach:
    """Of the account with this `base_url`."""
    try:
        host = urlsplit(base_url).hostname or ""
    except ValueError:
        return Reach.PUBLIC
    return Reach.LOOPBACK if _is_loopback_host(host) else Reach.PUBLIC


def call_fault(url: str, reach: Reach) -> str | None:
    """What is wrong with an address that is to be called, in words that complete "base_url: ..."; None: nothing, as far
    as its text tells."""
    fault = address_fault(url)
    if fault is not None:
        return fault
    parts = urlsplit(url)
    host = parts.hostname or ""
    if reach is Reach.LOOPBACK:
        return None if _is_loopback_host(host) else "must be on this computer, as base_url is"
    if parts.scheme != "https" or (parts.port or _PORT) != _PORT:
        return "must be https on port 443"
    if ":" not in host and _NUMBER.fullmatch(host.rpartition(".")[2]) and not _is_plain(host):
        return "must be a name or a plain address"
    literal = _literal(host)
    if _is_loopback_host(host) or (literal is not None and not may_connect(literal, reach)):
        return "must be a public address"
    return None


def may_connect(address: str | Address, reach: Reach) -> bool:
    """Whether a connection to this very address is allowed."""
    found = _literal(address) if isinstance(address, str) else address
    if found is None:
        return False
    return all(_allowed(one, reach) for one in _meant(found))


def _allowed(address: Address, reach: Reach) -> bool:
    if reach is Reach.LOOPBACK:
        return address.is_loopback
    if isinstance(address, IPv6Address) and any(address in network for network in _DENIED):
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified or address.is_private
    )


def _meant(address: Address) -> list[Address]:
    """The address itself, or the IPv4 address that is written in it."""
    if isinstance(address, IPv4Address):
        return [address]
    if address.ipv4_mapped is not None:
        return [address.ipv4_mapped]
    if address.is_loopback or address.is_unspecified:
        return [address]
    if any(address in front for front in _FRONTS):
        return [IPv4Address(address.packed[-4:])]
    return [address]


def _literal(host: str) -> Address | None:
    try:
        return ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _is_plain(host: str) -> bool:
    return isinstance(_literal(host), IPv4Address)


def _is_loopback_host(host: str) -> bool:
    literal = _literal(host)
    if literal is None:
        return host == "localhost" or host.endswith(".localhost")
    return all(one.is_loopback for one in _meant(literal))
