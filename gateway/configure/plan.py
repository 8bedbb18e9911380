"""What applying a document would change, compared with what the store holds. Pure.

Rules
- Nothing is ever removed: what the file no longer names is kept, because payments refer to it, and the plan says so.
- A plan made again after it was applied changes nothing.
- What payments hang on does not move: a store's or account's merchant, an account's wallet and its
  number there. A new id is needed.
- A route names accounts of its own merchant, of the file or held.
- Keys and tokens are "changed", never shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any, Final, cast

from msgspec import Struct

from gateway.channels.settings import IDENTITY_NAMES, KEY_NAMES, SECRET_NAMES, AccountMode
from gateway.configure.document import AccountEntry, Document, MerchantEntry, StoreEntry
from gateway.configure.faults import Fault, Faults
from gateway.configure.routes import rule_words, terms_words
from gateway.routing.rules import Rule

_HIDDEN: Final = SECRET_NAMES | KEY_NAMES
_NEW_ID: Final = "give the new one an id of its own"
_ANOTHER: Final = f"is another one already, which is needed to ask about its payments; {_NEW_ID}"
_FIXED: Final[Mapping[str, str]] = {
    "merchant": f"belongs to another merchant already, and payments refer to it; {_NEW_ID}",
    "channel": f"is of another wallet already, and payments refer to it; {_NEW_ID}",
    # who the account is at its wallet
    **dict.fromkeys(sorted(IDENTITY_NAMES), _ANOTHER),
}


class Held(Struct, frozen=True, kw_only=True):
    """What the store holds, in the document's own words."""

    merchants: tuple[MerchantEntry, ...] = ()
    stores: tuple[StoreEntry, ...] = ()
    accounts: tuple[AccountEntry, ...] = ()
    routes: tuple[Rule, ...] = ()


class Verb(StrEnum):
    ADD = "add"
    CHANGE = "change"
    UNCHANGED = "unchanged"
    KEPT = "kept"  # held, and not named by the file


class Kind(StrEnum):
    MERCHANT = "merchant"
    STORE = "store"
    ACCOUNT = "channel account"
    ROUTE = "route"


class FieldChange(Struct, frozen=True, kw_only=True):
    """One setting. `None` is "not set"; for a secret both are None and `secret` is true."""

    field: str
    before: str | None
    after: str | None
    secret: bool = False


class Item(Struct, frozen=True, kw_only=True):
    verb: Verb
    kind: Kind
    id: str
    fields: tuple[FieldChange, ...] = ()


class Plan(Struct, frozen=True, kw_only=True):
    items: tuple[Item, ...]

    @property
    def changes(self) -> tuple[Item, ...]:
        return tuple(item for item in self.items if item.verb in {Verb.ADD, Verb.CHANGE})


def make_plan(document: Document, held: Held) -> Plan | Faults:
    """Compares. Faults when the document cannot stand beside what is held."""
    faults = [*_strangers(document, held), *_two_defaults(document, held), *_routed_abroad(document, held)]
    items: list[Item] = []
    for kind, wanted, known in (
        (Kind.MERCHANT, _by_id(document.merchants), _by_id(held.merchants)),
        (Kind.STORE, _by_id(document.stores), _by_id(held.stores)),
        (Kind.ACCOUNT, _by_id(document.accounts), _by_id(held.accounts)),
        (Kind.ROUTE, _by_id(document.routes), _by_id(held.routes)),
    ):
        for id_, fields in wanted.items():
            item = _item(kind, id_, fields, known.get(id_))
            faults += _moved(item)
            items.append(item)
        items += [Item(verb=Verb.KEPT, kind=kind, id=id_) for id_ in known if id_ not in wanted]
    return Faults(faults=tuple(faults)) if faults else Plan(items=tuple(items))


def _by_id(
    entries: tuple[MerchantEntry, ...] | tuple[StoreEntry, ...] | tuple[AccountEntry, ...] | tuple[Rule, ...],
) -> dict[str, Any]:
    return {entry.id: _fields(entry) for entry in entries}


