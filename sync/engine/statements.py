"""What the till's journal says: one statement per entry, and the only way anything becomes durable.

A statement is JSON text in the hash chain; its `kind` names it. No statement holds a payment code. What a statement
does to a payment is in `record.fold`, to a refund in `refund_record.fold_refund`, for the engine's memory and for the
journal's tables alike.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from protocol.cash import CASH_RETURNED, CASH_TAKEN
from protocol.messages import LateMoney, Light, OfflineKit, Presented, Proof
from protocol.offline.order import CANCEL_INTENDED, OFFLINE_SHOWN, PAYMENT_STARTED
from protocol.reasons import Reason
from protocol.states import GatewayState

#: `said_by` of what this till states itself; everything else carries the key id of the gateway's signature.
TILL: Final = "till"


class Silence(StrEnum):
    """Why there is no believable answer."""

    NOT_SENT = "not_sent"  # connect or TLS failed, no request byte was written
    NO_ANSWER = "no_answer"  # cut, timed out, or a 5xx that nobody signed
    UNSIGNED = "unsigned"  # something answered that is not our gateway, or not to this request
    UNREADABLE = "unreadable"  # signed, but not the message it should be
    MISMATCH = "mismatch"  # signed, but about another payment or amount
    REFUSED = "refused"  # signed, but a refusal: no outcome
    RESTARTED = "restarted"  # the program ended between sending and the answer


class CancelCause(StrEnum):
    """Who wanted the cancel."""

    CASHIER = "cashier"
    UNKNOWN_NUMBER = "unknown_number"  # the gateway never saw it: only a tombstone proves that it never will
    REFUSED = "refused"  # the gateway refused the request: only a tombstone proves that nothing is left of it


class Statement(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="kind"):
    """One durable fact about one payment."""

    payment_no: str


class PaymentStarted(Statement, frozen=True, kw_only=True, omit_defaults=True, tag=PAYMENT_STARTED):
    """The intent, durable before the first byte is sent."""

    order_no: str
    n: int
    sale_id: str
    amount_fen: int
    currency: str
    presented: Presented
    subject: str
    operator: str


class PaymentObserved(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.observed"):
    """The gateway signed that the outcome is open."""

    said_by: str
    gateway_state: GatewayState
    state_seq: int
    channel: str | None = None
    qr: str | None = None
    qr_expires_ms: int | None = None
    payer_prompted: bool = False
    cancel_requested: bool = False
    reason: Reason | None = None
    light: Light | None = None


class PaymentSilent(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.silent"):
    """No believable answer: the outcome is unknown from here until somebody proves one."""

    why: Silence


class PaymentRefused(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.refused"):
    """The gateway signed a refusal of the request. Not an outcome: the proof is still to come."""

    said_by: str
    reason: Reason


class CancelIntended(Statement, frozen=True, kw_only=True, omit_defaults=True, tag=CANCEL_INTENDED):
    """The intent to undo, durable before it is sent."""

    operator: str
    cause: CancelCause
    goods_handed: bool | None = None


class PaymentSettled(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.settled"):
    """The final outcome: PAID, or NOT_PAID with its proof."""

    said_by: str
    paid: bool
    state_seq: int
    reason: Reason | None = None
    proof: Proof | None = None
    light: Light | None = None
    channel: str | None = None
    transaction_tail: str | None = None
    paid_at_ms: int | None = None
    cancel_requested: bool = False


class LateMoneySeen(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.late_money"):
    """Money on a payment that was given up, found or undone."""

    said_by: str
    state_seq: int
    late_money: LateMoney


class PaymentConflict(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.conflict"):
    """The gateway signed something else than the final outcome in this journal. Nothing changes; people must look."""

    said_by: str
    gateway_state: GatewayState
    state_seq: int


class PaymentAcked(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="payment.acked"):
    """The gateway took our word that its final outcome is in this journal."""

    said_by: str
    state_seq: int


class AboutRefund(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """One durable fact about one refund; `payment_no` is the payment whose money goes back."""

    refund_no: str
    amount_fen: int


class RefundStarted(AboutRefund, frozen=True, kw_only=True, omit_defaults=True, tag="refund.started"):
    """The intent, durable before the first byte is sent. The number is this refund's for ever."""

    currency: str
    note: str
    operator: str


class RefundObserved(AboutRefund, frozen=True, kw_only=True, omit_defaults=True, tag="refund.observed"):
    """The gateway signed that it has the refund and that its outcome is open."""

    said_by: str
    state_seq: int
    refundable_fen: int
    channel: str | None = None


class RefundRefused(AboutRefund, frozen=True, kw_only=True, omit_defaults=True, tag="refund.refused"):
    """The gateway signed that it did not take this refund, and no earlier transmission of it can still arrive.
    `refundable_fen`: what it says may still be asked back."""

    said_by: str
    reason: Reason
    refundable_fen: int | None = None


class RefundSettled(AboutRefund, frozen=True, kw_only=True, omit_defaults=True, tag="refund.settled"):
    """The final outcome: the money went back, or the channel refused it for good."""

    said_by: str
    done: bool
    state_seq: int
    refundable_fen: int
    channel: str | None = None
    reason: Reason | None = None


