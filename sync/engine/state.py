"""The engine's memory between two steps: live payments with what is under way for each, and the line. Values only.

What must survive a crash is in `Live.record`, which equals the journal; the rest is lost with the process on purpose:
above all the pay request, which holds the payment code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from protocol.messages import PaymentRequest
from protocol.reasons import Reason
from sync.engine.events import StartAsked
from sync.engine.line import LineState
from sync.engine.record import PaymentRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One kind of call for one payment: at most one under way; `due_ms` (monotonic) None means nothing to do."""

    in_flight: int | None = None
    due_ms: int | None = None
    started_ms: int = 0
    failures: int = 0

    def sent(self, call_id: int, now_ms: int) -> Job:
        return replace(self, in_flight=call_id, due_ms=None, started_ms=now_ms)

    def failed(self, due_ms: int) -> Job:
        return replace(self, in_flight=None, due_ms=due_ms, failures=self.failures + 1)

    def again(self, due_ms: int | None) -> Job:
        """It went well; do it again at that time, or never."""
        return replace(self, in_flight=None, due_ms=due_ms, failures=0)

    def ready(self, now_ms: int) -> bool:
        return self.in_flight is None and self.due_ms is not None and self.due_ms <= now_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Live:
    """A payment that is open, unacknowledged or watched for late money.

    `request` is kept in memory until the gateway signed any statement about the number: while it is there, asking means
    sending it again. `heard` is True while the last word on this payment was a signed status.
    """

    record: PaymentRecord
    request: PaymentRequest | None = None
    request_id: str | None = None
    scanned_mono_ms: int | None = None
    settled_mono_ms: int | None = None
    sends: int = 0
    re_timed: bool = False
    heard: bool = False
    ask: Job = field(default_factory=Job)
    cancel: Job = field(default_factory=Job)
    ack: Job = field(default_factory=Job)

    @property
    def final(self) -> bool:
        return self.record.state.final

    @property
    def over(self) -> bool:
        """Nothing is left to do for it; the journal remembers it."""
        jobs = (self.ask, self.cancel, self.ack)
        return self.final and all(job.in_flight is None and job.due_ms is None for job in jobs)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineState:
    terminal_id: str
    payments: Mapping[str, Live] = field(default_factory=dict[str, Live])
    line: LineState = field(default_factory=LineState)
    storage: Reason | None = None
    held: tuple[StartAsked, ...] = ()
    next_call: int = 1

    @property
    def open_count(self) -> int:
        return sum(1 for live in self.payments.values() if not live.final)


def restored(terminal_id: str, records: tuple[PaymentRecord, ...]) -> EngineState:
    """The engine's memory after a start of the program, from the journal's unfinished payments."""
    return EngineState(terminal_id=terminal_id, payments={r.payment_no: Live(record=r) for r in records})
