"""Table S of SAFETY.md section 2: what is to be done next for a payment, and when. Pure: the rows and `now` decide.

One payment has one next action at a time. It is computed from the rows after every change, so a restart, a lost timer
or a moved clock changes nothing: what is due is due. Times in ms.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, assert_never

from msgspec import Struct
from msgspec.structs import replace

from gateway.channels.port import OrderKind
from gateway.payments.answers import (
    ABSENT_AFTER_CALL_CLOSED_MS,
    ABSENT_BETWEEN_MS,
    ABSENT_UNDO_AFTER_SENT_MS,
    brought_back_ms,
    counted_from_ms,
    last_opened_ms,
)
from gateway.payments.values import ChannelOrder, Payment, UndoFound, UndoHeard
from protocol.messages import LateMoneyState
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
#: A payment in question is asked about this often.
_IN_QUESTION_MS: Final = 5_000
_WATCH_APART_S: Final = 1_800
#: A refusal is still asked about early, and so is every other end: it costs one query.
_EARLY_S: Final = 5
#: While money goes back by a refund, and while late money waits for its refund or for a person.
_BESIDE_REFUND_S: Final = 10
_LATE_ASK_S: Final = 60
_SOON_MS: Final = 600_000
#: An unsettled query is repeated after at most so many of the account's intervals.
_MOST_BACKOFF: Final = 10
#: While a payer has pressed pay on the page.
PAGE_QUERY_MS: Final = 2_000
#: NEVER_OPENED of an order is a person's word (`gateway.jobs.restored`), and a person may be wrong.
WATCHED: Final = frozenset({ProofKind.DECLINED, ProofKind.CLOSED, ProofKind.ABSENT, ProofKind.NEVER_OPENED})
#: A query right before the first reverse that settles nothing is asked again this often before the reverse is sent.
_ASK_AGAIN_CODE: Final = 1
_ASK_AGAIN_QR: Final = 2


class ActionKind(StrEnum):
    QR = "qr"  # ask the wallet for the QR once more
    QUERY = "query"
    UNDO = "undo"  # query, then decide, then cancel: the first reverse
    CANCEL = "cancel"
    RELEASE = "release"  # query, then close an unpaid order of the page, for another payer


class Action(Struct, frozen=True, kw_only=True):
    kind: ActionKind
    due_ms: int


class Pace(Struct, frozen=True, kw_only=True):
    """How often this account may be asked, and when a scanned code is (the channel's traits). `even_since_ms`: since
    when the clock has not leapt (`gateway.ports.Clock`)."""

    query_interval_ms: int
    query_at_ms: tuple[int, ...] = ()
    undo_not_before_ms: int = 0
    undo_needs_query: bool = False
    even_since_ms: int = 0


#: Of an account that is not loaded.
DEFAULT_PACE: Final = Pace(query_interval_ms=3_000)


def next_action(payment: Payment, order: ChannelOrder, pace: Pace, *, now_ms: int) -> Action | None:
    """What to do next about this order; None when nothing is left to do."""
    payment, order = _brought_back(payment, order, pace.even_since_ms, now_ms)
    if order.ended_kind is not None:
        return _after_the_end(order)
    match payment.state:
        case GatewayState.CREATED | GatewayState.PAID | GatewayState.NOT_PAID:
            return None
        case GatewayState.SENT:
            return _while_open(payment, order, pace, now_ms)
        case GatewayState.REVERSING:
            return _while_undoing(order, pace)
        case GatewayState.UNDO_BY_REFUND:
            return _beside_refund(order)
        case _:
            assert_never(payment.state)


def _brought_back(
    payment: Payment, order: ChannelOrder, even_since_ms: int, now_ms: int
) -> tuple[Payment, ChannelOrder]:
    """The clock was put back: what lies in the future counts as having been at that leap. Otherwise nothing would be
    done until the clock is there again. What is past stays: an end from before is no newer for it."""
    cancelled_ms = payment.cancel_requested_ms
    moments = (
        *(order.sent_ms, order.asked_ms, order.undo_sent_ms, order.undo_asked_ms, order.absent_since_ms),
        *(order.call_closed_ms, order.release_ms, order.ended_ms, order.late_found_ms, order.late_closed_ms),
        cancelled_ms,
    )
    if max(moment or 0 for moment in moments) <= now_ms:
        return payment, order

    def moved(moment: int | None) -> int | None:
        return None if moment is None else brought_back_ms(moment, even_since_ms, now_ms)

    sent_ms = brought_back_ms(order.sent_ms, even_since_ms, now_ms)
    back = replace(
        order,
        sent_ms=sent_ms,
        deadline_ms=order.deadline_ms - order.sent_ms + sent_ms,
        release_ms=moved(order.release_ms),
        call_closed_ms=moved(order.call_closed_ms),
        asked_ms=moved(order.asked_ms),
        undo_sent_ms=moved(order.undo_sent_ms),
        undo_asked_ms=moved(order.undo_asked_ms),
        absent_since_ms=moved(order.absent_since_ms),
        ended_ms=moved(order.ended_ms),
        late_found_ms=moved(order.late_found_ms),
        late_closed_ms=moved(order.late_closed_ms),
    )
    return replace(payment, cancel_requested_ms=moved(cancelled_ms)), back


def undo_goes_on(payment: Payment, order: ChannelOrder) -> bool:
    """After the query right before the first reverse: send the reverse now, or ask once more?"""
    if payment.state is not GatewayState.SENT or order.ended_kind is not None:
        return False
    again = _ASK_AGAIN_CODE if order.kind is OrderKind.CODE else _ASK_AGAIN_QR
    wanted = payment.cancel_requested_ms is not None or order.failed is not None
    return wanted or order.unsettled_asks == 0 or order.unsettled_asks > again


def undo_pause_ms(tries: int) -> int:
    """How long after the `tries`-th cancel the next one may be sent."""
    return (_UNDO_STEPS[tries - 1] if 1 <= tries <= len(_UNDO_STEPS) else _UNDO_LAST_S) * _SECOND


def unnoticed_ms(payment: Payment, *, even_since_ms: int, now_ms: int) -> int:
    """When a PAID that no till acknowledged is an alarm."""
    settled_ms = payment.settled_ms if payment.settled_ms is not None else now_ms
    return brought_back_ms(settled_ms, even_since_ms, now_ms) + UNNOTICED_AFTER_MS


def _while_open(payment: Payment, order: ChannelOrder, pace: Pace, now_ms: int) -> Action:
    undo_from = order.sent_ms
    if order.kind is OrderKind.CODE and pace.undo_not_before_ms:
        # The wallet counts this by its own clock: a leap of ours is no time that passed.
        undo_from = counted_from_ms(order.sent_ms, pace.even_since_ms, now_ms) + pace.undo_not_before_ms
    if order.failed is not None:
        return Action(kind=ActionKind.UNDO, due_ms=undo_from)
    if payment.in_question and payment.cancel_requested_ms is None:
        # It may have been paid and told by rows that are lost: nobody but a person undoes it.
        last = order.asked_ms if order.asked_ms is not None else order.sent_ms
        return Action(kind=ActionKind.QUERY, due_ms=last + max(pace.query_interval_ms, _IN_QUESTION_MS))
    poll = _next_poll(order, pace)
    if payment.cancel_requested_ms is not None:
        due = max(payment.cancel_requested_ms, undo_from)
        # Only a poll that is still to come: after the last planned one there is nothing but the undo.
        ahead = poll < due and (order.asked_ms is None or poll > order.asked_ms)
        return Action(kind=ActionKind.QUERY, due_ms=poll) if ahead else Action(kind=ActionKind.UNDO, due_ms=due)
    if order.kind is OrderKind.QR and payment.qr is None:
        return _without_qr(order)
    if poll >= order.deadline_ms:
        spaced = order.asked_ms + pace.query_interval_ms if order.asked_ms is not None else order.sent_ms
        due = max(order.deadline_ms, undo_from, spaced if order.unsettled_asks else 0)
        return Action(kind=ActionKind.UNDO, due_ms=due)
    if order.release_ms is not None:
        return min(_release(order, pace), Action(kind=ActionKind.QUERY, due_ms=poll), key=lambda a: a.due_ms)
    return Action(kind=ActionKind.QUERY, due_ms=poll)


def _next_poll(order: ChannelOrder, pace: Pace) -> int:
    """On the page at least every 2 s: somebody is paying. A code by the wallet's own times, where it has any."""
    since, last = order.sent_ms, order.asked_ms if order.asked_ms is not None else order.sent_ms
    if order.kind is OrderKind.CODE and pace.query_at_ms:
        planned = next((since + at for at in pace.query_at_ms if since + at > last), order.deadline_ms)
        # Asked too often, or unreadable: double the gap.
        return max(planned, last + (planned - last) * 2) if order.unsettled_asks else planned
    interval = min(pace.query_interval_ms, PAGE_QUERY_MS) if order.kind is OrderKind.PAGE else pace.query_interval_ms
    if order.unsettled_asks > 1:
        interval *= 2
    return since + (max(0, last - since) // interval + 1) * interval


def _release(order: ChannelOrder, pace: Pace) -> Action:
    """Closes an order that another payer waits for; between two closes the wallet is asked what became of it."""
    assert order.release_ms is not None, "asked to be given up"
    sent = order.undo_sent_ms
    if sent is not None and order.undo_asked_ms is None:
        return Action(kind=ActionKind.QUERY, due_ms=sent + min(pace.query_interval_ms, PAGE_QUERY_MS))
    due = order.release_ms if sent is None else sent + undo_pause_ms(order.undo_tries)
    if order.unsettled_asks and order.asked_ms is not None:
        # The query before it settled nothing: not again at once.
        due = max(due, order.asked_ms + pace.query_interval_ms * min(order.unsettled_asks, _MOST_BACKOFF))
    return Action(kind=ActionKind.RELEASE, due_ms=due)


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
    if order.undo_heard is UndoHeard.RETRY and not pace.undo_needs_query:
        return again
    if asked is None:
        return Action(kind=ActionKind.QUERY, due_ms=sent + pace.query_interval_ms)
    match order.undo_found:
        case UndoFound.PAID | UndoFound.OPEN | UndoFound.FAILED:
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
        # Not after a pause that has grown: this one is not the same again, it is the first that counts.
        assert order.undo_sent_ms is not None, "it was acknowledged"
        opened_ms = last_opened_ms(order)
        if opened_ms is None:
            return again
        counts_ms = max(opened_ms, pace.even_since_ms) + ABSENT_UNDO_AFTER_SENT_MS
        return Action(kind=ActionKind.CANCEL, due_ms=max(order.undo_sent_ms + undo_pause_ms(1), counts_ms))
    since = order.absent_since_ms if order.absent_since_ms is not None else asked_ms
    due = max(since + ABSENT_BETWEEN_MS, asked_ms + pace.query_interval_ms)
    if order.call_closed_ms is not None:
        due = max(due, max(order.call_closed_ms, pace.even_since_ms) + ABSENT_AFTER_CALL_CLOSED_MS)
    return Action(kind=ActionKind.QUERY, due_ms=due)


def _beside_refund(order: ChannelOrder) -> Action:
    """The refund is a task of its own; this only notices when the order turns out to be closed all the same."""
    last = max(order.asked_ms or 0, order.sent_ms)
    pause_s = _BESIDE_REFUND_S if last - order.sent_ms < _SOON_MS else _UNDO_LAST_S
    return Action(kind=ActionKind.QUERY, due_ms=last + pause_s * _SECOND)


def _after_the_end(order: ChannelOrder) -> Action | None:
    """The late-money watch. Hours that a clock leapt over are no hours in which somebody watched: between two steps
    lies half of what should, up to half an hour. What the wallet spoke of (`asked_ms` is forgotten then) does not wait.
    """
    ended_ms = order.ended_ms
    assert ended_ms is not None, "an order that ended has its time"
    if order.late_state is LateMoneyState.FOUND:
        last = max(order.asked_ms or 0, order.late_found_ms or 0)
        return Action(kind=ActionKind.QUERY, due_ms=last + _LATE_ASK_S * _SECOND)
    if order.late_state is LateMoneyState.UNDONE and order.late_closed_ms is not None:
        # By the wallet's word alone: an end like any other.
        order, ended_ms = replace(order, late_state=None, ended_kind=ProofKind.CLOSED), order.late_closed_ms
    if order.late_state is not None or order.ended_kind not in WATCHED:
        return None
    steps = (_EARLY_S, *_WATCH_S)
    if order.watch_step >= len(steps):
        return None
    due = ended_ms + steps[order.watch_step] * _SECOND
    if order.asked_ms is not None and order.watch_step and not order.unsettled_asks:
        gap_s = steps[order.watch_step] - steps[order.watch_step - 1]
        due = max(due, order.asked_ms + min(gap_s // 2, _WATCH_APART_S) * _SECOND)
    if order.unsettled_asks and order.asked_ms is not None:
        due = max(due, order.asked_ms + _UNDO_LAST_S * _SECOND)
    return Action(kind=ActionKind.QUERY, due_ms=due)
