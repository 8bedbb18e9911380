"""Rows of `payments`, `channel_orders` and `payment_events` as values, and back. Statements are built once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, case, func, insert, select, update

from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Said
from gateway.store.rows import Rows, key_values, this_payment
from gateway.store.statements import Statement, by_places, named
from gateway.store.tables import CHANNEL_ORDERS, PAYMENT_EVENTS, PAYMENTS
from gateway.store.tables_restored import RESTORATIONS
from gateway.store.units import Tx
from protocol.numbers import ordinal_of
from protocol.states import GatewayState

_P: Final = PAYMENTS.c
_O: Final = CHANNEL_ORDERS.c
_E: Final = PAYMENT_EVENTS.c
_PAYMENTS: Final = Rows(Payment, PAYMENTS, identity=("key",))
_ORDERS: Final = Rows(ChannelOrder, CHANNEL_ORDERS, identity=("out_trade_no",))
_WIDTH: Final = len(_ORDERS.columns)

_SELECT: Final = Statement(select(*_PAYMENTS.columns).where(*_PAYMENTS.this))
_SELECT_OF_ORDER: Final = Statement(
    select(*_PAYMENTS.columns)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.order_no == bindparam("k_order"))
    .order_by(_P.n)
)
_OF_SALE: Final = Statement(
    select(*_PAYMENTS.columns)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.sale_id == bindparam("k_sale"))
    .order_by(_P.created_ms, _P.order_no, _P.n)
)
_SELECT_ORDER: Final = Statement(select(*_ORDERS.columns).where(*_ORDERS.this))
_SELECT_BOTH: Final = Statement(
    select(*_ORDERS.columns, *_PAYMENTS.columns)
    .join(PAYMENTS, (_P.terminal_id == _O.terminal_id) & (_P.order_no == _O.order_no) & (_P.n == _O.n))
    .where(*_ORDERS.this)
)
_SELECT_SEVERAL: Final = Statement(
    select(*_ORDERS.columns, *_PAYMENTS.columns)
    .join(PAYMENTS, (_P.terminal_id == _O.terminal_id) & (_P.order_no == _O.order_no) & (_P.n == _O.n))
    .where(_O.out_trade_no.in_(named()))
)
_SELECT_ORDERS: Final = Statement(
    select(*_ORDERS.columns)
    .where(
        _O.terminal_id == bindparam("k_terminal_id"), _O.order_no == bindparam("k_order_no"), _O.n == bindparam("k_n")
    )
    .order_by(_O.sent_ms, _O.out_trade_no)
)
_SALES_AMONG: Final = (
    select(_P.sale_id)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.sale_id.in_(bindparam("k_sales", expanding=True)))
    .distinct()
    .order_by(_P.sale_id)
)
_LAST_ORDER: Final = Statement(select(func.max(_O.out_trade_no)).where(_O.order_no == bindparam("k_order")))
#: So many ordinals has an order between two restored backups, and so many backups may be restored.
_OF_ONE_LIFE: Final = 36
_LIVES: Final = 36
_RESTORED: Final = Statement(select(func.count()).select_from(RESTORATIONS))
_INSERT_EVENT: Final = Statement(
    insert(PAYMENT_EVENTS), columns=("terminal_id", "order_no", "n", "at_ms", "what", "said_by", "detail")
)
_EVENTS: Final = Statement(
    select(_E.at_ms, _E.what, _E.said_by, _E.detail)
    .where(
        _E.terminal_id == bindparam("k_terminal_id"), _E.order_no == bindparam("k_order_no"), _E.n == bindparam("k_n")
    )
    .order_by(_E.event_id)
)
_OPEN_CALLS: Final = Statement(
    update(CHANNEL_ORDERS).where(_O.open_calls > 0).values(open_calls=0, call_closed_ms=bindparam("k_now"))
)
_SHOWN: Final = (_P.qr_expires_ms.is_not(None), _P.state.in_((GatewayState.CREATED.value, GatewayState.SENT.value)))
_PUT_BACK: Final = (
    update(PAYMENTS)
    .where(*_SHOWN, _P.created_ms > bindparam("k_now"))
    .values(
        qr_expires_ms=bindparam("k_now") + _P.qr_expires_ms - _P.created_ms,
        created_ms=bindparam("k_now"),
        state_seq=_P.state_seq + 1,
    )
)
_END_SHOWN: Final = (
    update(PAYMENTS)
    .where(*_SHOWN, _P.qr_expires_ms > bindparam("k_latest"))
    .values(qr_expires_ms=bindparam("k_latest"), state_seq=_P.state_seq + 1)
)
_NOW: Final = bindparam("k_now", type_=_O.sent_ms.type)
_BEGUN: Final = case((_O.sent_ms > _NOW, _O.sent_ms), else_=_NOW)
_END_OPEN: Final = (
    update(CHANNEL_ORDERS)
    .where(_O.ended_kind.is_(None), _O.deadline_ms > _BEGUN + bindparam("k_longest"))
    .values(deadline_ms=_BEGUN + bindparam("k_longest"))
)
_OPEN_COUNT: Final = Statement(select(func.count()).where(_P.state != "PAID", _P.state != "NOT_PAID"))


def find(tx: Tx, key: PaymentKey) -> Payment | None:
    row = tx.row(_SELECT, this_payment(key))
    return None if row is None else _PAYMENTS.read(row)


def of_order(tx: Tx, *, terminal_id: str, order_no: str) -> list[Payment]:
    """Every payment of one order of one terminal, by n."""
    rows = tx.rows(_SELECT_OF_ORDER, {"k_terminal": terminal_id, "k_order": order_no})
    return [_PAYMENTS.read(row) for row in rows]


def of_sale(tx: Tx, payment: Payment) -> list[Payment]:
    """Every payment of the sale that this one is for; only itself when its sale was never told."""
    if payment.sale_id is None:
        return [payment]
    return of_sale_id(tx, payment.key.terminal_id, payment.sale_id)


def of_sale_id(tx: Tx, terminal_id: str, sale_id: str) -> list[Payment]:
    """Every payment of one sale of one terminal."""
    rows = tx.rows(_OF_SALE, {"k_terminal": terminal_id, "k_sale": sale_id})
    return [_PAYMENTS.read(row) for row in rows]


def sales_among(tx: Tx, terminal_id: str, sale_ids: Sequence[str]) -> list[str]:
    """Those of the sales that have a payment here."""
    if not sale_ids:
        return []
    asked = {"k_terminal": terminal_id, "k_sales": list(sale_ids)}
    return list(tx.connection.execute(_SALES_AMONG, asked).scalars())


def add(tx: Tx, payment: Payment) -> None:
    """Raises IntegrityError when the number exists or the order has another live or paid payment."""
    _PAYMENTS.add(tx, payment)


def save(tx: Tx, payment: Payment, *, before: Payment) -> None:
    """`before`: as it was read in this transaction."""
    _PAYMENTS.save(tx, payment, before=before)


def order(tx: Tx, out_trade_no: str) -> ChannelOrder | None:
    row = tx.row(_SELECT_ORDER, {"k_out_trade_no": out_trade_no})
    return None if row is None else _ORDERS.read(row)


def with_order(tx: Tx, out_trade_no: str) -> tuple[Payment, ChannelOrder] | None:
    """An order, and the payment that it is for."""
    row = tx.row(_SELECT_BOTH, {"k_out_trade_no": out_trade_no})
    return None if row is None else (_PAYMENTS.read(row[_WIDTH:]), _ORDERS.read(row[:_WIDTH]))


def with_orders(tx: Tx, out_trade_nos: Sequence[str]) -> dict[str, tuple[Payment, ChannelOrder]]:
    """These orders by their name, each with its payment."""
    found: dict[str, tuple[Payment, ChannelOrder]] = {}
    for some in by_places(out_trade_nos):
        for row in tx.rows(_SELECT_SEVERAL, some):
            order = _ORDERS.read(row[:_WIDTH])
            found[order.out_trade_no] = _PAYMENTS.read(row[_WIDTH:]), order
    return found


def order_of(tx: Tx, payment: Payment) -> ChannelOrder | None:
    """The payment's open order, or the one that it ended with."""
    return None if payment.out_trade_no is None else order(tx, payment.out_trade_no)


