"""A merchant's account at a wallet, as written by the owner (`guitai gateway apply`), checked before it is used.

Rules: an unknown key, a missing key or a doubtful value is an `AccountError` that names the key and says what to do,
and never repeats a secret. TLS is required except on loopback, and there is no switch for it.
It must not know any wallet's messages; whether a key can be loaded is found when the channel is opened.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from protocol.secret import Secret

_KEYS: Final = frozenset(
    {
        "id",
        "channel",
        "mode",
        "base_url",
        "app_id",
        "seller_id",
        "private_key",
        "wallet_public_key",
        "app_auth_token",
        "notify_url",
        "min_query_interval_ms",
        "connect_timeout_ms",
        "read_timeout_ms",
    }
)
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_LABEL: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,256}")


class AccountError(Exception):
    """The account cannot be used. `where` names the key of the file; the text says what to change."""

    def __init__(self, *, account: str, where: str, hint: str) -> None:
        super().__init__(f"channel account {account!r}: {where}: {hint}")
        self.account = account
        self.where = where
        self.hint = hint


class AccountMode(StrEnum):
    """`DIRECT`: the merchant's own app. `PARTNER`: a service provider's app, acting with the merchant's token."""

    DIRECT = "direct"
    PARTNER = "partner"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccount:
    """Times in ms. `min_query_interval_ms` is the wallet's own limit for this account."""

    id: str
    channel: str
    mode: AccountMode
    base_url: str
    app_id: str
    seller_id: str | None
    private_key: Secret
    wallet_public_key: str = field(repr=False)
    app_auth_token: Secret | None
    notify_url: str | None
    min_query_interval_ms: int
    connect_timeout_ms: int
    read_timeout_ms: int


def parse_account(raw: Mapping[str, object]) -> ChannelAccount:
    """Reads one account from plain values. Raises AccountError."""
    given = raw.get("id")
    name = given if isinstance(given, str) and _ID.fullmatch(given) else "?"
    reader = _Reader(raw=raw, account=name)
    for key in sorted(raw.keys() - _KEYS):
        raise reader.error(str(key)[:64], "is not a setting of a channel account; remove it or correct its spelling")
    if name == "?":
        raise reader.error("id", "needs 1 to 63 letters, digits, '_', '.' or '-'")
    mode = reader.mode()
    token = reader.secret("app_auth_token")
    if mode is AccountMode.PARTNER and token is None:
        raise reader.error("app_auth_token", "partner mode needs the merchant's authorisation token")
    if mode is AccountMode.DIRECT and token is not None:
        raise reader.error("app_auth_token", "is for mode = 'partner' only")
    private_key = reader.secret("private_key")
    if private_key is None:
        raise reader.error("private_key", "is missing: the application's RSA private key, PEM or base64")
    return ChannelAccount(
        id=name,
        channel=reader.text("channel"),
        mode=mode,
        base_url=reader.url("base_url", reader.text("base_url")),
        app_id=reader.text("app_id"),
        seller_id=reader.optional("seller_id"),
        private_key=private_key,
        wallet_public_key=reader.key_text("wallet_public_key"),
        app_auth_token=token,
        notify_url=reader.notify_url(),
        min_query_interval_ms=reader.number("min_query_interval_ms", default=3_000, low=1_000, high=60_000),
        connect_timeout_ms=reader.number("connect_timeout_ms", default=3_000, low=100, high=10_000),
        read_timeout_ms=reader.number("read_timeout_ms", default=18_000, low=1_000, high=20_000),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    """Takes typed values out of the file, and names the key when one does not fit. Never quotes a value."""

    raw: Mapping[str, object] = field(repr=False)
    account: str

    def error(self, where: str, hint: str) -> AccountError:
        return AccountError(account=self.account, where=where, hint=hint)

    def mode(self) -> AccountMode:
        value = self.optional("mode") or AccountMode.DIRECT.value
        try:
            return AccountMode(value)
        except ValueError:
            raise self.error("mode", "must be 'direct' or 'partner'") from None

    def text(self, key: str) -> str:
        value = self.optional(key)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def optional(self, key: str) -> str | None:
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not _PLAIN.fullmatch(value):
            raise self.error(key, "must be a text without blanks, in ASCII, at most 256 characters")
        return value

    def key_text(self, key: str) -> str:
        value = self.raw.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "is missing: the wallet's RSA public key, PEM or base64")
        return value

    def secret(self, key: str) -> Secret | None:
        value = self.raw.get(key)
        if value is None:
            return None
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, "must be a text")
        return Secret(value)

    def number(self, key: str, *, default: int, low: int, high: int) -> int:
        value = self.raw.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"must be a whole number from {low} to {high}")
        return value

    def notify_url(self) -> str | None:
        value = self.optional("notify_url")
        return None if value is None else self.url("notify_url", value)

    def url(self, key: str, value: str) -> str:
        try:
            parts = urlsplit(value)
            host, _port = parts.hostname, parts.port
        except ValueError:
            raise self.error(key, "is not a URL") from None
        if parts.scheme not in {"http", "https"} or not _is_host(host) or parts.username is not None:
            raise self.error(key, "must be an https URL without user and password")
        if parts.query or parts.fragment:
            raise self.error(key, "must have neither '?' nor '#'")
        if parts.scheme == "http" and not _is_loopback(host or ""):
            raise self.error(key, "must be https; plain http is for loopback only")
        return value


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
