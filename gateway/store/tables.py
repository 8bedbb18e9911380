"""The one schema definition, for SQLite and PostgreSQL alike. Guards are constraints and unique indexes, never code.

Times are Unix ms, amounts fen. It must not hold a payment code: `auth_code_marks` keeps an HMAC under a key that lives
in the process only.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    text,
)

METADATA: Final = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

#: `late_money`: what becomes of money found on a payment that was given up: `refund` by itself, or `hold` for a person.
MERCHANTS: Final = Table(
    "merchants",
    METADATA,
    Column("merchant_id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("late_money", Text, nullable=False, server_default="refund"),
)

STORES: Final = Table(
    "stores",
    METADATA,
    Column("store_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("time_zone", Text, nullable=False, server_default="Asia/Shanghai"),
)

#: `settings` is the account as the owner wrote it (JSON), its private key included: the file is 0600.
CHANNEL_ACCOUNTS: Final = Table(
    "channel_accounts",
    METADATA,
    Column("account_id", Text, primary_key=True),
    Column("merchant_id", Text, ForeignKey("merchants.merchant_id"), nullable=False),
    Column("channel", Text, nullable=False),
    Column("shown_default", Integer, nullable=False),
    Column("settings", Text, nullable=False),
)

#: `frozen_ms`: two tills have signed as this one; nobody sells under it until it is activated again. What was signed
#: under an epoch before `fence_epoch` is the other till's. `lost_through`: what its journal has up to here may have
#: been done by a gateway whose latest rows are lost.
TERMINALS: Final = Table(
    "terminals",
    METADATA,
    Column("terminal_id", Text, primary_key=True),
    Column("store_id", Text, ForeignKey("stores.store_id"), nullable=False),
    Column("name", Text, nullable=False),
    Column("public_key", Text, nullable=False, unique=True),
    Column("epoch", Integer, nullable=False),
    Column("activated_ms", BigInteger, nullable=False),
    Column("journal_seq", BigInteger, nullable=False),
    Column("journal_head", Text, nullable=False),
    Column("revoked_ms", BigInteger),
    Column("frozen_ms", BigInteger),
    Column("fence_epoch", Integer, nullable=False, server_default="0"),
    Column("lost_through", BigInteger),
)

#: `terminal_id`: good for this terminal's device only.
ACTIVATION_CODES: Final = Table(
    "activation_codes",
    METADATA,
    Column("code_digest", Text, primary_key=True),
    Column("store_id", Text, ForeignKey("stores.store_id"), nullable=False),
    Column("uses_left", Integer, nullable=False),
    Column("expires_ms", BigInteger, nullable=False),
    Column("terminal_id", Text),
    CheckConstraint("uses_left >= 0", name="uses_left"),
)

ACTIVATIONS: Final = Table(
    "activations",
    METADATA,
    Column("code_digest", Text, ForeignKey("activation_codes.code_digest"), nullable=False),
    Column("public_key", Text, nullable=False),
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("code_digest", "public_key"),
)

_LIVE = text("state NOT IN ('PAID', 'NOT_PAID')")
_TAKEN = text("state <> 'NOT_PAID'")

PAYMENTS: Final = Table(
    "payments",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("sale_id", Text),
    Column("amount_fen", BigInteger, nullable=False),
    Column("currency", Text, nullable=False),
    Column("presented", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("operator", Text, nullable=False),
    Column("expires_ms", BigInteger),
    Column("created_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("state_seq", BigInteger, nullable=False),
    Column("reason", Text),
    Column("proof_kind", Text),
    Column("proof_said_by", Text),
    Column("settled_ms", BigInteger),
    Column("cancel_requested_ms", BigInteger),
    Column("amber", Integer, nullable=False),
    Column("account_id", Text, ForeignKey("channel_accounts.account_id")),
    Column("channel", Text),
    Column("out_trade_no", Text),
    Column("payer_prompted", Integer, nullable=False),
    Column("qr", Text),
    Column("qr_expires_ms", BigInteger),
    Column("transaction_id", Text),
    Column("paid_at_ms", BigInteger),
    Column("acked_seq", BigInteger),
    Column("late_state", Text),
    Column("late_found_ms", BigInteger),
    Column("page", Integer, nullable=False, server_default="0"),
    Column("in_question", Integer, nullable=False, server_default="0"),
    Column("given_back_ms", BigInteger),
    PrimaryKeyConstraint("terminal_id", "order_no", "n"),
    CheckConstraint("amount_fen > 0", name="amount"),
    CheckConstraint("n >= 1", name="n"),
    CheckConstraint("(state = 'NOT_PAID') = (proof_kind IS NOT NULL)", name="proof"),
    Index("ix_payments_sale", "terminal_id", "sale_id"),
    # One live payment per order, and nothing beside a paid one.
    Index("ix_payments_live", "terminal_id", "order_no", unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE),
    Index("ix_payments_taken", "terminal_id", "order_no", unique=True, sqlite_where=_TAKEN, postgresql_where=_TAKEN),
)

_PAYMENT_KEY = ["terminal_id", "order_no", "n"]
_PAYMENT_REF = ["payments.terminal_id", "payments.order_no", "payments.n"]

CHANNEL_ORDERS: Final = Table(
    "channel_orders",
    METADATA,
    Column("out_trade_no", Text, primary_key=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("account_id", Text, ForeignKey("channel_accounts.account_id"), nullable=False),
    Column("amount_fen", BigInteger, nullable=False),
    Column("sent_ms", BigInteger, nullable=False),
    Column("deadline_ms", BigInteger, nullable=False),
    Column("open_calls", Integer, nullable=False),
    Column("calls", Integer, nullable=False),
    Column("call_closed_ms", BigInteger),
    Column("asked_ms", BigInteger),
    Column("unsettled_asks", Integer, nullable=False),
    Column("reverse_sent_ms", BigInteger),
    Column("undo_tries", Integer, nullable=False),
    Column("undo_sent_ms", BigInteger),
    Column("undo_heard", Text, nullable=False),
    Column("certain_undo_ms", BigInteger),
    Column("undo_asked_ms", BigInteger),
    Column("undo_found", Text, nullable=False),
    Column("absent_since_ms", BigInteger),
    Column("watch_step", Integer, nullable=False),
    Column("kind", Text, nullable=False, server_default="code"),
    Column("channel", Text, nullable=False, server_default=""),
    Column("payer_mark", Text),
    Column("release_ms", BigInteger),
    Column("ended_kind", Text),
    Column("ended_said_by", Text),
    Column("ended_ms", BigInteger),
    Column("failed", Text),
    Column("paid_seen", Integer, nullable=False, server_default="0"),
    Column("transaction_id", Text),
    Column("paid_at_ms", BigInteger),
    Column("late_state", Text),
    Column("late_found_ms", BigInteger),
    Column("late_closed_ms", BigInteger),
    Column("late_again", Integer, nullable=False, server_default="0"),
    Column("late_by_hand", Integer, nullable=False, server_default="0"),
    ForeignKeyConstraint(_PAYMENT_KEY, _PAYMENT_REF),
    Index("ix_channel_orders_order", "order_no"),
    # A payer's lock on the page: one order of a payment is open at a time.
    Index(
        "ix_channel_orders_live",
        "terminal_id",
        "order_no",
        "n",
        unique=True,
        sqlite_where=text("ended_kind IS NULL"),
        postgresql_where=text("ended_kind IS NULL"),
    ),
)

#: Append-only: what was said about a payment, by whom, when.
PAYMENT_EVENTS: Final = Table(
    "payment_events",
    METADATA,
    Column("event_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("what", Text, nullable=False),
    Column("said_by", Text, nullable=False),
    Column("detail", Text, nullable=False),
    ForeignKeyConstraint(_PAYMENT_KEY, _PAYMENT_REF),
    Index("ix_payment_events_payment", *_PAYMENT_KEY),
)

#: The durable schedule: at most one row of each kind about one thing. A row is removed when nothing is left to do.
#: `ref` names the thing: an out_trade_no, a refund_no, or `terminal:order-n` of a payment.
TASKS: Final = Table(
    "tasks",
    METADATA,
    Column("kind", Text, nullable=False),
    Column("ref", Text, nullable=False),
    Column("due_ms", BigInteger, nullable=False),
    Column("lease_until_ms", BigInteger, nullable=False),
    Column("lease_owner", Text),
    Column("account_id", Text),
    PrimaryKeyConstraint("kind", "ref"),
    Index("ix_tasks_due", "due_ms"),
)

NONCES: Final = Table(
    "nonces",
    METADATA,
    Column("keyid", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("keyid", "nonce"),
    Index("ix_nonces_at", "at_ms"),
)

AUTH_CODE_MARKS: Final = Table(
    "auth_code_marks",
    METADATA,
    Column("mark", LargeBinary, primary_key=True),
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_auth_code_marks_at", "at_ms"),
)

JOURNAL_ENTRIES: Final = Table(
    "journal_entries",
    METADATA,
    Column("terminal_id", Text, ForeignKey("terminals.terminal_id"), nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("kind", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("hash", Text, nullable=False),
    Column("received_ms", BigInteger, nullable=False),
    #: The till keeps this entry's content, because the gateway refused it for this reason: kind and body are empty.
    Column("withheld", Text),
    PrimaryKeyConstraint("terminal_id", "seq"),
)

#: What a person must look at. One open alarm per (kind, about); `closed_ms` ends it.
ALARMS: Final = Table(
    "alarms",
    METADATA,
    Column("alarm_id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
    Column("kind", Text, nullable=False),
    Column("about", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("raised_ms", BigInteger, nullable=False),
    Column("closed_ms", BigInteger),
    Column("closed_by", Text),
    Column("closed_reason", Text),
    Index(
        "ix_alarms_open",
        "kind",
        "about",
        unique=True,
        sqlite_where=text("closed_ms IS NULL"),
        postgresql_where=text("closed_ms IS NULL"),
    ),
)

#: The till's acknowledgements of final outcomes, one per state_seq.
ACKS: Final = Table(
    "acks",
    METADATA,
    Column("terminal_id", Text, nullable=False),
    Column("order_no", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("state_seq", BigInteger, nullable=False),
    Column("state", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    PrimaryKeyConstraint("terminal_id", "order_no", "n", "state_seq"),
    ForeignKeyConstraint(_PAYMENT_KEY, _PAYMENT_REF),
)

__all__ = [
    "ACKS",
    "ACTIVATIONS",
    "ACTIVATION_CODES",
    "ALARMS",
    "AUTH_CODE_MARKS",
    "CHANNEL_ACCOUNTS",
    "CHANNEL_ORDERS",
    "JOURNAL_ENTRIES",
    "MERCHANTS",
    "METADATA",
    "NONCES",
    "PAYMENTS",
    "PAYMENT_EVENTS",
    "STORES",
    "TASKS",
    "TERMINALS",
]
