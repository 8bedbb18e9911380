"""What an answer does to a payment. The heart of the till's honesty: PAID and NOT_PAID come from here and nowhere else.

A status counts only when it is about this terminal, order, n and amount and not older than what is known; NOT_PAID
needs its proof. Everything else is silence, and silence is UNKNOWN. A signed refusal is no outcome: the number is then
cancelled, and the gateway's tombstone is the proof.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from msgspec import structs

from protocol.messages import PAY_REQUEST_LIFE_MS, PaymentStatus, Problem, Proof
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, TerminalEvent, TerminalState, Verdict, terminal_next
from sync.engine import kit, refunds, ringing
from sync.engine import line as lines
from sync.engine.events import (
    AcceptedAnswer,
    AckCall,
    Answer,
    Call,
    CancelCall,
    KitAnswer,
    KitCall,
    PayCall,
    PaymentCall,
    ProblemAnswer,
    QueryCall,
    RefundAnswer,
    RefundCall,
    RefundQueryCall,
    Said,
    SilentAnswer,
    StatusAnswer,
    StoreAckCall,
    StoreAnswer,
    StorePollCall,
)
from sync.engine.model import Line
from sync.engine.offline import is_over
from sync.engine.record import PaymentRecord
from sync.engine.schedule import (
    CALM_MS,
    CANCEL_AGAIN_MS,
    UNSEEN_AGAIN_MS,
    next_watch_ms,
    pause_ms,
    refused_pause_ms,
)
from sync.engine.start import cancel_again, intend_cancel
from sync.engine.state import Job, Live
from sync.engine.statements import (
    TILL,
    CancelCause,
    CancelIntended,
    LateMoneySeen,
    PaymentAcked,
    PaymentConflict,
    PaymentRefused,
    PaymentSettled,
    PaymentSilent,
    Silence,
)
from sync.engine.status_statements import observed, settled
from sync.engine.turn import Turn

#: Signed refusals after which the same call is simply made again.
_TRY_AGAIN = (
    frozenset({Reason.CLOCK, Reason.REPLAYED, Reason.INTERNAL, Reason.TOO_MANY_TRIES, Reason.RATE_LIMITED})
    | lines.TERMINAL_REFUSALS
)


def take(turn: Turn, event: Said) -> None:
    """One call came back: what it says about the line, then what it says about its subject."""
    call, answer = event.call, event.answer
    _line(turn, call, answer)
    kit.hear_standing(turn, call, answer)
    match call:
        case PayCall() | QueryCall() | CancelCall() | AckCall():
            _payment(turn, _Ended(call_id=event.call_id, call=call), answer)
        case RefundCall() | RefundQueryCall():
            refunds.take(turn, event.call_id, call, answer)
        case StorePollCall() | StoreAckCall():
            ringing.take(turn, event.call_id, call, answer)
        case KitCall():
            kit.take(turn, event.call_id, call, answer)
        case _:
            assert_never(call)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """A payment's call that came back."""

    call_id: int
    call: PaymentCall


def _line(turn: Turn, call: Call, answer: Answer) -> None:
    match answer:
        case StatusAnswer() | RefundAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.status.server_time_ms, refused=None, now=turn.now)
        case StoreAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.answer.server_time_ms, refused=None, now=turn.now)
        case KitAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.kit.server_time_ms, refused=None, now=turn.now)
        case ProblemAnswer():
            reason = answer.problem.reason
            turn.line = lines.heard(
                turn.line, server_time_ms=answer.problem.server_time_ms, refused=reason, now=turn.now
            )
        case AcceptedAnswer():
            turn.line = lines.trusted(turn.line)
        case SilentAnswer() if isinstance(call, (StorePollCall, StoreAckCall, KitCall)):
            pass
        case SilentAnswer():
            turn.line = lines.silent(turn.line, answer.why)
        case _:
            assert_never(answer)


