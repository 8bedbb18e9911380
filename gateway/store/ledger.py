"""The ledger's rows: appended once per business key, in the transaction of the change that they follow from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, text

from gateway.ledger.entries import Entry
from gateway.store.statements import Statement
from gateway.store.tables_money import LEDGER_ENTRIES, LEDGER_LINES
from gateway.store.units import Tx

_E: Final = LEDGER_ENTRIES.c
_L: Final = LEDGER_LINES.c
#: SQLite and PostgreSQL say it alike; SQLAlchemy has a construct for each of them only.
_ADD: Final = Statement(
    text(
        "INSERT INTO ledger_entries (business_key, kind, merchant_id, out_trade_no, at_ms)"
        " VALUES (:business_key, :kind, :merchant_id, :out_trade_no, :at_ms)"
        " ON CONFLICT (business_key) DO NOTHING RETURNING entry_id"
    )
)
_ADD_LINES: Final = Statement(insert(LEDGER_LINES))
_BALANCES: Final = select(_L.account, func.sum(_L.amount_fen)).group_by(_L.account).order_by(_L.account)
_UNBALANCED: Final = select(_L.entry_id).group_by(_L.entry_id).having(func.sum(_L.amount_fen) != 0)
_OF_ORDER: Final = (
    select(_E.business_key, _L.account, _L.amount_fen)
    .join(LEDGER_LINES, _L.entry_id == _E.entry_id)
    .where(_E.out_trade_no == bindparam("k_out"))
    .order_by(_E.entry_id, _L.line)
)


class BookedLine(Struct, frozen=True, kw_only=True):
    business_key: str
    account: str
    amount_fen: int


def book(tx: Tx, entries: Iterable[Entry], *, now_ms: int) -> None:
    """Books what is not booked yet: the unique key decides."""
    for entry in entries:
        row = {
            "business_key": entry.business_key,
            "kind": entry.kind.value,
            "merchant_id": entry.merchant_id,
            "out_trade_no": entry.out_trade_no,
            "at_ms": now_ms,
        }
        made = tx.row(_ADD, row)
        if made is None:
            continue
        lines = [
            {"entry_id": made[0], "line": number, "account": line.account, "amount_fen": line.amount_fen}
            for number, line in enumerate(entry.lines, start=1)
        ]
        tx.change_each(_ADD_LINES, lines)


def balances(tx: Tx) -> dict[str, int]:
    """Each account's balance in fen; debit is positive. They sum to zero."""
    return {account: int(total) for account, total in tx.connection.execute(_BALANCES)}


def unbalanced(tx: Tx) -> list[int]:
    """Entries whose lines do not sum to zero: there are none."""
    return [row[0] for row in tx.connection.execute(_UNBALANCED)]


def of_order(tx: Tx, out_trade_no: str) -> list[BookedLine]:
    """What was booked about one order, in order."""
    rows = tx.connection.execute(_OF_ORDER, {"k_out": out_trade_no})
    return [BookedLine(business_key=key, account=account, amount_fen=amount) for key, account, amount in rows]
