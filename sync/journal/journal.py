"""The journal's one writing connection: append, and what the delivery reads back (what the engine does: journal.known).

An append is one transaction with the sync returned. A commit that failed is *unknown*, not undone: the file is closed,
opened again and asked what it holds (facts: a frame whose sync failed can be there after the next open).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from msgspec import Struct, structs

from protocol.chain import first_break, genesis, link
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from sync.engine.statements import AnyStatement, kind_of, write_statement
from sync.errors import CommitUnknownError, ConfigDamagedError, JournalDamagedError, JournalGuardError, SyncError
from sync.journal.apply import apply
from sync.journal.cells import read_count, read_reason
from sync.journal.connection import open_writing, trouble
from sync.journal.known import Known
from sync.journal.schema import DELIVERED_HEAD
from sync.journal.unsent import UnsentMoney, money_of

#: How much of the chain's end is checked at every open; `verify` walks all of it.
_TAIL: Final = 200
#: A checkpoint gives up soon when a reader is in the way; the next idle moment tries again.
_CHECKPOINT_BUSY_MS: Final = 50


#: The guards, by what SQLite calls them: a unique index, or the number by which a row is known.
_GUARDS: Final = frozenset({sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY})


def _code(error: sqlite3.Error) -> int | None:
    return getattr(error, "sqlite_errorcode", None)


class Head(Struct, frozen=True):
    """The end of the chain."""

    seq: int
    hash: str


class Journal(Known):
    """See the module. Not thread-safe: it belongs to the thread that opened it."""

    def __init__(self, path: Path, connection: sqlite3.Connection, terminal_id: str) -> None:
        self._path = path
        self._db = connection
        self._terminal_id = terminal_id
        self._head = Head(0, genesis(terminal_id))
        self._delivered = 0
        self._money = UnsentMoney()
        self._parked: dict[int, Reason] = {}
        self._given_up = False

    @classmethod
    def open(cls, path: Path, *, terminal_id: str) -> Self:
        """Opens or makes the journal of this terminal. SyncError says why it cannot be used."""
        journal = cls(path, open_writing(path), terminal_id)
        try:
            journal._read_back()
        except BaseException:
            journal.close()
            raise
        return journal

    def close(self) -> None:
        self._db.close()

    @property
    def head(self) -> Head:
        return self._head

    @property
    def delivered_through(self) -> int:
        """The last entry that the gateway said it holds."""
        return min(self._delivered, self._head.seq)

    @property
    def unsent_fen(self) -> int:
        """The money that came in by entries that the gateway does not hold yet."""
        return self._money.fen

    @property
    def parked(self) -> Mapping[int, Reason]:
        """Entries whose content the gateway refused, and why."""
        return self._parked

    def append(self, statements: Sequence[AnyStatement], *, at_ms: int) -> Head:
        """Makes the statements durable, all or none. JournalGuardError, DiskError or JournalDamagedError: none of them
        is in the file, which was read again to know that. CommitUnknownError: it could not be read yet (`ready`)."""
        entries = self._entries(statements, at_ms)
        after = Head(entries[-1].seq, entries[-1].hash) if entries else self._head
        try:
            worth = self._write(entries, statements)
        except sqlite3.Error as error:
            if _code(error) in _GUARDS:
                raise JournalGuardError from error
            if _code(error) == sqlite3.SQLITE_FULL:
                # SQLite undid the transaction itself; a full disk may not even let the file be opened again.
                raise trouble(error) from error
            try:
                self._reopen()
            except SyncError as unreadable:
                raise CommitUnknownError(unreadable, statements, seq=after.seq, digest=after.hash) from error
            if self._head != after:
                raise trouble(error) from error
            return after
        for entry, fen in zip(entries, worth, strict=True):
            self._money.add(entry.seq, fen)
        self._head = after
        return after

    def ready(self) -> Head:
        """Opens the file again if it had to be given up; the head may have moved then, see the module. SyncError while
        the disk still refuses."""
        if self._given_up:
            self._reopen()
        return self._head

    def _entries(self, statements: Sequence[AnyStatement], at_ms: int) -> list[JournalEntry]:
        entries: list[JournalEntry] = []
        seq, head = self._head.seq, self._head.hash
        for statement in statements:
            seq += 1
            kind, body = kind_of(statement), write_statement(statement)
            head = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body)
            entries.append(JournalEntry(seq=seq, kind=kind, at_ms=at_ms, body=body, hash=head))
        return entries

    def _write(self, entries: Sequence[JournalEntry], statements: Sequence[AnyStatement]) -> list[int]:
        """Commits the entries; returns the money that came in by each."""
        db = self._db
        worth: list[int] = []
        db.execute("begin immediate")
        try:
            for entry, statement in zip(entries, statements, strict=True):
                db.execute(
                    "insert into entry (seq, kind, at_ms, about, body, hash) values (?, ?, ?, ?, ?, ?)",
                    (entry.seq, entry.kind, entry.at_ms, statement.payment_no, entry.body, entry.hash),
                )
                apply(db, statement, at_ms=entry.at_ms)
                worth.append(money_of(db, statement))
            db.execute("commit")
        except BaseException:
            if db.in_transaction:
                db.execute("rollback")
            raise
        return worth

    def _reopen(self) -> None:
        self._given_up = True
        self._db.close()
        self._db = open_writing(self._path)
        self._read_back()
        self._given_up = False

    def _read_back(self) -> None:
        try:
            self._claim()
        except sqlite3.Error as error:
            raise trouble(error) from error
        tail = list(reversed(self._select("order by seq desc limit ?", (_TAIL + 1,))))
        found = self._rows("select value from setting where name = 'delivered_through'", ())
        self._delivered = read_count(found[0][0]) if found else 0
        self._parked = {int(row[0]): read_reason(row[1]) for row in self._rows("select seq, reason from parked", ())}
        if not tail:
            self._head = Head(0, genesis(self._terminal_id))
            return
        whole = tail[0].seq == 1
        start = Head(0, genesis(self._terminal_id)) if whole else Head(tail[0].seq, tail[0].hash)
        broken = first_break(start.hash, start.seq, tail if whole else tail[1:])
        if broken is not None:
            raise JournalDamagedError(f"Entry {broken} of the journal does not follow the one before.")
        self._head = Head(tail[-1].seq, tail[-1].hash)
        try:
            self._money.read(self._db, self._delivered)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def _claim(self) -> None:
        """A journal belongs to one terminal for ever."""
        row = self._db.execute("select value from setting where name = 'terminal_id'").fetchone()
        if row is None:
            self._db.execute("insert into setting (name, value) values ('terminal_id', ?)", (self._terminal_id,))
        elif row[0] != self._terminal_id:
            raise ConfigDamagedError("The journal in this folder belongs to another terminal.")

    # --- what a delivery reads ---------------------------------------------------------------------------------------

    def _select(self, tail: str, values: Sequence[object]) -> list[JournalEntry]:
        found = self._rows(f"select seq, kind, at_ms, body, hash from entry {tail}", values)  # noqa: S608 - ours
        return [JournalEntry(seq=r[0], kind=r[1], at_ms=r[2], body=r[3], hash=r[4]) for r in found]

    def entries_after(self, seq: int, *, limit: int, max_bytes: int) -> tuple[JournalEntry, ...]:
        """Consecutive entries for a delivery, parked ones without their content; at least one if there is any."""
        taken: list[JournalEntry] = []
        size = 0
        for found in self._select("where seq > ? order by seq limit ?", (seq, limit)):
            refused = self._parked.get(found.seq)
            entry = found if refused is None else structs.replace(found, kind="", at_ms=0, body="", withheld=refused)
            size += len(entry.body.encode()) + 200
            if taken and size > max_bytes:
                break
            taken.append(entry)
        return tuple(taken)

    def hash_at(self, seq: int) -> str | None:
        """The chain's hash after that entry; None beyond the end."""
        if seq == 0:
            return genesis(self._terminal_id)
        found = self._rows("select hash from entry where seq = ?", (seq,))
        return str(found[0][0]) if found else None

    def at_ms_of(self, seq: int) -> int | None:
        found = self._rows("select at_ms from entry where seq = ?", (seq,))
        return int(found[0][0]) if found else None

    # --- upkeep --------------------------------------------------------------------------------------------------

    def mark_delivered(self, through: int) -> None:
        """Remembers how far the gateway holds the chain, and its hash there. Losing this costs a delivery twice,
        nothing else; `verify` compares it, so that a chain that was written anew is seen here, too."""
        if through == self._delivered:
            return
        said = {"delivered_through": str(through), DELIVERED_HEAD: f"{through}:{self.hash_at(through)}"}
        try:
            for name, value in said.items():
                self._db.execute(
                    "insert into setting (name, value) values (?, ?) "
                    "on conflict (name) do update set value = excluded.value",
                    (name, value),
                )
            if through < self._delivered:
                self._money.read(self._db, through)
        except sqlite3.Error as error:
            raise self._not_noted(error) from error
        self._money.delivered(through)
        self._delivered = through

    def park(self, seq: int, reason: Reason, *, at_ms: int) -> None:
        """The gateway refuses this one entry for good: from now on it is delivered without its content."""
        try:
            self._db.execute(
                "insert into parked (seq, reason, at_ms) values (?, ?, ?) on conflict (seq) do nothing",
                (seq, reason.value, at_ms),
            )
        except sqlite3.Error as error:
            raise self._not_noted(error) from error
        self._parked[seq] = reason

    def _not_noted(self, error: sqlite3.Error) -> SyncError:
        """What is only noted is noted later. A full disk keeps the file open: it may not let it be opened again."""
        if _code(error) != sqlite3.SQLITE_FULL:
            self._reopen()
        return trouble(error)

    def order_of(self, seq: int) -> str:
        """The order that an entry is about; empty when there is no such entry."""
        found = self._rows("select about from entry where seq = ?", (seq,))
        return str(found[0][0]).rpartition("-")[0] if found else ""

    def checkpoint(self) -> bool:
        """Moves the WAL into the file, at idle; False when a reader is in the way, or any trouble of the disk: the next
        entry says which."""
        try:
            self._db.execute(f"pragma busy_timeout = {_CHECKPOINT_BUSY_MS}")
            row = self._db.execute("pragma wal_checkpoint(truncate)").fetchone()
            return row is not None and row[0] == 0
        except sqlite3.Error:
            return False
        finally:
            self._db.execute("pragma busy_timeout = 2000")

    def backup(self, to: Path) -> None:
        """A whole, consistent copy while the till works. An existing file is never overwritten."""
        if to.exists():
            raise FileExistsError(f"{to} exists; a backup never replaces a file")
        part = to.with_name(to.name + ".part")
        part.unlink(missing_ok=True)
        copy = sqlite3.connect(part)
        try:
            self._db.backup(copy)
            copy.execute("pragma journal_mode = delete")
        except sqlite3.Error as error:
            raise trouble(error) from error
        finally:
            copy.close()
        part.chmod(0o600)
        part.rename(to)
        self._sync(to)
        if os.name == "posix":
            self._sync(to.parent)

    @staticmethod
    def _sync(path: Path) -> None:
        """Only ever called for the copy: no handle but SQLite's may touch the journal itself."""
        handle = os.open(path, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
