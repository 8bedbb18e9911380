"""Offline orders, their proofs and the kit as table rows and back; and what the journal has for the next one."""

from __future__ import annotations

import sqlite3
from typing import Final

import msgspec

from protocol.offline.order import BITMAP_ORDERS
from protocol.reasons import Reason
from sync.engine.offline_record import KitRecord, OfflineBook, fold_kit
from sync.engine.record import PaymentRecord
from sync.engine.statements import KitStored, ProofTaken, StandingChanged
from sync.journal import rows
from sync.journal.cells import read_cell, read_reason

COLUMNS: Final = (
    "payment_no", "order_no", "epoch", "oseq", "release", "status", "operator", "amount_fen", "state", "shown_at_ms",
    "parked", "cancelled", "typed", "proven_at_ms", "confirmation_owed",
)  # fmt: skip

_UPSERT: Final = (
    f"insert into offline_order ({', '.join(COLUMNS)}) values ({', '.join('?' * len(COLUMNS))}) "  # noqa: S608 - ours
    f"on conflict (payment_no) do update set {', '.join(f'{c} = excluded.{c}' for c in COLUMNS[1:])}"
)
_STATE: Final = (
    "insert into offline_state (name, value) values (?, ?) on conflict (name) do update set value = excluded.value"
)


def as_row(record: PaymentRecord) -> tuple[object, ...] | None:
    """The values of `COLUMNS`; None of a payment that never was an ORDER."""
    part = record.offline
    if part is None:
        return None
    return (
        record.payment_no,
        record.order_no,
        part.epoch,
        part.oseq,
        part.release,
        int(part.status),
        part.operator,
        record.amount.fen,
        record.state.value,
        part.shown_at_ms,
        int(part.parked is not None),
        int(record.cancel_intended),
        int(part.proof is not None and part.proof.kid is None),
        part.proof.taken_at_ms if part.proof is not None else None,
        int(record.confirmation_owed),
    )


def put(connection: sqlite3.Connection, record: PaymentRecord) -> None:
    """Writes the row of a payment that was shown as an ORDER; nothing for any other."""
    row = as_row(record)
    if row is not None:
        connection.execute(_UPSERT, row)


def put_proof(connection: sqlite3.Connection, said: ProofTaken, *, at_ms: int) -> None:
    """An order is settled by one proof: the second insert fails, whatever it says."""
    connection.execute(
        "insert into offline_proof (order_no, paid, at_ms) values (?, ?, ?)",
        (said.payment_no.rpartition("-")[0], int(said.paid), at_ms),
    )


def put_kit(connection: sqlite3.Connection, said: KitStored, *, at_ms: int) -> None:
    kit = fold_kit(kit_of(connection), said, used=last_release(connection, said.kit.epoch), at_ms=at_ms)
    connection.execute(_STATE, ("kit", msgspec.json.encode(kit).decode()))


def put_standing(connection: sqlite3.Connection, said: StandingChanged) -> None:
    connection.execute(_STATE, ("standing", "" if said.refused is None else said.refused.value))


def state_rows(kit: KitRecord | None, standing: StandingChanged | None) -> dict[str, str]:
    """What `offline_state` must hold."""
    found: dict[str, str] = {}
    if kit is not None:
        found["kit"] = msgspec.json.encode(kit).decode()
    if standing is not None:
        found["standing"] = "" if standing.refused is None else standing.refused.value
    return found


def kit_of(connection: sqlite3.Connection) -> KitRecord | None:
    row = connection.execute("select value from offline_state where name = 'kit'").fetchone()
    return None if row is None else read_cell(row[0], KitRecord)


def standing_of(connection: sqlite3.Connection) -> Reason | None:
    row = connection.execute("select value from offline_state where name = 'standing'").fetchone()
    return None if row is None or not row[0] else read_reason(row[0])


def last_release(connection: sqlite3.Connection, epoch: int) -> int:
    statement = "select coalesce(max(release), 0) from offline_order where epoch = ?"
    return int(connection.execute(statement, (epoch,)).fetchone()[0])


def book(connection: sqlite3.Connection, *, epoch: int, since_ms: int) -> OfflineBook:
    """What the next offline order and the next proof must know; `since_ms`: when the shift (or day) began."""
    one = connection.execute
    last_oseq = int(one("select coalesce(max(oseq), 0) from offline_order where epoch = ?", (epoch,)).fetchone()[0])
    cancelled = one(
        "select oseq from offline_order where epoch = ? and oseq > ? and cancelled = 1 and state <> 'PAID' "
        "and status = 0 order by oseq",
        (epoch, last_oseq - BITMAP_ORDERS),
    )
    waiting = one(
        "select payment_no from offline_order where status = 0 and parked = 0 and cancelled = 0 "
        "and state not in ('PAID', 'NOT_PAID') order by shown_at_ms desc limit 1"
    ).fetchone()
    tries = one("select count(*) from entry where kind = 'offline.code_tried' and at_ms >= ?", (since_ms,)).fetchone()
    typed = one(
        "select coalesce(sum(amount_fen), 0) from offline_order where typed = 1 and proven_at_ms >= ?", (since_ms,)
    ).fetchone()
    return OfflineBook(
        kit=kit_of(connection),
        last_oseq=last_oseq,
        last_release=last_release(connection, epoch),
        cancelled=tuple(int(row[0]) for row in cancelled),
        waiting=None if waiting is None else str(waiting[0]),
        typed_tries=int(tries[0]),
        typed_fen=int(typed[0]),
    )


def shown_of_order(connection: sqlite3.Connection, order_no: str) -> list[PaymentRecord]:
    """The order's payments that were shown as an ORDER."""
    return rows.select(
        connection, "payment_no in (select payment_no from offline_order where order_no = ?)", (order_no,)
    )
