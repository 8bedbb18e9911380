"""The ledger's rows: appended once per business key, in the transaction of the change that they follow from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from sqlalchemy import bindparam, func, insert, select

from gateway.ledger.entries import Entry
from gateway.store.tables_money import LEDGER_ENTRIES, LEDGER_LINES
from gateway.store.units import Tx

_E: Final = LEDGER_ENTRIES.c
_L: Final = LEDGER_LINES.c
_FIND: Final = select(_E.entry_id).where(_E.business_key == bindparam("k_key"))
_ADD: Final = insert(LEDGER_ENTRIES)
_ADD_LINES: Final = insert(LEDGER_LINES)
_BALANCES: Final = select(_L.account, func.sum(_L.amount_fen)).group_by(_L.account).order_by(_L.account)
_UNBALANCED: Final = select(_L.entry_id).group_by(_L.entry_id).having(func.sum(_L.amount_fen) != 0)
_OF_ORDER: Final = (
    select(_E.business_key, _L.account, _L.amount_fen)
    .join(LEDGER_LINES, _L.entry_id == _E.entry_id)
    .where(_E.out_trade_no == bindparam("k_out"))
    .order_by(_E.entry_id, _L.line)
)


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedLine:
    business_key: str
    account: str
    amount_fen: int


def book(tx: Tx, entries: Iterable[Entry], *, now_ms: int) -> None:
    """Books what is not booked yet. Two that book at once: the unique key lets one of them through."""
    for entry in entries:
        if tx.connection.execute(_FIND, {"k_key": entry.business_key}).first() is not None:
            continue
        row = {
            "business_key": entry.business_key,
            "kind": entry.kind.value,
            "merchant_id": entry.merchant_id,
            "out_trade_no": entry.out_trade_no,
            "at_ms": now_ms,
        }
        made = tx.connection.execute(_ADD, row).inserted_primary_key
        assert made is not None, "an inserted row has its key"
        lines = [
            {"entry_id": made[0], "line": number, "account": line.account, "amount_fen": line.amount_fen}
            for number, line in enumerate(entry.lines, start=1)
        ]
        tx.connection.execute(_ADD_LINES, lines)


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
