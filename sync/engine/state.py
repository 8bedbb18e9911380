"""The engine's memory between two steps: live payments and refunds with what is under way for each, the store's ring,
and the line. Values only.

What must survive a crash is in `Live.record`, which equals the journal; the rest is lost with the process on purpose:
above all the pay request, which holds the payment code.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from protocol.messages import PaymentRequest
from protocol.reasons import Reason
from sync.engine.events import RefundAsked, StartAsked
from sync.engine.line import LineState
from sync.engine.record import PaymentRecord
from sync.engine.refund_record import RefundRecord

#: A sale is collected again right after its first try, or it is an old one. Too few costs a question, never a truth.
PRESSED_KEPT: Final = 64


class Job(Struct, frozen=True, kw_only=True):
    """One kind of call about one thing: at most one under way; `due_ms` (monotonic) None means nothing to do."""

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

    def hurried(self, now_ms: int) -> Job:
        """What failed and waits is due now."""
        waits = self.failures > 0 and self.in_flight is None and self.due_ms is not None
        return replace(self, due_ms=now_ms) if waits else self

    def ready(self, now_ms: int) -> bool:
        return self.in_flight is None and self.due_ms is not None and self.due_ms <= now_ms


class Live(Struct, frozen=True, kw_only=True):
    """A payment that is open, unacknowledged or watched for late money.

    `request` is kept in memory until the gateway signed any statement about the number: while it is there, asking means
    sending it again. `heard` is True while the last word on this payment was a signed status. `unknown_since_ms`
    (monotonic): since then the gateway says that it does not know the number. `begun_here`: its order was begun in this
    run of the program, so no copy of the disk from before can have sent this number too. `watched_mono_ms`: since when
    it is watched for late money; after a restart anew.
    """

    record: PaymentRecord
    request: PaymentRequest | None = None
    request_id: str | None = None
    scanned_mono_ms: int | None = None
    settled_mono_ms: int | None = None
    watched_mono_ms: int | None = None
    sends: int = 0
    re_timed: bool = False
    begun_here: bool = False
    heard: bool = False
    unknown_since_ms: int | None = None
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


class LiveRefund(Struct, frozen=True, kw_only=True):
    """A refund whose outcome is open.

    `heard` is True while the gateway is known to have it; before that, asking means sending it again. Until
    `doubt_until_ms` (monotonic) an earlier transmission that nobody answered could still arrive and be taken: a refusal
    is not believed before. `trouble` is the last thing that stood in the way.
    """

    record: RefundRecord
    request_id: str | None = None
    heard: bool = False
    doubt_until_ms: int = 0
    trouble: Reason | None = None
    ask: Job = field(default_factory=Job)


class Ring(Struct, frozen=True, kw_only=True):
    """The store's static QR: `seen` is journaled, `acked` the gateway knows of, `after` is where the poll goes on.
    Until somebody listens nothing is asked. `looked`: what is in the journal and no till has acknowledged was rung for;
    `rung`: up to there this run of the program has rung for all that it heard of."""

    seen: int = 0
    rung: int = 0
    looked: bool = False
    after: int | None = None
    acked: int = 0
    listening: bool = False
    poll: Job = field(default_factory=Job)
    ack: Job = field(default_factory=Job)


class KitDesk(Struct, frozen=True, kw_only=True):
    """What this till holds of its offline kit, and the call that keeps it fresh. `first` is the lowest index of a typed
    code that it neither holds nor ever used, `held` how many are left; `offline_key` is the public key of ORDERs."""

    epoch: int
    offline_key: str
    first: int = 1
    held: int = 0
    fetched_at_ms: int | None = None
    job: Job = field(default_factory=Job)


class EngineState(Struct, frozen=True, kw_only=True):
    """`pressed`: the last `PRESSED_KEPT` commands that this run of the program took, with the payment or refund that
    each began: one press, one number."""

    terminal_id: str
    payments: Mapping[str, Live] = field(default_factory=dict[str, Live])
    refunds: Mapping[str, LiveRefund] = field(default_factory=dict[str, LiveRefund])
    ring: Ring = field(default_factory=Ring)
    kit: KitDesk | None = None
    standing: Reason | None = None
    line: LineState = field(default_factory=LineState)
    storage: Reason | None = None
    held: tuple[StartAsked | RefundAsked, ...] = ()
    pressed: tuple[tuple[str, str], ...] = ()
    next_call: int = 1

    @property
    def open_count(self) -> int:
        return sum(1 for live in self.payments.values() if not live.final) + len(self.refunds)


def restored(
    terminal_id: str,
    records: tuple[PaymentRecord, ...],
    refunds: tuple[RefundRecord, ...] = (),
    store_seen: int = 0,
    *,
    kit: KitDesk | None = None,
    standing: Reason | None = None,
) -> EngineState:
    """The engine's memory after a start of the program, from what is unfinished in the journal."""
    return EngineState(
        terminal_id=terminal_id,
        payments={r.payment_no: Live(record=r) for r in records},
        refunds={r.refund_no: LiveRefund(record=r) for r in refunds},
        ring=Ring(seen=store_seen),
        kit=kit,
        standing=standing,
    )
