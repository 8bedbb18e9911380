"""The gateway's address as people write it, checked: https, or plain http to this very computer."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from protocol.reasons import Reason
from sync.errors import SyncError

_PORTS = {"https": 443, "http": 80}


class AddressError(SyncError):
    """Not an address that a till may talk to."""

    def __init__(self, message: str, *, hint_key: str) -> None:
        super().__init__(
            Reason.USAGE,
            message,
            hint="Give the gateway's address as https://host, without a path.",
            hint_key=hint_key,
        )


def read_gateway_url(text: str) -> str:
    """`scheme://authority` in lower case without a default port. AddressError for anything but https or loopback."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise AddressError("This is not a web address.", hint_key="hint.address_unreadable") from None
    host = (parts.hostname or "").lower()
    scheme = parts.scheme.lower()
    plain = parts.path in ("", "/") and not parts.query and not parts.fragment and "@" not in parts.netloc
    if scheme not in _PORTS or not host or not host.isascii() or not plain:
        raise AddressError("This is not the address of a gateway.", hint_key="hint.address_unreadable")
    if scheme == "http" and not is_loopback(host):
        raise AddressError(
            "Plain http is for this computer only; a gateway elsewhere needs https.", hint_key="hint.address_not_https"
        )
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in (None, _PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a host name or address can only mean this computer."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def authority_of(base_url: str) -> str:
    """Host and port as they stand in the Host header."""
    return urlsplit(base_url).netloc
