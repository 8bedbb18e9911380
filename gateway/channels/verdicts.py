"""What a wallet, or the line to it, can have said. Values only.

Rules
- `NotSent`: not one byte of the request left and it was given up: nothing was charged. Doubt is `NoAnswer`.
- Every verdict but `Unknown` was read from an answer whose signature verified.
- `Closed`, `NotFound`, `UndoAcknowledged` are statements of the wallet; the rules of money decide what they prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from msgspec import Struct

from protocol.secret import Secret


class LineFault(StrEnum):
    """Why no complete answer was received."""

    NOT_ALLOWED = "not_allowed"  # an address that no call of ours may go to
    CONNECT_FAILED = "connect_failed"
    CONNECT_TIMEOUT = "connect_timeout"
    TLS_FAILED = "tls_failed"
    NO_FREE_CONNECTION = "no_free_connection"
    READ_TIMEOUT = "read_timeout"
    CUT = "cut"
    TOO_LARGE = "too_large"
    PROTOCOL = "protocol"


class ChannelReason(StrEnum):
    """Why a wallet refused, or why its answer settles nothing. Closed list; the gateway maps each to the wire's."""

    # the customer's side; not charged
    CODE_INVALID = "code_invalid"
    CODE_EXPIRED = "code_expired"
    BALANCE_LOW = "balance_low"
    PAYER_LIMIT = "payer_limit"
    PAYER_FORBIDDEN = "payer_forbidden"
    PAYER_IS_SELLER = "payer_is_seller"
    PAYER_GAVE_UP = "payer_gave_up"
    PAYMENT_FAILED = "payment_failed"
    RISK = "risk"
    # the merchant's side
    MERCHANT_LIMIT = "merchant_limit"
    MERCHANT_BLOCKED = "merchant_blocked"
    MERCHANT_CONFIG = "merchant_config"
    SELLER_BALANCE_LOW = "seller_balance_low"
    TRADE_FROZEN = "trade_frozen"
    UNDO_WINDOW_OVER = "undo_window_over"
    ORDER_NOT_FOUND = "order_not_found"
    ORDER_STATE = "order_state"
    REFUND_REFUSED = "refund_refused"
    TOO_OFTEN = "too_often"
    # nothing is known
    CHANNEL_ERROR = "channel_error"
    ASK_AGAIN = "ask_again"
    UNLISTED = "unlisted"
    UNREADABLE = "unreadable"
    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad_signature"


class UndoAction(StrEnum):
    CLOSE = "close"
    REFUND = "refund"
    NONE = "none"


class NotSent(Struct, frozen=True):
    """Connecting failed with zero request bytes written, and the request was given up: it can never arrive."""

    reason: LineFault


class NoAnswer(Struct, frozen=True):
    """The request may have arrived; what became of it is unknown."""

    reason: LineFault


