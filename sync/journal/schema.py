"""The journal's tables, guards and migrations. sqlite-utils is imported here, and only when a file is new or old.

`entry` is the truth: triggers refuse to change or delete a row and to leave a gap. The other tables are computed from
it in the same transaction (sync.journal.apply). Unique indexes are the guard against a double charge: an order's n is
used once, an order has at most one payment that is not NOT_PAID, and cash covers a sale once. Of offline orders: a
number or a typed code's index is used once within its epoch, and one proof settles an order. `parked` is what the
gateway refused to take; the chain goes on over it.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from sqlite_utils import Database, Migrations

#: `PRAGMA user_version` of a file that this program writes. A higher one is refused.
VERSION: Final = 4
#: Files before this one have no refunds and no static QR: readers find none there.
REFUNDS_SINCE: Final = 2
#: The setting that says which hash the gateway holds at which entry, as `seq:hash`.
DELIVERED_HEAD: Final = "delivered_head"
#: Files before this one have no cash and no parked entries.
CASH_SINCE: Final = 3
#: Files before this one have no offline orders.
OFFLINE_SINCE: Final = 4

_TRIGGERS: Final = (
    """create trigger entry_is_never_changed before update on entry
       begin select raise(abort, 'an entry is never changed'); end""",
    """create trigger entry_is_never_deleted before delete on entry
       begin select raise(abort, 'an entry is never deleted'); end""",
    """create trigger entry_leaves_no_gap before insert on entry
       when new.seq <> (select coalesce(max(seq), 0) + 1 from entry)
       begin select raise(abort, 'an entry follows the one before'); end""",
)

_INDEXES: Final = (
    "create index entry_about on entry (about, seq)",
    "create unique index payment_n_is_used_once on payment (order_no, n)",
    "create unique index order_has_one_payment_in_force on payment (order_no) where state <> 'NOT_PAID'",
    "create index payment_open on payment (state) where state not in ('PAID', 'NOT_PAID')",
    "create index payment_unacknowledged on payment (payment_no) where ack_due_seq > acked_seq",
    "create index payment_settled on payment (settled_at_ms)",
    "create index orders_made on orders (made_at_ms)",
)

_REFUND_INDEXES: Final = (
    "create index refund_open on refund (state) where state not in ('DONE', 'FAILED')",
    "create index refund_of on refund (payment_no)",
    "create index refund_settled on refund (settled_at_ms)",
    "create index store_paid_at on store_paid (paid_at_ms)",
)

_CASH_INDEXES: Final = (
    "create unique index cash_covers_a_sale_once on cash (sale_id) where returned_at_ms is null",
    "create unique index cash_order on cash (order_no)",
    "create index cash_taken on cash (taken_at_ms)",
    "create index cash_returned on cash (returned_at_ms) where returned_at_ms is not null",
    "create index cash_offline on cash (taken_at_ms, amount_fen) where offline = 1 and returned_at_ms is null",
    "create index payment_of_sale on payment (sale_id)",
)


_OFFLINE_INDEXES: Final = (
    "create unique index oseq_is_used_once on offline_order (epoch, oseq)",
    "create unique index release_is_used_once on offline_order (epoch, release) where release > 0",
    "create index offline_order_of on offline_order (order_no)",
    "create index offline_shown on offline_order (shown_at_ms)",
    "create index offline_proven on offline_order (proven_at_ms)",
    "create index offline_unconfirmed on offline_order (payment_no) where confirmation_owed = 1",
    "create index entry_without_line on entry (at_ms) where kind in ('offline.code_tried', 'line.lost')",
)


def migrations() -> Migrations:
    """All steps from an empty file to `VERSION`, each in its own transaction together with its record."""
    from sqlite_utils import Migrations

    steps = Migrations("guitai-journal")

    @steps()
    def version_1(db: Database) -> None:
        db.create_table(
            "entry", {"seq": int, "kind": str, "at_ms": int, "about": str, "body": str, "hash": str},
            pk="seq", not_null={"kind", "at_ms", "about", "body", "hash"}, strict=True,
        )  # fmt: skip
        db.create_table(
            "payment",
            {
                "payment_no": str, "order_no": str, "n": int, "sale_id": str, "amount_fen": int, "currency": str,
                "presented": str, "operator": str, "channel": str, "state": str, "reason": str, "late_money": str,
                "started_at_ms": int, "settled_at_ms": int, "ack_due_seq": int, "acked_seq": int, "record": str,
            },
            pk="payment_no", not_null={"order_no", "n", "sale_id", "amount_fen", "state", "record"}, strict=True,
        )  # fmt: skip
        db.create_table(
            "orders",
            {"order_no": str, "sale_id": str, "amount_fen": int, "currency": str, "made_at_ms": int, "last_n": int},
            pk="order_no", not_null={"sale_id", "amount_fen", "made_at_ms", "last_n"}, strict=True,
        )  # fmt: skip
        db.create_table("setting", {"name": str, "value": str}, pk="name", not_null={"value"}, strict=True)
        for statement in (*_TRIGGERS, *_INDEXES):
            db.conn.execute(statement)
        db.conn.execute("pragma user_version = 1")

    @steps()
    def version_2(db: Database) -> None:
        db.create_table(
            "refund",
            {
                "refund_no": str, "payment_no": str, "amount_fen": int, "state": str, "started_at_ms": int,
                "settled_at_ms": int, "record": str,
            },
            pk="refund_no", not_null={"payment_no", "amount_fen", "state", "record"}, strict=True,
        )  # fmt: skip
        db.create_table(
            "store_paid",
            {
                "seq": int, "payment_no": str, "amount_fen": int, "paid_at_ms": int, "channel": str,
                "transaction_tail": str,
            },
            pk="seq", not_null={"payment_no", "amount_fen", "paid_at_ms"}, strict=True,
        )  # fmt: skip
        for statement in _REFUND_INDEXES:
            db.conn.execute(statement)
        db.conn.execute("pragma user_version = 2")

    @steps()
    def version_3(db: Database) -> None:
        db.create_table(
            "cash",
            {
                "payment_no": str, "order_no": str, "sale_id": str, "amount_fen": int, "currency": str,
                "received_fen": int, "change_fen": int, "operator": str, "offline": int, "taken_at_ms": int,
                "returned_at_ms": int, "returned_by": str, "returned_why": str,
            },
            pk="payment_no", not_null={"order_no", "sale_id", "amount_fen", "offline", "taken_at_ms"}, strict=True,
        )  # fmt: skip
        db.create_table(
            "parked", {"seq": int, "reason": str, "at_ms": int}, pk="seq", not_null={"reason", "at_ms"}, strict=True
        )
        for statement in _CASH_INDEXES:
            db.conn.execute(statement)
        db.conn.execute("pragma user_version = 3")

    @steps()
    def version_4(db: Database) -> None:
        db.create_table(
            "offline_order",
            {
                "payment_no": str, "order_no": str, "epoch": int, "oseq": int, "release": int, "status": int,
                "operator": str, "amount_fen": int, "state": str, "shown_at_ms": int, "parked": int, "cancelled": int,
                "typed": int, "proven_at_ms": int, "confirmation_owed": int,
            },
            pk="payment_no", not_null={"order_no", "epoch", "oseq", "amount_fen", "state", "shown_at_ms"}, strict=True,
        )  # fmt: skip
        db.create_table(
            "offline_proof", {"order_no": str, "paid": int, "at_ms": int}, pk="order_no", not_null={"paid", "at_ms"},
            strict=True,
        )  # fmt: skip
        db.create_table("offline_state", {"name": str, "value": str}, pk="name", not_null={"value"}, strict=True)
        for statement in _OFFLINE_INDEXES:
            db.conn.execute(statement)
        db.conn.execute("pragma user_version = 4")

    return steps


def migrate(connection: sqlite3.Connection) -> None:
    """Brings a new or older file to `VERSION`. Killed at any point it leaves the old or the new schema."""
    from sqlite_utils import Database

    migrations().apply(Database(connection, execute_plugins=False))
