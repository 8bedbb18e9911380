"""Read-only views of the journal for screens, reports and commands, beside the running till or without one.

Each call is one short read; no cursor stays open, nothing here ever checkpoints or writes. Use it on a thread of its
own or in another process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from protocol.digest import DayDigest, day_bounds_ms, day_digest, paid_numbers, withheld_of_day
from protocol.messages import JournalEntry, LateMoney, Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine.cash_record import CashRecord
from sync.engine.model import PaymentView
from sync.engine.statements import (
    TILL,
    AnyStatement,
    CancelIntended,
    CashReturned,
    CashTaken,
    OfflineParked,
    OfflineShown,
    PaymentStarted,
    RefundStarted,
    read_statement,
)
from sync.engine.views import cash_view, record_view
from sync.errors import NotActivatedError
from sync.journal import cash_rows, rows
from sync.journal.cells import read_reason
from sync.journal.connection import open_reading, trouble
from sync.journal.read_offline import OfflineReading
from sync.journal.read_refunds import RefundReading
from sync.journal.schema import CASH_SINCE, OFFLINE_SINCE, REFUNDS_SINCE
from sync.journal.unsent import MONEY
from sync.journal.verify import Verdict, verify

Found = TypeVar("Found")


class OrdersFilter(Struct, frozen=True, kw_only=True):
    """Which orders; what is None does not narrow. `text` is any part of an order number."""

    states: frozenset[TerminalState] | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    text: str | None = None
    operator: str | None = None
    limit: int = 200
    offset: int = 0


class OrderLine(Struct, frozen=True, kw_only=True):
    """One order and its latest payment; `payments` counts the tries."""

    order_no: str
    sale_id: str
    amount: Money
    made_at_ms: int
    operator: str
    payments: int
    last: PaymentView


class Parked(Struct, frozen=True, kw_only=True):
    """The gateway does not take this entry's content: why, and when it said so."""

    reason: Reason
    at_ms: int


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One thing that happened: when (till's clock), who said it, and what."""

    seq: int
    at_ms: int
    kind: str
    said_by: str
    statement: AnyStatement | None
    parked: Parked | None = None


class Taking(Struct, frozen=True, kw_only=True):
    """Money that came in by one payment: paid, or found later on a payment that was given up."""

    payment_no: str
    order_no: str
    sale_id: str
    channel: str | None
    presented: Presented
    amount: Money
    operator: str
    settled_at_ms: int
    transaction_tail: str | None
    late_money: LateMoney | None


class Unsent(Struct, frozen=True, kw_only=True):
    """Entries that the gateway does not hold yet, and the money that came in by them; `parked` ones it refused."""

    count: int
    oldest_at_ms: int | None
    fen: int = 0
    parked: int = 0


class JournalReader(OfflineReading, RefundReading):
    """One read-only connection. SyncError when the file is missing, newer, damaged or unreadable."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise NotActivatedError(str(path.parent))
        self._db = open_reading(path)
        # An earlier version's file that no till has opened since: it holds payments only.
        try:
            version = int(self._all("pragma user_version", ())[0][0])
            self._has_refunds, self._has_cash = version >= REFUNDS_SINCE, version >= CASH_SINCE
            self._has_offline = version >= OFFLINE_SINCE
        except BaseException:
            self._db.close()
            raise

    def close(self) -> None:
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def orders(self, wanted: OrdersFilter) -> tuple[OrderLine, ...]:
        """Newest first."""
        where, values = _conditions(wanted)
        statement = (
            "select o.made_at_ms, o.last_n, p.record from orders o "  # noqa: S608 - conditions of ours, values bound
            "join payment p on p.order_no = o.order_no and p.n = o.last_n "
            f"where {where} order by o.made_at_ms desc, o.order_no limit ? offset ?"
        )
        if not self._has_cash:
            return tuple(_order_line(row) for row in self._all(statement, (*values, wanted.limit, wanted.offset)))
        # Two lists, each by its own index, laid over each other: a page of both needs no more than a page of each.
        most = wanted.limit + wanted.offset
        lines = [_order_line(row) for row in self._all(statement, (*values, most, 0))]
        lines += self._cash_lines(wanted, most)
        lines.sort(key=lambda line: (-line.made_at_ms, line.order_no))
        return tuple(lines[wanted.offset : most])

    def _cash_lines(self, wanted: OrdersFilter, limit: int) -> list[OrderLine]:
        where, values = _cash_conditions(wanted)
        order = "order by taken_at_ms desc, order_no limit ?"
        return [_cash_line(record) for record in self._cash(f"{where} {order}", (*values, limit))]

    def cash_taken(self, *, since_ms: int, until_ms: int) -> tuple[PaymentView, ...]:
        """Cash that came in during that time, also what was given back later, oldest first."""
        found = self._cash(
            "taken_at_ms >= ? and taken_at_ms < ? order by taken_at_ms, payment_no", (since_ms, until_ms)
        )
        return tuple(cash_view(record) for record in found)

    def cash_returned(self, *, since_ms: int, until_ms: int) -> tuple[PaymentView, ...]:
        """Cash that was given back during that time, whenever it came in, oldest first."""
        where = "returned_at_ms >= ? and returned_at_ms < ? order by returned_at_ms, payment_no"
        return tuple(cash_view(record) for record in self._cash(where, (since_ms, until_ms)))

    def _cash(self, where: str, values: Sequence[object]) -> list[CashRecord]:
        if not self._has_cash:
            return []
        try:
            return cash_rows.select(self._db, where, values)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def timeline(self, order_no: str) -> tuple[TimelineEntry, ...]:
        """Everything that happened to one order, oldest first."""
        # '.' is the character after '-': the range holds exactly this order's payment numbers.
        found = self._all(
            "select seq, at_ms, kind, body from entry where about >= ? and about < ? order by seq",
            (f"{order_no}-", f"{order_no}."),
        )
        parked = self._parked(f"{order_no}-", f"{order_no}.")
        return tuple(replace(entry, parked=parked.get(entry.seq)) for entry in map(_timeline_entry, found))

    def _parked(self, first: str, after: str) -> dict[int, Parked]:
        if not self._has_cash:
            return {}
        found = self._all(
            "select p.seq, p.reason, p.at_ms from parked p join entry e on e.seq = p.seq "
            "where e.about >= ? and e.about < ?",
            (first, after),
        )
        return {row[0]: Parked(reason=read_reason(row[1]), at_ms=row[2]) for row in found}

    def takings(self, *, since_ms: int, until_ms: int) -> tuple[Taking, ...]:
        """Money by the time its payment was settled at this till, oldest first."""
        found = self._all(
            "select record from payment where settled_at_ms >= ? and settled_at_ms < ? "
            "and (state = 'PAID' or late_money is not null) order by settled_at_ms, payment_no",
            (since_ms, until_ms),
        )
        return tuple(_taking(row) for row in found)

    def settled(self, *, since_ms: int, until_ms: int) -> tuple[PaymentView, ...]:
        """Every payment that ended in that time, whatever the outcome."""
        found = self._all(
            "select record from payment where settled_at_ms >= ? and settled_at_ms < ? "
            "order by settled_at_ms, payment_no",
            (since_ms, until_ms),
        )
        return tuple(record_view(rows.as_record(row[0])) for row in found)

    def open_payments(self) -> tuple[PaymentView, ...]:
        """Outcomes that are not known yet, oldest first."""
        found = self._all(
            "select record from payment where state not in ('PAID', 'NOT_PAID') order by started_at_ms", ()
        )
        return tuple(record_view(rows.as_record(row[0])) for row in found)

    def payment(self, payment_no: str) -> PaymentView | None:
        found = self._all("select record from payment where payment_no = ?", (payment_no,))
        return record_view(rows.as_record(found[0][0])) if found else None

    def _terminal_id(self) -> str:
        (row,) = self._all("select coalesce(max(value), '') from setting where name = 'terminal_id'", ())
        return str(row[0])

    def digest(self, day: date) -> DayDigest:
        """That Beijing day of this journal in one line."""
        return self._inside(lambda: self._digest(day))

    def _digest(self, day: date) -> DayDigest:
        from_ms, until_ms = day_bounds_ms(day)
        (named,) = self._all("select coalesce(max(value), '') from setting where name = 'terminal_id'", ())
        found = self._all(
            "select seq, kind, at_ms, body, hash from entry where at_ms >= ? and at_ms < ? order by seq",
            (from_ms, until_ms),
        )
        kept = self._withheld()
        said = (JournalEntry(seq=r[0], kind=r[1], at_ms=r[2], body=r[3], hash=r[4]) for r in found)
        entries = [entry for entry in said if entry.seq not in kept]
        mine = withheld_of_day(kept, {entry.seq for entry in entries})
        entries = sorted((*entries, *(kept[seq] for seq in mine)), key=lambda entry: entry.seq)
        amounts: dict[str, int] = {}
        for number in paid_numbers(entries):
            amounts.update(self._all("select payment_no, amount_fen from payment where payment_no = ?", (number,)))
        return day_digest(entries, amounts, terminal_id=str(named[0]), day=day)

    def _withheld(self) -> dict[int, JournalEntry]:
        """What the gateway refused, in order, as it is delivered."""
        if not self._has_cash:
            return {}
        found = self._all(
            "select p.seq, p.reason, e.hash from parked p join entry e on e.seq = p.seq order by p.seq", ()
        )
        return {
            r[0]: JournalEntry(seq=r[0], kind="", at_ms=0, body="", hash=r[2], withheld=read_reason(r[1]))
            for r in found
        }

    def unsent(self) -> Unsent:
        delivered = self._all(
            "select coalesce((select cast(value as integer) from setting where name = 'delivered_through'), 0)", ()
        )[0][0]
        (row,) = self._all("select count(*), min(at_ms) from entry where seq > ?", (delivered,))
        if not self._has_cash:
            return Unsent(count=row[0], oldest_at_ms=row[1])
        fen = sum(int(money[1]) for money in self._all(MONEY, (delivered,)))
        parked = int(self._all("select count(*) from parked", ())[0][0])
        return Unsent(count=row[0], oldest_at_ms=row[1], fen=fen, parked=parked)

    def verify(self) -> Verdict:
        """The whole chain and every table, in one read transaction."""
        terminal_id = self._terminal_id()
        return self._inside(lambda: verify(self._db, terminal_id))

    def _all(self, statement: str, values: Sequence[object]) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise trouble(error) from error

    def _inside(self, work: Callable[[], Found]) -> Found:
        try:
            self._db.execute("begin")
            try:
                return work()
            finally:
                self._db.execute("rollback")
        except sqlite3.Error as error:
            raise trouble(error) from error


def _conditions(wanted: OrdersFilter) -> tuple[str, list[object]]:
    where: list[str] = ["1 = 1"]
    values: list[object] = []
    if wanted.states is not None:
        where.append(f"p.state in ({', '.join('?' * len(wanted.states))})")
        values.extend(sorted(state.value for state in wanted.states))
    for condition, value in (
        ("o.made_at_ms >= ?", wanted.since_ms),
        ("o.made_at_ms < ?", wanted.until_ms),
        ("instr(o.order_no, ?) > 0", None if wanted.text is None else wanted.text.strip().upper()),
        ("p.operator = ?", wanted.operator),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    return " and ".join(where), values


def _cash_conditions(wanted: OrdersFilter) -> tuple[str, list[object]]:
    """The same narrowing for tenders in cash, which are PAID from the beginning."""
    where: list[str] = ["1 = 1"]
    values: list[object] = []
    if wanted.states is not None and TerminalState.PAID not in wanted.states:
        where.append("1 = 0")
    for condition, value in (
        ("taken_at_ms >= ?", wanted.since_ms),
        ("taken_at_ms < ?", wanted.until_ms),
        ("instr(order_no, ?) > 0", None if wanted.text is None else wanted.text.strip().upper()),
        ("operator = ?", wanted.operator),
    ):
        if value is not None:
            where.append(condition)
            values.append(value)
    return " and ".join(where), values


def _cash_line(record: CashRecord) -> OrderLine:
    return OrderLine(
        order_no=record.order_no,
        sale_id=record.sale_id,
        amount=record.amount,
        made_at_ms=record.taken_at_ms,
        operator=record.operator,
        payments=1,
        last=cash_view(record),
    )


def _order_line(row: Any) -> OrderLine:
    last = rows.as_record(row[2])
    return OrderLine(
        order_no=last.order_no,
        sale_id=last.sale_id,
        amount=last.amount,
        made_at_ms=row[0],
        operator=last.operator,
        payments=row[1],
        last=record_view(last),
    )


def _timeline_entry(row: Any) -> TimelineEntry:
    statement = read_statement(row[3])
    match statement:
        case (
            PaymentStarted()
            | CancelIntended()
            | RefundStarted()
            | CashTaken()
            | CashReturned()
            | OfflineShown()
            | OfflineParked()
        ):
            said_by = statement.operator
        case None:
            said_by = TILL
        case _:
            said_by = getattr(statement, "said_by", TILL)
    return TimelineEntry(seq=row[0], at_ms=row[1], kind=row[2], said_by=said_by, statement=statement)


def _taking(row: Any) -> Taking:
    record = rows.as_record(row[0])
    return Taking(
        payment_no=record.payment_no,
        order_no=record.order_no,
        sale_id=record.sale_id,
        channel=record.channel,
        presented=record.presented,
        amount=record.amount,
        operator=record.operator,
        settled_at_ms=record.settled_at_ms or 0,
        transaction_tail=record.transaction_tail,
        late_money=record.late_money,
    )
