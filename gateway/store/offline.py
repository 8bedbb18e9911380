"""Rows of offline orders: the tills' order keys, what was seen, what tills cancelled, proofs.

Guards are the unique indexes of `tables_offline`: a digest, a number, a counter, an outcome, each once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, update

from gateway.store.statements import Statement
from gateway.store.tables import PAYMENTS
from gateway.store.tables_offline import (
    OFFLINE_CANCELLED,
    OFFLINE_KEYS,
    OFFLINE_ORDERS,
    OFFLINE_OUTCOMES,
    OFFLINE_PROOFS,
)
from gateway.store.units import Tx
from protocol.offline.proof import ProofType

_K: Final = OFFLINE_KEYS.c
_O: Final = OFFLINE_ORDERS.c
_C: Final = OFFLINE_CANCELLED.c
_R: Final = OFFLINE_OUTCOMES.c
_P: Final = OFFLINE_PROOFS.c

_KEY: Final = Statement(
    select(_K.public_key).where(_K.terminal_id == bindparam("k_terminal"), _K.epoch == bindparam("k_epoch"))
)
_ADD_KEY: Final = Statement(insert(OFFLINE_KEYS), columns=("terminal_id", "epoch", "public_key", "at_ms"))
_ORDER: Final = ("terminal_id", "order_no", "digest", "epoch", "oseq", "release", "seen_ms")
_SEEN: Final = select(*(_O[name] for name in _ORDER))
_BY_NUMBER: Final = Statement(
    _SEEN.where(_O.terminal_id == bindparam("k_terminal"), _O.order_no == bindparam("k_order"))
)
_AT: Final = Statement(
    _SEEN.where(
        _O.terminal_id == bindparam("k_terminal"), _O.epoch == bindparam("k_epoch"), _O.oseq == bindparam("k_oseq")
    )
)
_MAX: Final = Statement(
    select(func.coalesce(func.max(_O.oseq), 0)).where(
        _O.terminal_id == bindparam("k_terminal"), _O.epoch == bindparam("k_epoch")
    )
)
_RELEASED: Final = Statement(
    select(_O.order_no).where(
        _O.terminal_id == bindparam("k_terminal"),
        _O.epoch == bindparam("k_epoch"),
        _O.release == bindparam("k_release"),
        _O.order_no != bindparam("k_order"),
    )
)
_ADD_ORDER: Final = Statement(insert(OFFLINE_ORDERS), columns=_ORDER)
_CANCELLED: Final = Statement(
    select(_C.at_ms).where(
        _C.terminal_id == bindparam("k_terminal"), _C.epoch == bindparam("k_epoch"), _C.oseq == bindparam("k_oseq")
    )
)
_ADD_CANCELLED: Final = Statement(insert(OFFLINE_CANCELLED), columns=("terminal_id", "epoch", "oseq", "at_ms"))
_OUTCOME: Final = Statement(
    select(_R.type).where(_R.terminal_id == bindparam("k_terminal"), _R.order_no == bindparam("k_order"))
)
_ADD_OUTCOME: Final = Statement(insert(OFFLINE_OUTCOMES), columns=("terminal_id", "order_no", "type", "at_ms"))
_PROOF: Final = Statement(select(_P.raw).where(_P.digest == bindparam("k_digest")))
_ADD_PROOF: Final = Statement(
    insert(OFFLINE_PROOFS), columns=("digest", "terminal_id", "order_no", "type", "kid", "raw", "at_ms")
)
_UNNAMED: Final = Statement(
    select(_O.order_no)
    .join(PAYMENTS, (PAYMENTS.c.terminal_id == _O.terminal_id) & (PAYMENTS.c.order_no == _O.order_no))
    .where(PAYMENTS.c.terminal_id == bindparam("k_terminal"), PAYMENTS.c.sale_id.is_(None))
)
_NAME_SALE: Final = Statement(
    update(PAYMENTS)
    .where(
        PAYMENTS.c.terminal_id == bindparam("k_terminal"),
        PAYMENTS.c.order_no == bindparam("k_order"),
        PAYMENTS.c.sale_id.is_(None),
    )
    .values(sale_id=bindparam("v_sale"))
)


class SeenOrder(Struct, frozen=True, kw_only=True):
    """A PAY order as it was first seen."""

    terminal_id: str
    order_no: str
    digest: bytes
    epoch: int
    oseq: int
    release: int
    seen_ms: int


def order_key(tx: Tx, terminal_id: str, epoch: int) -> str | None:
    """The key that signs this till's ORDERs in that epoch."""
    row = tx.row(_KEY, {"k_terminal": terminal_id, "k_epoch": epoch})
    return None if row is None else row[0]


