"""How the journal's file is opened, and what SQLite's errors mean for the till.

One writing connection per file and process. WAL and synchronous=FULL are set and read back at every open: the second is
a property of the connection, and a driver or a wrapper may change it. Nothing here ever opens the file except through
SQLite: closing any other handle on it would drop the file's locks (facts of POSIX locks).
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from protocol.reasons import Reason
from sync.errors import DiskError, JournalDamagedError, JournalNewerError, SyncError
from sync.journal.schema import VERSION, migrate

_BUSY_MS: Final = 2_000
_FULL: Final = 2

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_FORMAT})
_READ_ONLY: Final = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_CANTOPEN})


def trouble(error: sqlite3.Error) -> SyncError:
    """What a failed statement says about file and disk."""
    code = getattr(error, "sqlite_errorcode", None)
    primary = code & 0xFF if isinstance(code, int) else None
    if primary in _DAMAGED:
        return JournalDamagedError(f"The journal is damaged ({error}).")
    # The second: a WAL's index could not be given its 32 KB, which is how opening a file on a full disk ends.
    if primary == sqlite3.SQLITE_FULL or code == sqlite3.SQLITE_IOERR_SHMSIZE:
        return DiskError(Reason.DISK_FULL, "The disk is full.")
    if primary in _READ_ONLY:
        return DiskError(Reason.DISK_READ_ONLY, f"The journal cannot be written ({error}).")
    return DiskError(Reason.FOLDER_UNREADABLE, f"The journal's disk failed ({error}).")


def open_writing(path: Path) -> sqlite3.Connection:
    """The one writing connection of a file, created first if it is new. SyncError when it cannot be trusted."""
    try:
        if not path.exists():
            _create(path)
        connection = _connect(path, "full")
        try:
            _check(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise trouble(error) from error
    return connection


def _create(path: Path) -> None:
    """Created, converted and closed once with synchronous=EXTRA, so that no left-over rollback journal can undo it."""
    connection = _connect(path, "extra")
    try:
        migrate(connection)
    finally:
        connection.close()
    path.chmod(0o600)


def _connect(path: Path, synchronous: str) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS / 1000)
    try:
        _configure(connection, synchronous)
    except BaseException:
        connection.close()
        raise
    return connection


def _configure(connection: sqlite3.Connection, synchronous: str) -> None:
    found = _one(connection, "pragma user_version")
    if isinstance(found, int) and found > VERSION:
        raise JournalNewerError(found=found, known=VERSION)
    mode = _one(connection, "pragma journal_mode = wal")
    connection.execute(f"pragma synchronous = {synchronous}")
    connection.execute("pragma fullfsync = on")
    connection.execute("pragma checkpoint_fullfsync = on")
    connection.execute("pragma foreign_keys = on")
    connection.execute("pragma recursive_triggers = on")
    connection.execute("pragma trusted_schema = off")
    level = _one(connection, "pragma synchronous")
    if mode != "wal" or not isinstance(level, int) or level < _FULL:
        raise DiskError(
            Reason.FOLDER_UNREADABLE, f"This disk does not offer what the journal needs (mode {mode}, sync {level})."
        )


def _check(connection: sqlite3.Connection) -> None:
    verdict = _one(connection, "pragma quick_check(1)")
    if verdict != "ok":
        raise JournalDamagedError(f"The journal is damaged ({verdict}).")
    if _one(connection, "pragma user_version") != VERSION:
        migrate(connection)


def _one(connection: sqlite3.Connection, statement: str) -> object:
    row = connection.execute(statement).fetchone()
    return None if row is None else row[0]


def open_reading(path: Path) -> sqlite3.Connection:
    """A read-only connection beside the writer, for short transactions; it never checkpoints."""
    uri = path.absolute().as_uri()
    beside = _has_frames(path.with_name(path.name + "-wal"))
    try:
        connection = sqlite3.connect(f"{uri}?mode=ro", uri=True, isolation_level=None, timeout=_BUSY_MS / 1000)
        try:
            return _ready(connection)
        except sqlite3.OperationalError:
            connection.close()
            if beside:
                raise
            # A cleanly closed journal on a disk that takes nothing: no WAL, or an empty one; the file is all there is.
            connection = sqlite3.connect(f"{uri}?mode=ro&immutable=1", uri=True, isolation_level=None)
            return _ready(connection)
        except BaseException:
            connection.close()
            raise
    except sqlite3.Error as error:
        raise trouble(error) from error


def _has_frames(wal: Path) -> bool:
    try:
        return wal.stat().st_size > 0
    except FileNotFoundError:
        return False


def _ready(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("pragma query_only = on")
    found = _one(connection, "pragma user_version")
    if isinstance(found, int) and found > VERSION:
        raise JournalNewerError(found=found, known=VERSION)
    _one(connection, "select count(*) from sqlite_master")
    return connection
