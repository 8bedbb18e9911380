"""Late money that a wallet called closed may come once more; what was given back of a paid payment is told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("channel_orders", sa.Column("late_closed_ms", sa.BigInteger()))
    op.add_column("channel_orders", sa.Column("late_again", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("payments", sa.Column("given_back_ms", sa.BigInteger()))
