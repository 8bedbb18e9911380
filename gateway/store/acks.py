"""The till's acknowledgements: which outcomes it says it has journaled."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, insert, select

from gateway.payments.values import PaymentKey
from gateway.store.statements import Statement
from gateway.store.tables import ACKS
from gateway.store.units import Tx
from protocol.states import GatewayState

_FIND: Final = Statement(
    select(ACKS.c.at_ms).where(
        ACKS.c.terminal_id == bindparam("k_terminal"),
        ACKS.c.order_no == bindparam("k_order"),
        ACKS.c.n == bindparam("k_n"),
        ACKS.c.state_seq == bindparam("k_seq"),
    )
)
_INSERT: Final = Statement(insert(ACKS))


def acknowledged(tx: Tx, key: PaymentKey, *, state_seq: int) -> bool:
    values = {"k_terminal": key.terminal_id, "k_order": key.order_no, "k_n": key.n, "k_seq": state_seq}
    return tx.row(_FIND, values) is not None


def add(tx: Tx, key: PaymentKey, *, state_seq: int, state: GatewayState, now_ms: int) -> None:
    row = {
        "terminal_id": key.terminal_id,
        "order_no": key.order_no,
        "n": key.n,
        "state_seq": state_seq,
        "state": state.value,
        "at_ms": now_ms,
    }
    tx.change(_INSERT, row)
