"""A person's word about late money, as an order at the door: list what waits, keep it for its sale, send it
back, or say that it was given back by other means."""

from __future__ import annotations

from typing import Final, assert_never

from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import LateAction, LateCaseSaid, LateOrder, LateSaid
from gateway.jobs.late_cases import accept, by_hand, open_cases, send_back
from gateway.jobs.schedule import DEFAULT_PACE, Pace
from gateway.payments.late import LateRefusal, LateWord
from gateway.payments.values import PaymentKey
from gateway.store.units import Tx


#: The account's own pace is taken when the task is taken up.
def _pace_of(_account: str | None) -> Pace:
    return DEFAULT_PACE


_MOST_TEXT: Final = 120
_HINTS: Final = {
    LateRefusal.NOT_LATE: "no late money waits under this number; `guitai gateway late list` shows what does",
    LateRefusal.GOING_BACK: "its refund has begun, so it cannot be kept any more",
    LateRefusal.OPEN: "another payment of its sale is still open; decide once that is settled",
    LateRefusal.WITHHELD: (
        "its till keeps an entry of its journal, which may be cash for this sale: look there, then close that alarm "
        "(`guitai gateway alarms`)"
    ),
    LateRefusal.ON_ITS_WAY: (
        "a refund of it has begun and may still work at its wallet; nobody may be paid back twice. "
        "Wait until `guitai gateway late list` says that the wallet refuses it for good"
    ),
    LateRefusal.UNDOING: (
        "its payment is being undone: the refund is sent to its wallet until it is done there, once a day in the end; "
        "nobody's word stands for that. Settle with the wallet what keeps it from refunding"
    ),
    LateRefusal.COVERED: "its sale is paid otherwise: a duplicate always goes back",
}


def late_word(tx: Tx, order: LateOrder, *, now_ms: int) -> tuple[LateSaid, PaymentKey | None] | Faults:
    """Does it and says what is open afterwards; the payment is the one that changed."""
    if order.action is LateAction.LIST:
        return _cases(tx, done=False), None
    person, reason = order.person.strip()[:_MOST_TEXT], order.reason.strip()[:_MOST_TEXT]
    if not person or not reason:
        return one_fault("late money", "by" if not person else "reason", "must be given: it is kept with the payment")
    word = LateWord(person=person, reason=reason)
    match order.action:
        case LateAction.ACCEPT:
            key = accept(tx, order.out_trade_no, word, _pace_of, now_ms=now_ms)
        case LateAction.REFUND:
            key = send_back(tx, order.out_trade_no, word, _pace_of, now_ms=now_ms)
        case LateAction.BY_HAND:
            key = by_hand(tx, order.out_trade_no, word, _pace_of, now_ms=now_ms)
        case _:
            assert_never(order.action)
    if isinstance(key, LateRefusal):
        return one_fault("late money", order.out_trade_no, _HINTS[key])
    return _cases(tx, done=True), key


def _cases(tx: Tx, *, done: bool) -> LateSaid:
    said = tuple(
        LateCaseSaid(
            out_trade_no=case.out_trade_no,
            payment_no=case.key.payment_no,
            channel=case.channel,
            amount_fen=case.amount_fen,
            found_ms=case.found_ms,
            going_back=case.going_back,
            refused=case.refused,
        )
        for case in open_cases(tx)
    )
    return LateSaid(cases=said, done=done)
