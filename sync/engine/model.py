"""What the app says to the engine (commands) and hears from it (published views).

Frozen values, safe to hand from thread to thread. A view is a whole picture of its subject: the newest replaces the
one before, none has to be added up. Times named `…_at_ms` are Unix milliseconds of the till's clock (the last signed
gateway time + monotonic time since); `scanned_at_ms` and `elapsed_ms` are monotonic.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from protocol.states import RefundState, TerminalState

if TYPE_CHECKING:
    from protocol.messages import LateMoney, Light, Presented, Proof
    from protocol.money import Money
    from protocol.reasons import Reason
    from protocol.secret import Secret
    from sync.engine.statements import CashBack, ParkWhy


#: The channel of what no wallet took.
CASH: Final = "cash"


class StartPayment(Struct, frozen=True, kw_only=True):
    """Collect `amount` once: a scanned code, or a QR to show.

    `sale_id` None starts a new sale. `order_no` given, this is payment n+1 of that order, which is accepted only when
    the order's last payment is `safe_to_rescan` and the amount is the order's; of an order that was cancelled it is
    payment 1 of a new order of the same sale. A `sale_id` alone goes on where that sale stands: what collects it, or
    has, is shown again. Late money of any order of the sale refuses it.
    `auth_code` is present exactly when `presented` is customer; it lives in memory only.
    """

    request_id: str
    sale_id: str | None
    order_no: str | None
    amount: Money
    presented: Presented
    auth_code: Secret | None
    subject: str
    operator: str
    scanned_at_ms: int


class CancelPayment(Struct, frozen=True, kw_only=True):
    """Undo a payment whose outcome is open. The intent is durable before it is sent; a final payment ignores it.

    `goods_handed`: what the cashier answered of an offline order; None when nobody was asked.
    """

    payment_no: str
    operator: str
    goods_handed: bool | None = None


class StartRefund(Struct, frozen=True, kw_only=True):
    """Give `amount` of an order's payment back. Each command is one refund of its own; the gateway decides.

    `payment_no`: it must be this one of the order's payments; None: whichever was paid. `refund_no`: the number of a
    refund that the caller names: one that was begun is shown again, and nothing more goes back.
    """

    request_id: str
    order_no: str
    amount: Money
    note: str
    operator: str
    payment_no: str | None = None
    refund_no: str | None = None


class ListenToStore(Struct, frozen=True, kw_only=True):
    """Somebody is there to hear it: ring for what the store's static QR takes, from now on."""


class CashLimits(Struct, frozen=True, kw_only=True):
    """What the owner allows, in fen; 0 is "not at all". `offline_day_fen`: the sum of a day's cash that was taken while
    the gateway could not be reached."""

    sale_fen: int
    offline_day_fen: int


class TakeCash(Struct, frozen=True, kw_only=True):
    """The cash is in the drawer: `received_fen` was given for `amount`, the rest goes back as change.

    `order_no` None starts a new sale. Given, it is a wallet order whose sale the cash closes: every payment of that
    sale must be `safe_to_rescan` or show the amber light, and the amount is the order's.
    """

    request_id: str
    order_no: str | None
    amount: Money
    received_fen: int
    limits: CashLimits
    operator: str


class ReturnCash(Struct, frozen=True, kw_only=True):
    """All the cash of one sale goes back to the customer."""

    request_id: str
    payment_no: str
    why: CashBack
    operator: str


class ShowOffline(Struct, frozen=True, kw_only=True):
    """Collect `amount` without the line: a signed ORDER as a QR, whose proof the customer's phone brings back.

    `order_no` None starts a new sale. Given, it is the last order of the sale, which must be `safe_to_rescan`.
    """

    request_id: str
    order_no: str | None
    amount: Money
    subject: str
    operator: str
    shown_at_ms: int


class ShowStatus(Struct, frozen=True, kw_only=True):
    """Show a QR that asks the gateway, by the customer's phone, what became of this payment."""

    request_id: str
    payment_no: str
    operator: str


class ParkOffline(Struct, frozen=True, kw_only=True):
    """Put an offline order aside without its proof; the next one may be shown."""

    payment_no: str
    why: ParkWhy
    operator: str


class ReadProof(Struct, frozen=True, kw_only=True):
    """The gun read something that means to be a proof."""

    request_id: str
    text: str
    operator: str


class TypeCode(Struct, frozen=True, kw_only=True):
    """The cashier typed the 12 digits that the customer's phone shows."""

    request_id: str
    payment_no: str
    code: Secret
    operator: str


OfflineCommand = ShowOffline | ShowStatus | ParkOffline | ReadProof | TypeCode
Command = StartPayment | CancelPayment | StartRefund | ListenToStore | TakeCash | ReturnCash | OfflineCommand


class CashPart(Struct, frozen=True, kw_only=True):
    """What a payment in cash has and another has not. `returned_at_ms`: when it was given back, and why."""

    received_fen: int
    change_fen: int
    returned_at_ms: int | None = None
    why: CashBack | None = None


