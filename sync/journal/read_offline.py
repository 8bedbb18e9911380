"""The part of the journal's reader that is about selling without the line."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any

from protocol.chain import genesis
from sync.engine.record import PaymentRecord
from sync.engine.statements import LineLost, read_statement
from sync.journal import offline_rows, rows
from sync.journal.journal import Head


class OfflineReading:
    """What `JournalReader` adds to itself; connection and errors are its own."""

    _db: sqlite3.Connection
    _has_offline: bool

    def _all(self, statement: str, values: Sequence[object]) -> list[Any]:
        raise NotImplementedError

    def _terminal_id(self) -> str:
        raise NotImplementedError

    def offline_orders(self, *, since_ms: int, until_ms: int) -> tuple[PaymentRecord, ...]:
        """Orders that were shown as an offline QR in that time, oldest first."""
        if not self._has_offline:
            return ()
        found = self._all(
            "select p.record from offline_order o join payment p on p.payment_no = o.payment_no "
            "where o.status = 0 and o.shown_at_ms >= ? and o.shown_at_ms < ? order by o.shown_at_ms, o.oseq",
            (since_ms, until_ms),
        )
        return tuple(rows.as_record(row[0]) for row in found)

    def lines_lost(self, *, since_ms: int, until_ms: int) -> tuple[str, ...]:
        """Who was at the counter each time the line went down with a payment open, in that time."""
        found = self._all(
            "select body from entry where kind = 'line.lost' and at_ms >= ? and at_ms < ? order by seq",
            (since_ms, until_ms),
        )
        said = (read_statement(row[0]) for row in found)
        return tuple(lost.operator for lost in said if isinstance(lost, LineLost))

    def typed_codes_left(self, epoch: int) -> int | None:
        """How many typed codes of this activation are unused; None: there is no kit for it."""
        if not self._has_offline:
            return None
        kit = offline_rows.kit_of(self._db)
        if kit is None or kit.epoch != epoch:
            return None
        used = offline_rows.last_release(self._db, epoch)
        return sum(code.index > used for code in kit.codes)

    @property
    def head(self) -> Head:
        """The end of the chain."""
        found = self._all("select seq, hash from entry order by seq desc limit 1", ())
        return Head(found[0][0], found[0][1]) if found else Head(0, genesis(self._terminal_id()))

    def hash_at(self, seq: int) -> str | None:
        """The chain's hash after that entry; None beyond the end."""
        if seq == 0:
            return genesis(self._terminal_id())
        found = self._all("select hash from entry where seq = ?", (seq,))
        return str(found[0][0]) if found else None
