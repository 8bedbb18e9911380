"""Cash by sale, as the tills' journals tell of it. Idempotent by the tender's number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, insert, select, update

from gateway.payments.values import Payment
from gateway.store.statements import Statement
from gateway.store.tables_cash import CASH_TENDERS
from gateway.store.units import Tx
from protocol.cash import CashEntry

_C: Final = CASH_TENDERS.c
_THIS: Final = (_C.terminal_id == bindparam("k_terminal"), _C.payment_no == bindparam("k_payment"))
_KNOWN: Final = select(_C.payment_no).where(
    _C.terminal_id == bindparam("k_terminal"), _C.payment_no.in_(bindparam("k_payments", expanding=True))
)
_INSERT: Final = insert(CASH_TENDERS)
_RETURN: Final = Statement(
    update(CASH_TENDERS).where(*_THIS, _C.returned_ms.is_(None)).values(returned_ms=bindparam("v_now"))
)
_COVERS: Final = Statement(
    select(_C.payment_no)
    .where(_C.terminal_id == bindparam("k_terminal"), _C.sale_id == bindparam("k_sale"), _C.returned_ms.is_(None))
    .limit(1)
)


def taken(tx: Tx, terminal_id: str, tenders: Sequence[CashEntry], *, now_ms: int) -> None:
    """Keeps those that are new; the first word about a number stays."""
    wanted = {tender.payment_no: tender for tender in reversed(tenders)}
    if not wanted:
        return
    asked = {"k_terminal": terminal_id, "k_payments": sorted(wanted)}
    for known in tx.connection.execute(_KNOWN, asked).scalars():
        del wanted[known]
    rows = [
        {
            "terminal_id": terminal_id,
            "payment_no": tender.payment_no,
            "sale_id": tender.sale_id,
            "amount_fen": tender.amount_fen,
            "heard_ms": now_ms,
        }
        for tender in wanted.values()
    ]
    if rows:
        tx.connection.execute(_INSERT, rows)


def returned(tx: Tx, terminal_id: str, tender: CashEntry, *, now_ms: int) -> None:
    values = {"k_terminal": terminal_id, "k_payment": tender.payment_no, "v_now": now_ms}
    tx.change(_RETURN, values)


def covers(tx: Tx, payment: Payment) -> bool:
    """Whether cash that was not given back is there for the sale of this payment."""
    if payment.sale_id is None:
        return False
    values = {"k_terminal": payment.key.terminal_id, "k_sale": payment.sale_id}
    return tx.row(_COVERS, values) is not None
