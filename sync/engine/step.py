"""`step(state, event, now) -> (state, effects)`: every decision of the till's side of money. Pure and total.

The runner commits all `Append`s of a step in one transaction before it does anything else of that step.
"""

from __future__ import annotations

from typing import assert_never

from msgspec.structs import replace

from protocol.states import TerminalState
from sync.engine import answers, cash, kit, offline, proofs, refunds, ringing
from sync.engine import line as lines
from sync.engine.answers import settle_jobs
from sync.engine.events import (
    CancelAsked,
    CashAsked,
    CashBackAsked,
    Effect,
    Event,
    LineHeard,
    LineSilent,
    Now,
    Opened,
    RefundAsked,
    Reread,
    Said,
    StartAsked,
    StorageSaid,
    StoreListened,
    Wake,
)
from sync.engine.model import Line
from sync.engine.offline_events import CodeAsked, CodeChecked, OfflineAsked, ParkAsked, ProofAsked, StatusAsked
from sync.engine.schedule import watched
from sync.engine.start import cancel, start
from sync.engine.state import EngineState, Job, Live
from sync.engine.statements import PaymentSilent, Silence
from sync.engine.turn import Turn


def step(state: EngineState, event: Event, now: Now) -> tuple[EngineState, list[Effect]]:
    """One event, all its consequences."""
    turn = Turn(state, now)
    match event:
        case StartAsked():
            start(turn, event)
        case CancelAsked():
            cancel(turn, event)
        case RefundAsked():
            refunds.start(turn, event)
        case CashAsked() | CashBackAsked():
            cash.decide(turn, event)
        case OfflineAsked() | StatusAsked() | ParkAsked() | ProofAsked() | CodeAsked() | CodeChecked():
            _without_line(turn, event)
        case StoreListened():
            ringing.listen(turn)
        case Said():
            answers.take(turn, event)
        case LineHeard() | LineSilent() | StorageSaid():
            _surroundings(turn, event)
        case Opened():
            _open(turn)
        case Reread():
            _reread(turn, event)
            refunds.reread(turn, event)
            ringing.reread(turn, event.store_seen)
        case Wake():
            pass
        case _:
            assert_never(event)
    if state.line.line is not Line.UP:
        answers.line_came_up(turn)
    elif lines.is_lost(turn.line.line):
        offline.line_lost(turn)
    _release_held(turn)
    turn.dispatch()
    return turn.finish()


def _surroundings(turn: Turn, event: LineHeard | LineSilent | StorageSaid) -> None:
    match event:
        case LineHeard():
            at = event.heard or turn.now
            turn.line = lines.heard(turn.line, server_time_ms=event.server_time_ms, refused=event.refused, now=at)
        case LineSilent():
            turn.line = lines.silent(turn.line, event.why)
        case StorageSaid():
            turn.storage = event.refusing
        case _:
            assert_never(event)


def _without_line(
    turn: Turn, event: OfflineAsked | StatusAsked | ParkAsked | ProofAsked | CodeAsked | CodeChecked
) -> None:
    match event:
        case OfflineAsked():
            offline.show(turn, event)
        case StatusAsked():
            offline.status(turn, event)
        case ParkAsked():
            offline.park(turn, event)
        case ProofAsked():
            proofs.scanned(turn, event)
        case CodeAsked():
            proofs.typed(turn, event)
        case CodeChecked():
            proofs.checked(turn, event)
        case _:
            assert_never(event)


def _release_held(turn: Turn) -> None:
    """The line has been checked, one way or the other: the commands that waited for it go on."""
    if turn.line.line is Line.CHECKING:
        return
    held, turn.held = turn.held, ()
    for event in held:
        match event:
            case StartAsked():
                start(turn, event)
            case RefundAsked():
                refunds.start(turn, event)
            case _:
                assert_never(event)


def _open(turn: Turn) -> None:
    """After a start of the program: an answer that was awaited will not come any more, so everything open is asked
    for; intents to cancel are sent again; outcomes not yet acknowledged are."""
    for live in list(turn.payments.values()):
        turn.show(live)
        if live.final:
            _reopen_settled(turn, live)
            continue
        if live.record.state is TerminalState.SENDING:
            turn.state_it(live, PaymentSilent(payment_no=live.record.payment_no, why=Silence.RESTARTED))
        due = Job(due_ms=turn.now.mono_ms)
        asked = turn.payments[live.record.payment_no]
        turn.keep(replace(asked, ask=due, cancel=due if live.record.cancel_intended else Job()))
    refunds.reopen(turn)
    kit.open_desk(turn)


def _reread(turn: Turn, event: Reread) -> None:
    """What was thought undone is there, or the other way round: the journal is right, everything is asked again."""
    known = {record.payment_no: record for record in event.records}
    turn.payments = {no: replace(live, record=known[no]) for no, live in turn.payments.items() if no in known}
    for record in event.records:
        live = turn.payments.get(record.payment_no, Live(record=record))
        if record.payment_no in event.asked:
            live = replace(live, request_id=event.asked[record.payment_no])
            turn.took(event.asked[record.payment_no], record.payment_no)
        if live.ask.in_flight is None and not live.final:
            live = replace(live, ask=Job(due_ms=turn.now.mono_ms))
        if live.cancel.in_flight is None and live.record.cancel_intended and not live.final:
            live = replace(live, cancel=Job(due_ms=turn.now.mono_ms))
        turn.keep(live)
        turn.show(live)
        settle_jobs(turn, live)


def _reopen_settled(turn: Turn, live: Live) -> None:
    now_ms = turn.now.mono_ms
    # Whatever the watch would have seen while the program was off is seen by one look now, whatever the clock says.
    ask = Job(due_ms=now_ms if watched(live.record) or live.record.confirmation_owed else None)
    ack = Job(due_ms=now_ms if live.record.ack_owed else None)
    # Whether the gateway heard the cancel is not in the journal; it hears it once.
    cancel = Job(due_ms=now_ms if live.record.may_go_back else None)
    turn.keep(replace(live, ask=ask, ack=ack, cancel=cancel))
