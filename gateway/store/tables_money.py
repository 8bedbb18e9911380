"""Refunds, what of a paid order may still be refunded, and the ledger.

Guards are constraints: a refund is reserved by a CHECK over one row, a ledger entry is booked once by its business key,
and its rows are neither changed nor removed (triggers of the migration). Times are Unix ms, amounts fen.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    PrimaryKeyConstraint,
    Table,
    Text,
)

from gateway.store.tables import METADATA

#: One row per order that a channel verifiably took money for. `reserved_fen`: refunds that were accepted, whatever
#: became of them, less those that failed for good.
REFUND_ROOM: Final = Table(
    "refund_room",
    METADATA,
    Column("out_trade_no", Text, ForeignKey("channel_orders.out_trade_no"), primary_key=True),
    Column("captured_fen", BigInteger, nullable=False),
    Column("reserved_fen", BigInteger, nullable=False),
    CheckConstraint("captured_fen > 0", name="captured"),
    CheckConstraint("reserved_fen >= 0 AND reserved_fen <= captured_fen", name="reserved"),
)

#: `cause`: `till` asked for it, `undo` of a payment that was given up, `late` money, `accepted` never comes here.
REFUNDS: Final = Table(
    "refunds",
    METADATA,
    Column("refund_no", Text, primary_key=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("out_trade_no", Text, ForeignKey("channel_orders.out_trade_no"), nullable=False),
    Column("account_id", Text, ForeignKey("channel_accounts.account_id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("cause", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("note", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_seq", BigInteger, nullable=False),
    Column("reason", Text),
    Column("code", Text),
    Column("created_ms", BigInteger, nullable=False),
    Column("settled_ms", BigInteger),
    Column("channel_refund_id", Text),
    Column("tries", Integer, nullable=False),
    Column("sent_ms", BigInteger),
    Column("heard", Text, nullable=False),
    Column("asked_ms", BigInteger),
    Column("asks", Integer, nullable=False),
    CheckConstraint("amount_fen > 0", name="amount"),
    ForeignKeyConstraint(["terminal_id", "order_no", "n"], ["payments.terminal_id", "payments.order_no", "payments.n"]),
    Index("ix_refunds_order", "out_trade_no"),
    Index("ix_refunds_payment", "terminal_id", "order_no", "n"),
)

#: One double-entry booking. `business_key` says what it is about, so that nothing is booked twice.
LEDGER_ENTRIES: Final = Table(
    "ledger_entries",
    METADATA,
    Column("entry_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("business_key", Text, nullable=False, unique=True),
    Column("kind", Text, nullable=False),
    Column("merchant_id", Text, nullable=False),
    Column("out_trade_no", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_ledger_entries_order", "out_trade_no"),
)

#: Lines of a booking: debit positive, credit negative; the lines of one entry sum to zero.
LEDGER_LINES: Final = Table(
    "ledger_lines",
    METADATA,
    Column(
        "entry_id", BigInteger().with_variant(Integer, "sqlite"), ForeignKey("ledger_entries.entry_id"), nullable=False
    ),
    Column("line", Integer, nullable=False),
    Column("account", Text, nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    PrimaryKeyConstraint("entry_id", "line"),
    CheckConstraint("amount_fen <> 0", name="amount"),
    Index("ix_ledger_lines_account", "account"),
)
