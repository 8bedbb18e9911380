"""Table S of SAFETY.md section 2: what is to be done next for a payment, and when. Pure: the rows and `now` decide.

One payment has one next action at a time. It is computed from the rows after every change, so a restart, a lost timer
or a moved clock changes nothing: what is due is due. Times in ms.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final, assert_never

from gateway.payments.answers import ABSENT_AFTER_CALL_CLOSED_MS, ABSENT_BETWEEN_MS, ABSENT_UNDO_AFTER_SENT_MS
from gateway.payments.values import ChannelOrder, Payment, UndoFound, UndoHeard
from protocol.messages import LateMoneyState, Presented
from protocol.states import GatewayState, ProofKind

CODE_DEADLINE_MS: Final = 45_000
QR_SHOWN_MS: Final = 120_000
QR_CALL_RETRY_MS: Final = 2_000
QR_CALLS: Final = 3
UNNOTICED_AFTER_MS: Final = 120_000
_SECOND: Final = 1_000
_UNDO_STEPS: Final = (2, 2, 2, 2, 2, 5, 5, 5, 10, 30)
_UNDO_LAST_S: Final = 60
_WATCH_S: Final = (60, 300, 900, 3_600, 21_600, 86_400)
#: A refusal is still asked about early, and so is every other end: it costs one query.
_EARLY_S: Final = 5
WATCHED: Final = frozenset({ProofKind.DECLINED, ProofKind.CLOSED, ProofKind.ABSENT})
#: A query right before the first reverse that settles nothing is asked again this often before the reverse is sent.
_ASK_AGAIN_CODE: Final = 1
_ASK_AGAIN_QR: Final = 2


class ActionKind(StrEnum):
    QR = "qr"  # ask the wallet for the QR once more
    QUERY = "query"
    UNDO = "undo"  # query, then decide, then cancel: the first reverse
    CANCEL = "cancel"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    kind: ActionKind
    due_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How often this account may be asked (the channel's traits)."""

    query_interval_ms: int


def next_action(payment: Payment, order: ChannelOrder | None, pace: Pace, *, now_ms: int) -> Action | None:
    """What to do next for this payment; None when nothing is left to do."""
    if order is None:
        return None
    match payment.state:
        case GatewayState.CREATED | GatewayState.PAID:
            return None
        case GatewayState.SENT:
            return _while_open(payment, order, pace)
        case GatewayState.REVERSING | GatewayState.UNDO_BY_REFUND:
            return _while_undoing(order, pace)
        case GatewayState.NOT_PAID:
            return _after_the_end(payment, order, pace)
        case _:
            assert_never(payment.state)


def undo_goes_on(payment: Payment, order: ChannelOrder) -> bool:
    """After the query right before the first reverse: send the reverse now, or ask once more?"""
    if payment.state is not GatewayState.SENT:
        return payment.state is GatewayState.UNDO_BY_REFUND
    again = _ASK_AGAIN_CODE if payment.presented is Presented.CUSTOMER else _ASK_AGAIN_QR
    return payment.cancel_requested_ms is not None or order.unsettled_asks == 0 or order.unsettled_asks > again


def undo_pause_ms(tries: int) -> int:
    """How long after the `tries`-th cancel the next one may be sent."""
    return (_UNDO_STEPS[tries - 1] if 1 <= tries <= len(_UNDO_STEPS) else _UNDO_LAST_S) * _SECOND


def _while_open(payment: Payment, order: ChannelOrder, pace: Pace) -> Action:
    last = order.asked_ms if order.asked_ms is not None else order.sent_ms
    spaced = last + pace.query_interval_ms if order.asked_ms is not None else order.sent_ms
    if payment.cancel_requested_ms is not None:
        return Action(kind=ActionKind.UNDO, due_ms=payment.cancel_requested_ms)
    if payment.presented is Presented.MERCHANT and payment.qr is None:
        return _without_qr(order)
    since = order.sent_ms
    poll = since + (max(0, last - since) // pace.query_interval_ms + 1) * pace.query_interval_ms
    if poll >= order.deadline_ms:
        return Action(kind=ActionKind.UNDO, due_ms=max(order.deadline_ms, spaced if order.unsettled_asks else 0))
    return Action(kind=ActionKind.QUERY, due_ms=poll)


def _without_qr(order: ChannelOrder) -> Action:
    closed = order.call_closed_ms
    if order.open_calls or closed is None:
        return Action(kind=ActionKind.UNDO, due_ms=order.deadline_ms)
    if order.calls < QR_CALLS:
        return Action(kind=ActionKind.QR, due_ms=closed + QR_CALL_RETRY_MS)
    return Action(kind=ActionKind.UNDO, due_ms=closed)


def _while_undoing(order: ChannelOrder, pace: Pace) -> Action:
    sent = order.undo_sent_ms
    if sent is None:
        return Action(kind=ActionKind.CANCEL, due_ms=0)
    again = Action(kind=ActionKind.CANCEL, due_ms=sent + undo_pause_ms(order.undo_tries))
    asked = order.undo_asked_ms
    if order.undo_heard is UndoHeard.RETRY:
        return again
    if asked is None:
        return Action(kind=ActionKind.QUERY, due_ms=sent + pace.query_interval_ms)
    match order.undo_found:
        case UndoFound.PAID | UndoFound.OPEN:
            return again
        case UndoFound.NOT_ASKED | UndoFound.UNSETTLED:
            if order.undo_heard is UndoHeard.ACKNOWLEDGED:
                pause = min(pace.query_interval_ms * max(1, order.unsettled_asks), 60 * _SECOND)
                return Action(kind=ActionKind.QUERY, due_ms=asked + pause)
            return again
        case UndoFound.ABSENT:
            return _until_absent(order, pace, again, asked)
        case _:
            assert_never(order.undo_found)


def _until_absent(order: ChannelOrder, pace: Pace, again: Action, asked_ms: int) -> Action:
    """Not found: what is still missing for ABSENT?"""
    if order.undo_heard is not UndoHeard.ACKNOWLEDGED:
        return again
    if order.certain_undo_ms is None:
        return Action(kind=ActionKind.CANCEL, due_ms=max(again.due_ms, order.sent_ms + ABSENT_UNDO_AFTER_SENT_MS))
    since = order.absent_since_ms if order.absent_since_ms is not None else asked_ms
    due = max(since + ABSENT_BETWEEN_MS, asked_ms + pace.query_interval_ms)
    if order.call_closed_ms is not None:
        due = max(due, order.call_closed_ms + ABSENT_AFTER_CALL_CLOSED_MS)
    return Action(kind=ActionKind.QUERY, due_ms=due)


def _after_the_end(payment: Payment, order: ChannelOrder, pace: Pace) -> Action | None:
    if payment.late_state is LateMoneyState.FOUND:
        return _while_undoing(order, pace)
    if payment.proof_kind not in WATCHED or payment.settled_ms is None:
        return None
    steps = (_EARLY_S, *_WATCH_S)
    if order.watch_step >= len(steps):
        return None
    due = payment.settled_ms + steps[order.watch_step] * _SECOND
    if order.unsettled_asks and order.asked_ms is not None:
        due = max(due, order.asked_ms + _UNDO_LAST_S * _SECOND)
    return Action(kind=ActionKind.QUERY, due_ms=due)
