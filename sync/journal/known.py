"""The part of the journal that the engine is told from: payments, refunds, cash and offline orders read back as values.
Reads only; connection and errors are the journal's own."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sync.journal import cash_rows, offline_rows, refund_rows, rows
from sync.journal.connection import trouble

if TYPE_CHECKING:
    from protocol.reasons import Reason
    from sync.engine.cash_record import CashRecord
    from sync.engine.offline_record import OfflineBook
    from sync.engine.record import PaymentRecord
    from sync.engine.refund_record import RefundRecord


class Known:
    """What `Journal` adds to itself."""

    _db: sqlite3.Connection

    def _rows(self, statement: str, values: Sequence[object]) -> list[Any]:
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error as error:
            raise trouble(error) from error

    def unfinished(self, *, settled_since_ms: int) -> tuple[PaymentRecord, ...]:
        """What a start of the program must take up: open, unacknowledged, given up since then (late money; an offline
        order that was paid all the same), or with a refund that is open."""
        where = (
            "state not in ('PAID', 'NOT_PAID') or ack_due_seq > acked_seq or late_money = 'found' "
            "or payment_no in (select payment_no from offline_order where confirmation_owed = 1) "
            "or (settled_at_ms >= ? and (state = 'NOT_PAID' or late_money is null and payment_no in "
            "(select payment_no from offline_order where cancelled = 1 and status = 0))) "
            "or payment_no in (select payment_no from refund where state not in ('DONE', 'FAILED'))"
        )
        return tuple(self._records(where, (settled_since_ms,)))

    def last_of_order(self, order_no: str) -> PaymentRecord | None:
        found = self._records("order_no = ? order by n desc limit 1", (order_no,))
        return found[0] if found else None

    def payment(self, payment_no: str) -> PaymentRecord | None:
        found = self._records("payment_no = ?", (payment_no,))
        return found[0] if found else None

    def refund(self, refund_no: str) -> RefundRecord | None:
        try:
            return refund_rows.find(self._db, refund_no)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def open_refunds(self) -> tuple[RefundRecord, ...]:
        """Refunds whose outcome is not known, oldest first."""
        try:
            found = refund_rows.select(self._db, "state not in ('DONE', 'FAILED') order by started_at_ms, refund_no")
        except sqlite3.Error as error:
            raise trouble(error) from error
        return tuple(found)

    def store_seen(self) -> int:
        """The highest sequence number of the store's static QR that is in this journal."""
        return int(self._rows("select coalesce(max(seq), 0) from store_paid", ())[0][0])

    def of_sale(self, sale_id: str) -> tuple[PaymentRecord, ...]:
        """Every wallet payment of one sale."""
        return tuple(self._records("sale_id = ? order by started_at_ms, payment_no", (sale_id,)))

    def cash(self, payment_no: str) -> CashRecord | None:
        try:
            return cash_rows.find(self._db, payment_no)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def cash_covers(self, sale_id: str) -> bool:
        """Whether cash that was not given back is there for the sale."""
        try:
            return cash_rows.covers(self._db, sale_id)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def cash_offline_fen(self, *, since_ms: int) -> int:
        """Cash taken while the gateway could not be reached, since then, and not given back."""
        try:
            return cash_rows.offline_fen(self._db, since_ms=since_ms)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def offline_book(self, *, epoch: int, since_ms: int) -> OfflineBook:
        """What the next offline order, proof or typed code must know."""
        try:
            return offline_rows.book(self._db, epoch=epoch, since_ms=since_ms)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def standing(self) -> Reason | None:
        """Why the gateway takes no new payment of this terminal, as far as it said."""
        try:
            return offline_rows.standing_of(self._db)
        except sqlite3.Error as error:
            raise trouble(error) from error

    def shown_of_order(self, order_no: str) -> tuple[PaymentRecord, ...]:
        """The order's payments that were shown as an ORDER."""
        try:
            return tuple(offline_rows.shown_of_order(self._db, order_no))
        except sqlite3.Error as error:
            raise trouble(error) from error

    def _records(self, where: str, values: Sequence[object]) -> list[PaymentRecord]:
        try:
            return rows.select(self._db, where, values)
        except sqlite3.Error as error:
            raise trouble(error) from error
