"""What is left to do about a payment when one of its calls came back, and when it became final."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import replace

from sync.engine.events import PaymentCall
from sync.engine.schedule import CALM_MS, next_watch_ms
from sync.engine.state import Job, Live
from sync.engine.statements import PaymentSettled
from sync.engine.turn import Turn


class Ended(Struct, frozen=True, kw_only=True):
    """A payment's call that came back."""

    call_id: int
    call: PaymentCall


def ended(job: Job, event: Ended) -> Job:
    """The job after its call ended; a call that was overtaken by another one ends nothing."""
    return replace(job, in_flight=None) if job.in_flight == event.call_id else job


def settle(turn: Turn, live: Live, statement: PaymentSettled) -> Live:
    live, now_ms = turn.state_it(live, statement), turn.now.mono_ms
    return turn.keep(replace(live, request=None, settled_mono_ms=now_ms, watched_mono_ms=now_ms))


def settle_jobs(turn: Turn, live: Live) -> None:
    """What is left to do for a payment that just became final: acknowledge it and watch it; and of a paid offline order
    that was cancelled here, say so until the gateway answered: its journal may not take the entry that says it."""
    if not live.final:
        return
    now_ms = turn.now.mono_ms
    ask, ack = live.ask, live.ack
    if ask.in_flight is None and ask.due_ms is None:
        since_ms = live.watched_mono_ms if live.watched_mono_ms is not None else now_ms
        live = replace(live, watched_mono_ms=since_ms)
        wait_ms = next_watch_ms(live.record, watched_ms=now_ms - since_ms)
        if live.record.confirmation_owed:
            wait_ms = CALM_MS
        ask = replace(ask, due_ms=None if wait_ms is None else now_ms + wait_ms)
    if live.record.ack_owed and ack.in_flight is None and ack.due_ms is None:
        ack = replace(ack, due_ms=now_ms)
    cancel = live.cancel if live.record.may_go_back else replace(live.cancel, due_ms=None)
    turn.keep(replace(live, ask=ask, ack=ack, cancel=cancel))
