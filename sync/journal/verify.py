"""Walks the whole chain and recomputes every table from it: the first thing that does not fit is named."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from msgspec import Struct

from protocol.chain import genesis, link
from sync.engine.record import PaymentRecord
from sync.engine.statements import kind_of, read_statement
from sync.errors import JournalDamagedError
from sync.journal import cash_rows, offline_rows, refund_rows, rows
from sync.journal.cells import read_count
from sync.journal.schema import CASH_SINCE, DELIVERED_HEAD, OFFLINE_SINCE, REFUNDS_SINCE
from sync.journal.story import Story


class Break(StrEnum):
    """What does not fit."""

    CHAIN = "chain"  # an entry was changed, removed, added or moved
    UNREADABLE = "unreadable"  # an entry of a kind that this program does not know, or called another than it is
    STORY = "story"  # an entry that cannot follow what was said before: the chain was written anew
    DELIVERED = "delivered"  # not the entry that the gateway holds: the chain was written anew, or its end removed
    BEHIND = "behind"  # it ends before, or otherwise than, what this computer's anchor saw: its end was removed
    TABLES = "tables"  # a row of a payment, a refund, cash or the store's QR is not what its entries say
    FILE = "file"  # SQLite's own check of the file


class Verdict(Struct, frozen=True, kw_only=True):
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
    told, delivered = Story(), _delivered(connection)
    check = connection.execute("pragma quick_check(1)").fetchone()
    if check is None or check[0] != "ok":
        return Verdict(entries=0, payments=0, head=head, broken=Break.FILE)
    for row in connection.execute("select seq, kind, at_ms, about, body, hash from entry order by seq"):
        seq += 1
        found_seq, kind, at_ms, about, body, found = row
        expected = link(head, seq=seq, kind=kind, at_ms=at_ms, body=body)
        if found_seq != seq or found != expected:
            return Verdict(entries=seq - 1, payments=len(told.payments), head=head, broken=Break.CHAIN, seq=found_seq)
        head = expected
        if seq == delivered[0] and head != delivered[1]:
            return Verdict(entries=seq - 1, payments=len(told.payments), head=head, broken=Break.DELIVERED, seq=seq)
        statement = read_statement(body)
        if statement is None or kind_of(statement) != kind:
            return Verdict(entries=seq, payments=len(told.payments), head=head, broken=Break.UNREADABLE, seq=seq)
        if statement.payment_no != about:
            return Verdict(entries=seq, payments=len(told.payments), head=head, broken=Break.TABLES, seq=seq)
        if not told.take(statement, at_ms):
            return Verdict(entries=seq, payments=len(told.payments), head=head, broken=Break.STORY, seq=seq)
    if seq < delivered[0]:
        return Verdict(entries=seq, payments=len(told.payments), head=head, broken=Break.DELIVERED, seq=seq + 1)
    wrong = _first_wrong_row(connection, told)
    return Verdict(
        entries=seq,
        payments=len(told.payments),
        head=head,
        broken=None if wrong is None else Break.TABLES,
        payment_no=wrong,
    )


def _delivered(connection: sqlite3.Connection) -> tuple[int, str]:
    """The last entry that the gateway said it holds, with its hash; (0, "") where it never did."""
    row = connection.execute("select value from setting where name = ?", (DELIVERED_HEAD,)).fetchone()
    seq, _, found = str(row[0]).partition(":") if row is not None else ("0", "", "")
    return read_count(seq), found


def _first_wrong_row(connection: sqlite3.Connection, told: Story) -> str | None:
    """The payment number of the first row that is not what the entries say."""
    seen: set[str] = set()
    for row in connection.execute(f"select {', '.join(rows.COLUMNS)} from payment order by payment_no"):  # noqa: S608
        payment_no = str(row[0])
        seen.add(payment_no)
        record = told.payments.get(payment_no)
        # The whole record is compared as a value: an earlier version wrote it without what came later.
        if record is None or tuple(row[:-1]) != rows.as_row(record)[:-1] or not _holds(row[-1], record):
            return payment_no
    missing = next((payment_no for payment_no in sorted(told.payments) if payment_no not in seen), None)
    return missing or _wrong_order(connection, told) or _wrong_refund(connection, told) or _wrong_cash(connection, told)


def _holds(cell: str, record: PaymentRecord) -> bool:
    try:
        return rows.as_record(cell) == record
    except JournalDamagedError:
        return False


def _wrong_order(connection: sqlite3.Connection, told: Story) -> str | None:
    """An order that its row misstates, or that has none, would be missing from the list of orders."""
    orders = {str(row[0]): tuple(row) for row in connection.execute(_ORDERS)}
    wrong = (no for no in sorted(orders.keys() | told.orders.keys()) if orders.get(no) != told.orders.get(no))
    return next((f"{order_no}-1" for order_no in wrong), None)


def _wrong_refund(connection: sqlite3.Connection, told: Story) -> str | None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version < REFUNDS_SINCE:
        return None
    refunds = {str(row[0]): tuple(row) for row in connection.execute(_REFUNDS)}
    for refund_no in sorted(refunds.keys() | told.refunds.keys()):
        record = told.refunds.get(refund_no)
        if record is None or refunds.get(refund_no) != refund_rows.as_row(record):
            return record.payment_no if record is not None else str(refunds[refund_no][1])
    store = {int(row[0]): tuple(row) for row in connection.execute(_STORE)}
    for seq in sorted(store.keys() | told.store.keys()):
        said = told.store.get(seq)
        if said is None or store.get(seq) != refund_rows.store_row(said):
            return said.payment_no if said is not None else str(store[seq][1])
    return _wrong_offline(connection, told) if version >= OFFLINE_SINCE else None


def _wrong_offline(connection: sqlite3.Connection, told: Story) -> str | None:
    expected = {no: offline_rows.as_row(record) for no, record in told.payments.items() if record.offline is not None}
    found = {str(row[0]): tuple(row) for row in connection.execute(_OFFLINE)}
    for payment_no in sorted(found.keys() | expected.keys()):
        if found.get(payment_no) != expected.get(payment_no):
            return payment_no
    proofs = {
        str(row[0]): (row[1], row[2]) for row in connection.execute("select order_no, paid, at_ms from offline_proof")
    }
    for order_no in sorted(proofs.keys() | told.proofs.keys()):
        if proofs.get(order_no) != told.proofs.get(order_no):
            return order_no
    state = {str(row[0]): str(row[1]) for row in connection.execute("select name, value from offline_state")}
    return None if state == offline_rows.state_rows(told.kit, told.standing) else "kit"


def _wrong_cash(connection: sqlite3.Connection, told: Story) -> str | None:
    version = connection.execute("pragma user_version").fetchone()[0]
    if version < CASH_SINCE:
        return None
    cash = {str(row[0]): tuple(row) for row in connection.execute(_CASH)}
    for payment_no in sorted(cash.keys() | told.cash.keys()):
        record = told.cash.get(payment_no)
        if record is None or cash.get(payment_no) != cash_rows.as_row(record):
            return payment_no
    return None


_ORDERS = f"select {', '.join(rows.ORDER_COLUMNS)} from orders"  # noqa: S608 - our own names
_CASH = f"select {', '.join(cash_rows.COLUMNS)} from cash"  # noqa: S608 - our own names
_REFUNDS = f"select {', '.join(refund_rows.COLUMNS)} from refund"  # noqa: S608 - our own names
_OFFLINE = f"select {', '.join(offline_rows.COLUMNS)} from offline_order"  # noqa: S608 - our own names
_STORE = f"select {', '.join(refund_rows.STORE_COLUMNS)} from store_paid"  # noqa: S608 - our own names
