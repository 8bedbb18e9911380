"""Tokens of `/q/{token}`, and what static QRs took."""

from __future__ import annotations

from typing import Final

from msgspec import Struct
from sqlalchemy import bindparam, func, insert, select, update

from gateway.payments.values import Payment, PaymentKey
from gateway.store.tables import CHANNEL_ORDERS, MERCHANTS, PAYMENTS, STORES, TERMINALS
from gateway.store.tables_page import PAGE_TOKENS, STATIC_PAID
from gateway.store.units import Tx

_T: Final = PAGE_TOKENS.c
_S: Final = STATIC_PAID.c
#: How the public key of a store's static QR begins in `terminals`: no device can sign as it.
STATIC_KEY: Final = "static:"


class PageToken(Struct, frozen=True, kw_only=True):
    """`key` None: a store's static QR."""

    token: str
    store_id: str
    store_name: str
    merchant_id: str
    merchant_name: str
    terminal_id: str
    key: PaymentKey | None


class StaticPaid(Struct, frozen=True, kw_only=True):
    seq: int
    key: PaymentKey
    amount_fen: int
    paid_at_ms: int
    channel: str | None
    transaction_id: str | None


_FIND: Final = (
    select(
        _T.token,
        _T.store_id,
        _T.terminal_id,
        _T.order_no,
        _T.n,
        STORES.c.name.label("store_name"),
        MERCHANTS.c.merchant_id,
        MERCHANTS.c.name.label("merchant_name"),
    )
    .join(STORES, STORES.c.store_id == _T.store_id)
    .join(MERCHANTS, MERCHANTS.c.merchant_id == STORES.c.merchant_id)
    .where(_T.token == bindparam("k_token"), _T.revoked_ms.is_(None))
)
_STATIC: Final = (
    select(_T.token, _T.terminal_id)
    .where(_T.store_id == bindparam("k_store"), _T.order_no.is_(None), _T.revoked_ms.is_(None))
    .order_by(_T.created_ms)
)
_IS_STATIC: Final = select(TERMINALS.c.store_id).where(
    TERMINALS.c.terminal_id == bindparam("k_terminal"), TERMINALS.c.public_key.startswith(STATIC_KEY)
)
_PAID_AFTER: Final = (
    select(
        _S.seq,
        _S.terminal_id,
        _S.order_no,
        _S.n,
        PAYMENTS.c.amount_fen,
        PAYMENTS.c.paid_at_ms,
        PAYMENTS.c.channel,
        PAYMENTS.c.transaction_id,
    )
    .join(
        PAYMENTS,
        (PAYMENTS.c.terminal_id == _S.terminal_id) & (PAYMENTS.c.order_no == _S.order_no) & (PAYMENTS.c.n == _S.n),
    )
    .where(_S.store_id == bindparam("k_store"), _S.seq > bindparam("k_after"))
    .order_by(_S.seq)
    .limit(bindparam("k_limit"))
)
_OPEN_OF_PAYER: Final = (
    select(CHANNEL_ORDERS.c.order_no, CHANNEL_ORDERS.c.n)
    .where(
        CHANNEL_ORDERS.c.terminal_id == bindparam("k_terminal"),
        CHANNEL_ORDERS.c.channel == bindparam("k_channel"),
        CHANNEL_ORDERS.c.payer_mark == bindparam("k_mark"),
        CHANNEL_ORDERS.c.ended_kind.is_(None),
        CHANNEL_ORDERS.c.paid_at_ms.is_(None),
    )
    .order_by(CHANNEL_ORDERS.c.sent_ms)
)
_UNNOTICED: Final = (
    select(_S.seq, _S.terminal_id, _S.order_no, _S.n)
    .join(
        PAYMENTS,
        (PAYMENTS.c.terminal_id == _S.terminal_id) & (PAYMENTS.c.order_no == _S.order_no) & (PAYMENTS.c.n == _S.n),
    )
    .where(_S.store_id == bindparam("k_store"), _S.seq <= bindparam("k_through"), PAYMENTS.c.acked_seq.is_(None))
    .order_by(_S.seq)
)
_STATIC_TERMINAL: Final = select(TERMINALS.c.terminal_id).where(
    TERMINALS.c.store_id == bindparam("k_store"), TERMINALS.c.public_key.startswith(STATIC_KEY)
)
_REVOKE: Final = (
    update(PAGE_TOKENS)
    .where(_T.store_id == bindparam("k_store"), _T.order_no.is_(None), _T.revoked_ms.is_(None))
    .values(revoked_ms=bindparam("v_now"))
)
_LAST: Final = select(func.coalesce(func.max(_S.seq), 0)).where(_S.store_id == bindparam("k_store"))


