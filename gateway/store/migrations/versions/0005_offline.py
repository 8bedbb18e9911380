"""Offline orders with their proofs; terminals that are switched off, or stopped because there are two of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ID = ["terminal_id"]
_ID_REF = ["terminals.terminal_id"]


def upgrade() -> None:
    op.add_column("terminals", sa.Column("revoked_ms", sa.BigInteger()))
    op.add_column("terminals", sa.Column("frozen_ms", sa.BigInteger()))
    op.add_column("terminals", sa.Column("fence_epoch", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("activation_codes", sa.Column("terminal_id", sa.Text()))
    _orders()
    _proofs()
    _branches()


def _orders() -> None:
    op.create_table(
        "offline_keys",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(_ID, _ID_REF, name=op.f("fk_offline_keys_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "epoch", name=op.f("pk_offline_keys")),
    )
    op.create_table(
        "offline_orders",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("oseq", sa.BigInteger(), nullable=False),
        sa.Column("release", sa.Integer(), nullable=False),
        sa.Column("seen_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(_ID, _ID_REF, name=op.f("fk_offline_orders_terminal_id")),
        sa.UniqueConstraint("digest", name=op.f("uq_offline_orders_digest")),
        sa.PrimaryKeyConstraint("terminal_id", "order_no", name=op.f("pk_offline_orders")),
    )
    op.create_index("ix_offline_orders_oseq", "offline_orders", ["terminal_id", "epoch", "oseq"], unique=True)
    op.create_table(
        "offline_cancelled",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("oseq", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(_ID, _ID_REF, name=op.f("fk_offline_cancelled_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "epoch", "oseq", name=op.f("pk_offline_cancelled")),
    )


def _proofs() -> None:
    op.create_table(
        "offline_outcomes",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(_ID, _ID_REF, name=op.f("fk_offline_outcomes_terminal_id")),
        sa.UniqueConstraint(
            "terminal_id", "order_no", "type", name=op.f("uq_offline_outcomes_terminal_id_order_no_type")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "order_no", name=op.f("pk_offline_outcomes")),
    )
    op.create_table(
        "offline_proofs",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("type", sa.Integer(), nullable=False),
        sa.Column("kid", sa.Integer(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id", "order_no", "type"],
            ["offline_outcomes.terminal_id", "offline_outcomes.order_no", "offline_outcomes.type"],
            name=op.f("fk_offline_proofs_terminal_id_order_no_type"),
        ),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_offline_proofs")),
    )


def _branches() -> None:
    op.create_table(
        "journal_branches",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(_ID, _ID_REF, name=op.f("fk_journal_branches_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "epoch", "seq", name=op.f("pk_journal_branches")),
    )
