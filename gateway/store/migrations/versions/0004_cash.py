"""Cash from the tills' journals, and journal entries whose content stays at the till."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.add_column("journal_entries", sa.Column("withheld", sa.Text()))
    op.create_table(
        "cash_tenders",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("payment_no", sa.Text(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("heard_ms", sa.BigInteger(), nullable=False),
        sa.Column("returned_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_cash_tenders_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "payment_no", name=op.f("pk_cash_tenders")),
    )
    op.create_index("ix_cash_tenders_sale", "cash_tenders", ["terminal_id", "sale_id"])
