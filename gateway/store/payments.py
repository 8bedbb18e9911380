"""Rows of `payments`, `channel_orders` and `payment_events` as values, and back. Statements are built once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Row, bindparam, func, insert, select, update

from gateway.channels.port import OrderKind
from gateway.payments.values import ChannelOrder, FailedHow, Payment, PaymentKey, Said, UndoFound, UndoHeard
from gateway.store.tables import CHANNEL_ORDERS, PAYMENT_EVENTS, PAYMENTS
from gateway.store.units import Tx
from protocol.messages import LateMoneyState, Presented
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind

_P: Final = PAYMENTS.c
_O: Final = CHANNEL_ORDERS.c

_KEY: Final = (
    (_P.terminal_id == bindparam("k_terminal")),
    (_P.order_no == bindparam("k_order")),
    (_P.n == bindparam("k_n")),
)
_SELECT: Final = select(PAYMENTS).where(*_KEY)
_SELECT_OF_ORDER: Final = (
    select(PAYMENTS)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.order_no == bindparam("k_order"))
    .order_by(_P.n)
)
_OF_SALE: Final = (
    select(PAYMENTS)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.sale_id == bindparam("k_sale"))
    .order_by(_P.created_ms, _P.order_no, _P.n)
)
_INSERT: Final = insert(PAYMENTS)
_UPDATE: Final = update(PAYMENTS).where(*_KEY)
_SELECT_ORDER: Final = select(CHANNEL_ORDERS).where(_O.out_trade_no == bindparam("k_out"))
_ORDERS: Final = (
    select(CHANNEL_ORDERS)
    .where(_O.terminal_id == bindparam("k_terminal"), _O.order_no == bindparam("k_order"), _O.n == bindparam("k_n"))
    .order_by(_O.sent_ms, _O.out_trade_no)
)
_INSERT_ORDER: Final = insert(CHANNEL_ORDERS)
_SALES_AMONG: Final = (
    select(_P.sale_id)
    .where(_P.terminal_id == bindparam("k_terminal"), _P.sale_id.in_(bindparam("k_sales", expanding=True)))
    .distinct()
    .order_by(_P.sale_id)
)
_UPDATE_ORDER: Final = update(CHANNEL_ORDERS).where(_O.out_trade_no == bindparam("k_out"))
_COUNT_ORDERS: Final = select(func.count()).where(_O.order_no == bindparam("k_order"))
_INSERT_EVENT: Final = insert(PAYMENT_EVENTS)
_EVENTS: Final = (
    select(PAYMENT_EVENTS.c.at_ms, PAYMENT_EVENTS.c.what, PAYMENT_EVENTS.c.said_by, PAYMENT_EVENTS.c.detail)
    .where(
        PAYMENT_EVENTS.c.terminal_id == bindparam("k_terminal"),
        PAYMENT_EVENTS.c.order_no == bindparam("k_order"),
        PAYMENT_EVENTS.c.n == bindparam("k_n"),
    )
    .order_by(PAYMENT_EVENTS.c.event_id)
)
_OPEN_CALLS: Final = (
    update(CHANNEL_ORDERS).where(_O.open_calls > 0).values(open_calls=0, call_closed_ms=bindparam("k_now"))
)
_OPEN_COUNT: Final = select(func.count()).where(_P.state.not_in(("PAID", "NOT_PAID")))


def _key(key: PaymentKey) -> dict[str, Any]:
    return {"k_terminal": key.terminal_id, "k_order": key.order_no, "k_n": key.n}


def find(tx: Tx, key: PaymentKey) -> Payment | None:
    row = tx.connection.execute(_SELECT, _key(key)).one_or_none()
    return None if row is None else _payment(row)


def of_order(tx: Tx, *, terminal_id: str, order_no: str) -> list[Payment]:
    """Every payment of one order of one terminal, by n."""
    rows = tx.connection.execute(_SELECT_OF_ORDER, {"k_terminal": terminal_id, "k_order": order_no})
    return [_payment(row) for row in rows]


def of_sale(tx: Tx, payment: Payment) -> list[Payment]:
    """Every payment of the sale that this one is for; only itself when its sale was never told."""
    if payment.sale_id is None:
        return [payment]
    return of_sale_id(tx, payment.key.terminal_id, payment.sale_id)


def of_sale_id(tx: Tx, terminal_id: str, sale_id: str) -> list[Payment]:
    """Every payment of one sale of one terminal."""
    rows = tx.connection.execute(_OF_SALE, {"k_terminal": terminal_id, "k_sale": sale_id})
    return [_payment(row) for row in rows]


def sales_among(tx: Tx, terminal_id: str, sale_ids: Sequence[str]) -> list[str]:
    """Those of the sales that have a payment here."""
    if not sale_ids:
        return []
    asked = {"k_terminal": terminal_id, "k_sales": list(sale_ids)}
    return list(tx.connection.execute(_SALES_AMONG, asked).scalars())


def add(tx: Tx, payment: Payment) -> None:
    """Raises IntegrityError when the number exists or the order has another live or paid payment."""
    tx.connection.execute(_INSERT, {**_payment_values(payment), **_key_values(payment.key)})


def save(tx: Tx, payment: Payment) -> None:
    tx.connection.execute(_UPDATE, {**_payment_values(payment), **_key(payment.key)})


def order(tx: Tx, out_trade_no: str) -> ChannelOrder | None:
    row = tx.connection.execute(_SELECT_ORDER, {"k_out": out_trade_no}).one_or_none()
    return None if row is None else _order(row)


def order_of(tx: Tx, payment: Payment) -> ChannelOrder | None:
    """The payment's open order, or the one that it ended with."""
    return None if payment.out_trade_no is None else order(tx, payment.out_trade_no)


