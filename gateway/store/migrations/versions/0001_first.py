"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "alarms",
        sa.Column("alarm_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("about", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("raised_ms", sa.BigInteger(), nullable=False),
        sa.Column("closed_ms", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("alarm_id", name=op.f("pk_alarms")),
    )
    op.create_index(
        "ix_alarms_open",
        "alarms",
        ["kind", "about"],
        unique=True,
        sqlite_where=sa.text("closed_ms IS NULL"),
        postgresql_where=sa.text("closed_ms IS NULL"),
    )
    op.create_table(
        "auth_code_marks",
        sa.Column("mark", sa.LargeBinary(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("mark", name=op.f("pk_auth_code_marks")),
    )
    op.create_index("ix_auth_code_marks_at", "auth_code_marks", ["at_ms"], unique=False)
    op.create_table(
        "merchants",
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("merchant_id", name=op.f("pk_merchants")),
    )
    op.create_table(
        "nonces",
        sa.Column("keyid", sa.Text(), nullable=False),
        sa.Column("nonce", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("keyid", "nonce", name=op.f("pk_nonces")),
    )
    op.create_index("ix_nonces_at", "nonces", ["at_ms"], unique=False)
    op.create_table(
        "channel_accounts",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("shown_default", sa.Integer(), nullable=False),
        sa.Column("settings", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_channel_accounts_merchant_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_channel_accounts")),
    )
    op.create_table(
        "stores",
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("time_zone", sa.Text(), server_default="Asia/Shanghai", nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_stores_merchant_id")),
        sa.PrimaryKeyConstraint("store_id", name=op.f("pk_stores")),
    )
    op.create_table(
        "activation_codes",
        sa.Column("code_digest", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("uses_left", sa.Integer(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("uses_left >= 0", name=op.f("ck_activation_codes_uses_left")),
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_activation_codes_store_id")),
        sa.PrimaryKeyConstraint("code_digest", name=op.f("pk_activation_codes")),
    )
    op.create_table(
        "terminals",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("activated_ms", sa.BigInteger(), nullable=False),
        sa.Column("journal_seq", sa.BigInteger(), nullable=False),
        sa.Column("journal_head", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_terminals_store_id")),
        sa.PrimaryKeyConstraint("terminal_id", name=op.f("pk_terminals")),
        sa.UniqueConstraint("public_key", name=op.f("uq_terminals_public_key")),
    )
    op.create_table(
        "activations",
        sa.Column("code_digest", sa.Text(), nullable=False),
        sa.Column("public_key", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["code_digest"], ["activation_codes.code_digest"], name=op.f("fk_activations_code_digest")
        ),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_activations_terminal_id")),
        sa.PrimaryKeyConstraint("code_digest", "public_key", name=op.f("pk_activations")),
    )
    op.create_table(
        "journal_entries",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_journal_entries_terminal_id")
        ),
        sa.PrimaryKeyConstraint("terminal_id", "seq", name=op.f("pk_journal_entries")),
    )
    op.create_table(
        "payments",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("sale_id", sa.Text(), nullable=True),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("presented", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("proof_kind", sa.Text(), nullable=True),
        sa.Column("proof_said_by", sa.Text(), nullable=True),
        sa.Column("settled_ms", sa.BigInteger(), nullable=True),
        sa.Column("cancel_requested_ms", sa.BigInteger(), nullable=True),
        sa.Column("amber", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("channel", sa.Text(), nullable=True),
        sa.Column("out_trade_no", sa.Text(), nullable=True),
        sa.Column("payer_prompted", sa.Integer(), nullable=False),
        sa.Column("qr", sa.Text(), nullable=True),
        sa.Column("qr_expires_ms", sa.BigInteger(), nullable=True),
        sa.Column("transaction_id", sa.Text(), nullable=True),
        sa.Column("paid_at_ms", sa.BigInteger(), nullable=True),
        sa.Column("acked_seq", sa.BigInteger(), nullable=True),
        sa.Column("late_state", sa.Text(), nullable=True),
        sa.Column("late_found_ms", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("(state = 'NOT_PAID') = (proof_kind IS NOT NULL)", name=op.f("ck_payments_proof")),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_payments_amount")),
        sa.CheckConstraint("n >= 1", name=op.f("ck_payments_n")),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.account_id"], name=op.f("fk_payments_account_id")),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_payments_terminal_id")),
        sa.PrimaryKeyConstraint("terminal_id", "order_no", "n", name=op.f("pk_payments")),
    )
    op.create_index(
        "ix_payments_live",
        "payments",
        ["terminal_id", "order_no"],
        unique=True,
        sqlite_where=sa.text("state NOT IN ('PAID', 'NOT_PAID')"),
        postgresql_where=sa.text("state NOT IN ('PAID', 'NOT_PAID')"),
    )
    op.create_index(
        "ix_payments_taken",
        "payments",
        ["terminal_id", "order_no"],
        unique=True,
        sqlite_where=sa.text("state <> 'NOT_PAID'"),
        postgresql_where=sa.text("state <> 'NOT_PAID'"),
    )
    op.create_table(
        "acks",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("state_seq", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id", "order_no", "n"],
            ["payments.terminal_id", "payments.order_no", "payments.n"],
            name=op.f("fk_acks_terminal_id_order_no_n"),
        ),
        sa.PrimaryKeyConstraint("terminal_id", "order_no", "n", "state_seq", name=op.f("pk_acks")),
    )
    op.create_table(
        "channel_orders",
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger(), nullable=False),
        sa.Column("deadline_ms", sa.BigInteger(), nullable=False),
        sa.Column("open_calls", sa.Integer(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("call_closed_ms", sa.BigInteger(), nullable=True),
        sa.Column("asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("unsettled_asks", sa.Integer(), nullable=False),
        sa.Column("reverse_sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("undo_tries", sa.Integer(), nullable=False),
        sa.Column("undo_sent_ms", sa.BigInteger(), nullable=True),
        sa.Column("undo_heard", sa.Text(), nullable=False),
        sa.Column("certain_undo_ms", sa.BigInteger(), nullable=True),
        sa.Column("undo_asked_ms", sa.BigInteger(), nullable=True),
        sa.Column("undo_found", sa.Text(), nullable=False),
        sa.Column("absent_since_ms", sa.BigInteger(), nullable=True),
        sa.Column("watch_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["channel_accounts.account_id"], name=op.f("fk_channel_orders_account_id")
        ),
        sa.ForeignKeyConstraint(
            ["terminal_id", "order_no", "n"],
            ["payments.terminal_id", "payments.order_no", "payments.n"],
            name=op.f("fk_channel_orders_terminal_id_order_no_n"),
        ),
        sa.PrimaryKeyConstraint("out_trade_no", name=op.f("pk_channel_orders")),
    )
    op.create_index("ix_channel_orders_order", "channel_orders", ["order_no"], unique=False)
    op.create_table(
        "payment_events",
        sa.Column("event_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True, nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("said_by", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["terminal_id", "order_no", "n"],
            ["payments.terminal_id", "payments.order_no", "payments.n"],
            name=op.f("fk_payment_events_terminal_id_order_no_n"),
        ),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_payment_events")),
    )
    op.create_index("ix_payment_events_payment", "payment_events", ["terminal_id", "order_no", "n"], unique=False)
    op.create_table(
        "tasks",
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["terminal_id", "order_no", "n"],
            ["payments.terminal_id", "payments.order_no", "payments.n"],
            name=op.f("fk_tasks_terminal_id_order_no_n"),
        ),
        sa.PrimaryKeyConstraint("terminal_id", "order_no", "n", "kind", name=op.f("pk_tasks")),
    )
    op.create_index("ix_tasks_due", "tasks", ["due_ms"], unique=False)
