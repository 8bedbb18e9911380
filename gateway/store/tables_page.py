"""The cashier page's tokens, what static QRs took, and the notifications that channels sent.

A notification's body is kept sealed (gateway/store/sealing.py): it may name a payer. Times are Unix ms.
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
    Table,
    Text,
    text,
)

from gateway.store.tables import METADATA

#: What `/q/{token}` shows: one payment, or a store's static QR (then the payment's columns are NULL).
PAGE_TOKENS: Final = Table(
    "page_tokens",
    METADATA,
    Column("token", Text, primary_key=True),
    Column("store_id", Text, ForeignKey("stores.store_id"), nullable=False),
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("order_no", Text),
    Column("n", Integer),
    Column("created_ms", BigInteger, nullable=False),
    Column("revoked_ms", BigInteger),
    ForeignKeyConstraint(["terminal_id", "order_no", "n"], ["payments.terminal_id", "payments.order_no", "payments.n"]),
    Index("ix_page_tokens_payment", "terminal_id", "order_no", "n"),
)

#: Payments that a static QR took, in the order in which they were paid: what the store's tills ring for.
STATIC_PAID: Final = Table(
    "static_paid",
    METADATA,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("store_id", Text, ForeignKey("stores.store_id"), nullable=False),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    ForeignKeyConstraint(["terminal_id", "order_no", "n"], ["payments.terminal_id", "payments.order_no", "payments.n"]),
    Index("ix_static_paid_payment", "terminal_id", "order_no", "n", unique=True),
    Index("ix_static_paid_store", "store_id", "seq"),
)

#: The outcome of a notification that was applied: once for each event.
ACCEPTED: Final = "accepted"
_ONCE: Final = text(f"outcome = '{ACCEPTED}'")

#: Every notification as it came, before it was answered. `outcome` says what it was found to be.
CALLBACKS: Final = Table(
    "callbacks",
    METADATA,
    Column("callback_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("account_id", Text, nullable=False),
    Column("channel", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    Column("remote", Text, nullable=False),
    Column("sealed", LargeBinary, nullable=False),
    Column("size", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("event_id", Text),
    Column("out_trade_no", Text),
    Column("processed_ms", BigInteger),
    Index("ix_callbacks_received", "received_ms"),
    Index("ix_callbacks_order", "out_trade_no"),
    Index("ix_callbacks_once", "account_id", "event_id", unique=True, sqlite_where=_ONCE, postgresql_where=_ONCE),
)