def _payment(turn: Turn, event: _Ended, answer: Answer) -> None:
    live = turn.payments.get(event.call.payment_no)
    if live is None:
        return
    match answer:
        case StatusAnswer() if believable(turn.terminal_id, live.record, answer.status):
            _status(turn, event, answer)
        case StatusAnswer() | RefundAnswer() | StoreAnswer() | KitAnswer():
            _silence(turn, event, Silence.MISMATCH)
        case ProblemAnswer():
            _problem(turn, event, answer)
        case AcceptedAnswer():
            settle_jobs(turn, _acked(turn, live, event, answer.said_by))
        case SilentAnswer():
            _silence(turn, event, answer.why)
        case _:
            assert_never(answer)


def believable(terminal_id: str, record: PaymentRecord, status: PaymentStatus) -> bool:
    """Whether a verified status is about this payment, and says no more than it can prove. Who presented the code is
    not compared: the tombstone of a number that never arrived cannot know."""
    same = (
        status.terminal_id == terminal_id
        and status.payment_no == record.payment_no
        and status.order_no == record.order_no
        and status.n == record.n
        and status.amount_fen == record.amount.fen
        and status.currency == record.amount.currency
    )
    return same and (status.state is not GatewayState.NOT_PAID or status.proof is not None)


# --- a believed status ------------------------------------------------------------------------------------------


def _status(turn: Turn, event: _Ended, answer: StatusAnswer) -> None:
    live = turn.payments[event.call.payment_no]
    status = answer.status
    before = live.record
    live = turn.keep(replace(live, request=None, heard=True))
    if status.state_seq >= before.state_seq:
        live = _apply(turn, live, status, answer.said_by)
    changed = live.record != before
    now_ms = turn.now.mono_ms
    call = event.call
    match call:
        case PayCall() | QueryCall():
            due = now_ms if changed else max(now_ms, live.ask.started_ms + CALM_MS)
            live = replace(live, ask=_ended(live.ask, event).again(None if live.final else due))
        case CancelCall():
            taken = status.cancel_requested or live.final or status.state in _UNDOING
            due = None if taken else now_ms + CANCEL_AGAIN_MS
            live = replace(live, cancel=_ended(live.cancel, event).again(due))
        case AckCall():
            live = _acked(turn, live, event, answer.said_by)
        case _:
            assert_never(call)
    settle_jobs(turn, turn.keep(live))


def _acked(turn: Turn, live: Live, event: _Ended, said_by: str) -> Live:
    call = event.call
    if isinstance(call, AckCall) and live.record.acked_seq < call.state_seq:
        said = PaymentAcked(payment_no=call.payment_no, said_by=said_by, state_seq=call.state_seq)
        live = turn.state_it(live, said)
    return turn.keep(replace(live, ack=_ended(live.ack, event).again(None)))


_UNDOING = frozenset({GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND})


def _ended(job: Job, event: _Ended) -> Job:
    """The job after its call ended; a call that was overtaken by another one ends nothing."""
    return replace(job, in_flight=None) if job.in_flight == event.call_id else job


def _apply(turn: Turn, live: Live, status: PaymentStatus, said_by: str) -> Live:
    record = live.record
    match status.state:
        case GatewayState.PAID:
            said = TerminalEvent.PAID
        case GatewayState.NOT_PAID:
            said = TerminalEvent.NOT_PAID
        case GatewayState.CREATED | GatewayState.SENT | GatewayState.REVERSING | GatewayState.UNDO_BY_REFUND:
            said = TerminalEvent.OPEN
    verdict = terminal_next(record.state, said)
    if verdict is Verdict.CONFLICT:
        if record.conflict and status.state_seq <= record.state_seq:
            return live
        return turn.state_it(
            live,
            PaymentConflict(
                payment_no=record.payment_no,
                said_by=said_by,
                gateway_state=status.state,
                state_seq=status.state_seq,
            ),
        )
    if said is TerminalEvent.OPEN:
        if isinstance(verdict, TerminalState) or status.state_seq > record.state_seq:
            live = turn.state_it(live, observed(status, said_by))
        return live
    if isinstance(verdict, TerminalState) or record.confirmation_owed:
        live = _settle(turn, live, settled(status, said_by))
    if status.late_money is not None and status.late_money != record.late_money:
        live = turn.state_it(
            live,
            LateMoneySeen(
                payment_no=record.payment_no,
                said_by=said_by,
                state_seq=status.state_seq,
                late_money=status.late_money,
            ),
        )
    return live


