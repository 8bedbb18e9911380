"""Rows of `refunds` and `refund_room`. A refund is reserved by the CHECK of one row: parallel ones cannot exceed it."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, bindparam, insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.payments.values import PaymentKey, Refund, RefundCause, RefundHeard
from gateway.store.savepoints import Savepoint
from gateway.store.tables_money import REFUND_ROOM, REFUNDS
from gateway.store.units import Tx
from protocol.reasons import Reason
from protocol.states import RefundState

_R: Final = REFUNDS.c
_M: Final = REFUND_ROOM.c
_SELECT: Final = select(REFUNDS).where(_R.refund_no == bindparam("k_no"))
_OF_ORDER: Final = select(REFUNDS).where(_R.out_trade_no == bindparam("k_out")).order_by(_R.created_ms, _R.refund_no)
_INSERT: Final = insert(REFUNDS)
_UPDATE: Final = update(REFUNDS).where(_R.refund_no == bindparam("k_no"))
_ROOM: Final = select(REFUND_ROOM).where(_M.out_trade_no == bindparam("k_out"))
_OPEN_ROOM: Final = insert(REFUND_ROOM)
_RESERVE: Final = (
    update(REFUND_ROOM)
    .where(_M.out_trade_no == bindparam("k_out"))
    .values(reserved_fen=_M.reserved_fen + bindparam("v_fen"))
)


def find(tx: Tx, refund_no: str) -> Refund | None:
    row = tx.connection.execute(_SELECT, {"k_no": refund_no}).one_or_none()
    return None if row is None else _refund(row)


def of_order(tx: Tx, out_trade_no: str) -> list[Refund]:
    return [_refund(row) for row in tx.connection.execute(_OF_ORDER, {"k_out": out_trade_no})]


def open_room(tx: Tx, out_trade_no: str, *, captured_fen: int) -> None:
    """The channel verifiably took this order's money: so much can be refunded, once."""
    if tx.connection.execute(_ROOM, {"k_out": out_trade_no}).first() is None:
        row = {"out_trade_no": out_trade_no, "captured_fen": captured_fen, "reserved_fen": 0}
        tx.connection.execute(_OPEN_ROOM, row)


def refundable_fen(tx: Tx, out_trade_no: str) -> int:
    """What may still be asked back."""
    row = tx.connection.execute(_ROOM, {"k_out": out_trade_no}).one_or_none()
    return 0 if row is None else row.captured_fen - row.reserved_fen


def reserve(tx: Tx, refund: Refund) -> bool:
    """Takes the amount out of what may be refunded and keeps the refund. False: there is not so much left."""
    savepoint = Savepoint.begin(tx.connection)
    try:
        changed = tx.connection.execute(_RESERVE, {"k_out": refund.out_trade_no, "v_fen": refund.amount_fen})
    except IntegrityError:
        savepoint.rollback()
        return False
    if changed.rowcount != 1:
        savepoint.rollback()
        return False
    savepoint.commit()
    tx.connection.execute(_INSERT, {**_values(refund), **_fixed(refund)})
    return True


def free(tx: Tx, refund: Refund) -> None:
    """A refund that failed for good gives its amount back to what may be refunded."""
    tx.connection.execute(_RESERVE, {"k_out": refund.out_trade_no, "v_fen": -refund.amount_fen})


def save(tx: Tx, refund: Refund) -> None:
    tx.connection.execute(_UPDATE, {**_values(refund), "k_no": refund.refund_no})


def _fixed(refund: Refund) -> dict[str, Any]:
    return {
        "refund_no": refund.refund_no,
        "terminal_id": refund.key.terminal_id,
        "order_no": refund.key.order_no,
        "n": refund.key.n,
        "out_trade_no": refund.out_trade_no,
        "account_id": refund.account_id,
        "channel": refund.channel,
        "cause": refund.cause.value,
        "amount_fen": refund.amount_fen,
        "note": refund.note,
        "operator": refund.operator,
        "created_ms": refund.created_ms,
    }


def _values(refund: Refund) -> dict[str, Any]:
    return {
        "state": refund.state.value,
        "state_seq": refund.state_seq,
        "reason": refund.reason,
        "code": refund.code,
        "settled_ms": refund.settled_ms,
        "channel_refund_id": refund.channel_refund_id,
        "tries": refund.tries,
        "sent_ms": refund.sent_ms,
        "heard": refund.heard.value,
        "asked_ms": refund.asked_ms,
        "asks": refund.asks,
    }


def _refund(row: Row[Any]) -> Refund:
    return Refund(
        refund_no=row.refund_no,
        key=PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n),
        out_trade_no=row.out_trade_no,
        account_id=row.account_id,
        channel=row.channel,
        cause=RefundCause(row.cause),
        amount_fen=row.amount_fen,
        note=row.note,
        operator=row.operator,
        state=RefundState(row.state),
        state_seq=row.state_seq,
        created_ms=row.created_ms,
        reason=None if row.reason is None else Reason(row.reason),
        code=row.code,
        settled_ms=row.settled_ms,
        channel_refund_id=row.channel_refund_id,
        tries=row.tries,
        sent_ms=row.sent_ms,
        heard=RefundHeard(row.heard),
        asked_ms=row.asked_ms,
        asks=row.asks,
    )
