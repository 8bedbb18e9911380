"""Three wallets: several channel orders of a payment, refunds, ledger, pages, notifications; tasks name anything."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PAYMENT = ["terminal_id", "order_no", "n"]
_PAYMENT_REF = ["payments.terminal_id", "payments.order_no", "payments.n"]
_LIVE = sa.text("ended_kind IS NULL")
_ONCE = sa.text("outcome = 'accepted'")


def upgrade() -> None:
    op.add_column("merchants", sa.Column("late_money", sa.Text(), nullable=False, server_default="refund"))
    op.add_column("payments", sa.Column("page", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_payments_sale", "payments", ["terminal_id", "sale_id"])
    _channel_orders()
    _tasks()
    _refunds()
    _ledger()
    _pages()
    _bills()
    _routes()


def _channel_orders() -> None:
    for column in (
        sa.Column("kind", sa.Text(), nullable=False, server_default="code"),
        sa.Column("channel", sa.Text(), nullable=False, server_default=""),
        sa.Column("payer_mark", sa.Text()),
        sa.Column("release_ms", sa.BigInteger()),
        sa.Column("ended_kind", sa.Text()),
        sa.Column("ended_said_by", sa.Text()),
        sa.Column("ended_ms", sa.BigInteger()),
        sa.Column("failed", sa.Text()),
        sa.Column("paid_seen", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("transaction_id", sa.Text()),
        sa.Column("paid_at_ms", sa.BigInteger()),
        sa.Column("late_state", sa.Text()),
        sa.Column("late_found_ms", sa.BigInteger()),
    ):
        op.add_column("channel_orders", column)
    # Until now each payment had one order: what is known of the payment is known of it.
    op.execute(
        "UPDATE channel_orders SET (kind, channel, ended_kind, ended_said_by, ended_ms, transaction_id, paid_at_ms, "
        "late_state, late_found_ms) = (SELECT CASE p.presented WHEN 'customer' THEN 'code' ELSE 'qr' END, "
        "coalesce(p.channel, ''), p.proof_kind, p.proof_said_by, "
        "CASE WHEN p.proof_kind IS NULL THEN NULL ELSE p.settled_ms END, p.transaction_id, p.paid_at_ms, "
        "p.late_state, p.late_found_ms FROM payments p WHERE p.terminal_id = channel_orders.terminal_id "
        "AND p.order_no = channel_orders.order_no AND p.n = channel_orders.n)"
    )
    op.create_index(
        "ix_channel_orders_live", "channel_orders", _PAYMENT, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE
    )


def _tasks() -> None:
    op.create_table(
        "tasks_new",
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("due_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_until_ms", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text()),
        sa.Column("account_id", sa.Text()),
        sa.PrimaryKeyConstraint("kind", "ref", name=op.f("pk_tasks")),
    )
    op.execute(
        "INSERT INTO tasks_new (kind, ref, due_ms, lease_until_ms, account_id) "
        "SELECT t.kind, CASE t.kind WHEN 'work' THEN (SELECT o.out_trade_no FROM channel_orders o "
        "WHERE o.terminal_id = t.terminal_id AND o.order_no = t.order_no AND o.n = t.n) "
        "ELSE t.terminal_id || ':' || t.order_no || '-' || t.n END, t.due_ms, 0, t.account_id FROM tasks t"
    )
    op.drop_table("tasks")
    op.rename_table("tasks_new", "tasks")
    op.create_index("ix_tasks_due", "tasks", ["due_ms"])


def _refunds() -> None:
    op.create_table(
        "refund_room",
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("captured_fen", sa.BigInteger(), nullable=False),
        sa.Column("reserved_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("captured_fen > 0", name=op.f("ck_refund_room_captured")),
        sa.CheckConstraint("reserved_fen >= 0 AND reserved_fen <= captured_fen", name=op.f("ck_refund_room_reserved")),
        sa.ForeignKeyConstraint(
            ["out_trade_no"], ["channel_orders.out_trade_no"], name=op.f("fk_refund_room_out_trade_no")
        ),
        sa.PrimaryKeyConstraint("out_trade_no", name=op.f("pk_refund_room")),
    )
    op.execute(
        "INSERT INTO refund_room (out_trade_no, captured_fen, reserved_fen) "
        "SELECT o.out_trade_no, o.amount_fen, 0 FROM channel_orders o JOIN payments p ON p.terminal_id = o.terminal_id "
        "AND p.order_no = o.order_no AND p.n = o.n WHERE p.state = 'PAID'"
    )
    op.create_table(
        "refunds",
        sa.Column("refund_no", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("operator", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("state_seq", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("code", sa.Text()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("settled_ms", sa.BigInteger()),
        sa.Column("channel_refund_id", sa.Text()),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("sent_ms", sa.BigInteger()),
        sa.Column("heard", sa.Text(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger()),
        sa.Column("asks", sa.Integer(), nullable=False),
        sa.CheckConstraint("amount_fen > 0", name=op.f("ck_refunds_amount")),
        sa.ForeignKeyConstraint(
            ["out_trade_no"], ["channel_orders.out_trade_no"], name=op.f("fk_refunds_out_trade_no")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.account_id"], name=op.f("fk_refunds_account_id")),
        sa.ForeignKeyConstraint(_PAYMENT, _PAYMENT_REF, name=op.f("fk_refunds_terminal_id_order_no_n")),
        sa.PrimaryKeyConstraint("refund_no", name=op.f("pk_refunds")),
    )
    op.create_index("ix_refunds_order", "refunds", ["out_trade_no"])
    op.create_index("ix_refunds_payment", "refunds", _PAYMENT)


def _ledger() -> None:
    op.create_table(
        "ledger_entries",
        sa.Column("entry_id", _ID, autoincrement=True, nullable=False),
        sa.Column("business_key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_ledger_entries")),
        sa.UniqueConstraint("business_key", name=op.f("uq_ledger_entries_business_key")),
    )
    op.create_index("ix_ledger_entries_order", "ledger_entries", ["out_trade_no"])
    op.create_table(
        "ledger_lines",
        sa.Column("entry_id", _ID, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_fen <> 0", name=op.f("ck_ledger_lines_amount")),
        sa.ForeignKeyConstraint(["entry_id"], ["ledger_entries.entry_id"], name=op.f("fk_ledger_lines_entry_id")),
        sa.PrimaryKeyConstraint("entry_id", "line", name=op.f("pk_ledger_lines")),
    )
    op.create_index("ix_ledger_lines_account", "ledger_lines", ["account"])
    if op.get_bind().dialect.name == "sqlite":
        for table in ("ledger_entries", "ledger_lines"):
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    "BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
                )


def _pages() -> None:
    op.create_table(
        "page_tokens",
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text()),
        sa.Column("n", sa.Integer()),
        sa.Column("created_ms", sa.BigInteger(), nullable=False),
        sa.Column("revoked_ms", sa.BigInteger()),
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_page_tokens_store_id")),
        sa.ForeignKeyConstraint(["terminal_id"], ["terminals.terminal_id"], name=op.f("fk_page_tokens_terminal_id")),
        sa.ForeignKeyConstraint(_PAYMENT, _PAYMENT_REF, name=op.f("fk_page_tokens_terminal_id_order_no_n")),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_page_tokens")),
    )
    op.create_index("ix_page_tokens_payment", "page_tokens", _PAYMENT)
    op.create_table(
        "static_paid",
        sa.Column("seq", _ID, autoincrement=True, nullable=False),
        sa.Column("store_id", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["store_id"], ["stores.store_id"], name=op.f("fk_static_paid_store_id")),
        sa.ForeignKeyConstraint(_PAYMENT, _PAYMENT_REF, name=op.f("fk_static_paid_terminal_id_order_no_n")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_static_paid")),
    )
    op.create_index("ix_static_paid_payment", "static_paid", _PAYMENT, unique=True)
    op.create_index("ix_static_paid_store", "static_paid", ["store_id", "seq"])
    op.create_table(
        "callbacks",
        sa.Column("callback_id", _ID, autoincrement=True, nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("remote", sa.Text(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text()),
        sa.Column("out_trade_no", sa.Text()),
        sa.Column("processed_ms", sa.BigInteger()),
        sa.PrimaryKeyConstraint("callback_id", name=op.f("pk_callbacks")),
    )
    op.create_index("ix_callbacks_received", "callbacks", ["received_ms"])
    op.create_index("ix_callbacks_order", "callbacks", ["out_trade_no"])
    op.create_index(
        "ix_callbacks_once",
        "callbacks",
        ["account_id", "event_id"],
        unique=True,
        sqlite_where=_ONCE,
        postgresql_where=_ONCE,
    )


def _routes() -> None:
    op.create_table(
        "route_rules",
        sa.Column("route_id", sa.Text(), nullable=False),
        sa.Column("merchant_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["merchant_id"], ["merchants.merchant_id"], name=op.f("fk_route_rules_merchant_id")),
        sa.PrimaryKeyConstraint("route_id", name=op.f("pk_route_rules")),
    )
    op.create_table(
        "account_terms",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["channel_accounts.account_id"], name=op.f("fk_account_terms_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_terms")),
    )
    op.create_table(
        "route_decisions",
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("terminal_id", sa.Text(), nullable=False),
        sa.Column("order_no", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("cost_fen", sa.BigInteger(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["out_trade_no"], ["channel_orders.out_trade_no"], name=op.f("fk_route_decisions_out_trade_no")
        ),
        sa.PrimaryKeyConstraint("out_trade_no", name=op.f("pk_route_decisions")),
    )
    op.create_index("ix_route_decisions_at", "route_decisions", ["at_ms"])


def _bills() -> None:
    op.create_table(
        "bill_files",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("received_ms", sa.BigInteger(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_bill_files")),
    )
    op.create_table(
        "bills",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("asked_ms", sa.BigInteger()),
        sa.Column("kept_ms", sa.BigInteger()),
        sa.Column("sha256", sa.Text()),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("lines", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["channel_accounts.account_id"], name=op.f("fk_bills_account_id")),
        sa.ForeignKeyConstraint(["sha256"], ["bill_files.sha256"], name=op.f("fk_bills_sha256")),
        sa.PrimaryKeyConstraint("account_id", "kind", "day", name=op.f("pk_bills")),
    )
    op.create_index("ix_bills_day", "bills", ["day"])
    op.create_table(
        "statement_lines",
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("day", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("what", sa.Text(), nullable=False),
        sa.Column("out_trade_no", sa.Text(), nullable=False),
        sa.Column("refund_no", sa.Text()),
        sa.Column("transaction_id", sa.Text(), nullable=False),
        sa.Column("channel_refund_id", sa.Text()),
        sa.Column("amount_fen", sa.BigInteger(), nullable=False),
        sa.Column("fee_millifen", sa.BigInteger(), nullable=False),
        sa.Column("at_ms", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id", "kind", "day"],
            ["bills.account_id", "bills.kind", "bills.day"],
            name=op.f("fk_statement_lines_account_id_kind_day"),
        ),
        sa.PrimaryKeyConstraint("account_id", "kind", "day", "line", name=op.f("pk_statement_lines")),
    )
    op.create_index("ix_statement_lines_order", "statement_lines", ["out_trade_no"])