def _settle(turn: Turn, live: Live, statement: PaymentSettled) -> Live:
    live = turn.state_it(live, statement)
    return turn.keep(replace(live, request=None, settled_mono_ms=turn.now.mono_ms))


def settle_jobs(turn: Turn, live: Live) -> None:
    """What is left to do for a payment that just became final: acknowledge it, watch it, nothing else."""
    if not live.final:
        return
    now_ms = turn.now.mono_ms
    ask, ack = live.ask, live.ack
    if ask.in_flight is None and ask.due_ms is None:
        wait_ms = next_watch_ms(live.record, at_ms=turn.at_ms)
        if live.record.confirmation_owed:
            wait_ms = CALM_MS
        ask = replace(ask, due_ms=None if wait_ms is None else now_ms + wait_ms)
    if live.record.ack_owed and ack.in_flight is None and ack.due_ms is None:
        ack = replace(ack, due_ms=now_ms)
    turn.keep(replace(live, ask=ask, ack=ack, cancel=replace(live.cancel, due_ms=None)))


# --- a signed refusal -------------------------------------------------------------------------------------------


def _problem(turn: Turn, event: _Ended, answer: ProblemAnswer) -> None:
    live = turn.payments[event.call.payment_no]
    call, told_ms = event.call, answer.problem.retry_after_ms
    match call:
        case PayCall() | QueryCall():
            live = turn.keep(replace(live, ask=_ended(live.ask, event)))
            if not live.final:
                _ask_refused(turn, live, answer)
                return
            live = replace(live, ask=live.ask.failed(turn.now.mono_ms + refused_pause_ms(live.ask.failures, told_ms)))
            if answer.problem.reason is Reason.UNKNOWN_PAYMENT and live.record.confirmation_owed:
                _ask_for_tombstone(turn, live)
                return
        case CancelCall():
            job = _ended(live.cancel, event)
            wait_ms = max(pause_ms(job.failures), refused_pause_ms(0, told_ms))
            live = replace(live, cancel=job.failed(turn.now.mono_ms + wait_ms))
        case AckCall():
            job = _ended(live.ack, event)
            live = replace(live, ack=job.failed(turn.now.mono_ms + refused_pause_ms(job.failures, told_ms)))
        case _:
            assert_never(call)
    settle_jobs(turn, turn.keep(live))


def _ask_refused(turn: Turn, live: Live, answer: ProblemAnswer) -> None:
    problem: Problem = answer.problem
    now_ms = turn.now.mono_ms
    number = live.record.payment_no
    if problem.reason is Reason.CLOCK and live.request is not None and not live.re_timed:
        # The gateway refused by time before it looked at anything: same number, and a life counted by its clock.
        request = structs.replace(live.request, expires=turn.at_ms + PAY_REQUEST_LIFE_MS)
        turn.keep(replace(live, request=request, re_timed=True, ask=live.ask.again(now_ms)))
        return
    if problem.reason is Reason.UNKNOWN_PAYMENT and live.record.offline is not None and not is_over(turn, live):
        # Shown, and nobody opened it so far: somebody still may.
        since_ms = now_ms if live.unknown_since_ms is None else live.unknown_since_ms
        turn.keep(replace(live, unknown_since_ms=since_ms, ask=live.ask.again(now_ms + UNSEEN_AGAIN_MS)))
        return
    live = _silent(turn, live, Silence.REFUSED)
    stopped = problem.reason in lines.STANDING_REFUSALS and live.request is not None
    if problem.reason in _TRY_AGAIN and not stopped:
        again = live.ask.failed(now_ms + refused_pause_ms(live.ask.failures, problem.retry_after_ms))
        turn.keep(replace(live, ask=again))
        return
    if live.record.refused is not problem.reason and problem.reason is not Reason.UNKNOWN_PAYMENT:
        live = turn.state_it(live, PaymentRefused(payment_no=number, said_by=answer.said_by, reason=problem.reason))
    again = live.ask.failed(now_ms + pause_ms(live.ask.failures))
    turn.keep(replace(live, request=None, ask=again))
    unknown = problem.reason is Reason.UNKNOWN_PAYMENT
    cause = CancelCause.UNKNOWN_NUMBER if unknown else CancelCause.REFUSED
    intend_cancel(turn, number, live.record.operator, cause)
    if unknown:
        cancel_again(turn, number)  # a gateway that had taken the cancel was restored from a backup


