"""Rows that are one value each, a field a column of the same name: read, added, and updated where they changed.

Rules
- A column holds text, a whole number or nothing: a word of an enumeration is its text, yes and no are 1 and 0.
- The field `key` is a payment's, in its three columns. Every other field has its column, or defining the rows fails.
- An UPDATE sets no column that did not change: what an index covers is written only then. There is one statement for
  each set of columns that ever changed together, a few dozen.
It must not know which tables there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from operator import attrgetter
from types import NoneType
from typing import Any, Final, Generic, TypeVar, get_args

from msgspec import Struct
from msgspec.structs import fields
from sqlalchemy import Column, ColumnElement, Table, bindparam, insert, update

from gateway.payments.values import PaymentKey
from gateway.store.statements import Statement
from gateway.store.units import Tx

V = TypeVar("V", bound=Struct)
_KEY: Final = ("terminal_id", "order_no", "n")
_NO_YES: Final[Mapping[object, object]] = {0: False, 1: True}
_PLAIN: Final = frozenset({str, int, NoneType})


class Rows(Generic[V]):
    """`identity`: the fields that tell a row from all others, `key` as any; they never change."""

    def __init__(self, kind: type[V], table: Table, *, identity: Sequence[str]) -> None:
        kinds = {field.name: field.type for field in fields(kind) if field.name != "key"}
        names = tuple(kinds)
        columns = (*_KEY, *names)
        #: In this order they are selected for `read`.
        self.columns: Final[tuple[Column[Any], ...]] = tuple(table.c[name] for name in columns)
        self._kind: Callable[..., V] = kind
        self._names: Final = names
        self._words = [(name, words) for name in names if (words := _words_of(kinds[name]))]
        self._fields: Callable[[V], tuple[Any, ...]] = attrgetter(*names)
        self._key: Callable[[V], PaymentKey] = attrgetter("key")
        self._insert = Statement(insert(table), columns=columns)
        self._by_key = "key" in identity
        self._identity = [(name, f"k_{name}") for name in identity if name != "key"]
        told = [name for name, _ in self._identity] + (list(_KEY) if self._by_key else [])
        #: The one row, by parameters named after the columns: `k_…`.
        self.this: Final[tuple[ColumnElement[bool], ...]] = tuple(
            table.c[name] == bindparam(f"k_{name}") for name in told
        )
        self._update = update(table).where(*self.this)
        self._updates: dict[tuple[str, ...], Statement] = {}

    def read(self, row: Sequence[Any]) -> V:
        """A row that was selected by `columns`."""
        terminal_id, order_no, n = row[:3]
        values = dict(zip(self._names, row[3:], strict=True))
        for name, words in self._words:
            values[name] = words[values[name]]
        return self._kind(key=PaymentKey(terminal_id=terminal_id, order_no=order_no, n=n), **values)

    def add(self, tx: Tx, value: V) -> None:
        """Raises IntegrityError."""
        tx.change(self._insert, self._all_of(value))

    def save(self, tx: Tx, value: V, *, before: V) -> None:
        """`before`: as it was read in this transaction. Raises IntegrityError."""
        pairs = zip(self._names, self._fields(before), self._fields(value), strict=True)
        changed = {name: _plain(now) for name, was, now in pairs if was is not now and was != now}
        if not changed:
            return
        names = tuple(changed)
        statement = self._updates.get(names)
        if statement is None:
            statement = self._updates[names] = Statement(self._update, columns=names)
        for name, parameter in self._identity:
            changed[parameter] = getattr(value, name)
        if self._by_key:
            changed |= this_payment(self._key(value))
        tx.change(statement, changed)

    def _all_of(self, value: V) -> dict[str, Any]:
        values = {name: _plain(field) for name, field in zip(self._names, self._fields(value), strict=True)}
        return {**values, **key_values(self._key(value))}


def key_values(key: PaymentKey) -> dict[str, Any]:
    """A payment's columns."""
    return {"terminal_id": key.terminal_id, "order_no": key.order_no, "n": key.n}


def this_payment(key: PaymentKey) -> dict[str, Any]:
    """The parameters of `Rows.this` where a row is one payment's."""
    return {"k_terminal_id": key.terminal_id, "k_order_no": key.order_no, "k_n": key.n}


def _words_of(hint: Any) -> Mapping[object, object] | None:
    """What stands in the column, and what it means; None: it is what it means."""
    kinds = set(get_args(hint)) or {hint}
    (kind,) = kinds - {NoneType}
    words: Mapping[object, object] | None = None
    if kind is bool:
        words = _NO_YES
    elif issubclass(kind, Enum):
        words = {word.value: word for word in kind}
    else:
        assert kind in _PLAIN, f"{kind} has no column form"
    return {None: None, **words} if words is not None and NoneType in kinds else words


def _plain(value: Any) -> Any:
    if value.__class__ in _PLAIN:
        return value
    return value.value if isinstance(value, Enum) else int(value)
