"""Cash as table rows and back, and what is asked about it: does it cover a sale, how much of it was taken offline."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from protocol.money import Money
from sync.engine.cash_record import CashRecord
from sync.engine.statements import CashBack
from sync.journal.cells import read_word

COLUMNS: Final = (
    "payment_no", "order_no", "sale_id", "amount_fen", "currency", "received_fen", "change_fen", "operator", "offline",
    "taken_at_ms", "returned_at_ms", "returned_by", "returned_why",
)  # fmt: skip

_UPSERT: Final = (
    f"insert into cash ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own names
    f"on conflict (payment_no) do update set {', '.join(f'{c} = excluded.{c}' for c in COLUMNS[1:])}"
)


def as_row(record: CashRecord) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    return (
        record.payment_no,
        record.order_no,
        record.sale_id,
        record.amount.fen,
        record.amount.currency,
        record.received_fen,
        record.change_fen,
        record.operator,
        int(record.offline),
        record.taken_at_ms,
        record.returned_at_ms,
        record.returned_by,
        None if record.returned_why is None else record.returned_why.value,
    )


def as_record(row: Sequence[Any]) -> CashRecord:
    return CashRecord(
        payment_no=row[0],
        order_no=row[1],
        sale_id=row[2],
        amount=Money(row[3], row[4]),
        received_fen=row[5],
        change_fen=row[6],
        operator=row[7],
        offline=bool(row[8]),
        taken_at_ms=row[9],
        returned_at_ms=row[10],
        returned_by=row[11],
        returned_why=None if row[12] is None else read_word(row[12], CashBack),
    )


def put(connection: sqlite3.Connection, record: CashRecord) -> None:
    connection.execute(_UPSERT, as_row(record))


def find(connection: sqlite3.Connection, payment_no: str) -> CashRecord | None:
    found = select(connection, "payment_no = ?", (payment_no,))
    return found[0] if found else None


def select(connection: sqlite3.Connection, where: str, values: Sequence[object] = ()) -> list[CashRecord]:
    """Records whose row satisfies a condition of ours (never text from outside)."""
    found = connection.execute(f"select {', '.join(COLUMNS)} from cash where {where}", values)  # noqa: S608
    return [as_record(row) for row in found]


def covers(connection: sqlite3.Connection, sale_id: str) -> bool:
    """Whether cash that was not given back is there for the sale."""
    statement = "select 1 from cash where sale_id = ? and returned_at_ms is null"
    return connection.execute(statement, (sale_id,)).fetchone() is not None


def offline_fen(connection: sqlite3.Connection, *, since_ms: int) -> int:
    """What was taken while the gateway could not be reached, since then, and not given back."""
    row = connection.execute(
        "select coalesce(sum(amount_fen), 0) from cash "
        "where offline = 1 and returned_at_ms is null and taken_at_ms >= ?",
        (since_ms,),
    ).fetchone()
    return int(row[0])
