"""Questions to a folder's journal, read-only and beside whoever writes it: orders, one order's history, one day.

Every question opens its own short-lived connection, so that a reader never holds the writer's checkpoint back. A folder
without a journal has no orders; that is an answer, not an error. Raises SyncError when the file cannot be read. Blocking.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta, tzinfo
from pathlib import Path

from protocol.messages import JournalEntry
from sync.engine.record import PaymentRecord
from sync.engine.views import record_view
from sync.folder import Folder
from sync.journal import rows
from sync.journal.connection import open_reading, trouble
from terminal.cashier.ports import DayRead, HistoryEntry, OrderRow
from terminal.live.history import history_of
from terminal.reports.day import SETTLED_LATER_MS, day_bounds_ms, day_of, day_read

_OPEN = "state not in ('PAID', 'NOT_PAID') or late_money = 'found'"


class JournalReader:
    """Asks the journal of one data folder. Any thread; each call opens and closes its connection."""

    def __init__(self, data_dir: Path) -> None:
        self._path = Folder(data_dir).journal

    def records(self, *, limit: int) -> tuple[PaymentRecord, ...]:
        """The latest payment of each of the latest orders, newest first."""
        with self._journal() as journal:
            if journal is None:
                return ()
            return tuple(
                rows.select(
                    journal,
                    "(order_no, n) in (select order_no, max(n) from payment group by order_no) "
                    "order by started_at_ms desc, payment_no desc limit ?",
                    (limit,),
                )
            )

    def orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        """The latest orders as the screen lists them."""
        return tuple(OrderRow(payment=record_view(record)) for record in self.records(limit=limit))

    def entries(self, order_no: str) -> tuple[JournalEntry, ...]:
        """Every entry about one order, oldest first; empty for an order that is not in this journal."""
        with self._journal() as journal:
            if journal is None:
                return ()
            found = journal.execute(
                "select seq, kind, at_ms, body, hash from entry "
                "where about in (select payment_no from payment where order_no = ?) order by seq",
                (order_no,),
            ).fetchall()
        return tuple(JournalEntry(seq=r[0], kind=r[1], at_ms=r[2], body=r[3], hash=r[4]) for r in found)

    def history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        """Everything that happened to one order, as the screen tells it."""
        return history_of(self.entries(order_no))

    def day(self, day: date, zone: tzinfo) -> DayRead:
        """One day's takings, and what is unresolved now."""
        start_ms, end_ms = day_bounds_ms(day, zone)
        with self._journal() as journal:
            if journal is None:
                return day_read((), (), day=day, zone=zone)
            settled = rows.select(
                journal,
                "state in ('PAID', 'NOT_PAID') and settled_at_ms >= ? and settled_at_ms < ?",
                (start_ms, end_ms + SETTLED_LATER_MS),
            )
            attention = [*rows.select(journal, _OPEN), *(record for record in settled if record.conflict)]
        distinct = {record.payment_no: record for record in attention}
        return day_read(settled, distinct.values(), day=day, zone=zone)

    def day_back(self, days_ago: int, *, now_ms: int, zone: tzinfo) -> DayRead:
        """The day so many days before today."""
        return self.day(day_of(now_ms, zone) - timedelta(days=days_ago), zone)

    @contextmanager
    def _journal(self) -> Iterator[sqlite3.Connection | None]:
        if not self._path.exists():
            yield None
            return
        connection = open_reading(self._path)
        try:
            yield connection
        except sqlite3.Error as error:
            raise trouble(error) from error
        finally:
            connection.close()
