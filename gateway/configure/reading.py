"""The owner's TOML as checked values. Every complaint names the table, its position and the key, and says what to do;
none repeats a value, for some are keys. It must not know the store."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, cast

from gateway.channels.account import AccountError, parse_account
from gateway.channels.registry import open_channel

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,62}")
_TABLES: Final = ("merchants", "stores", "channel_accounts")


class ConfigurationError(Exception):
    """The file cannot be applied. The text says where and what to change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Merchant:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Store:
    id: str
    merchant: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`settings`: the account as JSON text, keys included."""

    id: str
    merchant: str
    channel: str
    shown_default: bool
    settings: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    merchants: tuple[Merchant, ...]
    stores: tuple[Store, ...]
    accounts: tuple[Account, ...]


def read_wanted(text: str) -> Wanted:
    """Reads and checks the whole file. Raises ConfigurationError."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"the file is not TOML: {error}") from None
    for name in raw:
        if name not in _TABLES:
            raise ConfigurationError(f"[[{name}]]: is not known; there are {', '.join(_TABLES)}")
    merchants = tuple(_merchant(entry) for entry in _entries(raw, "merchants"))
    stores = tuple(_store(entry) for entry in _entries(raw, "stores"))
    accounts = tuple(_account(entry) for entry in _entries(raw, "channel_accounts"))
    known = {merchant.id for merchant in merchants}
    for what, owner in [(f"[[stores]] {s.id}", s.merchant) for s in stores] + [
        (f"[[channel_accounts]] {a.id}", a.merchant) for a in accounts
    ]:
        if owner not in known:
            raise ConfigurationError(f"{what}: merchant: names no merchant of this file")
    for table, ids in (
        ("merchants", [m.id for m in merchants]),
        ("stores", [s.id for s in stores]),
        ("channel_accounts", [a.id for a in accounts]),
    ):
        _no_twins(table, ids)
    return Wanted(merchants=merchants, stores=stores, accounts=accounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    where: str
    values: Mapping[str, object] = field(repr=False)

    def text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip() or len(value) > 128:
            raise ConfigurationError(f"{self.where}: {key}: must be a text of 1 to 128 characters")
        return value.strip()

    def identity(self, key: str) -> str:
        value = self.text(key)
        if not _ID.fullmatch(value):
            raise ConfigurationError(f"{self.where}: {key}: letters, digits, '_', '.' or '-', at most 63")
        return value

    def only(self, allowed: Sequence[str]) -> None:
        for key in self.values:
            if key not in allowed:
                raise ConfigurationError(f"{self.where}: {key[:64]}: is not known; there are {', '.join(allowed)}")


def _entries(raw: Mapping[str, object], table: str) -> list[_Entry]:
    value = raw.get(table, [])
    if not isinstance(value, list):
        raise ConfigurationError(f"{table}: write [[{table}]] with double brackets, once for each")
    found: list[_Entry] = []
    for number, item in enumerate(cast("list[object]", value), start=1):
        if not isinstance(item, dict):
            raise ConfigurationError(f"{table}: write [[{table}]] with double brackets, once for each")
        found.append(_Entry(where=f"[[{table}]] number {number}", values=cast("dict[str, object]", item)))
    return found


def _merchant(entry: _Entry) -> Merchant:
    entry.only(("id", "name"))
    return Merchant(id=entry.identity("id"), name=entry.text("name"))


def _store(entry: _Entry) -> Store:
    entry.only(("id", "merchant", "name"))
    return Store(id=entry.identity("id"), merchant=entry.identity("merchant"), name=entry.text("name"))


def _account(entry: _Entry) -> Account:
    settings = {key: value for key, value in entry.values.items() if key not in ("merchant", "shown_default")}
    shown = entry.values.get("shown_default", False)
    if not isinstance(shown, bool):
        raise ConfigurationError(f"{entry.where}: shown_default: must be true or false")
    try:
        account = parse_account(settings)
        open_channel(account)
    except AccountError as error:
        raise ConfigurationError(f"{entry.where}: {error.where}: {error.hint}") from None
    return Account(
        id=account.id,
        merchant=entry.identity("merchant"),
        channel=account.channel,
        shown_default=shown,
        settings=json.dumps(settings, ensure_ascii=False, sort_keys=True),
    )


def _no_twins(table: str, ids: Sequence[str]) -> None:
    seen: set[str] = set()
    for one in ids:
        if one in seen:
            raise ConfigurationError(f"[[{table}]]: id {one}: is there twice")
        seen.add(one)
