"""What goes into a step of the engine (events, with the answers to its calls) and what comes out (effects, with the
calls to make). Ids and numbers that need chance arrive inside the events."""

from __future__ import annotations

from dataclasses import dataclass

from protocol.messages import PaymentRequest, PaymentStatus, Problem
from protocol.reasons import Reason
from protocol.states import GatewayState
from sync.engine.model import CancelPayment, CommandRefused, PaymentView, StartPayment
from sync.engine.record import PaymentRecord
from sync.engine.statements import AnyStatement, Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """`mono_ms` never jumps; `wall_ms` is this computer's idea of Unix time and may be anything."""

    mono_ms: int
    wall_ms: int


# --- calls to the gateway ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class PayCall:
    """POST of the payment. The same request under the same number each time it is sent again."""

    payment_no: str
    request: PaymentRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryCall:
    """GET of the status: at once (`wait_s` 0), or held until its state_seq is beyond `after_seq`."""

    payment_no: str
    after_seq: int
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCall:
    payment_no: str
    amount_fen: int
    operator: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AckCall:
    payment_no: str
    state: GatewayState
    state_seq: int


Call = PayCall | QueryCall | CancelCall | AckCall


# --- answers: what a call came back with ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusAnswer:
    """A verified answer to this very call; not yet compared with the journal. `said_by` is the signing key's id."""

    status: PaymentStatus
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ProblemAnswer:
    """A verified refusal of this very call."""

    problem: Problem
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedAnswer:
    """A verified yes to an acknowledgement, without a status."""

    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentAnswer:
    """Nothing that can be believed."""

    why: Silence


Answer = StatusAnswer | ProblemAnswer | AcceptedAnswer | SilentAnswer


# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked:
    """The command, fresh numbers for it, and the last payment of its order as the journal has it (None: no such)."""

    command: StartPayment
    new_sale_id: str
    new_order_no: str
    last: PaymentRecord | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """The command, and the payment as the journal has it (None: no such)."""

    command: CancelPayment
    known: PaymentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A call ended."""

    call_id: int
    call: Call
    answer: Answer


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHeard:
    """The delivery heard the gateway's signature; `refused` when it signed a refusal."""

    server_time_ms: int
    refused: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSilent:
    why: Silence


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSaid:
    """Why no new payment can be made durable; None when all is well again."""

    refusing: Reason | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """The journal was read; whatever is open has to be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reread:
    """A commit failed and the journal was opened again: this is what it holds of everything unfinished or in memory.
    Memory gives way to it."""

    records: tuple[PaymentRecord, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """The time named by the last `WakeAt` has come (or any other time: a wake too many does no harm)."""


Event = StartAsked | CancelAsked | Said | LineHeard | LineSilent | StorageSaid | Opened | Reread | Wake


# --- effects ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Append:
    """Make this durable. All of a step's appends are one transaction, committed before any send or publish."""

    statement: AnyStatement


@dataclass(frozen=True, slots=True, kw_only=True)
class Send:
    call_id: int
    call: Call


@dataclass(frozen=True, slots=True, kw_only=True)
class WakeAt:
    """Replaces the wake before; None: nothing to do by itself."""

    mono_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    view: PaymentView | CommandRefused


Effect = Append | Send | WakeAt | Publish
