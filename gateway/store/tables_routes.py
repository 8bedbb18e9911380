"""What the owner says about routing, and every decision with its facts and reasons. JSON columns hold the values of
`gateway.routing`; nothing about a payer is in them. Times are Unix ms, amounts fen.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from gateway.store.tables import METADATA

ROUTE_RULES: Final = Table(
    "route_rules",
    METADATA,
    Column("route_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("body", Text, nullable=False),
)

#: Costs and service hours of an account. No row: none were said.
ACCOUNT_TERMS: Final = Table(
    "account_terms",
    METADATA,
    Column("account_id", Text, ForeignKey("channel_accounts.account_id"), primary_key=True),
    Column("body", Text, nullable=False),
)

#: One for each channel order, made in its transaction: the key says that no order is ever routed twice.
ROUTE_DECISIONS: Final = Table(
    "route_decisions",
    METADATA,
    Column("out_trade_no", Text, ForeignKey("channel_orders.out_trade_no"), primary_key=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("account_id", Text, nullable=False),
    Column("cost_fen", BigInteger, nullable=False),
    Column("facts", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Index("ix_route_decisions_at", "at_ms"),
)
