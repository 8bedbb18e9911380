"""Guards of money are constraints of the database: a check in code is not one, because two of it can pass at once.

Asked of a copy of the file as it is: what must never be two is written a second time, past all code. Where no row is
there to be doubled, nothing is asked.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Final

#: What is guarded → the table, which row is written again, and what is another in it (SQL).
_TWICE: Final[Mapping[str, tuple[str, str, Mapping[str, str]]]] = {
    "one live payment per order": ("payments", "1", {"n": "n + 1000 + VALUE", "state": "'SENT'", "proof_kind": "null"}),
    "nothing beside a paid payment": ("payments", "state = 'PAID'", {"n": "n + 1000"}),
    "one number, one payment": ("payments", "1", {"state_seq": "state_seq + 1"}),
    "one open order per payment": ("channel_orders", "1", {"out_trade_no": "'twice-' || VALUE", "ended_kind": "null"}),
    "one number, one order": ("channel_orders", "1", {"sent_ms": "sent_ms + 1"}),
    "one number, one refund": ("refunds", "1", {"created_ms": "created_ms + 1"}),
    "one booking per business key": ("ledger_entries", "1", {"entry_id": "entry_id + 1000000"}),
    "one nonce, one request": ("nonces", "1", {"at_ms": "at_ms + 1"}),
    "one code, one payment": ("auth_code_marks", "1", {"n": "n + 1"}),
    "one outcome, one acknowledgement": ("acks", "1", {"at_ms": "at_ms + 1"}),
    "one place in a chain, one entry": ("journal_entries", "1", {"hash": "'twice'"}),
    "one tender in cash, once": ("cash_tenders", "1", {"heard_ms": "heard_ms + 1"}),
    "one counter, one ORDER": ("offline_orders", "1", {"order_no": "'twice'", "digest": "'twice'"}),
    "one number, one ORDER": ("offline_orders", "1", {"digest": "'twice'", "oseq": "oseq + 1000000"}),
    "one content, one ORDER": ("offline_orders", "1", {"order_no": "'twice'", "oseq": "oseq + 1000000"}),
    "one order, proven PAID or CLOSED": ("offline_outcomes", "1", {"type": "type + 1"}),
    "one ORDER, one proof": ("offline_proofs", "1", {"raw": "x'00'"}),
    "one event, applied once": ("callbacks", "outcome = 'accepted' and event_id is not null", {"callback_id": "null"}),
}
#: What must not be written at all.
_NEVER: Final[Mapping[str, str]] = {
    "more set aside than was taken": "update refund_room set reserved_fen = captured_fen + 1",
    "less than nothing set aside": "update refund_room set reserved_fen = -1",
    "NOT_PAID without a proof": "update payments set proof_kind = null where state = 'NOT_PAID'",
    "a booking that is changed": "update ledger_lines set amount_fen = amount_fen + 1",
    "a booking that is taken away": "delete from ledger_lines",
}
#: Where the row itself may be over: two are written that are not.
_BOTH_NEW: Final = frozenset({"one live payment per order", "one open order per payment"})


def broken_guards(file: sqlite3.Connection) -> Iterator[str]:
    """What the database would let through."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as copy:
        file.backup(copy)
        for what, (table, where, other) in _TWICE.items():
            times = 2 if what in _BOTH_NEW else 1
            if _passes(copy, *(_again(copy, table, where, other, time) for time in range(times))):
                yield what
        for what, statement in _NEVER.items():
            if _passes(copy, statement):
                yield what


def _passes(copy: sqlite3.Connection, *statements: str) -> bool:
    """Whether all of it was written; it is taken back in any case."""
    copy.execute("begin")
    try:
        return all(copy.execute(statement).rowcount for statement in statements)
    except sqlite3.IntegrityError:
        return False
    finally:
        copy.execute("rollback")


def _again(copy: sqlite3.Connection, table: str, where: str, other: Mapping[str, str], time: int) -> str:
    columns = [row[1] for row in copy.execute(f"pragma table_info({table})")]
    values = (other.get(column, column).replace("VALUE", str(time)) for column in columns)
    return (
        f"insert into {table} ({', '.join(columns)}) select {', '.join(values)} from {table} "  # noqa: S608 - our own words
        f"where {where} order by rowid limit 1"
    )
