"""Restored backups: each time one was noticed, and the identity by which the file beside the database knows it.

Times are Unix ms.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, CheckConstraint, Column, Integer, Table, Text

from gateway.store.tables import METADATA

#: `looked_ms`: a person saw to what was in question, and said so; until then our own rows prove nothing about it.
RESTORATIONS: Final = Table(
    "restorations",
    METADATA,
    Column("restoration_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("found_ms", BigInteger, nullable=False),
    Column("how", Text, nullable=False),
    Column("looked_ms", BigInteger),
    Column("looked_by", Text),
    Column("reason", Text),
)

#: One row once an anchor (gateway/store/anchor.py) was thought of; `begun`: once its file was there.
STORE_PLACE: Final = Table(
    "store_place",
    METADATA,
    Column("one", Integer, primary_key=True, autoincrement=False),
    Column("identity", Text, nullable=False),
    Column("begun", Integer, nullable=False, server_default="0"),
    CheckConstraint("one = 1", name="one"),
)

__all__ = ["RESTORATIONS", "STORE_PLACE"]
