"""The real journal on a disk that fails: a commit that did not happen, one that happened and says it did not, one for
which there was no room; and after some, by where the chain stands, a file that cannot be opened again for a while, so
that nobody can say which it was. What the journal makes of it is its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Final, Self

from protocol.messages import JournalEntry
from protocol.reasons import Reason
from sync.engine.statements import AnyStatement
from sync.errors import DiskError
from sync.journal.journal import Journal

#: At which entries a failure leaves the file shut, and for how many tries: one a second, and one for each command.
_SHUT_EACH: Final = 3
_SHUT_TRIES: Final = 4


class FailingJournal(Journal):
    """`fails_by(draw)`: how the next commit fails, `full`, `lost` or `kept`; None: it does not."""

    _shut = 0

    def fails_by(self, draw: Callable[[], str | None]) -> Self:
        self._draw = draw
        return self

    def _write(self, entries: Sequence[JournalEntry], statements: Sequence[AnyStatement]) -> list[int]:
        how = self._draw()
        if how == "full":
            raise _disk_error(sqlite3.SQLITE_FULL)
        if how == "lost":
            raise self._failed()
        written = super()._write(entries, statements)
        if how is not None:
            raise self._failed()
        return written

    def _failed(self) -> sqlite3.OperationalError:
        if self.head.seq % _SHUT_EACH == 0:
            self._shut = _SHUT_TRIES
        return _disk_error(sqlite3.SQLITE_IOERR)

    def _reopen(self) -> None:
        if self._shut:
            self._shut -= 1
            self._given_up = True
            self.close()
            raise DiskError(Reason.FOLDER_UNREADABLE, "simulated")
        super()._reopen()


def _disk_error(code: int) -> sqlite3.OperationalError:
    error = sqlite3.OperationalError("simulated")
    error.sqlite_errorcode = code
    return error
