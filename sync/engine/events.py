"""What goes into a step of the engine (events, with the answers to its calls) and what comes out (effects, with the
calls to make). Ids and numbers that need chance arrive inside the events."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct, field

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


class Now(Struct, frozen=True, kw_only=True):
    """`mono_ms` never jumps; `wall_ms` is this computer's idea of Unix time and may be anything. `slept_ms`: how long
    it slept since it was started, which `mono_ms` does not count."""

    mono_ms: int
    wall_ms: int
    slept_ms: int = 0


# --- calls to the gateway ---------------------------------------------------------------------------------------


class PayCall(Struct, frozen=True, kw_only=True):
    """POST of the payment. The same request under the same number each time it is sent again."""

    payment_no: str
    request: PaymentRequest


class QueryCall(Struct, frozen=True, kw_only=True):
    """GET of the status: at once (`wait_s` 0), or held until its state_seq is beyond `after_seq`."""

    payment_no: str
    after_seq: int
    wait_s: int


class CancelCall(Struct, frozen=True, kw_only=True):
    payment_no: str
    amount_fen: int
    operator: str


class AckCall(Struct, frozen=True, kw_only=True):
    payment_no: str
    state: GatewayState
    state_seq: int


class RefundCall(Struct, frozen=True, kw_only=True):
    """POST of the refund. The same request under the same number each time it is sent again."""

    payment_no: str
    refund_no: str
    request: RefundRequest


class RefundQueryCall(Struct, frozen=True, kw_only=True):
    """GET of the refund, held until its state_seq is beyond `after_seq`."""

    payment_no: str
    refund_no: str
    after_seq: int
    wait_s: int


class StorePollCall(Struct, frozen=True, kw_only=True):
    """GET of what the store's static QR took after `after`, held until there is something. `after` None: this journal
    holds nothing yet, the gateway begins at what no till has acknowledged."""

    after: int | None
    wait_s: int


class StoreAckCall(Struct, frozen=True, kw_only=True):
    """Everything up to `through` is in this journal."""

    through: int


class KitCall(Struct, frozen=True, kw_only=True):
    """POST that asks for what selling without the line needs: typed codes from `first` on, and the rest of the kit."""

    first: int
    wanted: int
    offline_key: str


PaymentCall = PayCall | QueryCall | CancelCall | AckCall
RefundingCall = RefundCall | RefundQueryCall
StoreCall = StorePollCall | StoreAckCall
Call = PaymentCall | RefundingCall | StoreCall | KitCall


# --- answers: what a call came back with ------------------------------------------------------------------------


class StatusAnswer(Struct, frozen=True, kw_only=True):
    """A verified answer to this very call; not yet compared with the journal. `said_by` is the signing key's id."""

    status: PaymentStatus
    said_by: str


class ProblemAnswer(Struct, frozen=True, kw_only=True):
    """A verified refusal of this very call."""

    problem: Problem
    said_by: str


class AcceptedAnswer(Struct, frozen=True, kw_only=True):
    """A verified yes to an acknowledgement, without a status."""

    said_by: str


class RefundAnswer(Struct, frozen=True, kw_only=True):
    """A verified answer to this very call about a refund; not yet compared with the journal."""

    status: RefundStatus
    said_by: str


class StoreAnswer(Struct, frozen=True, kw_only=True):
    """A verified answer to this very poll."""

    answer: StorePaidAnswer
    said_by: str


class KitAnswer(Struct, frozen=True, kw_only=True):
    """A verified answer to this very call; not yet compared with what was asked for."""

    kit: OfflineKit
    said_by: str


class SilentAnswer(Struct, frozen=True, kw_only=True):
    """Nothing that can be believed."""

    why: Silence


Answer = StatusAnswer | RefundAnswer | StoreAnswer | KitAnswer | ProblemAnswer | AcceptedAnswer | SilentAnswer


# --- events -----------------------------------------------------------------------------------------------------


class StartAsked(Struct, frozen=True, kw_only=True):
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


class CancelAsked(Struct, frozen=True, kw_only=True):
    """The command, and the payment as the journal has it (None: no such)."""

    command: CancelPayment
    known: PaymentRecord | None = None


class RefundAsked(Struct, frozen=True, kw_only=True):
    """The command, a number for it, and the last payment of the order as the journal has it (None: no such). `known`:
    the refund that has this number already."""

    command: StartRefund
    new_refund_no: str
    last: PaymentRecord | None
    known: RefundRecord | None = None


class CashAsked(Struct, frozen=True, kw_only=True):
    """The command, fresh numbers for it, and what the journal has of its sale: every wallet payment, whether cash
    covers it, and the cash that was taken offline today."""

    command: TakeCash
    new_sale_id: str
    new_order_no: str
    of_sale: tuple[PaymentRecord, ...] = ()
    covered: bool = False
    offline_fen: int = 0


class CashBackAsked(Struct, frozen=True, kw_only=True):
    """The command, and the tender as the journal has it (None: no such)."""

    command: ReturnCash
    known: CashRecord | None = None


class StoreListened(Struct, frozen=True, kw_only=True):
    """Somebody is there to hear the store's static QR."""


class Said(Struct, frozen=True, kw_only=True):
    """A call ended. `heard`: when; an event may wait for the disk (None: now)."""

    call_id: int
    call: Call
    answer: Answer
    heard: Now | None = None


class LineHeard(Struct, frozen=True, kw_only=True):
    """The delivery heard the gateway's signature; `refused` when it signed a refusal. `heard`: as in `Said`."""

    server_time_ms: int
    refused: Reason | None = None
    heard: Now | None = None


class LineSilent(Struct, frozen=True, kw_only=True):
    why: Silence


class StorageSaid(Struct, frozen=True, kw_only=True):
    """Why no new payment can be made durable; None when all is well again."""

    refusing: Reason | None


class Opened(Struct, frozen=True, kw_only=True):
    """The journal was read; whatever is open has to be settled."""


class Reread(Struct, frozen=True, kw_only=True):
    """A commit failed and the journal was opened again: this is what it holds of everything unfinished or in memory.
    Memory gives way to it. `asked`: payments and refunds of a command that was in doubt, with its request id."""

    records: tuple[PaymentRecord, ...]
    refunds: tuple[RefundRecord, ...] = ()
    store_seen: int = 0
    asked: Mapping[str, str] = field(default_factory=dict[str, str])


class Wake(Struct, frozen=True, kw_only=True):
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


class Append(Struct, frozen=True, kw_only=True):
    """Make this durable. All of a step's appends are one transaction, committed before any send or publish."""

    statement: AnyStatement


class Send(Struct, frozen=True, kw_only=True):
    call_id: int
    call: Call


class WakeAt(Struct, frozen=True, kw_only=True):
    """Replaces the wake before; None: nothing to do by itself."""

    mono_ms: int | None


class Publish(Struct, frozen=True, kw_only=True):
    view: PaymentView | RefundView | StorePaidView | CommandRefused | ProofView


Effect = Append | Send | WakeAt | Publish | CheckCode
