"""A signed refusal of a payment's call. It is no outcome: the number is then cancelled, and the gateway's tombstone is
the proof.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import structs
from msgspec.structs import replace

from protocol.messages import PAY_REQUEST_LIFE_MS, Problem
from protocol.reasons import Reason
from protocol.states import TerminalState
from sync.engine import line as lines
from sync.engine.events import AckCall, CancelCall, PayCall, ProblemAnswer, QueryCall
from sync.engine.offline import is_over
from sync.engine.schedule import FORGOTTEN_AGAIN_MS, UNSEEN_AGAIN_MS, pause_ms, refused_pause_ms
from sync.engine.settling import Ended, ended, settle_jobs
from sync.engine.silence import silent
from sync.engine.start import cancel_again, intend_cancel
from sync.engine.state import Live
from sync.engine.statements import CancelCause, CancelIntended, PaymentRefused, Silence
from sync.engine.turn import Turn

#: Signed refusals after which the same call is simply made again.
_TRY_AGAIN = (
    frozenset({Reason.CLOCK, Reason.REPLAYED, Reason.INTERNAL, Reason.TOO_MANY_TRIES, Reason.RATE_LIMITED})
    | lines.TERMINAL_REFUSALS
)


def refused(turn: Turn, event: Ended, answer: ProblemAnswer) -> None:
    live = turn.payments[event.call.payment_no]
    call, told_ms = event.call, answer.problem.retry_after_ms
    match call:
        case PayCall() | QueryCall():
            live = turn.keep(replace(live, ask=ended(live.ask, event)))
            if not live.final:
                _ask_refused(turn, live, answer)
                return
            live = replace(live, ask=live.ask.failed(turn.now.mono_ms + refused_pause_ms(live.ask.failures, told_ms)))
            if answer.problem.reason is Reason.UNKNOWN_PAYMENT and live.record.confirmation_owed:
                _ask_for_tombstone(turn, live)
                return
        case CancelCall():
            job = ended(live.cancel, event)
            wait_ms = max(pause_ms(job.failures), refused_pause_ms(0, told_ms))
            live = replace(live, cancel=job.failed(turn.now.mono_ms + wait_ms))
        case AckCall():
            job = ended(live.ack, event)
            pause = refused_pause_ms(job.failures, told_ms)
            if answer.problem.reason is Reason.UNKNOWN_PAYMENT and live.record.state is TerminalState.NOT_PAID:
                # A gateway that was restored from a backup has forgotten it, and waits for no word about it.
                pause = FORGOTTEN_AGAIN_MS
            live = replace(live, ack=job.failed(turn.now.mono_ms + pause))
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
    live = silent(turn, live, Silence.REFUSED)
    stopped = problem.reason in lines.STANDING_REFUSALS and live.request is not None
    if problem.reason in _TRY_AGAIN and not stopped:
        again = live.ask.failed(now_ms + refused_pause_ms(live.ask.failures, problem.retry_after_ms))
        turn.keep(replace(live, ask=again))
        return
    if live.record.refused is not problem.reason and problem.reason is not Reason.UNKNOWN_PAYMENT:
        live = turn.state_it(live, PaymentRefused(payment_no=number, said_by=answer.said_by, reason=problem.reason))
    again = live.ask.failed(now_ms + pause_ms(live.ask.failures))
    turn.keep(replace(live, request=None, ask=again))
    if live.record.sale_has_money is not None:
        _ask_what_happened(turn, live)
    unknown = problem.reason is Reason.UNKNOWN_PAYMENT
    cause = CancelCause.UNKNOWN_NUMBER if unknown else CancelCause.REFUSED
    intend_cancel(turn, number, live.record.operator, cause)
    if unknown:
        cancel_again(turn, number)  # a gateway that had taken the cancel was restored from a backup


def _ask_what_happened(turn: Turn, live: Live) -> None:
    """The gateway knows more of an earlier try than this till, which asks now and not at its next look."""
    for other in list(turn.payments.values()):
        same = other.record.order_no == live.record.order_no and other.record.n < live.record.n
        if same and other.ask.in_flight is None:
            turn.keep(replace(other, ask=other.ask.again(turn.now.mono_ms)))


def _ask_for_tombstone(turn: Turn, live: Live) -> None:
    """Its order was proven closed, and this number never arrived: only a tombstone is the gateway's word about it."""
    record = live.record
    if record.state is TerminalState.NOT_PAID and not record.cancel_intended:
        cause = CancelCause.UNKNOWN_NUMBER
        intent = CancelIntended(payment_no=record.payment_no, operator=record.operator, cause=cause)
        live = turn.state_it(live, intent)
    settle_jobs(turn, turn.keep(live))
    cancel_again(turn, record.payment_no)
