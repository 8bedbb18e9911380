"""The one connection that writes to SQLite, and its transactions: begun and ended on the driver itself.

Rules
- A transaction is begun IMMEDIATE: who waits for the lock waits there, never in the middle.
- A unit that is alone in its transaction needs no savepoint: the ROLLBACK of the whole undoes it. Of several, each gets
  one before its first write where it must fail alone; what only reads has nothing to undo.
- When a transaction or savepoint cannot be begun or ended, what is in the file is unknown: StoreFailed.
It must not know what units do, nor in which thread it runs.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from gateway.store import savepoints
from gateway.store.units import StoreFailed, Tx, driver_of, failed_database

T = TypeVar("T")
BEGIN: Final = "BEGIN IMMEDIATE"


def failed(error: DBAPIError) -> StoreFailed:
    """The driver's own short text: statements and parameters stay out."""
    return failed_driver(error.orig)


def failed_driver(error: BaseException | None) -> StoreFailed:
    return StoreFailed(str(error), code=getattr(error, "sqlite_errorcode", None))


class Writer:
    """Over the engine's connection. Not for two threads at a time."""

    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._driver = driver_of(self._connection)
        self._cursor = self._driver.cursor()
        self._errors: type[Exception] = engine.dialect.loaded_dbapi.Error
        self._alone = Tx(self._connection)
        self._beside = Tx(self._connection, before_write=self._save)
        self._saved = False

    def alone(self, unit: Callable[[Tx], T]) -> T:
        """The unit in a transaction of its own. Raises what the unit raised."""
        self._say(BEGIN)
        try:
            result = unit(self._alone)
        except BaseException:
            self._rollback()
            raise
        self._commit()
        return result

    @contextmanager
    def together(self) -> Generator[None]:
        """One transaction around the calls of `plain` or `beside` in it."""
        self._say(BEGIN)
        try:
            yield
        except BaseException:
            self._rollback()
            raise
        self._commit()

    def plain(self, unit: Callable[[Tx], T]) -> T:
        """A unit in the transaction of `together`. Raises what it raised; then the whole is to be undone."""
        return unit(self._alone)

    def beside(self, unit: Callable[[Tx], T]) -> T:
        """One unit of several. Raises what it raised; then nothing of it is left, unless the database failed."""
        self._saved = False
        try:
            result = unit(self._beside)
        except Exception as error:
            if not failed_database(error):
                self._undo()
            raise
        if self._saved:
            self._say(savepoints.RELEASE)
        return result

    def read(self, look: Callable[[Tx], T]) -> T:
        """What is committed, outside a transaction: it must change nothing."""
        try:
            return look(self._alone)
        except DBAPIError as error:
            raise failed(error) from None

    def close(self) -> None:
        self._connection.close()

    def _save(self) -> None:
        if not self._saved:
            self._saved = True
            self._say(savepoints.BEGIN)

    def _undo(self) -> None:
        if self._saved:
            self._say(savepoints.ROLLBACK)
            self._say(savepoints.RELEASE)

    def _commit(self) -> None:
        try:
            # What a unit ran through Core began a transaction there too: inside ours, and it ends with it.
            if self._connection.in_transaction():
                self._connection.commit()
            else:
                self._driver.commit()
        except DBAPIError as error:
            failure = failed(error)
        except self._errors as error:
            failure = failed_driver(error)
        else:
            return
        # Whoever makes room begins again on this connection: Core, too, must know that its transaction is over.
        self._rollback()
        raise failure

    def _rollback(self) -> None:
        try:
            # Core's, which also a failed commit leaves behind, and the driver's own; without one, nothing is done.
            self._connection.rollback()
            self._driver.rollback()
        except DBAPIError as error:
            raise failed(error) from None
        except self._errors as error:
            raise failed_driver(error) from None

    def _say(self, text: str) -> None:
        try:
            self._cursor.execute(text, ())
        except self._errors as error:
            raise failed_driver(error) from None
