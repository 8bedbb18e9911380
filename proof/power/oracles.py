"""What a whole database must satisfy, whatever moment it is from: the till's journal, and the gateway's store.

A commit in the wrong place would leave an order in halves without losing a byte; these rules would say so.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from gateway.store.sqlite import open_sqlite
from protocol.chain import first_break, genesis
from protocol.messages import JournalEntry
from protocol.reasons import Reason
from sync.errors import SyncError
from sync.journal.connection import open_writing
from sync.journal.verify import verify

#: Bytes 18 and 19 of the header say that a file is kept with a WAL; in memory there is none.
_VERSIONS: Final = slice(18, 20)

#: `(rule, query)`: a row that a query finds breaks the rule.
_STORE_RULES: Final[tuple[tuple[str, str], ...]] = (
    ("a booking sums to zero", "select entry_id from ledger_lines group by entry_id having sum(amount_fen) <> 0"),
    (
        "a booking has its lines",
        "select entry_id from ledger_entries e where (select count(*) from ledger_lines l where l.entry_id = "
        "e.entry_id) < 2",
    ),
    (
        "a payment that was sent has its channel order",
        "select order_no from payments p where state in ('SENT', 'PAID', 'REVERSING', 'UNDO_BY_REFUND') "
        "and out_trade_no is not null and not exists (select 1 from channel_orders o "
        "where o.out_trade_no = p.out_trade_no and o.order_no = p.order_no and o.n = p.n and o.amount_fen = "
        "p.amount_fen)",
    ),
    (
        "a paid payment has its order, its room for refunds and its booking",
        "select order_no from payments p where state = 'PAID' and (out_trade_no is null "
        "or not exists (select 1 from channel_orders o where o.out_trade_no = p.out_trade_no and "
        "o.paid_at_ms is not null) "
        "or not exists (select 1 from refund_room r where r.out_trade_no = p.out_trade_no and r.captured_fen "
        "= p.amount_fen) "
        "or not exists (select 1 from ledger_entries e where e.out_trade_no = p.out_trade_no))",
    ),
    (
        "a paid payment is acknowledged or waits to be noticed",
        "select order_no from payments p where state = 'PAID' and acked_seq is null and not exists (select 1 "
        "from tasks t "
        "where t.kind = 'notice' and t.ref = p.terminal_id || ':' || p.order_no || '-' || p.n) and not exists "
        "(select 1 from alarms a where a.kind = 'paid_unnoticed' and a.about = p.terminal_id || ':' || "
        "p.order_no || '-' || p.n)",
    ),
    (
        "what was promised back is reserved, no more and no less",
        "select r.out_trade_no from refund_room r where r.reserved_fen <> (select coalesce(sum(f.amount_fen), 0) "
        "from refunds f where f.out_trade_no = r.out_trade_no and f.state <> 'FAILED')",
    ),
    (
        "a refund that is done is booked",
        "select refund_no from refunds f where state = 'DONE' and not exists (select 1 from ledger_entries e where "
        "e.business_key = case when cause in ('till', 'cancelled') then 'refund:' || f.refund_no "
        "when cause = 'late' then 'late_back:' || f.out_trade_no "
        "else 'back:' || f.out_trade_no end)",
    ),
    (
        "a refund that is open has its task",
        "select refund_no from refunds f where state not in ('DONE', 'FAILED') and not exists "
        "(select 1 from tasks t where t.kind = 'refund' and t.ref = f.refund_no)",
    ),
    (
        "an open order has its task",
        "select out_trade_no from channel_orders o where ended_kind is null and paid_at_ms is null and exists "
        "(select 1 from payments p where p.order_no = o.order_no and p.n = o.n and p.terminal_id = o.terminal_id "
        "and p.state in ('SENT', 'REVERSING')) and not exists "
        "(select 1 from tasks t where t.kind = 'work' and t.ref = o.out_trade_no)",
    ),
    (
        "a payment has its first event",
        "select order_no from payments p where not exists (select 1 from payment_events e "
        "where e.terminal_id = p.terminal_id and e.order_no = p.order_no and e.n = p.n)",
    ),
    (
        "an acknowledgement is in both places",
        "select order_no from payments p where acked_seq is not null and not exists (select 1 from acks a "
        "where a.terminal_id = p.terminal_id and a.order_no = p.order_no and a.n = p.n and a.state_seq = p.acked_seq)",
    ),
    (
        "an activation has its terminal and used its code",
        "select terminal_id from activations a where not exists (select 1 from terminals t where "
        "t.terminal_id = a.terminal_id)",
    ),
    (
        "a bill that is kept has its file and its lines",
        "select day from bills b where state = 'kept' and (not exists (select 1 from bill_files f where "
        "f.sha256 = b.sha256) "
        "or b.lines <> (select count(*) from statement_lines l "
        "where l.account_id = b.account_id and l.kind = b.kind and l.day = b.day))",
    ),
)


def judge_journal(state: bytes) -> list[str]:
    """Complaints about a till's journal: chain, computed tables, SQLite's own check."""
    with in_memory(state) as db:
        return _sound(db) + _journal_rules(db)


def judge_store(state: bytes) -> list[str]:
    """Complaints about a gateway's store."""
    with in_memory(state) as db:
        return _sound(db) + _store_rules(db)


