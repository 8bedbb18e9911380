"""What one new entry does to the tables beside it, in the entry's own transaction."""

from __future__ import annotations

import sqlite3
from typing import assert_never

from sync.engine.cash_record import fold_cash
from sync.engine.record import fold
from sync.engine.refund_record import fold_refund
from sync.engine.statements import (
    AnyStatement,
    CancelIntended,
    CashReturned,
    CashTaken,
    CodeTried,
    KitStored,
    LateMoneySeen,
    LineLost,
    OfflineParked,
    OfflineShown,
    PaymentAcked,
    PaymentConflict,
    PaymentObserved,
    PaymentRefused,
    PaymentSettled,
    PaymentSilent,
    PaymentStarted,
    PaymentStatement,
    ProofTaken,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    StandingChanged,
    StatusShown,
    StorePaidHeard,
)
from sync.journal import cash_rows, offline_rows, refund_rows, rows


def apply(connection: sqlite3.Connection, statement: AnyStatement, *, at_ms: int) -> None:
    """Folds the statement into the rows of what it is about."""
    match statement:
        case CashTaken() | CashReturned():
            taken = cash_rows.find(connection, statement.payment_no)
            cash_rows.put(connection, fold_cash(taken, statement, at_ms=at_ms))
        case StorePaidHeard():
            refund_rows.put_store(connection, statement)
        case KitStored():
            offline_rows.put_kit(connection, statement, at_ms=at_ms)
        case StandingChanged():
            offline_rows.put_standing(connection, statement)
        case RefundStarted() | RefundObserved() | RefundRefused() | RefundSettled():
            _payment(connection, statement, at_ms)
            before = refund_rows.find(connection, statement.refund_no)
            refund_rows.put(connection, fold_refund(before, statement, at_ms=at_ms))
        case ProofTaken():
            offline_rows.put_proof(connection, statement, at_ms=at_ms)
            _payment(connection, statement, at_ms)
        case (
            PaymentStarted()
            | PaymentObserved()
            | PaymentSilent()
            | PaymentRefused()
            | CancelIntended()
            | PaymentSettled()
            | LateMoneySeen()
            | PaymentConflict()
            | PaymentAcked()
            | OfflineShown()
            | StatusShown()
            | OfflineParked()
            | CodeTried()
            | LineLost()
        ):
            _payment(connection, statement, at_ms)
        case _:
            assert_never(statement)


def _payment(connection: sqlite3.Connection, statement: PaymentStatement, at_ms: int) -> None:
    before = rows.find(connection, statement.payment_no)
    record = fold(before, statement, at_ms=at_ms)
    rows.put(connection, record)
    offline_rows.put(connection, record)