def _ask_for_tombstone(turn: Turn, live: Live) -> None:
    """Its order was proven closed, and this number never arrived: only a tombstone is the gateway's word about it."""
    record = live.record
    if record.state is TerminalState.NOT_PAID and not record.cancel_intended:
        cause = CancelCause.UNKNOWN_NUMBER
        intent = CancelIntended(payment_no=record.payment_no, operator=record.operator, cause=cause)
        live = turn.state_it(live, intent)
    settle_jobs(turn, turn.keep(live))
    cancel_again(turn, record.payment_no)


# --- silence ----------------------------------------------------------------------------------------------------


def _silence(turn: Turn, event: _Ended, why: Silence) -> None:
    live = turn.payments[event.call.payment_no]
    now_ms = turn.now.mono_ms
    call = event.call
    match call:
        case PayCall() | QueryCall():
            job = _ended(live.ask, event)
            live = turn.keep(replace(live, ask=job.failed(now_ms + pause_ms(job.failures))))
            never_left = isinstance(call, PayCall) and why is Silence.NOT_SENT and live.sends == 1
            if never_left and live.begun_here and not live.final:
                live = _settle(turn, live, _not_sent(turn, live))
                live = turn.keep(replace(live, ask=Job()))
            else:
                live = _silent(turn, live, why)
        case CancelCall():
            job = _ended(live.cancel, event)
            live = replace(live, cancel=job.failed(now_ms + pause_ms(job.failures)))
        case AckCall():
            job = _ended(live.ack, event)
            live = replace(live, ack=job.failed(now_ms + pause_ms(job.failures)))
        case _:
            assert_never(call)
    settle_jobs(turn, turn.keep(live))


def _not_sent(turn: Turn, live: Live) -> PaymentSettled:
    """Table P, NOT_SENT: the first and only send never wrote a byte, and this till can say so itself: not of a number
    that a copy of its disk may have sent."""
    return PaymentSettled(
        payment_no=live.record.payment_no,
        said_by=TILL,
        paid=False,
        state_seq=live.record.state_seq,
        reason=Reason.NOT_SENT,
        proof=Proof(kind=ProofKind.NOT_SENT, said_by=TILL, at_ms=turn.at_ms),
    )


def _silent(turn: Turn, live: Live, why: Silence) -> Live:
    """UNKNOWN from here, stated once; asking goes on."""
    live = turn.keep(replace(live, heard=False))
    if isinstance(terminal_next(live.record.state, TerminalEvent.SILENCE), TerminalState):
        live = turn.state_it(live, PaymentSilent(payment_no=live.record.payment_no, why=why))
    return live


def line_came_up(turn: Turn) -> None:
    """After a silence nobody waits out a pause: everything that failed is asked again now."""
    if turn.line.line is not Line.UP:
        return
    now_ms = turn.now.mono_ms
    for live in list(turn.payments.values()):
        turn.keep(
            replace(
                live,
                ask=live.ask.hurried(now_ms),
                cancel=live.cancel.hurried(now_ms),
                ack=live.ack.hurried(now_ms),
            )
        )
    refunds.line_came_up(turn)
    kit.line_came_up(turn)
    ringing.line_came_up(turn)
