"""The store's static QR (台牌): what it took is journaled, rung for once, then acknowledged. Never touches a sale.

The entry is durable before the ring and before the acknowledgement; the gateway's sequence says what is new. The
program may end between entry and ring, and an acknowledgement ends the notice "paid and unnoticed": each run first
looks at what no till has acknowledged, and rings for it although it is in the journal. A gateway that does not know
this call is left alone for a while. Silence here says nothing about the line: the poll is held on purpose, and the
heartbeat listens anyway.
"""

from __future__ import annotations

from itertools import pairwise
from typing import assert_never

from msgspec.structs import replace

from protocol.messages import StorePaid, StorePaidAnswer
from protocol.money import Money
from protocol.reasons import Reason
from sync.engine.events import (
    AcceptedAnswer,
    Answer,
    KitAnswer,
    ProblemAnswer,
    RefundAnswer,
    SilentAnswer,
    StatusAnswer,
    StoreAckCall,
    StoreAnswer,
    StoreCall,
    StorePollCall,
)
from sync.engine.model import StorePaidView
from sync.engine.schedule import CALM_MS, UNKNOWN_PATH_PAUSE_MS, pause_ms, refused_pause_ms
from sync.engine.state import Job
from sync.engine.statements import StorePaidHeard
from sync.engine.turn import Turn


def listen(turn: Turn) -> None:
    """Somebody is there: the poll begins."""
    ring = turn.ring
    if not ring.listening:
        turn.ring = replace(ring, listening=True, poll=Job(due_ms=turn.now.mono_ms))


def reread(turn: Turn, store_seen: int) -> None:
    """The journal is right about what was heard; nobody rang for what is there and was thought undone."""
    ring = turn.ring
    rung, acked = min(ring.rung, store_seen), min(ring.acked, store_seen)
    turn.ring = replace(ring, seen=store_seen, rung=rung, acked=acked, after=None, looked=False)


def line_came_up(turn: Turn) -> None:
    """After a silence nobody waits out a pause."""
    now_ms = turn.now.mono_ms
    turn.ring = replace(turn.ring, poll=turn.ring.poll.hurried(now_ms), ack=turn.ring.ack.hurried(now_ms))


def take(turn: Turn, call_id: int, call: StoreCall, answer: Answer) -> None:
    """A poll or an acknowledgement came back."""
    match call:
        case StorePollCall():
            if turn.ring.poll.in_flight == call_id:
                _polled(turn, call, answer)
        case StoreAckCall():
            if turn.ring.ack.in_flight == call_id:
                _acked(turn, call, answer)
        case _:
            assert_never(call)


def _polled(turn: Turn, call: StorePollCall, answer: Answer) -> None:
    now_ms, poll = turn.now.mono_ms, turn.ring.poll
    match answer:
        case StoreAnswer() if call.after != turn.ring.after:
            # Asked before everything was read again.
            turn.ring = replace(turn.ring, poll=poll.again(now_ms))
        case StoreAnswer() if believable(call, answer.answer):
            if turn.ring.seen and not turn.ring.looked:
                _look(turn, answer.answer)
            else:
                _take(turn, answer.answer, answer.said_by)
            _ack_owed(turn)
        case ProblemAnswer():
            unknown = answer.problem.reason is Reason.UNKNOWN_PATH
            told_ms = answer.problem.retry_after_ms
            wait_ms = UNKNOWN_PATH_PAUSE_MS if unknown else refused_pause_ms(poll.failures, told_ms)
            # What is paused for long is no failure: a line that comes back does not hurry it.
            again = poll.again(now_ms + wait_ms) if unknown else poll.failed(now_ms + wait_ms)
            turn.ring = replace(turn.ring, poll=again)
        case StoreAnswer() | StatusAnswer() | RefundAnswer() | KitAnswer() | AcceptedAnswer() | SilentAnswer():
            turn.ring = replace(turn.ring, poll=poll.failed(now_ms + pause_ms(poll.failures)))
        case _:
            assert_never(answer)


def _look(turn: Turn, answer: StorePaidAnswer) -> None:
    """What no till has acknowledged, from the first: of that, what the journal has and nobody rang for."""
    ring = turn.ring
    for paid in answer.paid:
        if ring.rung < paid.seq <= ring.seen:
            turn.ring_again(_view(paid))
    rest = bool(answer.paid) and answer.last < ring.seen
    turn.ring = replace(
        ring,
        rung=max(ring.rung, min(answer.last, ring.seen)) if rest else ring.seen,
        looked=not rest,
        after=answer.last if rest else ring.seen,
        poll=ring.poll.again(turn.now.mono_ms),
    )


def _take(turn: Turn, answer: StorePaidAnswer, said_by: str) -> None:
    """What is new."""
    now_ms, ring = turn.now.mono_ms, turn.ring
    news = [paid for paid in answer.paid if paid.seq > ring.seen]
    for paid in news:
        _ring(turn, paid, said_by)
    seen = max((paid.seq for paid in news), default=ring.seen)
    turn.ring = replace(
        ring,
        seen=seen,
        rung=seen,
        looked=True,
        after=max(ring.after or 0, answer.last),
        poll=ring.poll.again(now_ms if news else max(now_ms, ring.poll.started_ms + CALM_MS)),
    )


def believable(call: StorePollCall, answer: StorePaidAnswer) -> bool:
    """In order, beyond what was asked for, and not beyond its own end."""
    numbers = [call.after or 0, *(paid.seq for paid in answer.paid)]
    rising = all(one < other for one, other in pairwise(numbers))
    return rising and answer.last >= numbers[-1]


def _ring(turn: Turn, paid: StorePaid, said_by: str) -> None:
    turn.state_ring(
        StorePaidHeard(
            payment_no=paid.payment_no,
            said_by=said_by,
            seq=paid.seq,
            amount_fen=paid.amount_fen,
            paid_at_ms=paid.paid_at_ms,
            channel=paid.channel,
            transaction_tail=paid.transaction_tail,
        ),
        _view(paid),
    )


def _view(paid: StorePaid) -> StorePaidView:
    return StorePaidView(
        seq=paid.seq,
        payment_no=paid.payment_no,
        amount=Money(paid.amount_fen),
        channel=paid.channel,
        transaction_tail=paid.transaction_tail,
        paid_at_ms=paid.paid_at_ms,
    )


def _acked(turn: Turn, call: StoreAckCall, answer: Answer) -> None:
    now_ms, ack = turn.now.mono_ms, turn.ring.ack
    match answer:
        case AcceptedAnswer():
            turn.ring = replace(turn.ring, acked=max(turn.ring.acked, call.through), ack=ack.again(None))
            _ack_owed(turn)
        case ProblemAnswer():
            unknown = answer.problem.reason is Reason.UNKNOWN_PATH
            told_ms = answer.problem.retry_after_ms
            wait_ms = UNKNOWN_PATH_PAUSE_MS if unknown else refused_pause_ms(ack.failures, told_ms)
            turn.ring = replace(turn.ring, ack=ack.failed(now_ms + wait_ms))
        case StoreAnswer() | StatusAnswer() | RefundAnswer() | KitAnswer() | SilentAnswer():
            turn.ring = replace(turn.ring, ack=ack.failed(now_ms + pause_ms(ack.failures)))
        case _:
            assert_never(answer)


def _ack_owed(turn: Turn) -> None:
    ack = turn.ring.ack
    if turn.ring.looked and turn.ring.seen > turn.ring.acked and ack.in_flight is None and ack.due_ms is None:
        turn.ring = replace(turn.ring, ack=replace(ack, due_ms=turn.now.mono_ms))
