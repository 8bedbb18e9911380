"""Oracles that are about time: what must have been noticed by now, in the middle of the storm. One function per rule.

Each gives a program as long as its promise says, counted only while the program was up without a break, on a clock that
did not leap.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Final

from proof.asked import Verb
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind, TerminalState

#: SAFETY.md section 2: no acknowledgement 120 s after PAID raises the alarm. The rest is for a clock that was set back.
UNNOTICED_WITHIN_MS: Final = 120_000 + 40_000
#: "Late-money watch: +1, 5, 15 min": a minute after an end somebody asks, and again if that got no answer.
WATCHED_FROM_MS: Final = 30_000
WATCHED_WITHIN_MS: Final = 60_000 + 45_000
#: There is an earlier look besides, at five seconds.
FIRST_LOOK_MS: Final = 7_000
#: An order in which nothing moves is asked about at least this often, whatever its wallet answers.
ASKED_WITHIN_MS: Final = 125_000
#: Its later steps, each with what came before it; a step may be late by the longest pause between two questions.
WATCH_STEPS_MS: Final = (60_000, 300_000, 900_000, 3_600_000)
STEP_WITHIN_MS: Final = 75_000
#: Longer than a till's disk may be full, and than any pause between two tries.
CANCEL_SENT_WITHIN_MS: Final = 120_000
#: Longer than a till's disk may be full, which then takes no statement.
SILENT_WITHIN_MS: Final = 60_000
#: A minute, then the next answer about it: the pauses of an undo grow to a minute.
AMBER_WITHIN_MS: Final = 60_000 + ASKED_WITHIN_MS
#: It is kept with the answer that says so.
NOTED_WITHIN_MS: Final = 15_000
#: Longer than the two slowest calls of one piece of work.
LEASE_MS: Final = 150_000
_WATCHED: Final = (ProofKind.DECLINED, ProofKind.CLOSED, ProofKind.ABSENT)


def paid_is_noticed(e: Evidence) -> Complaints:
    """PAID that no till acknowledged raises an alarm."""
    alarmed = {about for kind, about in e.gateway.open_alarms() if kind == "paid_unnoticed"}
    for row in e.rows.values():
        if row.state is not GatewayState.PAID or row.acked_seq is not None:
            continue
        since_ms = _since(e, e.paid_since_ms.get(row.payment_no))
        if since_ms is not None and e.now_ms() - since_ms > UNNOTICED_WITHIN_MS + e.skew_ms:
            if not any(row.payment_no in about for about in alarmed):
                yield row.payment_no, f"PAID for {(e.now_ms() - since_ms) // 1000} s, unnoticed, and no alarm"


def ends_are_watched(e: Evidence) -> Complaints:
    """After an end that money can still follow, the wallet is asked again within its time."""
    for number, order in e.gateway.channel_orders().items():
        row = e.rows.get(order.payment_no)
        if order.ended not in _WATCHED or row is None or row.late is not None:
            continue
        ended_ms = e.ended_since_ms[number]
        since_ms = _since(e, ended_ms)
        if since_ms is None or e.now_ms() - since_ms <= WATCHED_WITHIN_MS + e.skew_ms:
            continue
        asked_ms = [c.sent_ms - ended_ms for c in e.calls.of(number) if c.verb is Verb.QUERY and c.sent_ms >= ended_ms]
        # A clock that is set, or leaps, brings the look of the first minute forward: by half of the pause at most.
        even = e.skew_ms == 0 and not e.leapt_since(ended_ms)
        # One that leaps forward right after the first look brings the second at once.
        leapt = e.leapt_since(ended_ms) and len(asked_ms) > 1
        if not leapt and max(asked_ms, default=0) < (WATCHED_FROM_MS if even else FIRST_LOOK_MS):
            yield order.payment_no, f"{order.ended}, and only asked {asked_ms} ms after it"
        elif (step := _step_missed(e, ended_ms, since_ms, asked_ms)) is not None:
            yield order.payment_no, f"{order.ended}, and not asked again {step // 60_000} minutes after it"


def _step_missed(e: Evidence, ended_ms: int, since_ms: int, asked_ms: list[int]) -> int | None:
    """A later step of the watch that is over, while the gateway was up all the time, and at which nobody asked. Where
    its clock is set, a step may come as much earlier or later."""
    if e.leapt_since(ended_ms):
        return None
    for before, step in pairwise(WATCH_STEPS_MS):
        over = e.now_ms() - ended_ms > step + STEP_WITHIN_MS + e.skew_ms
        from_ms = max((before + step) // 2 - e.skew_ms, FIRST_LOOK_MS)
        if over and since_ms <= ended_ms + step and not any(at > from_ms for at in asked_ms):
            return step
    return None


def open_orders_are_driven(e: Evidence) -> Complaints:
    """An order that is not over is asked about, undone or given back: never forgotten."""
    for number, order in e.gateway.channel_orders().items():
        row = e.rows.get(order.payment_no)
        if order.ended is not None or row is None or row.state.final:
            continue
        calls = e.calls.of(number)
        refunds = [call for refund in _refunds(e, number) for call in e.calls.of(refund)]
        last_ms = max((c.sent_ms for c in (*calls, *refunds)), default=0)
        since_ms = _since(e, max(last_ms, e.opened_ms.get(number, 0)))
        if since_ms is not None and e.now_ms() - since_ms > ASKED_WITHIN_MS + e.skew_ms:
            yield (
                order.payment_no,
                f"{row.state}, and its wallet was not called for {(e.now_ms() - since_ms) // 1000} s",
            )


def cancels_are_sent(e: Evidence) -> Complaints:
    """A cashier's cancel that is open leaves the till, and leaves it again after a restart of its program, and again
    until the gateway took it: a refusal is not the last word. While there are two of a till nothing is promised: its
    owner activates it again, and then it goes on."""
    for till in e.tills.values():
        if till.up_since_ms is None or e.is_frozen(till):
            continue
        for number, since_ms in till.cancelling_ms.items():
            view = till.views.get(number)
            if view is None or view.state is not TerminalState.CANCELLING:
                continue
            from_ms = max(since_ms, till.up_since_ms)
            if till.cancel_sent_ms.get(number, 0) < from_ms and e.now_ms() - from_ms > CANCEL_SENT_WITHIN_MS:
                yield number, f"{till.name} has cancelled for {(e.now_ms() - from_ms) // 1000} s and not sent it"
            last_ms = max(till.cancel_sent_ms.get(number, 0), from_ms)
            if e.restored.at_ms is not None:  # it was taken once, and the till hears only now that it was forgotten
                last_ms = max(last_ms, e.gateway_up_since() or e.now_ms())
            row = e.rows.get(number)
            taken = number in e.cancels_heard or (row is not None and row.cancel_requested)
            if not taken and e.now_ms() - last_ms > CANCEL_SENT_WITHIN_MS:
                yield number, f"{till.name} sent its cancel {(e.now_ms() - last_ms) // 1000} s ago, and nobody took it"


def silence_is_shown(e: Evidence) -> Complaints:
    """A till that asks in vain does not show that it waits for the customer: it shows that it does not know."""
    for till in e.tills.values():
        if till.up_since_ms is None:
            continue
        for number, at_ms in till.silent_ms.items():
            view = till.views.get(number)
            since_ms = max(at_ms, till.up_since_ms)
            if view is None or view.state not in (TerminalState.SENDING, TerminalState.WAITING):
                continue
            if e.now_ms() - since_ms > SILENT_WITHIN_MS:
                yield number, f"{till.name} shows {view.state}, and has heard nothing for {e.now_ms() - since_ms} ms"


def long_undos_are_told(e: Evidence) -> Complaints:
    """An undo that takes long is amber for the cashier: he may take cash."""
    for number, at_ms in e.undoing_since_ms.items():
        row = e.rows.get(number)
        if row is None or row.amber or row.state.final:
            continue
        since_ms = _since(e, at_ms)
        if since_ms is not None and e.now_ms() - since_ms > AMBER_WITHIN_MS + e.skew_ms:
            yield number, f"{row.state} for {(e.now_ms() - since_ms) // 1000} s, and no amber light"


def opposites_are_noted(e: Evidence) -> Complaints:
    """A till that verifiably hears the opposite of what is final notes that two statements disagree."""
    for till in e.tills.values():
        for number, at_ms in till.opposite_ms.items():
            if till.up_since_ms is None or till.up_since_ms > at_ms or e.now_ms() - at_ms <= NOTED_WITHIN_MS:
                continue
            record = till.file.payments().get(number)
            if record is not None and not record.conflict:
                yield number, f"{till.name} heard the opposite of {record.state}, and did not note it"


def late_money_is_on_its_way(e: Evidence) -> Complaints:
    """Late money that was found goes back by itself; where it waits for a person, once something else pays."""
    begun = {refund.out_trade_no for refund in e.gateway.refunds().values() if refund.cause == "late"}
    for number, order in e.gateway.channel_orders().items():
        row = e.gateway.payments().get(order.payment_no)
        if order.late is not LateMoneyState.FOUND or number in begun or row is None:
            continue
        # Another payer's order of the same payment covers its sale as another payment does.
        mine = row.state is GatewayState.PAID or row.late is LateMoneyState.ACCEPTED
        other = row.payment_no if mine else e.covers(row)
        if not e.holds_late_money or other is not None:
            yield (
                row.payment_no,
                f"late money was found by {number}, and is not on its way back ({other or 'nobody'} pays for the sale)",
            )


def late_money_is_a_case(e: Evidence) -> Complaints:
    """Money that came after all is somebody's to look at for as long as it is not where it belongs."""
    orders = e.gateway.channel_orders().values()
    waiting = sorted({order.payment_no for order in orders if order.late is LateMoneyState.FOUND})
    alarms = e.gateway.open_alarms() if waiting else []
    alarmed = {about.rpartition(":")[2] for kind, about in alarms if kind == "late_money"}
    for number in waiting:
        if number not in alarmed:
            yield number, "late money was found, and no alarm about it is open"
        row = e.gateway.payments().get(number)
        if row is not None and row.late not in (LateMoneyState.FOUND, LateMoneyState.ACCEPTED):
            yield number, f"money that came late waits, and its till is told {row.late}"