class Paid(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, that this order was paid with exactly its amount."""

    transaction_id: str
    amount_fen: int
    paid_at_ms: int | None
    payer_tail: str


class Declined(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, a code that is listed as "not charged"."""

    code: str
    reason: ChannelReason


class Pending(Struct, frozen=True, kw_only=True):
    """The trade is open. `payer_prompted`: the wallet says that it waits for the customer (a password)."""

    payer_prompted: bool


class Closed(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, that the trade can no longer be paid (or was refunded in full)."""

    code: str


class NotFound(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, that it has no such trade. A shown QR is "not found" until somebody scans it."""

    code: str


class Mismatch(Struct, frozen=True, kw_only=True):
    """A verified answer about something else: `fields` differ from ours. Treat as unknown and raise an alarm."""

    fields: tuple[str, ...]


class Unknown(Struct, frozen=True, kw_only=True):
    """The answer settles nothing; ask by query. `code` is the wallet's own, for the log."""

    reason: ChannelReason
    code: str = ""


class QrReady(Struct, frozen=True, kw_only=True):
    qr: str


class UndoAcknowledged(Struct, frozen=True, kw_only=True):
    """The wallet accepted the undo and says what it did. `NONE`: it did not say."""

    action: UndoAction


class UndoRetry(Struct, frozen=True, kw_only=True):
    """The wallet asks for the same undo again."""

    code: str


class UndoRefused(Struct, frozen=True, kw_only=True):
    """The wallet will not undo this way. Leads to a query, a refund or an alarm, never to a state."""

    code: str
    reason: ChannelReason


class Failed(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, that this try went wrong, in words that prove nothing yet: it must be undone.

    WeChat PAYERROR; UnionPay's origRespCodes. `money_taken`: the customer was debited all the same (UnionPay 42, 74,
    75). `closed_once_undone`: said again after an acknowledged undo it counts as closed (UnionPay, table P).
    """

    code: str
    reason: ChannelReason
    money_taken: bool
    closed_once_undone: bool
    transaction_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PageReady:
    """The order exists and the wallet's own browser can pay it. `bridge`: what the page hands to the wallet's script
    (`WeixinJSBridge`, `AlipayJSBridge`), by the names that it wants; or `redirect`: an address to open in that browser.
    """

    bridge: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    redirect: str | None = field(default=None, repr=False)


class PayerKnown(Struct, frozen=True, kw_only=True):
    """Who holds the phone: the wallet's id of the payer. In memory only."""

    payer: Secret


class PayerUnknown(Struct, frozen=True, kw_only=True):
    """The authorisation code was refused or used."""

    code: str


class RefundDone(Struct, frozen=True, kw_only=True):
    """The wallet says, signed, that exactly this refund is through. `channel_refund_id`: its number, if it has one."""

    amount_fen: int
    channel_refund_id: str
    done_at_ms: int | None


class RefundOpen(Struct, frozen=True, kw_only=True):
    """Accepted or under way: ask by refund query. Also the answer to a repeat that moved no money."""

    code: str


class RefundAbsent(Struct, frozen=True, kw_only=True):
    """The wallet knows no such refund (answer to a refund query): sending it again with the same number is safe."""

    code: str


class RefundRefused(Struct, frozen=True, kw_only=True):
    """The wallet will not refund. `final`: it says so for good, and this refund number moved nothing; otherwise the
    same number is sent again later (seller's balance low, order busy)."""

    code: str
    reason: ChannelReason
    final: bool


class BillKind(StrEnum):
    TRADE = "trade"
    FUND_FLOW = "fund_flow"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillReady:
    """The file as the wallet gave it (compressed as it was)."""

    content: bytes = field(repr=False)


class BillNotReady(Struct, frozen=True, kw_only=True):
    """Not made yet: ask again in half an hour."""

    code: str


class NoBill(Struct, frozen=True, kw_only=True):
    """There was nothing that day: do not ask again."""

    code: str


class Forgery(StrEnum):
    """Why a notification is not believed. Closed list: counted and kept for audit."""

    MALFORMED = "malformed"
    UNSIGNED = "unsigned"
    BAD_SIGNATURE = "bad_signature"
    UNKNOWN_KEY = "unknown_key"
    OUT_OF_TIME = "out_of_time"
    PROBE = "probe"  # the wallet's own SIGNTEST traffic: must be refused
    FOREIGN = "foreign"  # another merchant's, application's or currency
    UNDECRYPTABLE = "undecryptable"


class PaymentNotified(Struct, frozen=True, kw_only=True):
    """Verified. `verdict`: what a query would have said about that order."""

    event_id: str
    out_trade_no: str
    verdict: Paid | Pending | Closed | Failed | Unknown


class RefundNotified(Struct, frozen=True, kw_only=True):
    """Verified. `refund_no` None: the wallet names the order only."""

    event_id: str
    out_trade_no: str
    refund_no: str | None
    verdict: RefundDone | RefundOpen | RefundRefused


class NotifiedNothing(Struct, frozen=True, kw_only=True):
    """Verified, and about nothing that moves a payment or refund (an event type that is not used)."""

    event_id: str
    what: str


class NotBelieved(Struct, frozen=True, kw_only=True):
    why: Forgery


PayVerdict = Paid | Declined | Pending | Mismatch | Unknown
QueryVerdict = Paid | Pending | Closed | Failed | NotFound | Mismatch | Unknown
UndoVerdict = UndoAcknowledged | UndoRetry | UndoRefused | Mismatch | Unknown
PrecreateVerdict = QrReady | Declined | Mismatch | Unknown
CreateVerdict = PageReady | Declined | Mismatch | Unknown
PayerVerdict = PayerKnown | PayerUnknown | Unknown
RefundVerdict = RefundDone | RefundOpen | RefundRefused | Mismatch | Unknown
RefundQueryVerdict = RefundDone | RefundOpen | RefundAbsent | RefundRefused | Mismatch | Unknown
BillVerdict = BillReady | BillNotReady | NoBill | Unknown
NotificationVerdict = PaymentNotified | RefundNotified | NotifiedNothing | NotBelieved
