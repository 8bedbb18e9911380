"""A journal's disk in trouble: statements that fail, whether they happened or not, and a file that is away."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sync.journal.journal import Journal


class BadConnection:
    """A connection of which statements fail while `failing` says so. `instead`: what really happens of them."""

    def __init__(
        self,
        real: sqlite3.Connection,
        failing: Callable[[str], bool],
        *,
        instead: str | None = None,
        code: int = sqlite3.SQLITE_IOERR,
        error: type[sqlite3.Error] = sqlite3.OperationalError,
    ) -> None:
        self._real, self._failing, self._instead, self._code, self._error = real, failing, instead, code, error

    def execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        if not self._failing(statement):
            return self._real.execute(statement, values)
        if self._instead is not None:
            self._real.execute(self._instead)
        error = self._error("disk I/O error")
        error.sqlite_errorcode = self._code
        raise error

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def close(self) -> None:
        self._real.close()


def spoil(
    journal: Journal,
    failing: Callable[[str], bool],
    *,
    instead: str | None = None,
    code: int = sqlite3.SQLITE_IOERR,
    error: type[sqlite3.Error] = sqlite3.OperationalError,
) -> None:
    """From now on, until the journal's file is opened again."""
    held = vars(journal)
    held["_db"] = BadConnection(held["_db"], failing, instead=instead, code=code, error=error)


def fail_commit(journal: Journal, *, happened: bool) -> None:
    """The next commit fails, before or after it really happened."""
    spoil(journal, lambda statement: statement == "commit", instead="commit" if happened else "rollback")


class Unreadable:
    """One question that a disk does not answer while it is `broken`; everything else works."""

    def __init__(self, journal: Journal, question: str) -> None:
        self.broken = True
        spoil(journal, lambda statement: self.broken and question in statement)


@contextmanager
def hidden(journal: Journal, folder: Path, *, happened: bool = False) -> Generator[None]:
    """The next commit fails, and meanwhile the file cannot be opened again."""
    away = folder / "hidden"
    away.mkdir()
    fail_commit(journal, happened=happened)
    names = [name for name in ("journal.db", "journal.db-wal", "journal.db-shm") if (folder / name).exists()]
    for name in names:
        shutil.move(folder / name, away / name)
    (folder / "journal.db").mkdir()
    yield
    (folder / "journal.db").rmdir()
    for name in names:
        shutil.move(away / name, folder / name)
    away.rmdir()