class CashBack(StrEnum):
    """Why cash was given back."""

    WRONG_AMOUNT = "wrong_amount"
    GOODS_BACK = "goods_back"
    PAID_OTHERWISE = "paid_otherwise"
    OTHER = "other"


class CashTaken(Statement, frozen=True, kw_only=True, omit_defaults=True, tag=CASH_TAKEN):
    """The customer's cash is in the drawer. `amount_fen` stays for the sale, `change_fen` went back over the counter;
    `offline`: the gateway could not be reached then."""

    order_no: str
    sale_id: str
    amount_fen: int
    currency: str
    received_fen: int
    change_fen: int
    operator: str
    offline: bool = False


class CashReturned(Statement, frozen=True, kw_only=True, omit_defaults=True, tag=CASH_RETURNED):
    """All the cash of one sale was given back. The tender stays in the journal; it covers its sale no more."""

    sale_id: str
    amount_fen: int
    operator: str
    why: CashBack


class StorePaidHeard(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="store.paid"):
    """The gateway signed that the store's static QR took a payment. It is the store's, not this till's."""

    said_by: str
    seq: int
    amount_fen: int
    paid_at_ms: int
    channel: str | None = None
    transaction_tail: str | None = None


class ParkWhy(StrEnum):
    """Why an offline order was put aside without its proof."""

    STILL_PAYING = "still_paying"
    LEFT = "left"
    UNREADABLE = "unreadable"


class OrderShown(Statement, frozen=True, kw_only=True, omit_defaults=True):
    """An ORDER (protocol/offline/order.py) for a customer's phone, durable before it is shown: `order` is its text.

    `oseq` counts within the epoch. `down_ms`: how long the line had been down then, None when it never was up.
    """

    amount_fen: int
    operator: str
    order: str
    epoch: int
    oseq: int
    kid: int
    base_url: str
    until_ms: int
    down_ms: int | None = None


class OfflineShown(OrderShown, frozen=True, kw_only=True, omit_defaults=True, tag=OFFLINE_SHOWN):
    """A PAY order: payment 1 of an order that nobody was asked for over the line. `release` is the index of its typed
    code (0: none), `verifier` what the till holds of that code."""

    order_no: str
    sale_id: str
    currency: str
    subject: str
    release: int = 0
    verifier: str | None = None


class StatusShown(OrderShown, frozen=True, kw_only=True, omit_defaults=True, tag="offline.status_shown"):
    """A STATUS order about a payment that was sent over the line and whose outcome is unknown."""


class OfflineParked(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="offline.parked"):
    """The cashier put an offline order aside; its outcome is still open."""

    operator: str
    why: ParkWhy


class CodeTried(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="offline.code_tried"):
    """A typed code is about to be checked: the try counts, whatever comes of it."""

    operator: str


class ProofTaken(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="offline.proof"):
    """A proof of this very order was verified: PAID, or CLOSED. `kid` signed it; a typed code has none.

    `at_s` is the gateway's time in the proof.
    """

    said_by: str
    paid: bool
    operator: str
    kid: int | None = None
    at_s: int | None = None
    channel: str | None = None
    transaction_tail: str | None = None


class LineLost(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="line.lost"):
    """The line went down while this payment was open at the counter."""

    operator: str


class KitStored(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="offline.kit"):
    """What the gateway gave for selling without it (OfflineKit). Is about no payment."""

    said_by: str
    kit: OfflineKit


class StandingChanged(Statement, frozen=True, kw_only=True, omit_defaults=True, tag="terminal.standing"):
    """The gateway refuses new payments of this terminal, and why; None: it takes them again. Is about no payment."""

    said_by: str
    refused: Reason | None = None


RefundStatement = RefundStarted | RefundObserved | RefundRefused | RefundSettled

#: What selling without the line says of a payment.
OfflineStatement = OfflineShown | StatusShown | OfflineParked | CodeTried | ProofTaken | LineLost

#: What can be said of a payment of this till, its refunds included.
PaymentStatement = (
    PaymentStarted
    | PaymentObserved
    | PaymentSilent
    | PaymentRefused
    | CancelIntended
    | PaymentSettled
    | LateMoneySeen
    | PaymentConflict
    | PaymentAcked
    | OfflineStatement
    | RefundStatement
)

CashStatement = CashTaken | CashReturned

#: What is about no payment.
TillStatement = KitStored | StandingChanged

AnyStatement = PaymentStatement | CashStatement | StorePaidHeard | TillStatement


#: Made once: the kinds are laid out anew for each reader, which takes longer than reading one body.
_STATEMENT: Final = msgspec.json.Decoder(AnyStatement)


def kind_of(statement: AnyStatement) -> str:
    """The entry kind, for example `payment.started`."""
    tag = statement.__struct_config__.tag
    assert isinstance(tag, str), "every statement names its kind"
    return tag


def write_statement(statement: AnyStatement) -> str:
    """The entry's body, written once and never re-serialised."""
    return msgspec.json.encode(statement).decode()


def read_statement(body: str) -> AnyStatement | None:
    """The statement in a body; None when a later version of the program wrote a kind that this one does not know, or
    somebody else wrote what is none."""
    try:
        return _STATEMENT.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
