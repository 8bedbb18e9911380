"""Guards against doing a thing twice: nonces of signed requests, marks of payment codes (an HMAC, never the code)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, insert, select, text, update

from gateway.payments.values import PaymentKey
from gateway.store.statements import Statement
from gateway.store.tables import AUTH_CODE_MARKS, NONCES
from gateway.store.units import Tx

MARK_LIFE_MS: Final = 86_400_000
NONCE_LIFE_MS: Final = 1_200_000

#: SQLite and PostgreSQL say it alike; SQLAlchemy has a construct for each of them only.
_ADD_NONCE: Final = Statement(
    text(
        "INSERT INTO nonces (keyid, nonce, at_ms) VALUES (:keyid, :nonce, :at_ms) ON CONFLICT (keyid, nonce) DO NOTHING"
    )
)
_PRUNE_NONCES: Final = Statement(delete(NONCES).where(NONCES.c.at_ms < bindparam("k_before")))
_MARK: Final = Statement(
    select(AUTH_CODE_MARKS.c.terminal_id, AUTH_CODE_MARKS.c.order_no, AUTH_CODE_MARKS.c.n).where(
        AUTH_CODE_MARKS.c.mark == bindparam("k_mark")
    )
)
_ADD_MARK: Final = Statement(insert(AUTH_CODE_MARKS))
_MOVE_MARK: Final = Statement(
    update(AUTH_CODE_MARKS)
    .where(AUTH_CODE_MARKS.c.mark == bindparam("k_mark"))
    .values(
        terminal_id=bindparam("v_terminal"), order_no=bindparam("v_order"), n=bindparam("v_n"), at_ms=bindparam("v_at")
    )
)
_PRUNE_MARKS: Final = Statement(delete(AUTH_CODE_MARKS).where(AUTH_CODE_MARKS.c.at_ms < bindparam("k_before")))


def use_nonce(tx: Tx, *, keyid: str, nonce: str, now_ms: int) -> bool:
    """False when this key used this nonce before. The unique index decides."""
    return tx.change(_ADD_NONCE, {"keyid": keyid, "nonce": nonce, "at_ms": now_ms}) == 1


def marked(tx: Tx, mark: bytes) -> PaymentKey | None:
    """The payment that this code was used for."""
    row = tx.row(_MARK, {"k_mark": mark})
    return None if row is None else PaymentKey(terminal_id=row[0], order_no=row[1], n=row[2])


def add_mark(tx: Tx, mark: bytes, key: PaymentKey, *, now_ms: int) -> None:
    row = {"mark": mark, "terminal_id": key.terminal_id, "order_no": key.order_no, "n": key.n, "at_ms": now_ms}
    tx.change(_ADD_MARK, row)


def move_mark(tx: Tx, mark: bytes, key: PaymentKey, *, now_ms: int) -> None:
    values = {"v_terminal": key.terminal_id, "v_order": key.order_no, "v_n": key.n, "v_at": now_ms}
    tx.change(_MOVE_MARK, {"k_mark": mark, **values})


def prune(tx: Tx, *, now_ms: int) -> None:
    tx.change(_PRUNE_NONCES, {"k_before": now_ms - NONCE_LIFE_MS})
    tx.change(_PRUNE_MARKS, {"k_before": now_ms - MARK_LIFE_MS})


def forget_marks(tx: Tx) -> None:
    """At start: marks of a process that is gone were made under a key that is gone."""
    tx.connection.execute(delete(AUTH_CODE_MARKS))