def contradictions_are_noted(e: Evidence) -> Complaints:
    """Two verified answers that disagree are an alarm: a person looks."""
    alarmed = {about for kind, about in e.gateway.open_alarms() if kind == "conflict"} if e.contradicted else set[str]()
    for number, at_ms in e.contradicted.items():
        if _since(e, at_ms) == at_ms and e.now_ms() - at_ms > NOTED_WITHIN_MS:
            if not any(number in about.replace(" ", "-") for about in alarmed):
                yield number, f"PAID, and declined {(e.now_ms() - at_ms) // 1000} s ago, and no alarm"


def leases_end(e: Evidence) -> Complaints:
    """Whoever works on something has it for a while and no longer: what he never gives back would wait for ever."""
    if e.leapt_since(1):
        return
    for what, until_ms in e.gateway.leases():
        if until_ms - e.gateway_ms() > LEASE_MS + 2 * e.skew_ms:
            yield what, f"somebody has it for {(until_ms - e.gateway_ms()) // 1000} s"


def _refunds(e: Evidence, number: str) -> list[str]:
    return [r.refund_no for r in e.gateway.refunds().values() if r.out_trade_no == number]


def _since(e: Evidence, at_ms: int | None) -> int | None:
    """The later of that moment and the gateway's last start; None: it is down, or never was."""
    up_ms = e.gateway_up_since()
    return None if at_ms is None or up_ms is None else max(at_ms, up_ms)


ON_TIME: Final[tuple[Callable[[Evidence], Complaints], ...]] = (
    paid_is_noticed,
    ends_are_watched,
    open_orders_are_driven,
    cancels_are_sent,
    silence_is_shown,
    long_undos_are_told,
    contradictions_are_noted,
    opposites_are_noted,
    late_money_is_on_its_way,
    late_money_is_a_case,
    leases_end,
)