def orders_of(tx: Tx, key: PaymentKey) -> list[ChannelOrder]:
    """Every order that was made for a payment, oldest first."""
    return [_ORDERS.read(row) for row in tx.rows(_SELECT_ORDERS, this_payment(key))]


def add_channel_order(tx: Tx, order: ChannelOrder) -> None:
    """Raises IntegrityError when another order of this payment is open."""
    _ORDERS.add(tx, order)


def save_channel_order(tx: Tx, order: ChannelOrder, *, before: ChannelOrder) -> None:
    """`before`: as it was read in this transaction."""
    _ORDERS.save(tx, order, before=before)


def next_ordinal(tx: Tx, order_no: str) -> int:
    """The ordinal of this number's next channel order: above all that it has anywhere. Not their count: of what was
    taken up after a backup was restored the earlier ones may be lost. Nor does what begins after that take a number
    that the lost part may have given, and of which a wallet may still tell: it has ordinals of its own."""
    last, restored = tx.rows(_LAST_ORDER, {"k_order": order_no})[0][0], tx.rows(_RESTORED)[0][0]
    first = _OF_ONE_LIFE * min(restored, _LIVES - 1)
    return first if last is None else max(first, ordinal_of(last) + 1)


def add_events(tx: Tx, key: PaymentKey, said: tuple[Said, ...], *, now_ms: int) -> None:
    for line in said:
        row = {"at_ms": now_ms, "what": line.what, "said_by": line.said_by, "detail": line.detail[:200]}
        tx.change(_INSERT_EVENT, {**key_values(key), **row})


def events(tx: Tx, key: PaymentKey) -> list[tuple[int, Said]]:
    """The payment's timeline, oldest first."""
    rows = tx.rows(_EVENTS, this_payment(key))
    return [(at_ms, Said(what=what, said_by=said_by, detail=detail)) for at_ms, what, said_by, detail in rows]


def close_open_calls(tx: Tx, *, now_ms: int) -> None:
    """At start: whatever call a process that is gone had open is closed by now."""
    tx.change(_OPEN_CALLS, {"k_now": now_ms})


def bring_back(tx: Tx, *, now_ms: int, longest_ms: int) -> None:
    """The clock was put back: a QR or page that is shown, and begins in the future, begins now. Nothing stays open
    longer than the longest that anything may be shown: otherwise it could be paid until the clock is there again."""
    tx.connection.execute(_PUT_BACK, {"k_now": now_ms})
    tx.connection.execute(_END_SHOWN, {"k_latest": now_ms + longest_ms})
    tx.connection.execute(_END_OPEN, {"k_now": now_ms, "k_longest": longest_ms})


def open_payments(tx: Tx) -> int:
    return tx.rows(_OPEN_COUNT)[0][0]
