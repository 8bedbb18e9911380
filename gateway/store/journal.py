"""The terminals' journals as received: gapless, chained, idempotent by sequence. Bodies are kept as written.

Of an entry whose content stays at the till, the hash is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from sqlalchemy import bindparam, insert, select, update

from gateway.payments.values import PaymentKey
from gateway.store.statements import Statement
from gateway.store.tables import JOURNAL_ENTRIES, TERMINALS
from gateway.store.units import Tx
from protocol.messages import JournalEntry
from protocol.offline.order import OFFLINE_SHOWN, PAYMENT_STARTED


class Head(Struct, frozen=True, kw_only=True):
    """How far the chain of one terminal is held."""

    seq: int
    hash: str


class Begun(Struct, frozen=True, kw_only=True):
    """An entry by which a till says that it began a payment."""

    terminal_id: str
    at_ms: int
    body: str


_J: Final = JOURNAL_ENTRIES.c
_HEAD: Final = Statement(
    select(TERMINALS.c.journal_seq, TERMINALS.c.journal_head).where(TERMINALS.c.terminal_id == bindparam("k_terminal"))
)
_HASH: Final = Statement(select(_J.hash).where(_J.terminal_id == bindparam("k_terminal"), _J.seq == bindparam("k_seq")))
_MENTIONS: Final = (
    select(_J.body)
    .where(
        _J.terminal_id == bindparam("k_terminal"), _J.seq > bindparam("k_after"), _J.body.contains(bindparam("k_text"))
    )
    .order_by(_J.seq)
)
_MENTIONS_OF_KIND: Final = _MENTIONS.where(_J.kind == bindparam("k_kind"))
_SAID: Final = _MENTIONS.where(_J.kind.in_(bindparam("k_kinds", expanding=True)))
_BEFORE: Final = (
    select(_J.seq)
    .where(_J.terminal_id == bindparam("k_terminal"), _J.received_ms < bindparam("k_ms"))
    .order_by(_J.seq.desc())
    .limit(1)
)
_BEGINS: Final = _J.kind.in_((PAYMENT_STARTED, OFFLINE_SHOWN))
_BEGUN: Final = (
    select(_J.seq)
    .where(
        _J.terminal_id == bindparam("k_terminal"),
        _J.seq > bindparam("k_after"),
        _BEGINS,
        _J.body.contains(bindparam("k_text")),
    )
    .limit(1)
)
_BEGUN_IN_QUESTION: Final = (
    select(_J.terminal_id, _J.at_ms, _J.body)
    .join(TERMINALS, TERMINALS.c.terminal_id == _J.terminal_id)
    .where(_BEGINS, _J.seq <= TERMINALS.c.lost_through, _J.body.contains(bindparam("k_text")))
    .order_by(_J.terminal_id, _J.seq)
)
_RECENT: Final = _BEGUN_IN_QUESTION.where(_J.received_ms >= bindparam("k_from"))
_INSERT: Final = Statement(insert(JOURNAL_ENTRIES))
_ADVANCE: Final = Statement(
    update(TERMINALS)
    .where(TERMINALS.c.terminal_id == bindparam("k_terminal"))
    .values(journal_seq=bindparam("v_seq"), journal_head=bindparam("v_head"))
)


def head(tx: Tx, terminal_id: str) -> Head:
    ((seq, hashed),) = tx.rows(_HEAD, {"k_terminal": terminal_id})
    return Head(seq=seq, hash=hashed)


def hash_at(tx: Tx, terminal_id: str, seq: int) -> str | None:
    """The hash of an entry that is held."""
    row = tx.row(_HASH, {"k_terminal": terminal_id, "k_seq": seq})
    return None if row is None else row[0]


def mentions(tx: Tx, terminal_id: str, text: str, *, last: int, kind: str | None = None) -> list[str]:
    """Bodies of the latest `last` entries (of that kind) that name this number, oldest first."""
    after = head(tx, terminal_id).seq - last
    values = {"k_terminal": terminal_id, "k_after": after, "k_text": text}
    if kind is None:
        return list(tx.connection.execute(_MENTIONS, values).scalars())
    return list(tx.connection.execute(_MENTIONS_OF_KIND, {**values, "k_kind": kind}).scalars())


def said_since(
    tx: Tx, terminal_id: str, text: str, *, kinds: Sequence[str], received_from_ms: int, last: int
) -> list[str]:
    """Bodies of entries of these kinds that name this number, oldest first: of all that came since that moment, and of
    the latest `last` in any case."""
    found = tx.connection.execute(_BEFORE, {"k_terminal": terminal_id, "k_ms": received_from_ms}).scalars().first()
    after = min(found or 0, head(tx, terminal_id).seq - last)
    values = {"k_terminal": terminal_id, "k_after": after, "k_text": text, "k_kinds": list(kinds)}
    return list(tx.connection.execute(_SAID, values).scalars())


def begun_after(tx: Tx, key: PaymentKey, seq: int) -> bool:
    """Whether the journal as held has this payment's beginning after that entry."""
    values = {"k_terminal": key.terminal_id, "k_after": seq, "k_text": f'"{key.payment_no}"'}
    return tx.connection.execute(_BEGUN, values).first() is not None


def begun_in_question(tx: Tx, *, received_from_ms: int = 0, text: str = "") -> list[Begun]:
    """What tills began before they heard from a restored gateway, as far as their journals came: since then, or with
    this text in it."""
    values: dict[str, int | str] = {"k_text": text}
    if received_from_ms:
        rows = tx.connection.execute(_RECENT, {**values, "k_from": received_from_ms})
    else:
        rows = tx.connection.execute(_BEGUN_IN_QUESTION, values)
    return [Begun(terminal_id=row[0], at_ms=row[1], body=row[2]) for row in rows]


def append(tx: Tx, terminal_id: str, entries: list[JournalEntry], *, now_ms: int) -> Head:
    """Keeps entries that were checked to follow the head."""
    rows = [
        {
            "terminal_id": terminal_id,
            "seq": entry.seq,
            "kind": entry.kind if entry.withheld is None else "",
            "at_ms": entry.at_ms,
            "body": entry.body if entry.withheld is None else "",
            "hash": entry.hash,
            "received_ms": now_ms,
            "withheld": None if entry.withheld is None else entry.withheld.value,
        }
        for entry in entries
    ]
    tx.change_each(_INSERT, rows)
    last = entries[-1]
    values = {"k_terminal": terminal_id, "v_seq": last.seq, "v_head": last.hash}
    tx.change(_ADVANCE, values)
    return Head(seq=last.seq, hash=last.hash)
