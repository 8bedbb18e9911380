"""Offline orders as the gateway saw them, their proofs, the tills' order keys, and branches of a journal that lost.

An ORDER's text is not kept: its fields and its digest are. Times are Unix ms, amounts fen.
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
    UniqueConstraint,
)

from gateway.store.tables import METADATA

#: The key that signs a till's ORDERs: one in an epoch.
OFFLINE_KEYS: Final = Table(
    "offline_keys",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("public_key", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "epoch"),
)

#: A PAY order, from its first sight on: one content under a number, one number under a counter.
OFFLINE_ORDERS: Final = Table(
    "offline_orders",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("order_no", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("oseq", BigInteger, nullable=False),
    Column("release", Integer, nullable=False),
    Column("seen_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "order_no"),
    UniqueConstraint("digest"),
    Index("ix_offline_orders_oseq", "terminal_id", "epoch", "oseq", unique=True),
)

#: What tills said they cancelled, by their counter: also of orders that nobody has shown here yet.
OFFLINE_CANCELLED: Final = Table(
    "offline_cancelled",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("oseq", BigInteger, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "epoch", "oseq"),
)

#: How an order was proven to have ended: PAID or CLOSED, once for ever. A proof must agree with it.
OFFLINE_OUTCOMES: Final = Table(
    "offline_outcomes",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("order_no", Text, nullable=False),
    Column("type", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "order_no"),
    UniqueConstraint("terminal_id", "order_no", "type"),
)

#: Each proof's bytes, by the ORDER that it speaks of: an order that is asked about twice has two.
OFFLINE_PROOFS: Final = Table(
    "offline_proofs",
    METADATA,
    Column("digest", Text, primary_key=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("type", Integer, nullable=False),
    Column("kid", Integer, nullable=False),
    Column("raw", LargeBinary, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(
        ["terminal_id", "order_no", "type"],
        ["offline_outcomes.terminal_id", "offline_outcomes.order_no", "offline_outcomes.type"],
    ),
)

#: Entries that were here when a frozen terminal was activated again: the till that goes on delivers its own anew.
JOURNAL_BRANCHES: Final = Table(
    "journal_branches",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "epoch", "seq"),
)
