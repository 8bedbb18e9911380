"""Units of work: plain functions over one transaction, and the promise that their result comes after COMMIT.

Rules
- A unit that raises is rolled back alone; units that share a transaction with it are not touched.
- Any database trouble but a broken constraint is `StoreFailed`: what was committed is unknown (facts: a failed sync may
  still have written). The store answers nothing more; the process ends, and the next one reads what is there.
It must not know what units do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, Protocol, TypeVar, cast

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from gateway.store.statements import Bound, Statement, Values

T = TypeVar("T")
_NONE: Final[Values] = {}


class StoreFailed(Exception):
    """The database did not do what it was told. The process must end: what was committed is unknown.

    `code`: the driver's own, when it has one.
    """

    def __init__(self, hint: str, *, code: int | None = None) -> None:
        super().__init__(f"the database failed: {hint}; the gateway stops and reads the truth at its next start")
        self.hint = hint
        self.code = code


class Cursor(Protocol):
    """Of the database's driver (PEP 249)."""

    @property
    def rowcount(self) -> int: ...
    def execute(self, operation: str, parameters: Bound, /) -> object: ...
    def executemany(self, operation: str, parameters: Sequence[Bound], /) -> object: ...
    def fetchall(self) -> list[tuple[Any, ...]]: ...


class Driver(Protocol):
    """The driver's connection (PEP 249)."""

    def cursor(self) -> Cursor: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...


def failed_database(error: Exception) -> bool:
    """Trouble of the database itself, which fails the store; a unit's own error, and a broken constraint, do not."""
    return isinstance(error, StoreFailed) or (isinstance(error, DBAPIError) and not isinstance(error, IntegrityError))


def driver_of(connection: Connection) -> Driver:
    return cast("Driver", connection.connection.driver_connection)


def known_error(connection: Connection, error: Exception) -> BaseException:
    """The driver's error as everybody here knows it: IntegrityError, or another. Without statement and values."""
    known = DBAPIError.instance(None, None, error, connection.dialect.loaded_dbapi.Error, dialect=connection.dialect)
    assert isinstance(known, BaseException), "an error of the driver is not one of ours"
    return known


class Tx:
    """One transaction, given to a unit. Do not keep it.

    `before_write` is called before anything that may change a row: who only reads needs no savepoint.
    """

    __slots__ = ("_before_write", "_connection", "_cursor", "_dialect", "_errors")

    def __init__(self, connection: Connection, *, before_write: Callable[[], None] | None = None) -> None:
        self._connection = connection
        self._cursor = driver_of(connection).cursor()
        self._dialect = connection.dialect
        self._errors: type[Exception] = connection.dialect.loaded_dbapi.Error
        self._before_write = before_write

    @property
    def connection(self) -> Connection:
        """For what runs seldom, and for statements that are not the same each time."""
        if self._before_write is not None:
            self._before_write()
        return self._connection

    def rows(self, statement: Statement, values: Values = _NONE) -> list[tuple[Any, ...]]:
        """What it selects or returns."""
        self._run(statement, values)
        return self._cursor.fetchall()

    def row(self, statement: Statement, values: Values = _NONE) -> tuple[Any, ...] | None:
        """The first of them, if there is one."""
        rows = self.rows(statement, values)
        return rows[0] if rows else None

    def change(self, statement: Statement, values: Values = _NONE) -> int:
        """How many rows it changed. Raises IntegrityError."""
        self._run(statement, values)
        return self._cursor.rowcount

    def change_each(self, statement: Statement, rows: Sequence[Values]) -> None:
        """The same statement for each. Raises IntegrityError."""
        if not rows:
            return
        text, bind = statement.on(self._dialect)
        if self._before_write is not None:
            self._before_write()
        try:
            self._cursor.executemany(text, [bind(values) for values in rows])
        except self._errors as error:
            raise known_error(self._connection, error) from None

    def say(self, text: str) -> None:
        """What is not about rows: savepoints within the unit."""
        if self._before_write is not None:
            self._before_write()
        try:
            self._cursor.execute(text, ())
        except self._errors as error:
            raise known_error(self._connection, error) from None

    def _run(self, statement: Statement, values: Values) -> None:
        if self._before_write is not None and not statement.reads:
            self._before_write()
        text, bind = statement.on(self._dialect)
        try:
            self._cursor.execute(text, bind(values))
        except self._errors as error:
            raise known_error(self._connection, error) from None


class Store(Protocol):
    def run(self, unit: Callable[[Tx], T]) -> Awaitable[T]:
        """Runs the unit in a transaction; resolves after COMMIT. Raises what the unit raised, or StoreFailed."""
        ...

    async def aclose(self) -> None: ...
