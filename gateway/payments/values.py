"""A payment and its order at the channel, as values; what a decision changes and what it leaves in the timeline.

They are msgspec's structs, like the messages: `msgspec.structs.replace` makes a changed one thirty times quicker than
that of dataclasses, and a decision makes several. Times are Unix ms, amounts fen. It must not know tables, wires or
wallets' codes.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.channels.port import OrderKind
from protocol.messages import LateMoneyState, Presented
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind, RefundState

GATEWAY: Final = "gateway"


class PaymentKey(Struct, frozen=True, kw_only=True, order=True):
    """A payment belongs to the terminal that made its number: nobody else can see or move it."""

    terminal_id: str
    order_no: str
    n: int

    @property
    def payment_no(self) -> str:
        return f"{self.order_no}-{self.n}"


def key_ref(key: PaymentKey) -> str:
    """A payment as one text, for tasks and alarms."""
    return f"{key.terminal_id}:{key.payment_no}"


def read_key(ref: str) -> PaymentKey:
    terminal_id, _, payment_no = ref.rpartition(":")
    order_no, _, n = payment_no.rpartition("-")
    return PaymentKey(terminal_id=terminal_id, order_no=order_no, n=int(n))


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
    FAILED = "failed"


class FailedHow(StrEnum):
    """What a channel said of a try that went wrong: it must be undone. `TAKEN`: the customer was debited."""

    UNTAKEN = "untaken"
    TAKEN = "taken"


class Payment(Struct, frozen=True, kw_only=True):
    """One row of `payments`. `in_question`: the database was restored from a backup while this was open, or it was
    taken up again after that, so that our own rows do not tell all that became of it. `given_back_ms`: it was
    paid, its till had cancelled it, and all of it went back."""

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
    page: bool = False
    in_question: bool = False
    given_back_ms: int | None = None


class ChannelOrder(Struct, frozen=True, kw_only=True):
    """One row of `channel_orders`: what was sent for a payment and what is known of it.

    A payment on the page may have several, one after another: at most one has not `ended`. `ended_*` is the row of
    table P that proves this order can take no money; `late_*` is money that came all the same.
    `open_calls`: pay, precreate or create calls whose sockets are not known to be closed. `certain_undo_ms`: when the
    acknowledged cancel that counts for ABSENT was acknowledged. `absent_since_ms`: when the first "not found" after it
    was answered. `release_ms`: the page gives this order up for another payer. `paid_seen`: how often "paid" was said
    after an acknowledged undo. `late_closed_ms`: late money was undone by its wallet's word "closed" and no refund.
    `late_again`: how often it was found once more after that. `late_by_hand`: a person gave it back by other means, so
    that what the wallet took is the shop's.
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
    kind: OrderKind = OrderKind.CODE
    channel: str = ""
    payer_mark: str | None = None
    release_ms: int | None = None
    ended_kind: ProofKind | None = None
    ended_said_by: str | None = None
    ended_ms: int | None = None
    failed: FailedHow | None = None
    paid_seen: int = 0
    transaction_id: str | None = None
    paid_at_ms: int | None = None
    late_state: LateMoneyState | None = None
    late_found_ms: int | None = None
    late_closed_ms: int | None = None
    late_again: int = 0
    late_by_hand: bool = False


class Said(Struct, frozen=True, kw_only=True):
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
    ORDER_CLONE = "order_clone"
    ORDER_KEY_DIFFERS = "order_key_differs"
    CANCELLED_PAID = "cancelled_paid"
    CHANNEL_ACCOUNT = "channel_account"
    REFUND_REFUSED = "refund_refused"
    REFUND_NEVER = "refund_never"  # a wallet will not give back what must go back: a person looks why
    FORGED_CALLBACK = "forged_callback"
    BILL_MISSING = "bill_missing"
    PAID_TWICE = "paid_twice"  # two tenders are kept for one sale: a wallet's money and cash, or two wallet payments
    ENTRY_WITHHELD = "entry_withheld"  # a till keeps the content of a journal entry that was refused here
    GATEWAY_RESTORED = "gateway_restored"  # the database is a backup: what was done after it is not here


class Alarm(Struct, frozen=True, kw_only=True):
    kind: AlarmKind
    detail: str


class Step(Struct, frozen=True, kw_only=True):
    """The outcome of one decision: the new values, the timeline lines, the alarms. Saved in one transaction."""

    payment: Payment
    order: ChannelOrder | None
    said: tuple[Said, ...] = ()
    alarms: tuple[Alarm, ...] = ()


class RefundCause(StrEnum):
    """Why there is a refund: the till asked, a payment is undone, late money goes back, or an offline order was paid
    that its till had cancelled."""

    TILL = "till"
    UNDO = "undo"
    LATE = "late"
    CANCELLED = "cancelled"


class RefundHeard(StrEnum):
    """What the channel said last: to the refund itself, or to a query about it."""

    NOTHING = "nothing"
    OPEN = "open"
    UNSETTLED = "unsettled"
    ABSENT = "absent"
    REFUSED = "refused"
    DENIED = "denied"  # refused for good, while an earlier send may still have worked: the next query decides
    NEVER = "never"  # refused for good, and it must go back all the same: a person is told, and it is sent now and then


class Refund(Struct, frozen=True, kw_only=True):
    """One row of `refunds`. `sent_ms`: the latest send. `heard`: what came back since; `asks`: queries since it."""

    refund_no: str
    key: PaymentKey
    out_trade_no: str
    account_id: str
    channel: str
    cause: RefundCause
    amount_fen: int
    note: str
    operator: str
    state: RefundState
    state_seq: int
    created_ms: int
    reason: Reason | None = None
    code: str | None = None
    settled_ms: int | None = None
    channel_refund_id: str | None = None
    tries: int = 0
    sent_ms: int | None = None
    heard: RefundHeard = RefundHeard.NOTHING
    asked_ms: int | None = None
    asks: int = 0


class RefundStep(Struct, frozen=True, kw_only=True):
    """The outcome of one decision about a refund. `about`: lines of the payment's timeline."""

    refund: Refund
    said: tuple[Said, ...] = ()
    alarms: tuple[Alarm, ...] = ()
