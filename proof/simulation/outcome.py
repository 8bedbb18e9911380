"""What became of one world: figures for the record and, when a rule broke, all that is known of the order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from proof.simulation.evidence import Evidence, GatewayRow
from proof.simulation.judge import Judge, Violation
from proof.simulation.trace import Trace

_MOST_LINES = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one world."""

    seed: int
    profile: str
    violation: Violation | None
    timeline: tuple[str, ...]
    orders: int
    payments: int
    paid: int
    virtual_s: float
    deaths: int
    checks: int
    faults: dict[str, int]
    ends: dict[str, int]
    trace: str
    real_crypto: bool
    marks: dict[str, int]
    sales: tuple[tuple[str, int], ...]
    cpu_s: float = 0.0


def outcome_of(
    *,
    seed: int,
    profile: str,
    judge: Judge,
    trace: Trace,
    deaths: int,
    virtual_s: float,
    real_crypto: bool,
    sales: tuple[tuple[str, int], ...],
) -> Outcome:
    """Of a world that is over and whose files are still open."""
    violation, evidence = judge.first, judge.evidence
    rows = evidence.rows.values()
    return Outcome(
        seed=seed,
        profile=profile,
        violation=violation,
        timeline=() if violation is None else timeline_of(violation.about, trace, evidence),
        orders=len({row.order_no for row in rows}),
        payments=sum(len(till.file.payments()) for till in evidence.tills.values()),
        paid=sum(1 for row in rows if row.state.value == "PAID"),
        virtual_s=virtual_s,
        deaths=deaths,
        checks=judge.checks,
        faults=dict(trace.counts),
        ends=ends_of(rows),
        trace=trace.digest(),
        real_crypto=real_crypto,
        marks=dict(judge.marks.counts),
        sales=sales,
    )


def ends_of(rows: Iterable[GatewayRow]) -> dict[str, int]:
    """How payments ended."""
    ends: Counter[str] = Counter()
    for row in rows:
        ends[row.state.value if row.proof is None else row.proof.value] += 1
        if row.late is not None:
            ends[f"late money {row.late.value}"] += 1
    return dict(ends)


def timeline_of(about: str, trace: Trace, evidence: Evidence) -> tuple[str, ...]:
    """All that is known of an order: the world's lines, the gateway's and the tills' own records."""
    order_no = about[:25] if len(about) >= 25 else ""
    if not order_no:
        return tuple(trace.lines[-60:])
    lines = [line for line in trace.lines if order_no in line or " dies " in line or " starts " in line]
    lines += [f"gateway file: {event}" for event in evidence.gateway.events(order_no)]
    for till in evidence.tills.values():
        numbers = [number for number in till.views if number.startswith(order_no)]
        lines += [f"{till.name} file: {entry}" for n in numbers for entry in till.file.entries(n)]
    return tuple(lines[-_MOST_LINES:])
