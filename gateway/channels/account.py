"""A merchant's account at a wallet, as written by the owner (`guitai gateway apply`), checked before it is used.

Rules: an unknown key, a missing key or a doubtful value is an `AccountError` that names the key and says what to do,
and never repeats a secret. TLS is required except on loopback, and there is no switch for it.
It must not know any wallet's messages; whether a key can be loaded is found when the channel is opened.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, assert_never

from gateway.channels.address import base_fault
from gateway.channels.reach import call_fault, reach_of
from gateway.channels.settings import SETTINGS, AccountMode, Setting, SettingKind
from protocol.secret import Secret

_COMMON: Final = frozenset(
    {
        "id",
        "channel",
        "mode",
        "base_url",
        "notify_url",
        "trusted_ca",
        "min_query_interval_ms",
        "calls_per_second",
        "connect_timeout_ms",
        "read_timeout_ms",
    }
)
#: The longest that an account may allow, in milliseconds; a task's lease outlives two calls of that length.
MOST_CONNECT_MS: Final = 10_000
MOST_READ_MS: Final = 20_000
_WALLETS: Final = ", ".join(sorted(SETTINGS))
_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_PLAIN: Final = re.compile(r"[\x21-\x7e]{1,256}")


class AccountError(Exception):
    """The account cannot be used. `where` names the key of the file; the text says what to change.

    `also`: faults of other keys that were found together with it.
    """

    def __init__(self, *, account: str, where: str, hint: str, also: tuple[AccountError, ...] = ()) -> None:
        super().__init__(f"channel account {account!r}: {where}: {hint}")
        self.account = account
        self.where = where
        self.hint = hint
        self.also = also


def raise_together(faults: Sequence[AccountError]) -> None:
    """Raises the first, which carries the others; nothing when there is none."""
    if faults:
        first, *others = faults
        raise AccountError(account=first.account, where=first.where, hint=first.hint, also=tuple(others))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelAccount:
    """Times in ms. `min_query_interval_ms` and `calls_per_second` are the wallet's own limits for this account.

    What only one wallet has (gateway/channels/settings.py) is in `texts` and `secrets`; read it with the methods.
    `trusted_ca`: PEM, trusted besides the public roots. A `client_certificate` with `private_key` is shown in TLS.
    """

    id: str
    channel: str
    mode: AccountMode
    base_url: str
    notify_url: str | None
    trusted_ca: str | None
    min_query_interval_ms: int
    calls_per_second: int
    connect_timeout_ms: int
    read_timeout_ms: int
    texts: Mapping[str, str] = field(repr=False)
    secrets: Mapping[str, Secret] = field(repr=False)

    def text(self, key: str) -> str:
        """A setting that this account must have. Raises AccountError."""
        value = self.texts.get(key)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def secret(self, key: str) -> Secret:
        """A secret that this account must have. Raises AccountError."""
        value = self.secrets.get(key)
        if value is None:
            raise self.error(key, "is missing")
        return value

    def optional(self, key: str) -> str | None:
        return self.texts.get(key)

    def optional_secret(self, key: str) -> Secret | None:
        return self.secrets.get(key)

    def error(self, where: str, hint: str) -> AccountError:
        return AccountError(account=self.id, where=where, hint=hint)


def parse_account(raw: Mapping[str, object]) -> ChannelAccount:
    """Reads one account from plain values. Raises AccountError."""
    given = raw.get("id")
    name = given if isinstance(given, str) and _ID.fullmatch(given) else "?"
    reader = _Reader(raw=raw, account=name)
    channel = reader.text("channel", f"the wallet: {_WALLETS}")
    own = SETTINGS.get(channel)
    if own is None:
        raise reader.error("channel", f"is not a wallet this gateway speaks to: {_WALLETS}")
    for key in sorted(raw.keys() - _COMMON - own.keys()):
        hint = f"is not a setting of a {channel} account; remove it or correct its spelling"
        raise reader.error(str(key)[:64], hint)
    if name == "?":
        raise reader.error("id", "needs 1 to 63 letters, digits, '_', '.' or '-'")
    mode = reader.mode()
    base_url = reader.called("base_url", reader.text("base_url", "where the wallet takes calls, an https URL"))
    texts, secrets = reader.own(own, mode)
    return ChannelAccount(
        id=name,
        channel=channel,
        mode=mode,
        base_url=base_url,
        notify_url=reader.optional_url("notify_url"),
        trusted_ca=reader.key_text("trusted_ca", "the authority's certificate, PEM"),
        min_query_interval_ms=reader.number("min_query_interval_ms", default=3_000, low=1_000, high=60_000),
        calls_per_second=reader.number("calls_per_second", default=50, low=1, high=5_000),
        connect_timeout_ms=reader.number("connect_timeout_ms", default=3_000, low=100, high=MOST_CONNECT_MS),
        read_timeout_ms=reader.number("read_timeout_ms", default=18_000, low=1_000, high=MOST_READ_MS),
        texts=texts,
        secrets=secrets,
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

    def text(self, key: str, hint: str) -> str:
        value = self.optional(key)
        if value is None:
            raise self.error(key, f"is missing: {hint}")
        return value

    def optional(self, key: str) -> str | None:
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not _PLAIN.fullmatch(value):
            raise self.error(key, "must be a text without blanks, in ASCII, at most 256 characters")
        return value

    def own(self, settings: Mapping[str, Setting], mode: AccountMode) -> tuple[Mapping[str, str], Mapping[str, Secret]]:
        """The wallet's own settings."""
        texts: dict[str, str] = {}
        secrets: dict[str, Secret] = {}
        for key, setting in settings.items():
            given = self.raw.get(key) is not None
            if given and setting.mode not in (None, mode):
                raise self.error(key, f"is for mode = '{setting.mode}' only")
            if not given:
                if setting.mode in (None, mode) and self._needed(setting):
                    raise self.error(key, f"is missing: {setting.hint}")
                continue
            value = self._own_value(key, setting)
            if isinstance(value, Secret):
                secrets[key] = value
            else:
                texts[key] = value
        return texts, secrets

    def _needed(self, setting: Setting) -> bool:
        """Whether it may not be left out, beside what else is given."""
        replaced = bool(setting.unless) and all(self.raw.get(key) is not None for key in setting.unless)
        drawn_in = any(self.raw.get(key) is not None for key in setting.together)
        return drawn_in or (setting.required and not replaced)

    def _own_value(self, key: str, setting: Setting) -> str | Secret:
        match setting.kind:
            case SettingKind.SECRET:
                return self.secret(key, setting.hint)
            case SettingKind.KEY:
                return self.key_text(key, setting.hint) or ""
            case SettingKind.URL:
                value = self.text(key, setting.hint)
                # A page is opened by the payer's phone; everything else is called by us.
                return self.url(key, value) if key == "authorize_url" else self.called(key, value)
            case SettingKind.TEXT:
                return self.text(key, setting.hint)
            case SettingKind.CHOICE:
                value = self.text(key, setting.hint)
                if value not in setting.choices:
                    raise self.error(key, f"must be one of {', '.join(setting.choices)}")
                return value
            case _:
                assert_never(setting.kind)

    def key_text(self, key: str, hint: str) -> str | None:
        value = self.raw.get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be a text: {hint}")
        return value

    def secret(self, key: str, hint: str) -> Secret:
        value = self.raw.get(key)
        if isinstance(value, Secret):
            return value
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, f"must be a text: {hint}")
        return Secret(value)

    def number(self, key: str, *, default: int, low: int, high: int) -> int:
        value = self.raw.get(key, default)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise self.error(key, f"must be a whole number from {low} to {high}")
        return value

    def optional_url(self, key: str) -> str | None:
        value = self.optional(key)
        return None if value is None else self.url(key, value)

    def called(self, key: str, value: str) -> str:
        """An address that we call: where the account's own base_url says that its wallet is."""
        base_url = self.raw.get("base_url")
        fault = call_fault(self.url(key, value), reach_of(base_url if isinstance(base_url, str) else ""))
        if fault is not None:
            raise self.error(key, fault)
        return value

    def url(self, key: str, value: str) -> str:
        fault = base_fault(value)
        if fault is not None:
            raise self.error(key, fault)
        return value
