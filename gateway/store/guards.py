"""Guards against doing a thing twice: nonces of signed requests, marks of payment codes (an HMAC, never the code)."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.payments.values import PaymentKey
from gateway.store.savepoints import Savepoint
from gateway.store.tables import AUTH_CODE_MARKS, NONCES
from gateway.store.units import Tx

MARK_LIFE_MS: Final = 86_400_000
NONCE_LIFE_MS: Final = 1_200_000

_ADD_NONCE: Final = insert(NONCES)
_PRUNE_NONCES: Final = delete(NONCES).where(NONCES.c.at_ms < bindparam("k_before"))
_MARK: Final = select(AUTH_CODE_MARKS).where(AUTH_CODE_MARKS.c.mark == bindparam("k_mark"))
_ADD_MARK: Final = insert(AUTH_CODE_MARKS)
_MOVE_MARK: Final = (
    update(AUTH_CODE_MARKS)
    .where(AUTH_CODE_MARKS.c.mark == bindparam("k_mark"))
    .values(
        terminal_id=bindparam("v_terminal"), order_no=bindparam("v_order"), n=bindparam("v_n"), at_ms=bindparam("v_at")
    )
)
_PRUNE_MARKS: Final = delete(AUTH_CODE_MARKS).where(AUTH_CODE_MARKS.c.at_ms < bindparam("k_before"))


def use_nonce(tx: Tx, *, keyid: str, nonce: str, now_ms: int) -> bool:
    """False when this key used this nonce before. The unique index decides."""
    savepoint = Savepoint.begin(tx.connection)
    try:
        tx.connection.execute(_ADD_NONCE, {"keyid": keyid, "nonce": nonce, "at_ms": now_ms})
    except IntegrityError:
        savepoint.rollback()
        return False
    savepoint.commit()
    return True


def marked(tx: Tx, mark: bytes) -> PaymentKey | None:
    """The payment that this code was used for."""
    row = tx.connection.execute(_MARK, {"k_mark": mark}).one_or_none()
    return None if row is None else PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n)


def add_mark(tx: Tx, mark: bytes, key: PaymentKey, *, now_ms: int) -> None:
    row = {"mark": mark, "terminal_id": key.terminal_id, "order_no": key.order_no, "n": key.n, "at_ms": now_ms}
    tx.connection.execute(_ADD_MARK, row)


def move_mark(tx: Tx, mark: bytes, key: PaymentKey, *, now_ms: int) -> None:
    values = {"v_terminal": key.terminal_id, "v_order": key.order_no, "v_n": key.n, "v_at": now_ms}
    tx.connection.execute(_MOVE_MARK, {"k_mark": mark, **values})


def prune(tx: Tx, *, now_ms: int) -> None:
    tx.connection.execute(_PRUNE_NONCES, {"k_before": now_ms - NONCE_LIFE_MS})
    tx.connection.execute(_PRUNE_MARKS, {"k_before": now_ms - MARK_LIFE_MS})


def forget_marks(tx: Tx) -> None:
    """At start: marks of a process that is gone were made under a key that is gone."""
    tx.connection.execute(delete(AUTH_CODE_MARKS))
