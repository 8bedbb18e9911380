"""What an answer does to a payment. The heart of the till's honesty: PAID and NOT_PAID come from here and nowhere else.

A status counts only when it is about this terminal, order, n and amount and not older than what is known; NOT_PAID
needs its proof. Everything else is silence, and silence is UNKNOWN. A signed refusal is no outcome: the number is then
cancelled, and the gateway's tombstone is the proof.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, PaymentStatus
from protocol.states import GatewayState, TerminalEvent, TerminalState, Verdict, terminal_next
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
    Now,
    PayCall,
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
from sync.engine.record import PaymentRecord
from sync.engine.refusals import refused
from sync.engine.schedule import CALM_MS, CANCEL_AGAIN_MS
from sync.engine.settling import Ended, ended, settle, settle_jobs
from sync.engine.silence import silence
from sync.engine.state import Live
from sync.engine.statements import LateMoneySeen, PaymentAcked, PaymentConflict, Silence
from sync.engine.status_statements import observed, settled
from sync.engine.turn import Turn


def take(turn: Turn, event: Said) -> None:
    """One call came back: what it says about the line, then what it says about its subject."""
    call, answer = event.call, event.answer
    _line(turn, call, answer, event.heard or turn.now)
    kit.hear_standing(turn, call, answer)
    match call:
        case PayCall() | QueryCall() | CancelCall() | AckCall():
            _payment(turn, Ended(call_id=event.call_id, call=call), answer)
        case RefundCall() | RefundQueryCall():
            refunds.take(turn, event.call_id, call, answer)
        case StorePollCall() | StoreAckCall():
            ringing.take(turn, event.call_id, call, answer)
        case KitCall():
            kit.take(turn, event.call_id, call, answer)
        case _:
            assert_never(call)


def _line(turn: Turn, call: Call, answer: Answer, now: Now) -> None:
    match answer:
        case StatusAnswer() | RefundAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.status.server_time_ms, refused=None, now=now)
        case StoreAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.answer.server_time_ms, refused=None, now=now)
        case KitAnswer():
            turn.line = lines.heard(turn.line, server_time_ms=answer.kit.server_time_ms, refused=None, now=now)
        case ProblemAnswer():
            reason = answer.problem.reason
            turn.line = lines.heard(turn.line, server_time_ms=answer.problem.server_time_ms, refused=reason, now=now)
        case AcceptedAnswer():
            turn.line = lines.trusted(turn.line)
        case SilentAnswer() if isinstance(call, (StorePollCall, StoreAckCall, KitCall)):
            pass
        case SilentAnswer():
            turn.line = lines.silent(turn.line, answer.why)
        case _:
            assert_never(answer)


def _payment(turn: Turn, event: Ended, answer: Answer) -> None:
    live = turn.payments.get(event.call.payment_no)
    if live is None:
        return
    match answer:
        case StatusAnswer() if believable(turn.terminal_id, live.record, answer.status):
            _status(turn, event, answer)
        case StatusAnswer() | RefundAnswer() | StoreAnswer() | KitAnswer():
            silence(turn, event, Silence.MISMATCH)
        case ProblemAnswer():
            refused(turn, event, answer)
        case AcceptedAnswer():
            settle_jobs(turn, _acked(turn, live, event, answer.said_by))
        case SilentAnswer():
            silence(turn, event, answer.why)
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


def _status(turn: Turn, event: Ended, answer: StatusAnswer) -> None:
    live = turn.payments[event.call.payment_no]
    status = answer.status
    before = live.record
    live = turn.keep(replace(live, request=None, heard=True))
    if status.state_seq >= before.state_seq and not _asked_before_its_end(live, event, status):
        live = _apply(turn, live, status, answer.said_by)
    changed = live.record != before
    now_ms = turn.now.mono_ms
    call = event.call
    match call:
        case PayCall() | QueryCall():
            due = now_ms if changed else max(now_ms, live.ask.started_ms + CALM_MS)
            live = replace(live, ask=ended(live.ask, event).again(None if live.final else due))
        case CancelCall():
            taken = status.cancel_requested or live.final or status.state in _UNDOING
            due = None if taken else now_ms + CANCEL_AGAIN_MS
            live = replace(live, cancel=ended(live.cancel, event).again(due))
        case AckCall():
            live = _acked(turn, live, event, answer.said_by)
        case _:
            assert_never(call)
    settle_jobs(turn, turn.keep(live))


def _asked_before_its_end(live: Live, event: Ended, status: PaymentStatus) -> bool:
    """ "Open" answers a question from before a proof settled it: that was true then, and contradicts nothing."""
    if not live.record.confirmation_owed or status.state.final or live.settled_mono_ms is None:
        return False
    job = live.cancel if isinstance(event.call, CancelCall) else live.ask
    return job.in_flight != event.call_id or job.started_ms <= live.settled_mono_ms


def _acked(turn: Turn, live: Live, event: Ended, said_by: str) -> Live:
    call = event.call
    if isinstance(call, AckCall) and live.record.acked_seq < call.state_seq:
        said = PaymentAcked(payment_no=call.payment_no, said_by=said_by, state_seq=call.state_seq)
        live = turn.state_it(live, said)
    return turn.keep(replace(live, ack=ended(live.ack, event).again(None)))


_UNDOING = frozenset({GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND})


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
        live = settle(turn, live, settled(status, said_by))
    # Beside PAID it is another payer's, who was given up before this one paid: the gateway alone looks after that.
    late = status.late_money if said is TerminalEvent.NOT_PAID else None
    if status.given_back_ms is not None:
        # Money of an order that was given up here, and that went back: the till has one word for that.
        late = LateMoney(state=LateMoneyState.UNDONE, amount_fen=status.amount_fen, found_at_ms=status.given_back_ms)
    if late is not None and late != record.late_money:
        live = turn.state_it(
            live,
            LateMoneySeen(
                payment_no=record.payment_no,
                said_by=said_by,
                state_seq=status.state_seq,
                late_money=late,
            ),
        )
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
