"""The gateway's statements straight on SQLite: SQLAlchemy writes each text once, the driver runs it.

In bulk most of a world's time would go into SQLAlchemy's own steps around each execution (contexts, events, result
types), which other tests run thousands of times. Here the same statements, written by the same compiler, go to the same
driver, whose errors come back as SQLAlchemy's. Worlds with real cryptography use the real engine.

It must not know what the statements do. Whatever needs more than this module offers is refused with an error, never
approximated.
"""

from __future__ import annotations

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, MultipleResultsFound, NoResultFound, OperationalError
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import LargeBinary

from gateway.store.units import StoreFailed, Tx

T = TypeVar("T")


class _Result:
    """What the store asks of a result, over rows that are all here already."""

    __slots__ = ("_rows", "inserted_primary_key", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int, lastrowid: int | None) -> None:
        self._rows = rows
        self.rowcount = rowcount
        self.inserted_primary_key = (lastrowid,)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one_or_none(self) -> Any:
        if len(self._rows) > 1:
            raise MultipleResultsFound
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        row = self.one_or_none()
        if row is None:
            raise NoResultFound
        return row

    def scalar_one_or_none(self) -> Any:
        row = self.one_or_none()
        return None if row is None else row[0]

    def scalar_one(self) -> Any:
        return self.one()[0]

    def scalars(self) -> _Result:
        return _Result([row[0] for row in self._rows], self.rowcount, None)

    def mappings(self) -> _Result:
        return _Result([row._asdict() for row in self._rows], self.rowcount, None)


@dataclass(slots=True)
class _Written:
    """One statement as text. `names`: of its parameters in order; `fixed`: those that the statement itself gives."""

    statement: object
    text: str
    names: tuple[str, ...]
    fixed: Mapping[str, Any]
    row: Callable[[Sequence[Any]], Any] | None = None


#: Most statements of the store are made once; a few are built anew for each use.
_MOST_TEXTS: Final = 1_000
#: Written statements by what was asked for.
Texts = dict[object, _Written]


class PlainConnection:
    """Given to units in place of SQLAlchemy's connection. `texts` outlives connections: it belongs to the process."""

    def __init__(self, engine: Engine, path: Path, texts: Texts) -> None:
        self._dialect = engine.dialect
        self._texts = texts
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
        for pragma in ("foreign_keys = ON", "journal_mode = WAL", "synchronous = FULL"):
            self.db.execute(f"PRAGMA {pragma}")

    def execute(self, statement: Any, parameters: Any = None) -> _Result:
        if isinstance(parameters, list):
            result = _Result([], 0, None)
            for one in cast("list[Mapping[str, Any]]", parameters):
                result = self._run(statement, one)
            return result
        return self._run(statement, parameters or {})

    def exec_driver_sql(self, text: str) -> _Result:
        return self._step(text, (), None)

    def _run(self, statement: Any, given: Mapping[str, Any]) -> _Result:
        many = [(name, len(cast("list[Any]", value))) for name, value in given.items() if isinstance(value, list)]
        key = (id(statement), *given, *many)
        written = self._texts.get(key)
        if written is None:
            if len(self._texts) >= _MOST_TEXTS:
                self._texts.clear()
            written = self._texts[key] = self._write(statement, given)
        if many:
            for name, count in many:
                given = {**given, **{f"{name}_{i + 1}": given[name][i] for i in range(count)}}
        values = [given[name] if name in given else written.fixed[name] for name in written.names]
        return self._step(written.text, values, written)

    def _write(self, statement: Any, given: Mapping[str, Any]) -> _Written:
        compiled = cast("SQLCompiler", statement.compile(dialect=self._dialect, column_keys=list(given)))
        binds = compiled.binds
        odd = [name for name in compiled.bind_names.values() if not _plain(binds[name].type, self._dialect)]
        assert not odd, f"parameters {odd} need SQLAlchemy's own conversion"
        state = compiled.construct_expanded_state(dict(given))
        names = tuple(state.positiontup or ())
        fixed = {name: value for name, value in state.parameters.items() if name not in given}
        return _Written(statement=statement, text=state.statement, names=names, fixed=fixed)

    def _step(self, text: str, values: Sequence[Any], written: _Written | None) -> _Result:
        try:
            cursor = self.db.execute(text, values)
            rows = cursor.fetchall() if cursor.description is not None else []
        except sqlite3.IntegrityError as error:
            raise IntegrityError(text, None, error) from None
        except sqlite3.OperationalError as error:
            raise OperationalError(text, None, error) from None
        except sqlite3.Error as error:
            raise DBAPIError(text, None, error) from None
        if rows:
            make = None if written is None else written.row
            if make is None:
                make = _row_of([column[0] for column in cursor.description or ()])
                if written is not None:
                    written.row = make
            rows = [make(row) for row in rows]
        return _Result(rows, cursor.rowcount, cursor.lastrowid)


def _row_of(columns: list[str]) -> Callable[[Sequence[Any]], Any]:
    """Rows that are read by name and by place."""
    make: Callable[[Sequence[Any]], Any] = cast("Any", namedtuple)("Row", columns, rename=True)._make
    return make


def _plain(kind: Any, dialect: Any) -> bool:
    return isinstance(kind, LargeBinary) or kind.dialect_impl(dialect).bind_processor(dialect) is None


class PlainStore:
    """`gateway.store.runners.InlineStore` over a `PlainConnection`."""

    def __init__(self, engine: Engine, path: Path, texts: Texts) -> None:
        self._connection = PlainConnection(engine, path, texts)

    async def run(self, unit: Callable[[Tx], T]) -> T:
        return self.run_now(unit)

    def run_now(self, unit: Callable[[Tx], T]) -> T:
        db = self._connection.db
        try:
            db.execute("BEGIN IMMEDIATE")
            try:
                result = unit(Tx(cast("Connection", self._connection)))
            except BaseException:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                raise
            db.execute("COMMIT")
        except IntegrityError:
            raise
        except (DBAPIError, sqlite3.Error) as error:
            raise StoreFailed(str(getattr(error, "orig", error))) from None
        return result

    def close(self) -> None:
        """As the system does when the process is gone: what was not committed is rolled back."""
        self._connection.db.close()

    async def aclose(self) -> None:
        self.close()
