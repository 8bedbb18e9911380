"""Statements as they are run: written in SQLAlchemy Core, compiled once to text, executed on the driver's own cursor.

Core's execution costs ten times what SQLite does for a statement over one row; its compiler is what we want of it. What
runs seldom may go through `Tx.connection` as before.

Rules
- Values and columns are text, whole numbers, bytes or None, which drivers take and give as they are (asserted).
- The text is the database's own dialect: nothing here knows which one it is.
It must not know tables.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, Final, cast

from sqlalchemy import BindParameter, ColumnElement, Dialect, Integer, LargeBinary, Select, String, bindparam
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.types import NullType, TypeEngine

#: What one execution is given: values by name.
Values = Mapping[str, Any]
#: What the driver is given.
Bound = Sequence[Any] | Mapping[str, Any]

#: As many rows are named in one statement: a list's length is in its text.
NAMED_AT_ONCE: Final = 16
_AS_THEY_ARE: Final = (Integer, String, LargeBinary, NullType)


def named() -> list[BindParameter[Any]]:
    """The places of one statement for names, `k_0` and on."""
    return [bindparam(f"k_{place}") for place in range(NAMED_AT_ONCE)]


def by_places(names: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The values of `named()`, execution by execution. A place that is left over holds nobody's name."""
    for start in range(0, len(names), NAMED_AT_ONCE):
        some = names[start : start + NAMED_AT_ONCE]
        yield {f"k_{place}": some[place] if place < len(some) else "" for place in range(NAMED_AT_ONCE)}


class Statement:
    """`columns`: those that an INSERT or UPDATE sets from values of the same name, beside what its text says."""

    __slots__ = ("_columns", "_core", "_ready", "reads")

    def __init__(self, core: ClauseElement, *, columns: Sequence[str] | None = None) -> None:
        self._core = core
        self._columns = columns
        self._ready: dict[type[Dialect], tuple[str, Callable[[Values], Bound]]] = {}
        #: Changes nothing.
        self.reads: Final = isinstance(core, Select)

    def on(self, dialect: Dialect) -> tuple[str, Callable[[Values], Bound]]:
        """The text, and what puts values into the form that the driver takes."""
        ready = self._ready.get(dialect.__class__)
        if ready is None:
            ready = self._ready[dialect.__class__] = self._compile(dialect)
        return ready

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Values], Bound]]:
        compiled = self._core.compile(dialect=dialect, column_keys=self._columns)
        assert isinstance(compiled, SQLCompiler), "a statement, not a definition"
        assert not compiled.post_compile_params, "a list's length is in the text: it cannot be compiled once"
        _check_types([bind.type for bind in compiled.bind_names] + _selected(self._core))
        fixed = {name: bind.value for bind, name in compiled.bind_names.items() if not bind.required}
        names = compiled.positiontup
        return compiled.string, _by_name(fixed) if names is None else _by_position(fixed, names)


def _selected(core: ClauseElement) -> list[TypeEngine[Any]]:
    if not isinstance(core, Select):
        return []
    columns: Sequence[ColumnElement[Any]] = cast("Select[Any]", core).selected_columns.values()
    return [column.type for column in columns]


def _check_types(types: Sequence[TypeEngine[Any]]) -> None:
    odd = [kind for kind in types if not isinstance(kind, _AS_THEY_ARE)]
    assert not odd, f"{odd} would have to be converted"


def _by_name(fixed: Values) -> Callable[[Values], Bound]:
    return lambda values: {**fixed, **values}


def _by_position(fixed: Values, names: Sequence[str]) -> Callable[[Values], Bound]:
    match names:
        case []:
            return lambda _values: ()
        case [name]:
            return lambda values: (fixed[name] if name in fixed else values[name],)
        case _:
            take = itemgetter(*names)
            return (lambda values: take({**fixed, **values})) if fixed else take
