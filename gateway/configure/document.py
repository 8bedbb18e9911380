"""The owner's TOML file as checked values: merchants, stores, channel accounts, routes. Pure.

Rules
- Every fault of the file is found in one reading and says what to write; an unknown key is a fault.
- A channel account is checked as it will be used: its settings parse and its keys load.
- `<name>_file` names the file that holds a key or secret; the caller gives its contents, this opens none.
It must not know what the store holds: whether a merchant named here exists is the plan's question.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, assert_never, cast

from msgspec import Struct

from gateway.channels.account import AccountError, AccountMode, ChannelAccount, parse_account
from gateway.channels.registry import open_channel
from gateway.channels.settings import KEY_NAMES, SECRET_NAMES, SETTINGS, Setting, SettingKind
from gateway.configure.entries import Entry, entries_of, shown_key
from gateway.configure.faults import Fault, Faults, one_fault
from gateway.configure.routes import TERM_KEYS, read_rule, read_terms
from gateway.routing.rules import AccountTerms, Rule

DEFAULT_TIME_ZONE: Final = "Asia/Shanghai"
LATE_MONEY: Final = ("refund", "hold")
FILE_KEYS: Final[Mapping[str, str]] = {f"{name}_file": name for name in sorted(SECRET_NAMES | KEY_NAMES)}
_UNREAD: Final = "0"
_STAND_IN_URL: Final = "https://wallet.invalid/"
#: A document with a hundred accounts and their certificates is half as long.
_MOST_CHARS: Final = 4 * 1_048_576
#: In one line: the library takes time by the square of a dotted name's length.
_MOST_DOTS: Final = 200


def _stand_in(setting: Setting) -> str:
    """A value that is right in form."""
    match setting.kind:
        case SettingKind.TEXT | SettingKind.SECRET | SettingKind.KEY:
            return "0"
        case SettingKind.URL:
            return _STAND_IN_URL
        case SettingKind.CHOICE:
            return setting.choices[0]
        case _:
            assert_never(setting.kind)


#: To go on looking for faults behind one, by wallet.
_STAND_INS: Final[Mapping[str, Mapping[str, str]]] = {
    wallet: {"base_url": _STAND_IN_URL, **{name: _stand_in(setting) for name, setting in settings.items()}}
    for wallet, settings in SETTINGS.items()
}
_TABLES: Final = ("merchants", "stores", "channel_accounts", "routes")
_ZONE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+){0,2}")
_PLACE: Final = re.compile(r"at (line \d+, column \d+|end of document)")


class MerchantEntry(Struct, frozen=True, kw_only=True):
    """`late_money`: what becomes of money found on a payment that was given up: see `LATE_MONEY`."""

    id: str
    name: str
    late_money: str = "refund"


class StoreEntry(Struct, frozen=True, kw_only=True):
    id: str
    merchant: str
    name: str
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEntry:
    """`settings`: everything a channel needs, as JSON text in a fixed order, keys included. `terms`: what it costs."""

    id: str
    merchant: str
    channel: str
    default_for_qr: bool
    settings: str = field(repr=False)
    terms: AccountTerms = field(default_factory=AccountTerms)


class Document(Struct, frozen=True, kw_only=True):
    merchants: tuple[MerchantEntry, ...]
    stores: tuple[StoreEntry, ...]
    accounts: tuple[AccountEntry, ...]
    routes: tuple[Rule, ...] = ()


def key_files(text: str) -> tuple[str, ...]:
    """The files that the document names, as it names them. Nothing when it is not TOML: reading will say so."""
    raw = _raw(text)
    if isinstance(raw, Faults):
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
    raw = _raw(text)
    if isinstance(raw, Faults):
        return raw
    faults = _strange_tables(raw)
    merchants = [_merchant(entry) for entry in entries_of(raw, "merchants", faults)]
    stores = [_store(entry, time_zones) for entry in entries_of(raw, "stores", faults)]
    accounts = [_account(entry, files) for entry in entries_of(raw, "channel_accounts", faults)]
    routes = [read_rule(entry) for entry in entries_of(raw, "routes", faults)]
    if faults:
        return Faults(faults=tuple(faults))
    return Document(merchants=tuple(merchants), stores=tuple(stores), accounts=tuple(accounts), routes=tuple(routes))


class RoutesFile(Struct, frozen=True, kw_only=True):
    """What a replay takes from a document: its rules, and the terms of the accounts that it names."""

    routes: tuple[Rule, ...]
    terms: Mapping[str, AccountTerms]


def read_routes(text: str) -> RoutesFile | Faults:
    """Reads a whole document, or one of routes and bare accounts; what routing does not need is not looked at."""
    raw = _raw(text)
    if isinstance(raw, Faults):
        return raw
    faults = _strange_tables(raw)
    routes = [read_rule(entry) for entry in entries_of(raw, "routes", faults)]
    terms = {entry.identity("id"): read_terms(entry) for entry in entries_of(raw, "channel_accounts", faults)}
    return Faults(faults=tuple(faults)) if faults else RoutesFile(routes=tuple(routes), terms=terms)


def _raw(text: str) -> dict[str, Any] | Faults:
    if len(text) > _MOST_CHARS or any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        return one_fault("the file", "", "is too large, or has a line that no document of ours has")
    try:
        return tomllib.loads(text)
    except RecursionError:
        return one_fault("the file", "", "nests deeper than any document of ours")
    except ValueError as error:  # TOMLDecodeError is one; a number of thousands of digits is another
        # Not the parser's own words: they may quote the line, and the line may be a key.
        place = _PLACE.search(str(error))
        return one_fault("the file", "", f"is not TOML{f' at {place[1]}' if place else ''}; look at the line above too")


def _strange_tables(raw: Mapping[str, object]) -> list[Fault]:
    return [
        Fault(
            where="the file", key=shown_key(name), hint=f"is not a table of this file; there are {', '.join(_TABLES)}"
        )
        for name in raw
        if name not in _TABLES
    ]


def _merchant(entry: Entry) -> MerchantEntry:
    entry.only("id", "name", "late_money")
    late_money = entry.values.get("late_money", "refund")
    if late_money not in LATE_MONEY:
        entry.fault("late_money", 'write "refund" (it goes back by itself) or "hold" (a person decides)')
        late_money = "refund"
    return MerchantEntry(id=entry.identity("id"), name=entry.name("name"), late_money=str(late_money))


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
        if key not in {"merchant", "default_for_qr", *TERM_KEYS, *FILE_KEYS}
    }
    said = _take_files(entry, settings, files)
    _check(entry, settings, said)
    channel = settings.get("channel")
    return AccountEntry(
        id=entry.identity("id"),
        merchant=merchant,
        channel=channel if isinstance(channel, str) else "",
        default_for_qr=default_for_qr,
        settings=json.dumps(settings, ensure_ascii=False, sort_keys=True, default=str),
        terms=read_terms(entry),
    )


def _take_files(entry: Entry, settings: dict[str, object], files: Mapping[str, str]) -> set[str]:
    """Puts the contents of named files where the keys belong. Returns the keys whose file is at fault; that is said."""
    said: set[str] = set()
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
        settings[key] = _UNREAD  # a document with a fault is never kept
        said.add(key)
    return said


def _check(entry: Entry, settings: Mapping[str, object], said: set[str]) -> None:
    """Parses and opens it as the gateway will. `said`: keys whose fault was told already."""
    rest = {**settings, "id": "account"}  # the entry itself looks at its id
    account = _parsed(entry, rest, said)
    if account is None:
        return
    try:
        open_channel(account)
    except AccountError as error:
        _tell(entry, error, said)


def _parsed(entry: Entry, rest: dict[str, object], said: set[str]) -> ChannelAccount | None:
    """After a fault its key is passed over and the rest is tried, so that all are found. None: it cannot be judged."""
    while True:
        try:
            return parse_account(rest)
        except AccountError as error:
            _tell(entry, error, said)
            if not _passed_over(rest, error.where):
                return None


def _tell(entry: Entry, error: AccountError, said: set[str]) -> None:
    for fault in (error, *error.also):
        if fault.where not in said:
            entry.fault(shown_key(fault.where), fault.hint)
            said.add(fault.where)


def _passed_over(rest: dict[str, object], key: str) -> bool:
    """Takes a key at fault out of the way, and puts a stand-in where one must be. False when nothing helps."""
    channel = rest.get("channel")
    wallet = channel if isinstance(channel, str) and channel in SETTINGS else None
    if wallet is None:
        return False
    if key == "mode":
        # The mode that the other settings are for, so that they are no faults of their own.
        partners = any(SETTINGS[wallet][name].mode is AccountMode.PARTNER for name in rest if name in SETTINGS[wallet])
        rest[key] = AccountMode.PARTNER.value if partners else AccountMode.DIRECT.value
        return True
    if key in rest:
        return rest.pop(key) != _STAND_INS[wallet].get(key)
    if key not in _STAND_INS[wallet]:
        return False
    rest[key] = _STAND_INS[wallet][key]
    return True
