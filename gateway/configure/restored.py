"""A person's word about a database that was restored from a backup, as an order at the door: list what is in question,
say that it was restored, take an order up that a wallet's books show, say that everything was seen to."""

from __future__ import annotations

from typing import Final, assert_never

from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import InQuestionSaid, RestoredAction, RestoredOrder, RestoredSaid
from gateway.jobs.restored import TakeUpRefusal, go_on, in_question, take_up
from gateway.jobs.schedule import DEFAULT_PACE, Pace
from gateway.payments.values import PaymentKey
from gateway.store import restorations
from gateway.store.units import Tx

_WHERE: Final = "restored"
_MOST_TEXT: Final = 120
_HINTS: Final = {
    TakeUpRefusal.NOTHING_OPEN: "nothing is in question; if a backup was restored, say so first (restored found)",
    TakeUpRefusal.NOT_A_NUMBER: "is no order number of this gateway: 27 characters, as the wallet's books show it",
    TakeUpRefusal.KNOWN: "is known here: the gateway follows it by itself",
    TakeUpRefusal.NO_ACCOUNT: "there is no such channel account",
    TakeUpRefusal.NO_TIME: "say when it was made there (--sent): this channel names orders by their time, too",
    TakeUpRefusal.TWO_TILLS: "two tills say that they began it: look at both, and tell the makers of this program",
    TakeUpRefusal.NOT_BEGUN: "no till that spoke since says that it began this order; wait until its journal came",
    TakeUpRefusal.OTHER_MERCHANT: "its till belongs to another merchant than this account",
    TakeUpRefusal.TAKEN: "another payment of its order is open or paid; look again once that is settled",
}


#: The account's own pace is taken when the task is taken up.
def _pace_of(_account: str | None) -> Pace:
    return DEFAULT_PACE


def restored_word(tx: Tx, order: RestoredOrder, *, now_ms: int) -> tuple[RestoredSaid, tuple[PaymentKey, ...]] | Faults:
    """Does it and says what is in question afterwards; the payments are those that changed."""
    if order.action is RestoredAction.LIST:
        return _said(tx, done=False), ()
    person, reason = order.person.strip()[:_MOST_TEXT], order.reason.strip()[:_MOST_TEXT]
    if not person or not reason:
        return one_fault(_WHERE, "by" if not person else "reason", "must be given: it is kept")
    keys: tuple[PaymentKey, ...] = ()
    match order.action:
        case RestoredAction.FOUND:
            restorations.found(tx, f"{person}: {reason}", now_ms=now_ms)
        case RestoredAction.TAKE_UP:
            taken = take_up(
                tx, order.out_trade_no, order.account, _pace_of, person=person, sent_ms=order.sent_ms, now_ms=now_ms
            )
            if isinstance(taken, TakeUpRefusal):
                return one_fault(_WHERE, order.out_trade_no[:32], _HINTS[taken])
            keys = (taken,)
        case RestoredAction.DONE:
            if not restorations.anything_lost(tx):
                return one_fault(_WHERE, "", _HINTS[TakeUpRefusal.NOTHING_OPEN])
            keys = go_on(tx, _pace_of, person=person, reason=reason, now_ms=now_ms)
        case _:
            assert_never(order.action)
    return _said(tx, done=True), keys


def _said(tx: Tx, *, done: bool) -> RestoredSaid:
    latest = restorations.latest_open(tx)
    rows = tuple(
        InQuestionSaid(
            payment_no=one.payment.key.payment_no,
            order_no=one.payment.key.order_no,
            terminal=one.payment.key.terminal_id,
            amount_fen=one.payment.amount_fen,
            begun_ms=one.begun_ms,
            known=one.payment.in_question,
        )
        for one in (in_question(tx) if restorations.anything_lost(tx) else ())
    )
    return RestoredSaid(
        in_question=rows,
        waiting=restorations.waiting(tx),
        found_ms=None if latest is None else latest.found_ms,
        how=None if latest is None else latest.how,
        done=done,
    )