def judge_file(state: bytes) -> list[str]:
    """Complaints that SQLite has of any file."""
    with in_memory(state) as db:
        return _sound(db)


def open_file(path: Path) -> list[str]:
    """An image, opened by the standard library's SQLite."""
    with closing(sqlite3.connect(path)) as db:
        return _sound(db)


def open_journal(path: Path) -> list[str]:
    """An image, opened as the till opens it."""
    try:
        with closing(open_writing(path)) as db:
            return _journal_rules(db)
    except SyncError as error:
        return [str(error)]


def open_store(path: Path) -> list[str]:
    """An image, opened as the gateway opens it."""
    engine = open_sqlite(path)
    engine.dispose()
    with closing(sqlite3.connect(path)) as db:
        return _sound(db) + _store_rules(db)


def rows_of(state: bytes) -> dict[str, int]:
    """How many rows each table has."""
    with in_memory(state) as db:
        return {name: _count(db, name) for name in _tables(db)}


def _sound(db: sqlite3.Connection) -> list[str]:
    found = [str(row[0]) for row in db.execute("pragma integrity_check") if row[0] != "ok"]
    return found + [f"a row of {row[0]} refers to nothing" for row in db.execute("pragma foreign_key_check")]


def _journal_rules(db: sqlite3.Connection) -> list[str]:
    if "setting" not in _tables(db):
        return []
    found = db.execute("select value from setting where name = 'terminal_id'").fetchone()
    if found is None:
        return ["entries of no terminal"] if _count(db, "entry") else []
    verdict = verify(db, found[0])
    return [] if verdict.broken is None else [f"{verdict.broken} at {verdict.seq or verdict.payment_no}"]


def _store_rules(db: sqlite3.Connection) -> list[str]:
    if "statement_lines" not in _tables(db):
        return []
    broken = [rule for rule, query in _STORE_RULES if db.execute(query).fetchone() is not None]
    return broken + _received_chains(db)


def _received_chains(db: sqlite3.Connection) -> list[str]:
    broken: list[str] = []
    for terminal_id, seq, head in db.execute("select terminal_id, journal_seq, journal_head from terminals").fetchall():
        entries = [
            JournalEntry(
                seq=row[0],
                kind=row[1],
                at_ms=row[2],
                body=row[3],
                hash=row[4],
                withheld=None if row[5] is None else Reason(row[5]),
            )
            for row in db.execute(
                "select seq, kind, at_ms, body, hash, withheld from journal_entries where terminal_id = ? order by seq",
                (terminal_id,),
            )
        ]
        start = genesis(terminal_id)
        last = (entries[-1].seq, entries[-1].hash) if entries else (0, start)
        if first_break(start, 0, entries) is not None or last != (seq, head):
            broken.append("a terminal's chain ends where its head says")
    return broken


def _tables(db: sqlite3.Connection) -> list[str]:
    found = db.execute("select name from sqlite_master where type = 'table' and name not like 'sqlite_%' order by name")
    return [str(row[0]) for row in found]


def _count(db: sqlite3.Connection, table: str) -> int:
    counted: int = db.execute(f'select count(*) from "{table}"').fetchone()[0]  # noqa: S608 - a name from the schema
    return counted


@contextmanager
def in_memory(state: bytes) -> Generator[sqlite3.Connection]:
    content = bytearray(state)
    if content:
        content[_VERSIONS] = b"\x01\x01"
    with closing(sqlite3.connect(":memory:")) as db:
        if content:
            db.deserialize(bytes(content))
        yield db
