"""Opening the SQLite file: one connection, one process, WAL + synchronous=FULL read back, transactions begun IMMEDIATE.

A lock file beside the database keeps a second process out (SQLite before 3.51.3 can damage a WAL that two connections
write). PostgreSQL has its own opener when it comes; nothing above this module knows which one it is.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final, Protocol, cast

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import StaticPool

from gateway.store.migrate import migrate
from gateway.store.units import StoreFailed
from gateway.store.writer import BEGIN

_SCHEME: Final = "sqlite:///"
#: More than the gateway has: each is prepared once.
_PREPARED: Final = 1_000


class DatabaseInUse(Exception):
    """Another process holds this database."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is held by another gateway process; stop it, or talk to it")
        self.path = path


class DatabaseUnsupported(Exception):
    """The address is not one this gateway can open."""


def sqlite_path(database: str) -> Path:
    """The file behind a database address: a path, or `sqlite:///path`."""
    if database.startswith(_SCHEME):
        return Path(database.removeprefix(_SCHEME))
    if "://" in database:
        raise DatabaseUnsupported(f"{database.split('://', 1)[0]}: give a file or sqlite:///path")
    return Path(database)


class DatabaseLock:
    """Held as long as the process uses the file. Freed by the system when the process ends, however it ends."""

    def __init__(self, path: Path) -> None:
        self._file: IO[bytes] = _open_private(path.with_name(path.name + ".lock"))
        try:
            _lock(self._file)
        except OSError:
            self._file.close()
            raise DatabaseInUse(path) from None

    def release(self) -> None:
        self._file.close()


def _open_private(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o600), "r+b")


def _lock(file: IO[bytes]) -> None:
    if os.name == "nt":
        import msvcrt

        locking = cast("Callable[[int, int, int], None]", msvcrt.__dict__["locking"])
        locking(file.fileno(), cast("int", msvcrt.__dict__["LK_NBLCK"]), 1)
    else:
        import fcntl

        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


class DatabaseDamaged(Exception):
    """The file is not a whole SQLite database. It is kept as it is."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged; it was not touched. Copy it to a safe place, then restore a backup.")


#: What opening a database on a full disk ends with. The second: a WAL's index could not be given its 32 KB.
FULL: Final = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


class _DbapiCursor(Protocol):
    def fetchone(self) -> tuple[object, ...] | None: ...


class _DbapiConnection(Protocol):
    isolation_level: str | None
    in_transaction: bool

    def execute(self, statement: str) -> _DbapiCursor: ...
    def deserialize(self, content: bytes) -> None: ...


def open_sqlite(path: Path | None, *, content: bytes | None = None) -> Engine:
    """An engine over the one connection, its schema brought up to date. `None` is a database in memory, which begins
    with `content`, as SQLite serializes it.

    Raises SchemaNewer for a file of a newer program, StoreFailed when the durable settings do not hold.
    """
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    engine = create_engine(
        _SCHEME if path is None else f"{_SCHEME}{path}",
        poolclass=StaticPool,
        connect_args={"check_same_thread": False, "cached_statements": _PREPARED},
        hide_parameters=True,  # an error's text goes into logs: the values may be an account's keys
    )
    in_memory = path is None

    def on_connect(dbapi: _DbapiConnection, _record: object) -> None:
        dbapi.isolation_level = None  # transactions are ours: the driver begins none
        _set(dbapi, "foreign_keys", "ON", 1)
        _set(dbapi, "busy_timeout", "5000", None)
        _set(dbapi, "cache_size", "-65536", -65536)
        _set(dbapi, "temp_store", "MEMORY", 2)  # what a savepoint keeps to undo itself needs no file
        if content is not None:
            dbapi.deserialize(content)
        if not in_memory:
            _set(dbapi, "journal_mode", "WAL", "wal")
            _set(dbapi, "synchronous", "FULL", 2)

    def on_begin(connection: Connection) -> None:
        dbapi = cast("_DbapiConnection", connection.connection.driver_connection)
        if not dbapi.in_transaction:  # the writer may have begun it
            connection.exec_driver_sql(BEGIN)

    event.listen(engine, "connect", on_connect)
    event.listen(engine, "begin", on_begin)
    try:
        migrate(engine)
    except (sqlite3.DatabaseError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        engine.dispose()
        if path is not None and getattr(cause, "sqlite_errorcode", None) in _DAMAGED:
            raise DatabaseDamaged(path) from None
        raise
    return engine


def _set(dbapi: _DbapiConnection, name: str, value: str, expected: object) -> None:
    dbapi.execute(f"PRAGMA {name}={value}")
    if expected is None:
        return
    row = dbapi.execute(f"PRAGMA {name}").fetchone()
    if row is None or row[0] != expected:
        raise StoreFailed(f"SQLite did not accept {name}={value}; is the folder on a network share?")