def add_order_key(tx: Tx, terminal_id: str, epoch: int, public_key: str, *, now_ms: int) -> None:
    row = {"terminal_id": terminal_id, "epoch": epoch, "public_key": public_key, "at_ms": now_ms}
    tx.change(_ADD_KEY, row)


def by_number(tx: Tx, terminal_id: str, order_no: str) -> SeenOrder | None:
    return _seen(tx.row(_BY_NUMBER, {"k_terminal": terminal_id, "k_order": order_no}))


def at(tx: Tx, terminal_id: str, epoch: int, oseq: int) -> SeenOrder | None:
    """The order that has this counter."""
    values = {"k_terminal": terminal_id, "k_epoch": epoch, "k_oseq": oseq}
    return _seen(tx.row(_AT, values))


def max_oseq(tx: Tx, terminal_id: str, epoch: int) -> int:
    return tx.rows(_MAX, {"k_terminal": terminal_id, "k_epoch": epoch})[0][0]


def release_used_by_another(tx: Tx, order: SeenOrder) -> bool:
    """Whether an index of a typed code was given to two orders: then it frees neither."""
    values = {
        "k_terminal": order.terminal_id,
        "k_epoch": order.epoch,
        "k_release": order.release,
        "k_order": order.order_no,
    }
    return tx.row(_RELEASED, values) is not None


def add_order(tx: Tx, order: SeenOrder) -> None:
    """Raises IntegrityError when the number, the content or the counter is taken."""
    row = {
        "terminal_id": order.terminal_id,
        "order_no": order.order_no,
        "digest": order.digest.hex(),
        "epoch": order.epoch,
        "oseq": order.oseq,
        "release": order.release,
        "seen_ms": order.seen_ms,
    }
    tx.change(_ADD_ORDER, row)


def cancelled(tx: Tx, terminal_id: str, epoch: int, oseq: int) -> bool:
    return cancelled_ms(tx, terminal_id, epoch, oseq) is not None


def cancelled_ms(tx: Tx, terminal_id: str, epoch: int, oseq: int) -> int | None:
    """When it was heard that the till cancelled this one; None: it did not."""
    values = {"k_terminal": terminal_id, "k_epoch": epoch, "k_oseq": oseq}
    row = tx.row(_CANCELLED, values)
    return None if row is None else row[0]


def add_cancelled(tx: Tx, terminal_id: str, epoch: int, oseq: int, *, now_ms: int) -> None:
    row = {"terminal_id": terminal_id, "epoch": epoch, "oseq": oseq, "at_ms": now_ms}
    tx.change(_ADD_CANCELLED, row)


def outcome(tx: Tx, terminal_id: str, order_no: str) -> ProofType | None:
    """What was proven of the order."""
    row = tx.row(_OUTCOME, {"k_terminal": terminal_id, "k_order": order_no})
    return None if row is None else ProofType(row[0])


def proof(tx: Tx, digest: bytes) -> bytes | None:
    """The proof's bytes, once given."""
    row = tx.row(_PROOF, {"k_digest": digest.hex()})
    return None if row is None else row[0]


def add_proof(
    tx: Tx, digest: bytes, *, terminal_id: str, order_no: str, type_: ProofType, kid: int, raw: bytes, now_ms: int
) -> None:
    """Raises IntegrityError when the order was proven to have ended otherwise."""
    if outcome(tx, terminal_id, order_no) is None:
        made = {"terminal_id": terminal_id, "order_no": order_no, "type": int(type_), "at_ms": now_ms}
        tx.change(_ADD_OUTCOME, made)
    row = {
        "digest": digest.hex(),
        "terminal_id": terminal_id,
        "order_no": order_no,
        "type": int(type_),
        "kid": kid,
        "raw": raw,
        "at_ms": now_ms,
    }
    tx.change(_ADD_PROOF, row)


def unnamed(tx: Tx, terminal_id: str) -> set[str]:
    """Offline orders whose sale the till has not told yet."""
    return {order_no for (order_no,) in tx.rows(_UNNAMED, {"k_terminal": terminal_id})}


def name_sale(tx: Tx, terminal_id: str, order_no: str, sale_id: str) -> None:
    """Says which sale an offline order was for."""
    tx.change(_NAME_SALE, {"k_terminal": terminal_id, "k_order": order_no, "v_sale": sale_id})


def _seen(row: Sequence[Any] | None) -> SeenOrder | None:
    if row is None:
        return None
    terminal_id, order_no, digest, epoch, oseq, release, seen_ms = row
    return SeenOrder(
        terminal_id=terminal_id,
        order_no=order_no,
        digest=bytes.fromhex(digest),
        epoch=epoch,
        oseq=oseq,
        release=release,
        seen_ms=seen_ms,
    )
