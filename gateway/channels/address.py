"""Addresses that a secret may be sent to: https with a host that a resolver takes, and plain http on loopback only.

There is no switch for it. It must not know what the addresses are for.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def address_fault(url: str) -> str | None:
    """What is wrong with it, in words that complete "base_url: ..." and quote nothing; None: it may be called."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in {"http", "https"} or not _is_host(host) or parts.username is not None:
        return "must be an https URL without user and password"
    if parts.scheme == "http" and not _is_loopback(host or ""):
        return "must be https; plain http is for loopback only"
    return None


def base_fault(url: str) -> str | None:
    """The same for an address that parameters are added to."""
    fault = address_fault(url)
    if fault is None and ("?" in url or "#" in url):
        return "must have neither '?' nor '#'"
    return fault


def _is_host(host: str | None) -> bool:
    """A name that a resolver takes, or an address."""
    if host is None or len(host) > 253:
        return False
    if ":" in host:
        return _address(host) is not None
    return all(_LABEL.fullmatch(label) for label in host.split("."))


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _is_loopback(host: str) -> bool:
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback
