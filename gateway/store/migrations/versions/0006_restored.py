"""What a restored backup leaves open: when it was noticed, who looked at it, and what its rows do not tell."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("terminals", sa.Column("lost_through", sa.BigInteger()))
    op.add_column("payments", sa.Column("in_question", sa.Integer(), nullable=False, server_default="0"))
    op.create_table(
        "restorations",
        sa.Column(
            "restoration_id",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            nullable=False,
            autoincrement=True,
        ),
        sa.Column("found_ms", sa.BigInteger(), nullable=False),
        sa.Column("how", sa.Text(), nullable=False),
        sa.Column("looked_ms", sa.BigInteger()),
        sa.Column("looked_by", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.PrimaryKeyConstraint("restoration_id", name=op.f("pk_restorations")),
    )
    op.create_table(
        "store_place",
        sa.Column("one", sa.Integer(), nullable=False),
        sa.Column("identity", sa.Text(), nullable=False),
        sa.Column("begun", sa.Integer(), nullable=False, server_default="0"),
        sa.PrimaryKeyConstraint("one", name=op.f("pk_store_place")),
        sa.CheckConstraint("one = 1", name=op.f("ck_store_place_one")),
    )
