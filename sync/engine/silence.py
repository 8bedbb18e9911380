"""A payment's call that came back without a word that counts: UNKNOWN from here, and asking goes on. Only a first send
that never left is an end that the till can tell by itself.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from protocol.messages import Proof
from protocol.reasons import Reason
from protocol.states import ProofKind, TerminalEvent, TerminalState, terminal_next
from sync.engine.events import AckCall, CancelCall, PayCall, QueryCall
from sync.engine.schedule import pause_ms
from sync.engine.settling import Ended, ended, settle, settle_jobs
from sync.engine.state import Job, Live
from sync.engine.statements import TILL, PaymentSettled, PaymentSilent, Silence
from sync.engine.turn import Turn


def silence(turn: Turn, event: Ended, why: Silence) -> None:
    live = turn.payments[event.call.payment_no]
    now_ms = turn.now.mono_ms
    call = event.call
    match call:
        case PayCall() | QueryCall():
            job = ended(live.ask, event)
            live = turn.keep(replace(live, ask=job.failed(now_ms + pause_ms(job.failures))))
            never_left = isinstance(call, PayCall) and why is Silence.NOT_SENT and live.sends == 1
            if never_left and live.begun_here and not live.final:
                live = settle(turn, live, _not_sent(turn, live))
                live = turn.keep(replace(live, ask=Job()))
            else:
                live = silent(turn, live, why)
        case CancelCall():
            job = ended(live.cancel, event)
            live = replace(live, cancel=job.failed(now_ms + pause_ms(job.failures)))
        case AckCall():
            job = ended(live.ack, event)
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


def silent(turn: Turn, live: Live, why: Silence) -> Live:
    """UNKNOWN from here, stated once; asking goes on."""
    live = turn.keep(replace(live, heard=False))
    if isinstance(terminal_next(live.record.state, TerminalEvent.SILENCE), TerminalState):
        live = turn.state_it(live, PaymentSilent(payment_no=live.record.payment_no, why=why))
    return live