def _fields(entry: MerchantEntry | StoreEntry | AccountEntry | Rule) -> dict[str, str]:
    """An entry as the owner's keys and plain words."""
    match entry:
        case MerchantEntry():
            return {"name": entry.name, "late_money": entry.late_money}
        case StoreEntry():
            return {"merchant": entry.merchant, "name": entry.name, "time_zone": entry.time_zone}
        case AccountEntry():
            settings = cast("dict[str, object]", json.loads(entry.settings))
            words = {key: value if isinstance(value, str) else json.dumps(value) for key, value in settings.items()}
            words.pop("id", None)
            default = "true" if entry.default_for_qr else "false"
            return {"merchant": entry.merchant, "default_for_qr": default, **words, **terms_words(entry.terms)}
        case Rule():
            return rule_words(entry)


def _item(kind: Kind, id_: str, wanted: Mapping[str, str], known: Mapping[str, str] | None) -> Item:
    if known is None:
        return Item(verb=Verb.ADD, kind=kind, id=id_, fields=tuple(_differences({}, wanted)))
    fields = tuple(_differences(known, wanted))
    return Item(verb=Verb.CHANGE if fields else Verb.UNCHANGED, kind=kind, id=id_, fields=fields)


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[FieldChange]:
    for name in (*after, *(name for name in before if name not in after)):
        if before.get(name) == after.get(name):
            continue
        if name in _HIDDEN:
            yield FieldChange(field=name, before=None, after=None, secret=True)
        else:
            yield FieldChange(field=name, before=before.get(name), after=after.get(name))


def _moved(item: Item) -> Iterator[Fault]:
    if item.verb is Verb.CHANGE and item.kind is not Kind.ROUTE:  # no payment refers to a rule
        for change in item.fields:
            if change.field in _FIXED:
                yield Fault(where=f"{item.kind} {item.id}", key=change.field, hint=_FIXED[change.field])
            elif item.kind is Kind.ACCOUNT and _collects_for_another(change):
                yield Fault(where=f"{item.kind} {item.id}", key=change.field, hint=_ANOTHER)


def _collects_for_another(change: FieldChange) -> bool:
    """For another merchant than before, under the same application: his books know none of the payments that are open,
    and "not found" there would prove that they were never paid."""
    match change.field:
        case "mode":
            return (change.before or AccountMode.DIRECT) != (change.after or AccountMode.DIRECT)
        case "seller_id":
            return change.before is not None and change.after is not None
        case _:
            return False


def _strangers(document: Document, held: Held) -> Iterator[Fault]:
    known = {merchant.id for merchant in (*document.merchants, *held.merchants)}
    for kind, entries in (
        (Kind.STORE, document.stores),
        (Kind.ACCOUNT, document.accounts),
        (Kind.ROUTE, document.routes),
    ):
        for entry in entries:
            if entry.merchant not in known:
                hint = "no merchant has this id; add it under [[merchants]] or correct its spelling"
                yield Fault(where=f"{kind} {entry.id}", key="merchant", hint=hint)


def _two_defaults(document: Document, held: Held) -> Iterator[Fault]:
    """One account of a merchant makes its QRs; a held one that the file does not name counts too."""
    named = {account.id for account in document.accounts}
    first: dict[str, str] = {a.merchant: a.id for a in held.accounts if a.default_for_qr and a.id not in named}
    for account in document.accounts:
        if not account.default_for_qr:
            continue
        other = first.setdefault(account.merchant, account.id)
        if other != account.id:
            hint = f"{other} of the same merchant makes the QRs already; write false for one of them"
            yield Fault(where=f"{Kind.ACCOUNT} {account.id}", key="default_for_qr", hint=hint)


def _routed_abroad(document: Document, held: Held) -> Iterator[Fault]:
    """A payment never goes to another merchant's account."""
    owners = {account.id: account.merchant for account in (*held.accounts, *document.accounts)}
    for rule in document.routes:
        for account in rule.accounts:
            if owners.get(account) != rule.merchant:
                hint = f"{account} is no channel account of this merchant; correct its spelling or take it out"
                yield Fault(where=f"{Kind.ROUTE} {rule.id}", key="accounts", hint=hint)