def orders_of(tx: Tx, key: PaymentKey) -> list[ChannelOrder]:
    """Every order that was made for a payment, oldest first."""
    return [_order(row) for row in tx.connection.execute(_ORDERS, _key(key))]


def add_channel_order(tx: Tx, order: ChannelOrder) -> None:
    """Raises IntegrityError when another order of this payment is open."""
    fixed = {
        "out_trade_no": order.out_trade_no,
        "account_id": order.account_id,
        "amount_fen": order.amount_fen,
        "kind": order.kind.value,
        "channel": order.channel,
        "payer_mark": order.payer_mark,
    }
    tx.connection.execute(_INSERT_ORDER, {**_order_values(order), **_key_values(order.key), **fixed})


def save_channel_order(tx: Tx, order: ChannelOrder) -> None:
    tx.connection.execute(_UPDATE_ORDER, {**_order_values(order), "k_out": order.out_trade_no})


def channel_orders_of(tx: Tx, order_no: str) -> int:
    """How many channel orders this number has anywhere: the next one's ordinal."""
    return tx.connection.execute(_COUNT_ORDERS, {"k_order": order_no}).scalar_one()


def add_events(tx: Tx, key: PaymentKey, said: tuple[Said, ...], *, now_ms: int) -> None:
    rows = [
        {**_key_values(key), "at_ms": now_ms, "what": line.what, "said_by": line.said_by, "detail": line.detail[:200]}
        for line in said
    ]
    if rows:
        tx.connection.execute(_INSERT_EVENT, rows)


def events(tx: Tx, key: PaymentKey) -> list[tuple[int, Said]]:
    """The payment's timeline, oldest first."""
    rows = tx.connection.execute(_EVENTS, _key(key))
    return [(at_ms, Said(what=what, said_by=said_by, detail=detail)) for at_ms, what, said_by, detail in rows]


def close_open_calls(tx: Tx, *, now_ms: int) -> None:
    """At start: whatever call a process that is gone had open is closed by now."""
    tx.connection.execute(_OPEN_CALLS, {"k_now": now_ms})


def open_payments(tx: Tx) -> int:
    return tx.connection.execute(_OPEN_COUNT).scalar_one()


def _key_values(key: PaymentKey) -> dict[str, Any]:
    return {"terminal_id": key.terminal_id, "order_no": key.order_no, "n": key.n}


def _payment_values(payment: Payment) -> dict[str, Any]:
    return {
        "sale_id": payment.sale_id,
        "amount_fen": payment.amount_fen,
        "currency": payment.currency,
        "presented": payment.presented.value,
        "subject": payment.subject,
        "operator": payment.operator,
        "expires_ms": payment.expires_ms,
        "created_ms": payment.created_ms,
        "state": payment.state.value,
        "state_seq": payment.state_seq,
        "reason": payment.reason,
        "proof_kind": payment.proof_kind,
        "proof_said_by": payment.proof_said_by,
        "settled_ms": payment.settled_ms,
        "cancel_requested_ms": payment.cancel_requested_ms,
        "amber": int(payment.amber),
        "account_id": payment.account_id,
        "channel": payment.channel,
        "out_trade_no": payment.out_trade_no,
        "payer_prompted": int(payment.payer_prompted),
        "qr": payment.qr,
        "qr_expires_ms": payment.qr_expires_ms,
        "transaction_id": payment.transaction_id,
        "paid_at_ms": payment.paid_at_ms,
        "acked_seq": payment.acked_seq,
        "late_state": payment.late_state,
        "late_found_ms": payment.late_found_ms,
        "page": int(payment.page),
    }


