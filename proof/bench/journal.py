"""Journal step: one statement made durable, against the same rows written by bare sqlite3 under the same pragmas."""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from proof.bench.measure import Measured, interleaved
from protocol.messages import Presented
from protocol.numbers import NUMBER_BYTES, new_number
from sync.engine.statements import PaymentStarted
from sync.journal.journal import Journal

BOUND = 2.0
TERMINAL_ID = "0000000000000"
_TABLES = ("entry", "payment", "orders")


async def measure_journal(folder: Path, *, rounds: int) -> Measured:
    """Medians of `rounds` commits. The reference file has the journal's own schema, rows and all."""
    journal = Journal.open(folder / "journal.db", terminal_id=TERMINAL_ID)
    Journal.open(folder / "bare.db", terminal_id=TERMINAL_ID).close()
    with closing(journal), closing(_bare(folder / "bare.db")) as bare, closing(_reader(folder / "journal.db")) as read:
        written: list[tuple[str, str, tuple[object, ...]]] = []

        async def ours() -> float:
            statement, at_ms = _started(), time.time_ns() // 1_000_000
            began = time.perf_counter()
            journal.append([statement], at_ms=at_ms)
            took_ms = (time.perf_counter() - began) * 1000
            written[:] = [_row(read, table) for table in _TABLES]
            return took_ms

        async def reference() -> float:
            began = time.perf_counter()
            bare.execute("begin immediate")
            for table, marks, row in written:
                bare.execute(f"insert into {table} values ({marks})", row)  # noqa: S608 - our own tables
            bare.execute("commit")
            return (time.perf_counter() - began) * 1000

        ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds)
    return Measured(
        name="journal",
        reference="the same rows in one transaction of bare sqlite3, same pragmas and schema",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
    )


def _started() -> PaymentStarted:
    order_no = new_number(os.urandom(NUMBER_BYTES))
    return PaymentStarted(
        payment_no=f"{order_no}-1",
        order_no=order_no,
        n=1,
        sale_id=new_number(os.urandom(NUMBER_BYTES)),
        amount_fen=1250,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="商品",
        operator="01",
    )


def _row(read: sqlite3.Connection, table: str) -> tuple[str, str, tuple[object, ...]]:
    """The row that ours just wrote, to be written again as it is."""
    row: tuple[object, ...] = read.execute(f"select * from {table} order by rowid desc limit 1").fetchone()  # noqa: S608
    return table, ", ".join("?" * len(row)), row


def _reader(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)


def _bare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on", "recursive_triggers = on"):
        db.execute(f"pragma {pragma}")
    return db