class OfflineView(Struct, frozen=True, kw_only=True):
    """What an order that was shown as an offline QR has more. `status`: the QR only asks, it cannot be paid.

    The QR is shown until `until_ms`. `tries_left`: typed codes that may still be tried; `proven_at_ms`: when its proof
    was taken here, `typed` when that was a typed code.
    """

    status: bool
    qr: str
    shown_at_ms: int
    until_ms: int
    tries_left: int
    parked: ParkWhy | None
    goods_handed: bool | None
    proven_at_ms: int | None
    typed: bool


class PaymentView(Struct, frozen=True, kw_only=True):
    """All there is to say about one payment now.

    `request_id` is the command's that started it (None after a restart of the program). `light` green: scan again,
    `proof` says why; amber: cash is allowed, no second wallet charge; None: wait. `safe_to_rescan` is NOT_PAID with a
    proof and nothing else. `late_money`: this payment was given up and the money came after all (or was undone).
    `elapsed_ms` runs from `scanned_at_ms` to the outcome; None while open and after a restart. `refunded_fen` went back
    by refunds of this till, `refunding_fen` is asked back and open. `cash`: this is a tender in cash (channel "cash"),
    PAID by this till's own word; given back, its whole amount is `refunded_fen`.
    """

    payment_no: str
    order_no: str
    n: int
    sale_id: str
    amount: Money
    presented: Presented
    state: TerminalState
    light: Light | None
    safe_to_rescan: bool
    reason: Reason | None
    proof: Proof | None
    channel: str | None
    transaction_tail: str | None
    qr: str | None
    qr_expires_ms: int | None
    payer_prompted: bool
    cancel_requested: bool
    late_money: LateMoney | None
    started_at_ms: int
    settled_at_ms: int | None
    elapsed_ms: int | None
    request_id: str | None
    refunded_fen: int = 0
    refunding_fen: int = 0
    cash: CashPart | None = None
    offline: OfflineView | None = None


class RefundView(Struct, frozen=True, kw_only=True):
    """All there is to say about one refund now: SENT is "it goes on", DONE and FAILED are verified statements.

    While it is open, `reason` is the last thing that stood in its way. `refundable_fen` is the gateway's word, None
    before its first.
    """

    refund_no: str
    payment_no: str
    order_no: str
    amount: Money
    state: RefundState
    reason: Reason | None
    channel: str | None
    refundable_fen: int | None
    operator: str
    started_at_ms: int
    settled_at_ms: int | None
    request_id: str | None


class StorePaidView(Struct, frozen=True, kw_only=True):
    """The store's static QR took money; it is in the journal. Published once per till, for the ear and the eye."""

    seq: int
    payment_no: str
    amount: Money
    channel: str | None
    transaction_tail: str | None
    paid_at_ms: int


class Line(StrEnum):
    """The line to the gateway. UNTRUSTED: something answers, but not with our gateway's signature."""

    CHECKING = "checking"
    UP = "up"
    DOWN = "down"
    UNTRUSTED = "untrusted"


class LinkView(Struct, frozen=True, kw_only=True):
    """The line, the clock and what is still to be delivered.

    `clock_skew_ms` is wall clock minus gateway time (None before the first contact); over 60 s it is a warning, never
    a reason not to sell. `unsent` counts journal entries that the gateway does not hold yet, `unsent_fen` is the money
    that came in by them. `refusing` says why new wallet payments are refused although the line may be up (disk, revoked
    terminal). `upload_stopped` is set when the gateway refuses this journal's chain: an alarm, sales go on. `parked`
    entries were refused one by one: the chain went on without their content; `parked_order` is the latest one's order.
    `cash_offline_fen` is today's cash taken while the gateway could not be reached, for the owner's limit.
    `kit_awaited`: the first offline kit is asked for now; a program that ends before it came leaves the till without.
    """

    line: Line
    clock_skew_ms: int | None
    clock_warning: bool
    unsent: int
    oldest_unsent_at_ms: int | None
    last_contact_ms: int | None
    refusing: Reason | None = None
    upload_stopped: Reason | None = None
    unsent_fen: int = 0
    parked: int = 0
    parked_order: str = ""
    cash_offline_fen: int = 0
    kit_awaited: bool = False


class CommandRefused(Struct, frozen=True, kw_only=True):
    """Nothing was started and nothing is live because of this command; `request_id` is a cancel's payment_no.
    `refundable_fen`: of a refund that is too large, the most that can still go back as far as this till knows."""

    request_id: str
    reason: Reason
    refundable_fen: int | None = None


class ProofView(Struct, frozen=True, kw_only=True):
    """What a scanned proof or a typed code was worth. `reason` is PAID or EXPIRED (proven closed) when it was accepted,
    else why not. It is about `payment_no`, which need not be the sale at the counter; None: about none of this till.
    `at_ms`: when that order was settled already."""

    request_id: str
    accepted: bool
    reason: Reason
    typed: bool = False
    payment_no: str | None = None
    amount: Money | None = None
    started_at_ms: int | None = None
    at_ms: int | None = None
    tries_left: int | None = None


Published = PaymentView | RefundView | StorePaidView | LinkView | CommandRefused | ProofView


def safe_to_rescan(state: TerminalState, proof: Proof | None) -> bool:
    """The green light's one rule."""
    return state is TerminalState.NOT_PAID and proof is not None