def _payment(row: Row[Any]) -> Payment:
    return Payment(
        key=PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n),
        sale_id=row.sale_id,
        amount_fen=row.amount_fen,
        currency=row.currency,
        presented=Presented(row.presented),
        subject=row.subject,
        operator=row.operator,
        expires_ms=row.expires_ms,
        created_ms=row.created_ms,
        state=GatewayState(row.state),
        state_seq=row.state_seq,
        reason=None if row.reason is None else Reason(row.reason),
        proof_kind=None if row.proof_kind is None else ProofKind(row.proof_kind),
        proof_said_by=row.proof_said_by,
        settled_ms=row.settled_ms,
        cancel_requested_ms=row.cancel_requested_ms,
        amber=bool(row.amber),
        account_id=row.account_id,
        channel=row.channel,
        out_trade_no=row.out_trade_no,
        payer_prompted=bool(row.payer_prompted),
        qr=row.qr,
        qr_expires_ms=row.qr_expires_ms,
        transaction_id=row.transaction_id,
        paid_at_ms=row.paid_at_ms,
        acked_seq=row.acked_seq,
        late_state=None if row.late_state is None else LateMoneyState(row.late_state),
        late_found_ms=row.late_found_ms,
        page=bool(row.page),
    )


def _order_values(order: ChannelOrder) -> dict[str, Any]:
    return {
        "sent_ms": order.sent_ms,
        "deadline_ms": order.deadline_ms,
        "open_calls": order.open_calls,
        "calls": order.calls,
        "call_closed_ms": order.call_closed_ms,
        "asked_ms": order.asked_ms,
        "unsettled_asks": order.unsettled_asks,
        "reverse_sent_ms": order.reverse_sent_ms,
        "undo_tries": order.undo_tries,
        "undo_sent_ms": order.undo_sent_ms,
        "undo_heard": order.undo_heard.value,
        "certain_undo_ms": order.certain_undo_ms,
        "undo_asked_ms": order.undo_asked_ms,
        "undo_found": order.undo_found.value,
        "absent_since_ms": order.absent_since_ms,
        "watch_step": order.watch_step,
        "release_ms": order.release_ms,
        "ended_kind": order.ended_kind,
        "ended_said_by": order.ended_said_by,
        "ended_ms": order.ended_ms,
        "failed": order.failed,
        "paid_seen": order.paid_seen,
        "transaction_id": order.transaction_id,
        "paid_at_ms": order.paid_at_ms,
        "late_state": order.late_state,
        "late_found_ms": order.late_found_ms,
    }


def _order(row: Row[Any]) -> ChannelOrder:
    return ChannelOrder(
        out_trade_no=row.out_trade_no,
        key=PaymentKey(terminal_id=row.terminal_id, order_no=row.order_no, n=row.n),
        account_id=row.account_id,
        amount_fen=row.amount_fen,
        sent_ms=row.sent_ms,
        deadline_ms=row.deadline_ms,
        open_calls=row.open_calls,
        calls=row.calls,
        call_closed_ms=row.call_closed_ms,
        asked_ms=row.asked_ms,
        unsettled_asks=row.unsettled_asks,
        reverse_sent_ms=row.reverse_sent_ms,
        undo_tries=row.undo_tries,
        undo_sent_ms=row.undo_sent_ms,
        undo_heard=UndoHeard(row.undo_heard),
        certain_undo_ms=row.certain_undo_ms,
        undo_asked_ms=row.undo_asked_ms,
        undo_found=UndoFound(row.undo_found),
        absent_since_ms=row.absent_since_ms,
        watch_step=row.watch_step,
        kind=OrderKind(row.kind),
        channel=row.channel,
        payer_mark=row.payer_mark,
        release_ms=row.release_ms,
        ended_kind=None if row.ended_kind is None else ProofKind(row.ended_kind),
        ended_said_by=row.ended_said_by,
        ended_ms=row.ended_ms,
        failed=None if row.failed is None else FailedHow(row.failed),
        paid_seen=row.paid_seen,
        transaction_id=row.transaction_id,
        paid_at_ms=row.paid_at_ms,
        late_state=None if row.late_state is None else LateMoneyState(row.late_state),
        late_found_ms=row.late_found_ms,
    )
