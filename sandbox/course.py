"""How far an order's plan has been played: the undos and queries that came, and what the next one hears.

Each wallet keeps one course beside each order and asks it first; the answers are put into the wallet's own words there.
Pure values: `now_ms` is an argument. Must not know: any wallet's states or codes.
"""

from dataclasses import dataclass, replace
from enum import Enum

from sandbox.plan import QUERY_WINDOW_MS, Effect, Fault, Plan


class UndoTurn(Enum):
    """What one undo does."""

    AGAIN = "again"
    """Nothing, and says so: the shop must ask once more."""
    ACKNOWLEDGED = "acknowledged"
    """Nothing yet, perhaps nothing at all, and answers OK."""
    APPLIES = "applies"
    """Works now."""


class QueryTurn(Enum):
    """What one query hears."""

    ANSWER = "answer"
    TOO_OFTEN = "too_often"
    SYSTEM_ERROR = "system_error"
    CUT = "cut"


_TURN_OF_FAULT = {Fault.SYSTEM_ERROR: QueryTurn.SYSTEM_ERROR, Fault.CUT: QueryTurn.CUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    plan: Plan
    begun_ms: int
    """The pay call or the scan."""
    undos: int = 0
    acknowledged_ms: int | None = None
    """The first undo that answered OK."""
    undo_applies_ms: int | None = None
    """When an acknowledged undo will take effect by itself, if the order is still unpaid then."""
    faulty_queries: int = 0
    window_began_ms: int | None = None
    window_queries: int = 0
    refund_refusals: int = 0

    def in_maintenance(self, now_ms: int) -> bool:
        return now_ms < self.begun_ms + self.plan.maintenance_ms

    def pays_ms(self) -> int | None:
        """When the customer pays, if the order is still open then."""
        return None if self.plan.pays_after_ms is None else self.begun_ms + self.plan.pays_after_ms

    def executes_ms(self, expires_ms: int | None) -> int | None:
        """When a charge executes whatever became of the order. `expires_ms`: the order's own expiry."""
        plan = self.plan
        moments = [
            start_ms + after_ms
            for start_ms, after_ms in (
                (self.begun_ms, plan.executes_after_ms),
                (self.acknowledged_ms, plan.pays_after_undo_ms),
                (expires_ms, plan.pays_after_expiry_ms),
            )
            if start_ms is not None and after_ms is not None
        ]
        return min(moments, default=None)

    @property
    def hidden(self) -> bool:
        """Whether no query may find this order before its charge has executed."""
        return self.plan.effect in (Effect.HIDDEN, Effect.SCANNED_AFTER_UNDO)


def ask_undo(course: Course, *, paid: bool, now_ms: int) -> tuple[Course, UndoTurn]:
    """One undo of an order that is not undone yet. Undoing paid money always works."""
    if paid:
        return course, UndoTurn.APPLIES
    undo = course.plan.undo
    asked = course.undos + 1
    course = replace(course, undos=asked)
    if asked <= undo.recalls:
        return course, UndoTurn.AGAIN
    if course.acknowledged_ms is None:
        course = replace(course, acknowledged_ms=now_ms)
    if asked <= undo.recalls + undo.acknowledged_unapplied or course.plan.payable_after_close:
        return course, UndoTurn.ACKNOWLEDGED
    if undo.applies_after_ms:
        if course.undo_applies_ms is None:
            course = replace(course, undo_applies_ms=now_ms + undo.applies_after_ms)
        return course, UndoTurn.ACKNOWLEDGED
    return course, UndoTurn.APPLIES


def ask_query(course: Course, now_ms: int) -> tuple[Course, QueryTurn]:
    """One query of an order that exists."""
    faults = course.plan.query_faults
    if course.faulty_queries < len(faults):
        turn = _TURN_OF_FAULT[faults[course.faulty_queries]]
        return replace(course, faulty_queries=course.faulty_queries + 1), turn
    limit = course.plan.query_limit
    if limit is None:
        return course, QueryTurn.ANSWER
    began_ms, queries = course.window_began_ms, course.window_queries
    if began_ms is None or now_ms >= began_ms + QUERY_WINDOW_MS:
        began_ms, queries = now_ms, 0
    course = replace(course, window_began_ms=began_ms, window_queries=queries + 1)
    return course, QueryTurn.TOO_OFTEN if queries >= limit else QueryTurn.ANSWER


def ask_refund(course: Course) -> tuple[Course, bool]:
    """One refund call; whether it hears that the shop's balance is too low."""
    if course.refund_refusals < course.plan.refund.balance_low_refusals:
        return replace(course, refund_refusals=course.refund_refusals + 1), True
    return course, False