def find(tx: Tx, token: str) -> PageToken | None:
    row = tx.connection.execute(_FIND, {"k_token": token}).one_or_none()
    if row is None:
        return None
    key = None
    if row.order_no is not None:
        key = PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n)
    return PageToken(
        token=row.token,
        store_id=row.store_id,
        store_name=row.store_name,
        merchant_id=row.merchant_id,
        merchant_name=row.merchant_name,
        terminal_id=row.terminal_id,
        key=key,
    )


def add(tx: Tx, *, token: str, store_id: str, terminal_id: str, key: PaymentKey | None, now_ms: int) -> None:
    row = {
        "token": token,
        "store_id": store_id,
        "terminal_id": terminal_id,
        "order_no": None if key is None else key.order_no,
        "n": None if key is None else key.n,
        "created_ms": now_ms,
    }
    tx.connection.execute(insert(PAGE_TOKENS), row)


def static_token(tx: Tx, store_id: str) -> str | None:
    """The store's static QR, if it has one."""
    row = tx.connection.execute(_STATIC, {"k_store": store_id}).first()
    return None if row is None else row.token


def static_store(tx: Tx, terminal_id: str) -> str | None:
    """The store whose static QR this "terminal" is; None for a real one."""
    return tx.connection.execute(_IS_STATIC, {"k_terminal": terminal_id}).scalar_one_or_none()


def note_paid(tx: Tx, payment: Payment, *, from_seq: int, now_ms: int) -> None:
    """A payment that a static QR took is paid: the store's tills are to ring. Others are their own till's. `from_seq`:
    above what tills were told of by rows that are lost."""
    if not payment.page:
        return
    store_id = static_store(tx, payment.key.terminal_id)
    if store_id is None:
        return
    row = {
        "store_id": store_id,
        "terminal_id": payment.key.terminal_id,
        "order_no": payment.key.order_no,
        "n": payment.key.n,
        "at_ms": now_ms,
    }
    last = tx.connection.execute(select(func.max(STATIC_PAID.c.seq))).scalar_one() or 0
    tx.connection.execute(insert(STATIC_PAID), {**row, "seq": max(last + 1, from_seq)})


def paid_after(tx: Tx, store_id: str, *, after: int, limit: int) -> list[StaticPaid]:
    """What the store's static QR took after that sequence number, oldest first."""
    rows = tx.connection.execute(_PAID_AFTER, {"k_store": store_id, "k_after": after, "k_limit": limit})
    return [
        StaticPaid(
            seq=row.seq,
            key=PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n),
            amount_fen=row.amount_fen,
            paid_at_ms=row.paid_at_ms,
            channel=row.channel,
            transaction_id=row.transaction_id,
        )
        for row in rows
    ]


def last_paid(tx: Tx, store_id: str) -> int:
    """The latest sequence number of the store; 0 when there is none."""
    return tx.connection.execute(_LAST, {"k_store": store_id}).scalar_one()


def open_of_payer(tx: Tx, terminal_id: str, *, channel: str, payer_mark: str) -> list[PaymentKey]:
    """Payments of a static QR with an order of this payer that has not ended, oldest first."""
    values = {"k_terminal": terminal_id, "k_channel": channel, "k_mark": payer_mark}
    rows = tx.connection.execute(_OPEN_OF_PAYER, values)
    return [PaymentKey(terminal_id=terminal_id, order_no=row.order_no, n=row.n) for row in rows]


def unnoticed(tx: Tx, store_id: str, *, through: int) -> list[tuple[int, PaymentKey]]:
    """What the store's static QR took up to there and no till has acknowledged, with its sequence number."""
    rows = tx.connection.execute(_UNNOTICED, {"k_store": store_id, "k_through": through})
    return [(row.seq, PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n)) for row in rows]


def static_terminal(tx: Tx, store_id: str) -> str | None:
    """The "terminal" of the store's static QR, if it has one."""
    return tx.connection.execute(_STATIC_TERMINAL, {"k_store": store_id}).scalars().first()


def revoke_static(tx: Tx, store_id: str, *, now_ms: int) -> None:
    """The printed QRs of this store open nothing any more."""
    tx.connection.execute(_REVOKE, {"k_store": store_id, "v_now": now_ms})
