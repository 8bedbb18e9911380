"""A payment's record as a table row and back. The `record` column holds it whole; the others are for searching."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from sync.engine.record import PaymentRecord
from sync.journal.cells import read_cell

COLUMNS: Final = (
    "payment_no", "order_no", "n", "sale_id", "amount_fen", "currency", "presented", "operator", "channel", "state",
    "reason", "late_money", "started_at_ms", "settled_at_ms", "ack_due_seq", "acked_seq", "record",
)  # fmt: skip

ORDER_COLUMNS: Final = ("order_no", "sale_id", "amount_fen", "currency", "made_at_ms", "last_n")

_UPSERT: Final = (
    f"insert into payment ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own names
    f"on conflict (payment_no) do update set {', '.join(f'{c} = excluded.{c}' for c in COLUMNS[1:])}"
)

_ORDER: Final = (
    f"insert into orders ({', '.join(ORDER_COLUMNS)}) values (?, ?, ?, ?, ?, ?) "  # noqa: S608 - our own names
    "on conflict (order_no) do update set last_n = max(last_n, excluded.last_n)"
)


def as_row(record: PaymentRecord) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    return (
        record.payment_no,
        record.order_no,
        record.n,
        record.sale_id,
        record.amount.fen,
        record.amount.currency,
        record.presented.value,
        record.operator,
        record.channel,
        record.state.value,
        None if record.reason is None else record.reason.value,
        None if record.late_money is None else record.late_money.state.value,
        record.started_at_ms,
        record.settled_at_ms,
        record.ack_due_seq,
        record.acked_seq,
        msgspec.json.encode(record).decode(),
    )


def order_row(before: tuple[object, ...] | None, record: PaymentRecord) -> tuple[object, ...]:
    """The values of `ORDER_COLUMNS` after something was said of one of the order's payments."""
    if before is None:
        amount = record.amount
        return record.order_no, record.sale_id, amount.fen, amount.currency, record.started_at_ms, record.n
    *first, last_n = before
    assert isinstance(last_n, int), "it was made here"
    return (*first, max(last_n, record.n))


def as_record(text: str) -> PaymentRecord:
    """JournalDamagedError when it is none."""
    return read_cell(text, PaymentRecord)


def put(connection: sqlite3.Connection, record: PaymentRecord) -> None:
    """Writes the payment's row and its order's."""
    connection.execute(_UPSERT, as_row(record))
    connection.execute(_ORDER, order_row(None, record))


def find(connection: sqlite3.Connection, payment_no: str) -> PaymentRecord | None:
    found = select(connection, "payment_no = ?", (payment_no,))
    return found[0] if found else None


def select(connection: sqlite3.Connection, where: str, values: Sequence[object] = ()) -> list[PaymentRecord]:
    """Records whose row satisfies a condition of ours (never text from outside)."""
    rows: Iterable[tuple[str]] = connection.execute(f"select record from payment where {where}", values)  # noqa: S608
    return [as_record(row[0]) for row in rows]
