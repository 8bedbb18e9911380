"""Defects of what must wait, end or be told in time: leases, held money, alarms, lights, limits, anchors.

Each is one replacement in one file, and the rules of which one must find it.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.planted import Defect, by

WAITS: Final = (
    Defect(
        name="a lease is for a month",
        trips=by("leases_end"),
        file="gateway/jobs/scheduler.py",
        old="owner, until_ms = self._calls.owner, now_ms + LEASE_MS",
        new="owner, until_ms = self._calls.owner, now_ms + LEASE_MS * 100_000",
        profile="calm",
    ),
    Defect(
        name="late money that the owner holds goes back by itself",
        trips=by("held_money_waits_for_its_person"),
        file="gateway/jobs/keeping.py",
        old="    elif found and (owner.refunds_late_money or _covered(tx, payment)):",
        new="    elif found:",
        profile="late",
    ),
    Defect(
        name="a large order that was cancelled goes back at once",
        trips=by("the_large_waits_for_a_person"),
        file="gateway/jobs/offline_orders.py",
        old="BACK_AT_ONCE_FEN: Final = 20_000",
        new="BACK_AT_ONCE_FEN: Final = 20_000_000",
        profile="offline",
    ),
    Defect(
        name="a large order that was cancelled waits for a month",
        trips=by("cancelled_orders_go_back"),
        file="gateway/jobs/offline_orders.py",
        old="BACK_AFTER_MS: Final = 86_400_000",
        new="BACK_AFTER_MS: Final = 86_400_000 * 30",
        profile="offline",
    ),
    Defect(
        name="one alarm silences all of its kind",
        trips=by("paid_is_noticed", "late_money_is_a_case", "contradictions_are_noted"),
        file="gateway/store/alarms.py",
        old="_FIND: Final = Statement(select(_A.alarm_id).where(*_OPEN))",
        new="_FIND: Final = Statement(select(_A.alarm_id).where(_OPEN[0], _OPEN[2]))",
    ),
    Defect(
        name="the counters of an ORDER are not anchored before it is shown",
        trips=by("an_order_is_anchored_first"),
        file="sync/offline_desk.py",
        old="        if shown or any(isinstance(said, (ProofTaken, CodeTried)) for said in statements):",
        new="        if any(isinstance(said, (ProofTaken, CodeTried)) for said in statements):",
        profile="offline",
    ),
    Defect(
        name="a till says that it knows the time",
        trips=by("an_order_is_dated_truly"),
        file="sync/engine/offline.py",
        old="clock=ClockQuality.GUESSED if turn.line.gateway_ms is None else ClockQuality.GATEWAY",
        new="clock=ClockQuality.GATEWAY",
        profile="offline",
    ),
    Defect(
        name="the light stays green when two statements disagree",
        trips=by("a_light_is_true"),
        file="sync/engine/views.py",
        old="record.late_money is None and not record.conflict",
        new="record.late_money is None",
        profile="odd",
    ),
    Defect(
        name="cash is taken over money that came late",
        trips=by("no_cash_over_late_money"),
        file="sync/engine/cash.py",
        old="    green = safe_to_rescan(record.state, record.proof) and not doubted",
        new="    green = safe_to_rescan(record.state, record.proof)",
        profile="held",
    ),
    Defect(
        name="the limit of a day's cash counts one sale",
        trips=by("cash_keeps_its_limits"),
        file="sync/engine/cash.py",
        old="if offline and offline_fen + amount_fen > limits.offline_day_fen:",
        new="if offline and amount_fen > limits.offline_day_fen:",
        profile="offline",
    ),
)
