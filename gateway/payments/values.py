"""A payment and its order at the channel, as values; what a decision changes and what it leaves in the timeline.

Times are Unix ms, amounts fen. It must not know tables, wires or wallets' codes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from protocol.messages import LateMoneyState, Presented
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind

GATEWAY: Final = "gateway"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class PaymentKey:
    """A payment belongs to the terminal that made its number: nobody else can see or move it."""

    terminal_id: str
    order_no: str
    n: int

    @property
    def payment_no(self) -> str:
        return f"{self.order_no}-{self.n}"


class UndoHeard(StrEnum):
    """What the channel said to the latest cancel."""

    NOTHING = "nothing"
    ACKNOWLEDGED = "acknowledged"
    RETRY = "retry"
    REFUSED = "refused"


class UndoFound(StrEnum):
    """What the latest query after the latest cancel said."""

    NOT_ASKED = "not_asked"
    UNSETTLED = "unsettled"
    OPEN = "open"
    PAID = "paid"
    ABSENT = "absent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """One row of `payments`."""

    key: PaymentKey
    sale_id: str | None
    amount_fen: int
    currency: str
    presented: Presented
    subject: str
    operator: str
    expires_ms: int | None
    created_ms: int
    state: GatewayState
    state_seq: int
    reason: Reason | None = None
    proof_kind: ProofKind | None = None
    proof_said_by: str | None = None
    settled_ms: int | None = None
    cancel_requested_ms: int | None = None
    amber: bool = False
    account_id: str | None = None
    channel: str | None = None
    out_trade_no: str | None = None
    payer_prompted: bool = False
    qr: str | None = None
    qr_expires_ms: int | None = None
    transaction_id: str | None = None
    paid_at_ms: int | None = None
    acked_seq: int | None = None
    late_state: LateMoneyState | None = None
    late_found_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelOrder:
    """One row of `channel_orders`: what was sent for a payment and what is known of it.

    `open_calls`: pay or precreate calls whose sockets are not known to be closed. `certain_undo_ms`: when the
    acknowledged cancel that counts for ABSENT was acknowledged. `absent_since_ms`: the first "not found" after it.
    """

    out_trade_no: str
    key: PaymentKey
    account_id: str
    amount_fen: int
    sent_ms: int
    deadline_ms: int
    open_calls: int = 1
    calls: int = 1
    call_closed_ms: int | None = None
    asked_ms: int | None = None
    unsettled_asks: int = 0
    reverse_sent_ms: int | None = None
    undo_tries: int = 0
    undo_sent_ms: int | None = None
    undo_heard: UndoHeard = UndoHeard.NOTHING
    certain_undo_ms: int | None = None
    undo_asked_ms: int | None = None
    undo_found: UndoFound = UndoFound.NOT_ASKED
    absent_since_ms: int | None = None
    watch_step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One line of the payment's timeline: what, and who said it."""

    what: str
    said_by: str
    detail: str = ""


class AlarmKind(StrEnum):
    """What a named person must look at. Closed list."""

    PAID_UNNOTICED = "paid_unnoticed"
    LATE_MONEY = "late_money"
    UNDO_REFUSED = "undo_refused"
    MISMATCH = "mismatch"
    CONFLICT = "conflict"
    JOURNAL_GAP = "journal_gap"
    JOURNAL_FORK = "journal_fork"
    CHANNEL_ACCOUNT = "channel_account"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    kind: AlarmKind
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The outcome of one decision: the new values, the timeline lines, the alarms. Saved in one transaction."""

    payment: Payment
    order: ChannelOrder | None
    said: tuple[Said, ...] = ()
    alarms: tuple[Alarm, ...] = field(default=())
