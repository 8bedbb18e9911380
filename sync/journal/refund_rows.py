"""A refund's record, and a payment at the store's static QR, as table rows and back."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import Final

import msgspec

from sync.engine.refund_record import RefundRecord
from sync.engine.statements import StorePaidHeard
from sync.journal.cells import read_cell

COLUMNS: Final = ("refund_no", "payment_no", "amount_fen", "state", "started_at_ms", "settled_at_ms", "record")
STORE_COLUMNS: Final = ("seq", "payment_no", "amount_fen", "paid_at_ms", "channel", "transaction_tail")

_UPSERT: Final = (
    f"insert into refund ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - our own names
    f"on conflict (refund_no) do update set {', '.join(f'{c} = excluded.{c}' for c in COLUMNS[1:])}"
)
_STORE: Final = (
    f"insert into store_paid ({', '.join(STORE_COLUMNS)}) "  # noqa: S608 - our own names
    f"values ({', '.join('?' * len(STORE_COLUMNS))}) on conflict (seq) do nothing"
)


def as_row(record: RefundRecord) -> tuple[object, ...]:
    """The values of `COLUMNS`."""
    return (
        record.refund_no,
        record.payment_no,
        record.amount.fen,
        record.state.value,
        record.started_at_ms,
        record.settled_at_ms,
        msgspec.json.encode(record).decode(),
    )


def as_record(text: str) -> RefundRecord:
    """JournalDamagedError when it is none."""
    return read_cell(text, RefundRecord)


def put(connection: sqlite3.Connection, record: RefundRecord) -> None:
    connection.execute(_UPSERT, as_row(record))


def find(connection: sqlite3.Connection, refund_no: str) -> RefundRecord | None:
    found = select(connection, "refund_no = ?", (refund_no,))
    return found[0] if found else None


def select(connection: sqlite3.Connection, where: str, values: Sequence[object] = ()) -> list[RefundRecord]:
    """Records whose row satisfies a condition of ours (never text from outside)."""
    rows = connection.execute(f"select record from refund where {where}", values)  # noqa: S608
    return [as_record(row[0]) for row in rows]


def store_row(said: StorePaidHeard) -> tuple[object, ...]:
    """The values of `STORE_COLUMNS`."""
    return (said.seq, said.payment_no, said.amount_fen, said.paid_at_ms, said.channel, said.transaction_tail)


def put_store(connection: sqlite3.Connection, said: StorePaidHeard) -> None:
    """The first word about a sequence number stays."""
    connection.execute(_STORE, store_row(said))
