"""What a till's journal says of a payment that is in question: how the gateway ended it before its database was put
back, and whether the cashier cancelled it.

A wallet's "paid" may be older than what was done about it since, and not every wallet tells of that: so the till is
heard first, in full, and then the wallet is asked. An order that was shown offline does not wait: its till has no line.
It must not know sockets or channels.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from gateway.jobs.keeping import PaceOf, keep
from gateway.jobs.offline_orders import cancel
from gateway.payments.moves import not_paid, order_ended
from gateway.payments.values import Payment, Said, Step
from gateway.store import journal, offline, payments, restorations
from gateway.store.units import Tx
from protocol.digest import PAID_KIND
from protocol.messages import Proof
from protocol.offline.order import CANCEL_INTENDED
from protocol.reasons import Reason

#: It is looked for in what came since the payment began, whatever a long outage put behind it, and so far back in any
#: case: an entry may have come before the request that it is about.
_BEFORE_MS: Final = 86_400_000
_ENTRIES: Final = 5_000
#: A till also cancels what the gateway does not know, or refuses: after a backup was restored that says nothing.
_BY_CASHIER: Final = "cashier"


class _Entry(Struct, frozen=True):
    """What an entry says of a payment; entries are the till's own words and may be anything."""

    kind: str = ""
    payment_no: str = ""
    operator: str = ""
    cause: str = ""
    paid: bool = True
    proof: Proof | None = None
    reason: Reason | None = None


class _Told(Struct, frozen=True, kw_only=True):
    """`ended`: NOT_PAID, with the proof that the gateway gave; `cancelled_by`: who pressed."""

    ended: _Entry | None = None
    cancelled_by: str | None = None


def may_be_asked(tx: Tx, payment: Payment) -> bool:
    """Whether its wallet is asked now: its till has spoken since, and its journal is here as far as it went then."""
    key = payment.key
    heard = restorations.heard_in_full(tx, key.terminal_id)
    return heard or offline.by_number(tx, key.terminal_id, key.order_no) is not None


def follow_journal(tx: Tx, payment: Payment, pace_of: PaceOf, *, now_ms: int) -> Payment:
    """The payment as its till's journal leaves it: ended as its till was told, or to be undone, or as it was."""
    if payment.state.final:
        return payment
    told = _told(tx, payment)
    order = payments.order_of(tx, payment)
    if told.ended is not None and told.ended.proof is not None:
        proof, over = told.ended.proof, order
        if order is not None and order.ended_kind is None:
            over = order_ended(order, kind=proof.kind, said_by=proof.said_by, now_ms=now_ms)
        reason = told.ended.reason or Reason.NOT_CONFIRMED
        ended = not_paid(payment, kind=proof.kind, said_by=proof.said_by, reason=reason, now_ms=now_ms)
        said = Said(what=f"not_paid:{proof.kind.value}", said_by="till", detail="its journal says so")
        return keep(
            tx, payment, Step(payment=ended, order=over, said=(said,)), pace_of, now_ms=now_ms, order_before=order
        )
    if told.cancelled_by is not None and payment.cancel_requested_ms is None:
        cancel(tx, payment, pace_of, operator=told.cancelled_by, said_by="till", now_ms=now_ms)
        after = payments.find(tx, payment.key)
        assert after is not None, "a payment is never deleted"
        return after
    return payment


def _told(tx: Tx, payment: Payment) -> _Told:
    number, ended, cancelled_by = payment.key.payment_no, None, None
    bodies = journal.said_since(
        tx,
        payment.key.terminal_id,
        f'"{number}"',
        kinds=(CANCEL_INTENDED, PAID_KIND),
        received_from_ms=payment.created_ms - _BEFORE_MS,
        last=_ENTRIES,
    )
    for body in bodies:
        try:
            entry = msgspec.json.decode(body, type=_Entry)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            continue
        if entry.payment_no != number:
            continue
        if entry.kind == CANCEL_INTENDED and entry.cause == _BY_CASHIER:
            cancelled_by = entry.operator
        elif entry.kind == PAID_KIND and entry.paid:
            return _Told()  # whatever he pressed: it was paid before
        elif entry.kind == PAID_KIND:
            ended = entry
    return _Told(ended=ended, cancelled_by=cancelled_by)
