"""Cash that the tills' journals tell of. It is no money of ours: it decides where late wallet money goes."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, PrimaryKeyConstraint, Table, Text

from gateway.store.tables import METADATA

#: One row per tender; `returned_ms`: it was given back and covers its sale no more. Times are when we heard of it.
CASH_TENDERS: Final = Table(
    "cash_tenders",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("payment_no", Text, nullable=False),
    Column("sale_id", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("heard_ms", BigInteger, nullable=False),
    Column("returned_ms", BigInteger),
    PrimaryKeyConstraint("terminal_id", "payment_no"),
    Index("ix_cash_tenders_sale", "terminal_id", "sale_id"),
)
