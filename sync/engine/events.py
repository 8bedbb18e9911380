"""What goes into a step of the engine (events, with the answers to its calls) and what comes out (effects, with the
calls to make). Ids and numbers that need chance arrive inside the events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from protocol.messages import (
    OfflineKit,
    PaymentRequest,
    PaymentStatus,
    Problem,
    RefundRequest,
    RefundStatus,
    StorePaidAnswer,
)
from protocol.reasons import Reason
from protocol.states import GatewayState
from sync.engine.cash_record import CashRecord
from sync.engine.model import (
    CancelPayment,
    CommandRefused,
    PaymentView,
    ProofView,
    RefundView,
    ReturnCash,
    StartPayment,
    StartRefund,
    StorePaidView,
    TakeCash,
)
from sync.engine.offline_events import (
    CheckCode,
    CodeAsked,
    CodeChecked,
    OfflineAsked,
    ParkAsked,
    ProofAsked,
    StatusAsked,
)
from sync.engine.record import PaymentRecord
from sync.engine.refund_record import RefundRecord
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundCall:
    """POST of the refund. The same request under the same number each time it is sent again."""

    payment_no: str
    refund_no: str
    request: RefundRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundQueryCall:
    """GET of the refund, held until its state_seq is beyond `after_seq`."""

    payment_no: str
    refund_no: str
    after_seq: int
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StorePollCall:
    """GET of what the store's static QR took after `after`, held until there is something. `after` None: this journal
    holds nothing yet, the gateway begins at what no till has acknowledged."""

    after: int | None
    wait_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAckCall:
    """Everything up to `through` is in this journal."""

    through: int


@dataclass(frozen=True, slots=True, kw_only=True)
class KitCall:
    """POST that asks for what selling without the line needs: typed codes from `first` on, and the rest of the kit."""

    first: int
    wanted: int
    offline_key: str


PaymentCall = PayCall | QueryCall | CancelCall | AckCall
RefundingCall = RefundCall | RefundQueryCall
StoreCall = StorePollCall | StoreAckCall
Call = PaymentCall | RefundingCall | StoreCall | KitCall


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
class RefundAnswer:
    """A verified answer to this very call about a refund; not yet compared with the journal."""

    status: RefundStatus
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreAnswer:
    """A verified answer to this very poll."""

    answer: StorePaidAnswer
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KitAnswer:
    """A verified answer to this very call; not yet compared with what was asked for."""

    kit: OfflineKit
    said_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SilentAnswer:
    """Nothing that can be believed."""

    why: Silence


Answer = StatusAnswer | RefundAnswer | StoreAnswer | KitAnswer | ProblemAnswer | AcceptedAnswer | SilentAnswer


# --- events -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class StartAsked:
    """The command, fresh numbers for it, the last payment of its order as the journal has it (None: no such), whether
    cash covers the sale that it is for, and whether late money of that sale is here. `of_sale`: of a command that names
    a sale and no order, every payment of it."""

    command: StartPayment
    new_sale_id: str
    new_order_no: str
    last: PaymentRecord | None
    cash_covers: bool = False
    late_here: bool = False
    of_sale: tuple[PaymentRecord, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelAsked:
    """The command, and the payment as the journal has it (None: no such)."""

    command: CancelPayment
    known: PaymentRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundAsked:
    """The command, a number for it, and the last payment of the order as the journal has it (None: no such). `known`:
    the refund that has this number already."""

    command: StartRefund
    new_refund_no: str
    last: PaymentRecord | None
    known: RefundRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CashAsked:
    """The command, fresh numbers for it, and what the journal has of its sale: every wallet payment, whether cash
    covers it, and the cash that was taken offline today."""

    command: TakeCash
    new_sale_id: str
    new_order_no: str
    of_sale: tuple[PaymentRecord, ...] = ()
    covered: bool = False
    offline_fen: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CashBackAsked:
    """The command, and the tender as the journal has it (None: no such)."""

    command: ReturnCash
    known: CashRecord | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreListened:
    """Somebody is there to hear the store's static QR."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A call ended. `heard`: when; an event may wait for the disk (None: now)."""

    call_id: int
    call: Call
    answer: Answer
    heard: Now | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LineHeard:
    """The delivery heard the gateway's signature; `refused` when it signed a refusal. `heard`: as in `Said`."""

    server_time_ms: int
    refused: Reason | None = None
    heard: Now | None = None


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
    Memory gives way to it. `asked`: payments and refunds of a command that was in doubt, with its request id."""

    records: tuple[PaymentRecord, ...]
    refunds: tuple[RefundRecord, ...] = ()
    store_seen: int = 0
    asked: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """The time named by the last `WakeAt` has come (or any other time: a wake too many does no harm)."""


Event = (
    StartAsked
    | CancelAsked
    | RefundAsked
    | CashAsked
    | CashBackAsked
    | OfflineAsked
    | StatusAsked
    | ParkAsked
    | ProofAsked
    | CodeAsked
    | CodeChecked
    | StoreListened
    | Said
    | LineHeard
    | LineSilent
    | StorageSaid
    | Opened
    | Reread
    | Wake
)


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
    view: PaymentView | RefundView | StorePaidView | CommandRefused | ProofView


Effect = Append | Send | WakeAt | Publish | CheckCode
