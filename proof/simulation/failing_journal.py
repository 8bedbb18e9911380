"""The real journal on a disk that fails: a commit that did not happen, one that happened and says it did not, one for
which there was no room. What the journal makes of it is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Self

from protocol.messages import JournalEntry
from sync.engine.statements import AnyStatement
from sync.journal.journal import Journal


class FailingJournal(Journal):
    """`fails_by(draw)`: how the next commit fails, `full`, `lost` or `kept`; None: it does not."""

    def fails_by(self, draw: Callable[[], str | None]) -> Self:
        self._draw = draw
        return self

    def _write(self, entries: Sequence[JournalEntry], statements: Sequence[AnyStatement]) -> list[int]:
        how = self._draw()
        if how == "full":
            raise _disk_error(sqlite3.SQLITE_FULL)
        if how == "lost":
            raise _disk_error(sqlite3.SQLITE_IOERR)
        written = super()._write(entries, statements)
        if how is not None:
            raise _disk_error(sqlite3.SQLITE_IOERR)
        return written


def _disk_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("simulated")
    error.sqlite_errorcode = code
    return error
