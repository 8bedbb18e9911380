"""The owner's TOML file as checked values: merchants, stores, channel accounts. Pure.

Rules
- Every fault of the file is found in one reading and says what to write; an unknown key is a fault.
- A channel account is checked as it will be used: its settings parse and its keys load.
- `private_key_file` and `wallet_public_key_file` name files; the caller gives their contents, this opens none.
It must not know what the store holds: whether a merchant named here exists is the plan's question.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, cast

from gateway.channels.account import AccountError, parse_account
from gateway.channels.registry import open_channel
from gateway.channels.settings import KEY_NAMES, SECRET_NAMES
from gateway.configure.entries import Entry, entries_of, shown_key
from gateway.configure.faults import Fault, Faults, one_fault

DEFAULT_TIME_ZONE: Final = "Asia/Shanghai"
FILE_KEYS: Final[Mapping[str, str]] = {f"{name}_file": name for name in sorted(SECRET_NAMES | KEY_NAMES)}
#: Values that are right in form, to go on looking for faults behind one.
_STAND_INS: Final[Mapping[str, str]] = {"base_url": "https://wallet.invalid/", "app_id": "0"}
_TABLES: Final = ("merchants", "stores", "channel_accounts")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_PLACE: Final = re.compile(r"at (line \d+, column \d+|end of document)")


@dataclass(frozen=True, slots=True, kw_only=True)
class MerchantEntry:
    id: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEntry:
    id: str
    merchant: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """`settings`: everything a channel needs, as JSON text in a fixed order, keys included."""

    id: str
    merchant: str
    channel: str
    default_for_qr: bool
    settings: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    merchants: tuple[MerchantEntry, ...]
    stores: tuple[StoreEntry, ...]
    accounts: tuple[AccountEntry, ...]


def key_files(text: str) -> tuple[str, ...]:
    """The files that the document names, as it names them. Nothing when it is not TOML: reading will say so."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return ()
    listed: object = raw.get("channel_accounts")
    named: list[str] = []
    for item in cast("list[object]", listed) if isinstance(listed, list) else []:
        if isinstance(item, dict):
            entry = cast("dict[str, object]", item)
            named += [value for key in FILE_KEYS if isinstance(value := entry.get(key), str)]
    return tuple(dict.fromkeys(named))


def read_document(text: str, *, files: Mapping[str, str], time_zones: Collection[str]) -> Document | Faults:
    """Reads and checks everything. `files`: contents by the name the document uses; `time_zones`: those this system
    knows (none: only the form is checked)."""
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        # Not the parser's own words: they may quote the line, and the line may be a key.
        place = _PLACE.search(str(error))
        return one_fault("the file", "", f"is not TOML{f' at {place[1]}' if place else ''}; look at the line above too")
    faults: list[Fault] = [
        Fault(
            where="the file", key=shown_key(name), hint=f"is not a table of this file; there are {', '.join(_TABLES)}"
        )
        for name in raw
        if name not in _TABLES
    ]
    merchants = [_merchant(entry) for entry in entries_of(raw, "merchants", faults)]
    stores = [_store(entry, time_zones) for entry in entries_of(raw, "stores", faults)]
    accounts = [_account(entry, files) for entry in entries_of(raw, "channel_accounts", faults)]
    if faults:
        return Faults(faults=tuple(faults))
    return Document(merchants=tuple(merchants), stores=tuple(stores), accounts=tuple(accounts))


def _merchant(entry: Entry) -> MerchantEntry:
    entry.only("id", "name")
    return MerchantEntry(id=entry.identity("id"), name=entry.name("name"))


def _store(entry: Entry, time_zones: Collection[str]) -> StoreEntry:
    entry.only("id", "merchant", "name", "time_zone")
    zone = entry.values.get("time_zone", DEFAULT_TIME_ZONE)
    if not isinstance(zone, str) or not _ZONE.fullmatch(zone) or (time_zones and zone not in time_zones):
        entry.fault("time_zone", f"must be a time zone by its IANA name, for example {DEFAULT_TIME_ZONE!r}")
        zone = DEFAULT_TIME_ZONE
    return StoreEntry(
        id=entry.identity("id"), merchant=entry.identity("merchant"), name=entry.name("name"), time_zone=zone
    )


def _account(entry: Entry, files: Mapping[str, str]) -> AccountEntry:
    merchant = entry.identity("merchant")
    default_for_qr = entry.flag("default_for_qr")
    settings = {
        # Blank lines around a key change nothing about it.
        key: value.strip() if isinstance(value, str) and key in FILE_KEYS.values() else value
        for key, value in entry.values.items()
        if key not in {"merchant", "default_for_qr", *FILE_KEYS}
    }
    complete = _take_files(entry, settings, files)
    _check(entry, settings, complete=complete)
    channel = settings.get("channel")
    return AccountEntry(
        id=entry.identity("id"),
        merchant=merchant,
        channel=channel if isinstance(channel, str) else "",
        default_for_qr=default_for_qr,
        settings=json.dumps(settings, ensure_ascii=False, sort_keys=True, default=str),
    )


def _take_files(entry: Entry, settings: dict[str, object], files: Mapping[str, str]) -> bool:
    """Puts the contents of named files where the keys belong. False when one is missing, which is said."""
    complete = True
    for file_key, key in FILE_KEYS.items():
        named = entry.values.get(file_key)
        if named is None:
            continue
        if key in settings:
            entry.fault(file_key, f"write either {key} or {file_key}, not both")
        elif not isinstance(named, str) or not named.strip():
            entry.fault(file_key, "must be the path of a file, beside this one or absolute")
        elif named not in files:
            entry.fault(file_key, "this file cannot be read; is the path right, and are you allowed to read it?")
        else:
            settings[key] = files[named].strip()
            continue
        settings.pop(key, None)
        complete = False
    return complete


def _check(entry: Entry, settings: Mapping[str, object], *, complete: bool) -> None:
    """Parses as the channel will. After a fault its key is passed over and the rest is tried, so that all are found."""
    rest = {**settings, "id": "account"}  # the entry itself looks at its id
    named: set[str] = set() if complete else set(FILE_KEYS.values())
    while True:
        try:
            open_channel(parse_account(rest))
        except AccountError as error:
            if error.where not in named:
                entry.fault(shown_key(error.where), error.hint)
            if error.where in named or not _passed_over(rest, error.where):
                return
            named.add(error.where)
        else:
            return


def _passed_over(rest: dict[str, object], key: str) -> bool:
    """Takes a key at fault out of the way. False when the rest cannot be judged without it."""
    if key in _STAND_INS:
        rest[key] = _STAND_INS[key]
        return True
    return rest.pop(key, None) is not None
