"""The wallets' daily bills: which are wanted and what became of each, their files as they came, and the lines in them.

A file is kept once, by its hash, deflated and sealed (gateway/store/sealing.py): it names payers. Times are Unix ms,
amounts fen, fees millifen (0.001 fen).
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from gateway.store.tables import METADATA

#: `size`: of the file as it came. `sealed`: its content.
BILL_FILES: Final = Table(
    "bill_files",
    METADATA,
    Column("sha256", Text, primary_key=True),
    Column("size", BigInteger, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
)

#: One row for each account, kind and Beijing day. `sha256`: the latest file, believed or not.
BILLS: Final = Table(
    "bills",
    METADATA,
    Column("account_id", Text, ForeignKey("channel_accounts.account_id"), nullable=False),
    Column("kind", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("asked_ms", BigInteger),
    Column("kept_ms", BigInteger),
    Column("sha256", Text, ForeignKey("bill_files.sha256")),
    Column("size", BigInteger, nullable=False),
    Column("lines", Integer, nullable=False),
    PrimaryKeyConstraint("account_id", "kind", "day"),
    Index("ix_bills_day", "day"),
)

#: What a believed bill says, in one form for all wallets (gateway/bills/line.py).
STATEMENT_LINES: Final = Table(
    "statement_lines",
    METADATA,
    Column("account_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("day", Text, nullable=False),
    Column("line", Integer, nullable=False),
    Column("what", Text, nullable=False),
    Column("out_trade_no", Text, nullable=False),
    Column("refund_no", Text),
    Column("transaction_id", Text, nullable=False),
    Column("channel_refund_id", Text),
    Column("amount_fen", BigInteger, nullable=False),
    Column("fee_millifen", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("sha256", Text, nullable=False),
    PrimaryKeyConstraint("account_id", "kind", "day", "line"),
    ForeignKeyConstraint(["account_id", "kind", "day"], ["bills.account_id", "bills.kind", "bills.day"]),
    Index("ix_statement_lines_order", "out_trade_no"),
)
