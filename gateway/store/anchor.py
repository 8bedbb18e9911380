"""How far the database went, in a file beside it: a backup that is put in its place is found out at the next start.

Rules
- After each COMMIT, and before anybody hears of it, the file says how many payment events there are. It is not synced
  each time: a power cut may leave it behind the database, which is no sign of anything; ahead of it is.
- A backup of the database does not contain the file. A copy of the whole folder does: then only the tills know, who
  tell how far they were told (gateway/api/journals.py), and the owner (`guitai gateway restored found`).
- The file is one short block that is written in place: it needs no room on a full disk.
It must not know what follows from a restored backup.
"""

from __future__ import annotations

import errno
import os
import re
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import func, insert, select, update

from gateway.ports import Entropy
from gateway.store.statements import Statement
from gateway.store.tables import PAYMENT_EVENTS
from gateway.store.tables_restored import STORE_PLACE
from gateway.store.units import StoreFailed, Tx

_FORM: Final = re.compile(r"guitai-anchor ([0-9a-f]{32}) ([0-9]{20})\n")
_IDENTITY_BYTES: Final = 16
_PLACE: Final = Statement(select(func.max(PAYMENT_EVENTS.c.event_id)))
_IDENTITY: Final = Statement(select(STORE_PLACE.c.identity, STORE_PLACE.c.begun))
_BEGUN: Final = update(STORE_PLACE).values(begun=1)
_KEEP_IDENTITY: Final = insert(STORE_PLACE)


class Anchor:
    """The file `{database}.anchor`. First `compare`, then `write` for each commit."""

    def __init__(self, database: Path) -> None:
        self.path = database.with_name(database.name + ".anchor")
        self._identity = ""
        self._place = -1
        self._file: int | None = None

    def compare(self, tx: Tx, entropy: Entropy) -> str | None:
        """How it shows that this database is a backup; None: it is the latest, as far as the file tells. Of a database
        in which nothing ever happened a missing file says nothing."""
        place, known, said = _place(tx), tx.row(_IDENTITY), self._read()
        self._place = place
        never = known is not None and not known[1]
        self._identity = entropy.bytes(_IDENTITY_BYTES).hex() if known is None else str(known[0])
        if known is None:
            tx.connection.execute(_KEEP_IDENTITY, {"one": 1, "identity": self._identity})
            return None if said is None else "the file beside the database is older than the database"
        if said is None:
            return None if place == 0 or never else "the file beside the database is missing, or is none"
        identity, reached = said
        if identity != self._identity:
            return "the file beside the database belongs to another database"
        return f"{reached} payment events were written, {place} are here" if reached > place else None

    def begin(self) -> None:
        """From now on the file follows this database, once what `compare` found is committed. Raises OSError."""
        binary: int = getattr(os, "O_BINARY", 0)  # Windows would write two characters for a line's end
        self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | binary, 0o600)
        os.ftruncate(self._file, self._put(self._place))
        os.fsync(self._file)

    def begun(self, tx: Tx) -> None:
        """The file is there: from now on its absence says something."""
        tx.connection.execute(_BEGUN)

    def write(self, tx: Tx) -> None:
        """How far the database is now. Raises StoreFailed: without the file nobody would find out."""
        place = _place(tx)
        if self._file is None or place == self._place:
            return
        try:
            self._put(place)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            code = sqlite3.SQLITE_FULL if full else None
            raise StoreFailed(f"{self.path.name} cannot be written: {error.strerror}", code=code) from None

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _put(self, place: int) -> int:
        assert self._file is not None, "it was begun"
        os.lseek(self._file, 0, os.SEEK_SET)
        written = os.write(self._file, f"guitai-anchor {self._identity} {place:020d}\n".encode())
        self._place = place
        return written

    def _read(self) -> tuple[str, int] | None:
        try:
            text = self.path.read_bytes()[:200].decode("ascii")
        except (OSError, UnicodeDecodeError):
            return None
        said = _FORM.fullmatch(text)
        return None if said is None else (said[1], int(said[2]))


def _place(tx: Tx) -> int:
    return int(tx.rows(_PLACE)[0][0] or 0)
