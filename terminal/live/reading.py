"""What the screen and the commands ask a folder's journal, read-only and beside whoever writes it.

Every question opens its own short-lived connection, so that a reader never holds the writer's checkpoint back. A folder
without a journal has no orders: that is an answer, not an error. SyncError when the file cannot be read. Blocking.
"""

from __future__ import annotations

from datetime import date, timedelta, tzinfo
from pathlib import Path

from msgspec.structs import replace

from sync.anchor import AnchorTrouble, look
from sync.anchor_places import anchor_place
from sync.errors import NotActivatedError, SyncError
from sync.folder import Folder
from sync.journal.read import JournalReader, OrderLine, OrdersFilter, TimelineEntry, Unsent
from sync.journal.verify import Break, Verdict
from terminal.cashier.ports import DayRead, HistoryEntry, OrderRow
from terminal.live.history import history_of
from terminal.reports.day import day_bounds_ms, day_of, day_read
from terminal.reports.offline import OperatorFigures, figures_of


class FolderReader:
    """Asks the journal of one data folder. Any thread."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = Folder(data_dir)
        self._path = self._folder.journal

    def exists(self) -> bool:
        """Whether there is a journal at all."""
        return self._path.exists()

    def require_till(self) -> None:
        """NotActivatedError when this folder never was a till: no orders is an answer, no till is not."""
        if not self._folder.activated and not self.exists():
            raise NotActivatedError(str(self._folder.path))

    def lines(self, *, limit: int) -> tuple[OrderLine, ...]:
        """The latest orders, newest first."""
        if not self.exists():
            return ()
        with JournalReader(self._path) as journal:
            return journal.orders(OrdersFilter(limit=limit))

    def orders(self, *, limit: int) -> tuple[OrderRow, ...]:
        """The latest orders as the screen lists them."""
        return tuple(OrderRow(payment=line.last) for line in self.lines(limit=limit))

    def timeline(self, order_no: str) -> tuple[TimelineEntry, ...]:
        """Every entry about one order, oldest first; empty for an order that is not in this journal."""
        if not self.exists():
            return ()
        with JournalReader(self._path) as journal:
            return journal.timeline(order_no)

    def history(self, order_no: str) -> tuple[HistoryEntry, ...]:
        """Everything that happened to one order, as the screen tells it."""
        return history_of(self.timeline(order_no))

    def day(self, day: date, zone: tzinfo) -> DayRead:
        """One day's takings, and what is unresolved now."""
        start_ms, end_ms = day_bounds_ms(day, zone)
        if not self.exists():
            return day_read((), (), day=day, zone=zone)
        with JournalReader(self._path) as journal:
            found = day_read(
                (
                    *journal.settled(since_ms=start_ms, until_ms=end_ms),
                    *journal.cash_taken(since_ms=start_ms, until_ms=end_ms),
                ),
                journal.open_payments(),
                day=day,
                zone=zone,
                refunds=journal.refunds(since_ms=start_ms, until_ms=end_ms),
                open_refunds=journal.open_refunds(),
                store=journal.store_paid(since_ms=start_ms, until_ms=end_ms),
                cash_back=journal.cash_returned(since_ms=start_ms, until_ms=end_ms),
            )
            return replace(found, digest=journal.digest(day))

    def offline_figures(self, day: date, zone: tzinfo) -> tuple[OperatorFigures, ...]:
        """One day's selling without the line, by operator."""
        start_ms, end_ms = day_bounds_ms(day, zone)
        if not self.exists():
            return ()
        with JournalReader(self._path) as journal:
            return figures_of(
                journal.offline_orders(since_ms=start_ms, until_ms=end_ms),
                journal.lines_lost(since_ms=start_ms, until_ms=end_ms),
            )

    def day_back(self, days_ago: int, *, now_ms: int, zone: tzinfo) -> DayRead:
        """The day so many days before today."""
        return self.day(day_of(now_ms, zone) - timedelta(days=days_ago), zone)

    def verdict(self) -> tuple[Verdict, Unsent]:
        """The walk of the whole chain, and what is not delivered. NotActivatedError: no journal."""
        with JournalReader(self._path) as journal:
            return journal.verify(), journal.unsent()

    def checked(self) -> tuple[Verdict, Unsent]:
        """The same, and whether the anchor of this computer saw the journal go further: of an end that no gateway holds
        nothing else tells."""
        verdict, unsent = self.verdict()
        if verdict.broken is None and self._behind():
            verdict = replace(verdict, broken=Break.BEHIND)
        return verdict, unsent

    def _behind(self) -> bool:
        try:
            place = anchor_place(self._folder.read_identity().terminal_id)
        except SyncError:
            return False
        with JournalReader(self._path) as journal:
            return look(place, journal) is AnchorTrouble.BEHIND

    def unsent(self) -> Unsent:
        """What the gateway does not hold yet; nothing when there is no journal."""
        if not self.exists():
            return Unsent(count=0, oldest_at_ms=None)
        with JournalReader(self._path) as journal:
            return journal.unsent()
