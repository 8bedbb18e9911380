"""Records what real connections of the standard library's sqlite3 execute, with bound values, in order, by file.

No seam in the product: `sqlite3.connect` is stood in for while recording, and SQLite itself says each statement as it
begins (`set_trace_callback`). A database that somebody adds is recorded like the rest.
It must not know what the statements mean, beyond whether they can change a file.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final

#: Begins with nothing that can change a file: not replayed.
_READS: Final = re.compile(
    r"\s*(select|with|explain|pragma\s+(?!wal_checkpoint)\w+\s*(\(.*\))?\s*;?\s*$)", re.IGNORECASE
)
#: What a trigger runs is announced as a comment; the replayed statement runs the trigger itself.
_TRIGGERED: Final = "-- "


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """`connection` counts a file's connections: another number means that it was opened again."""

    connection: int
    sql: str


@dataclass(slots=True, kw_only=True)
class Recording:
    """All that was executed on one file. `begin`: the file's bytes when recording began; empty for a new file."""

    path: Path
    begin: bytes
    statements: list[Statement] = field(default_factory=list[Statement])


class Recorder:
    """Hears of connections while it is `listening`. Files are told apart by path."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.resolve()
        self._files: dict[Path, Recording] = {}
        self._connections: dict[Path, int] = {}

    @property
    def recordings(self) -> tuple[Recording, ...]:
        """Files that somebody wrote to."""
        return tuple(found for found in self._files.values() if found.statements)

    def hear(self, connection: sqlite3.Connection) -> None:
        """A connection was just opened; nothing was executed on it."""
        path = _path_of(connection)
        if path is None or not path.is_relative_to(self._folder):
            return
        if path not in self._files:
            self._files[path] = Recording(path=path, begin=_whole(connection, path))
        recording = self._files[path]
        number = self._connections[path] = self._connections.get(path, 0) + 1

        def told(sql: str) -> None:
            if not sql.startswith(_TRIGGERED) and _READS.match(sql) is None:
                recording.statements.append(Statement(connection=number, sql=sql))

        connection.set_trace_callback(told)


@contextmanager
def recording(folder: Path) -> Generator[Recorder]:
    """Records every connection to a file in the folder that is opened inside the `with`. One thread at a time."""
    recorder = Recorder(folder)
    real = sqlite3.connect

    def connect(*given: Any, **named: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = real(*given, **named)
        recorder.hear(connection)
        return connection

    # SQLAlchemy knows the driver as `sqlite3.dbapi2`.
    places: tuple[Any, ...] = (sqlite3, import_module("sqlite3.dbapi2"))
    for place in places:
        place.connect = connect
    try:
        yield recorder
    finally:
        for place in places:
            place.connect = real


def _path_of(connection: sqlite3.Connection) -> Path | None:
    for _, name, path in connection.execute("pragma database_list"):
        if name == "main" and path:
            return Path(path).resolve()
    return None


def _whole(connection: sqlite3.Connection, path: Path) -> bytes:
    """Through SQLite's own reading: what lies in a WAL belongs to the file."""
    return connection.serialize() if path.exists() and path.stat().st_size else b""
