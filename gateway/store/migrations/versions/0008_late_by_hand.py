"""Late money that a person gave back by other means than its wallet."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("channel_orders", sa.Column("late_by_hand", sa.Integer(), nullable=False, server_default="0"))
