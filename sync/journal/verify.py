"""Walks the whole chain and recomputes every table from it: the first thing that does not fit is named."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from enum import StrEnum

from protocol.chain import genesis, link
from sync.engine.record import PaymentRecord, fold
from sync.engine.statements import read_statement
from sync.journal import rows


class Break(StrEnum):
    """What does not fit."""

    CHAIN = "chain"  # an entry was changed, removed, added or moved
    UNREADABLE = "unreadable"  # an entry of a kind that this program does not know
    TABLES = "tables"  # a payment's row is not what its entries say
    FILE = "file"  # SQLite's own check of the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`broken` None: all is well. `seq` or `payment_no` names the first place where it is not."""

    entries: int
    payments: int
    head: str
    broken: Break | None = None
    seq: int | None = None
    payment_no: str | None = None


def verify(connection: sqlite3.Connection, terminal_id: str) -> Verdict:
    """Reads in one transaction of the caller's connection. sqlite3.Error when the file cannot even be read."""
    head, seq = genesis(terminal_id), 0
    records: dict[str, PaymentRecord] = {}
    check = connection.execute("pragma quick_check(1)").fetchone()
    if check is None or check[0] != "ok":
        return Verdict(entries=0, payments=0, head=head, broken=Break.FILE)
    for row in connection.execute("select seq, kind, at_ms, about, body, hash from entry order by seq"):
        seq += 1
        found_seq, kind, at_ms, about, body, found = row
        expected = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body)
        if found_seq != seq or found != expected:
            return Verdict(entries=seq - 1, payments=len(records), head=head, broken=Break.CHAIN, seq=found_seq)
        head = expected
        statement = read_statement(body)
        if statement is None:
            return Verdict(entries=seq, payments=len(records), head=head, broken=Break.UNREADABLE, seq=seq)
        if statement.payment_no != about:
            return Verdict(entries=seq, payments=len(records), head=head, broken=Break.TABLES, seq=seq)
        records[about] = fold(records.get(about), statement, at_ms=at_ms)
    wrong = _first_wrong_row(connection, records)
    return Verdict(
        entries=seq,
        payments=len(records),
        head=head,
        broken=None if wrong is None else Break.TABLES,
        payment_no=wrong,
    )


def _first_wrong_row(connection: sqlite3.Connection, records: dict[str, PaymentRecord]) -> str | None:
    seen: set[str] = set()
    for row in connection.execute(f"select {', '.join(rows.COLUMNS)} from payment order by payment_no"):  # noqa: S608
        payment_no = str(row[0])
        seen.add(payment_no)
        record = records.get(payment_no)
        if record is None or tuple(row) != rows.as_row(record):
            return payment_no
    return next((payment_no for payment_no in sorted(records) if payment_no not in seen), None)
