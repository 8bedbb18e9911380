"""The days of terminals' journals as this gateway holds them, to be compared with a till's own (`report daily`).

Computed from the entries each time, and the chain walked with them: an entry that was changed here is found, too.
Reads only.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import Select, bindparam, select

from gateway.payments.values import PaymentKey
from gateway.store import journal, payments
from gateway.store.tables import JOURNAL_ENTRIES, STORES, TERMINALS
from gateway.store.units import Tx
from protocol.chain import first_break, genesis
from protocol.digest import DayDigest, day_bounds_ms, day_digest, paid_numbers, withheld_of_day
from protocol.messages import JournalEntry
from protocol.numbers import read_payment_no
from protocol.reasons import Reason

_J: Final = JOURNAL_ENTRIES.c
_ENTRIES: Final = select(_J.seq, _J.kind, _J.at_ms, _J.body, _J.hash, _J.withheld).where(
    _J.terminal_id == bindparam("k_terminal")
)
_OF_DAY: Final = _ENTRIES.where(
    _J.at_ms >= bindparam("k_from"), _J.at_ms < bindparam("k_until"), _J.withheld.is_(None)
).order_by(_J.seq)
_BETWEEN: Final = _ENTRIES.where(_J.seq >= bindparam("k_first"), _J.seq <= bindparam("k_last")).order_by(_J.seq)
_WITHHELD: Final = _ENTRIES.where(_J.withheld.is_not(None)).order_by(_J.seq)
_TERMINALS: Final = (
    select(TERMINALS.c.terminal_id, TERMINALS.c.name, STORES.c.name.label("store"))
    .join(STORES, STORES.c.store_id == TERMINALS.c.store_id)
    .order_by(STORES.c.name, TERMINALS.c.name, TERMINALS.c.terminal_id)
)


class HeldDay(Struct, frozen=True, kw_only=True):
    """`broken`: the first entry that does not follow the one before; None when all do."""

    store: str
    terminal: str
    digest: DayDigest
    broken: int | None


def held_days(tx: Tx, day: date) -> list[HeldDay]:
    """Of every terminal that has an entry of that day, by store and name."""
    rows = tx.connection.execute(_TERMINALS).all()
    found = (_held(tx, row.terminal_id, day, store=row.store, terminal=row.name) for row in rows)
    return [held for held in found if held.digest.entries]


def _held(tx: Tx, terminal_id: str, day: date, *, store: str, terminal: str) -> HeldDay:
    from_ms, until_ms = day_bounds_ms(day)
    entries = _read(tx, _OF_DAY, k_terminal=terminal_id, k_from=from_ms, k_until=until_ms)
    if entries:
        kept = _read(tx, _WITHHELD, k_terminal=terminal_id)
        mine = withheld_of_day([entry.seq for entry in kept], {entry.seq for entry in entries})
        entries = sorted((*entries, *(entry for entry in kept if entry.seq in mine)), key=lambda entry: entry.seq)
    amounts = {number: _amount(tx, terminal_id, number) for number in paid_numbers(entries)}
    digest = day_digest(entries, amounts, terminal_id=terminal_id, day=day)
    return HeldDay(store=store, terminal=terminal, digest=digest, broken=_broken(tx, terminal_id, digest))


def _broken(tx: Tx, terminal_id: str, digest: DayDigest) -> int | None:
    if not digest.entries:
        return None
    before = digest.first_seq - 1
    head = genesis(terminal_id) if before == 0 else journal.hash_at(tx, terminal_id, before)
    if head is None:
        return before
    walked = _read(tx, _BETWEEN, k_terminal=terminal_id, k_first=digest.first_seq, k_last=digest.last_seq)
    return first_break(head, before, walked)


def _amount(tx: Tx, terminal_id: str, number: str) -> int:
    read = read_payment_no(number)
    if read is None:
        return 0
    payment = payments.find(tx, PaymentKey(terminal_id=terminal_id, order_no=read.order_no, n=read.n))
    return 0 if payment is None else payment.amount_fen


def _read(tx: Tx, statement: Select[*tuple[Any, ...]], **values: object) -> list[JournalEntry]:
    rows = tx.connection.execute(statement, values)
    return [
        JournalEntry(
            seq=row.seq,
            kind=row.kind,
            at_ms=row.at_ms,
            body=row.body,
            hash=row.hash,
            withheld=None if row.withheld is None else Reason(row.withheld),
        )
        for row in rows
    ]
