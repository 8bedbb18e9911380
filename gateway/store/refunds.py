"""Rows of `refunds` and `refund_room`. A refund is reserved by the CHECK of one row: parallel ones cannot exceed it."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from gateway.payments.values import PaymentKey, Refund, RefundCause
from gateway.store.rows import Rows, this_payment
from gateway.store.savepoints import Savepoint
from gateway.store.statements import Statement
from gateway.store.tables_money import REFUND_ROOM, REFUNDS
from gateway.store.units import Tx
from protocol.states import RefundState

_R: Final = REFUNDS.c
_M: Final = REFUND_ROOM.c
_REFUNDS: Final = Rows(Refund, REFUNDS, identity=("refund_no",))
_SELECT: Final = Statement(select(*_REFUNDS.columns).where(*_REFUNDS.this))
_OF_ORDER: Final = Statement(
    select(*_REFUNDS.columns).where(_R.out_trade_no == bindparam("k_out")).order_by(_R.created_ms, _R.refund_no)
)
_OF_THE_SALE: Final = or_(_R.cause == RefundCause.TILL.value, _R.cause == RefundCause.CANCELLED.value)
_GIVEN_BACK: Final = Statement(
    select(func.coalesce(func.sum(_R.amount_fen), 0)).where(
        _R.terminal_id == bindparam("k_terminal_id"),
        _R.order_no == bindparam("k_order_no"),
        _R.n == bindparam("k_n"),
        _R.state == RefundState.DONE.value,
        _OF_THE_SALE,
    )
)
_ROOM: Final = Statement(select(_M.captured_fen, _M.reserved_fen).where(_M.out_trade_no == bindparam("k_out")))
_OPEN_ROOM: Final = Statement(insert(REFUND_ROOM))
_RESERVE: Final = Statement(
    update(REFUND_ROOM)
    .where(_M.out_trade_no == bindparam("k_out"))
    .values(reserved_fen=_M.reserved_fen + bindparam("v_fen"))
)


def find(tx: Tx, refund_no: str) -> Refund | None:
    row = tx.row(_SELECT, {"k_refund_no": refund_no})
    return None if row is None else _REFUNDS.read(row)


def of_order(tx: Tx, out_trade_no: str) -> list[Refund]:
    return [_REFUNDS.read(row) for row in tx.rows(_OF_ORDER, {"k_out": out_trade_no})]


def given_back_fen(tx: Tx, key: PaymentKey) -> int:
    """What went back of the money that this payment's sale was paid with."""
    return int(tx.rows(_GIVEN_BACK, this_payment(key))[0][0])


def open_room(tx: Tx, out_trade_no: str, *, captured_fen: int) -> None:
    """The channel verifiably took this order's money: so much can be refunded, once."""
    if tx.row(_ROOM, {"k_out": out_trade_no}) is None:
        row = {"out_trade_no": out_trade_no, "captured_fen": captured_fen, "reserved_fen": 0}
        tx.change(_OPEN_ROOM, row)


def refundable_fen(tx: Tx, out_trade_no: str) -> int:
    """What may still be asked back."""
    row = tx.row(_ROOM, {"k_out": out_trade_no})
    return 0 if row is None else row[0] - row[1]


def reserve(tx: Tx, refund: Refund) -> bool:
    """Takes the amount out of what may be refunded and keeps the refund. False: there is not so much left."""
    savepoint = Savepoint.begin(tx)
    try:
        changed = tx.change(_RESERVE, {"k_out": refund.out_trade_no, "v_fen": refund.amount_fen})
    except IntegrityError:
        savepoint.rollback()
        return False
    if changed != 1:
        savepoint.rollback()
        return False
    savepoint.commit()
    _REFUNDS.add(tx, refund)
    return True


def free(tx: Tx, refund: Refund) -> None:
    """A refund that failed for good gives its amount back to what may be refunded."""
    tx.change(_RESERVE, {"k_out": refund.out_trade_no, "v_fen": -refund.amount_fen})


def save(tx: Tx, refund: Refund, *, before: Refund) -> None:
    """`before`: as it was read in this transaction."""
    _REFUNDS.save(tx, refund, before=before)
