"""What a wallet, or the line to it, can have said. Values only.

Rules
- `NotSent`: not one byte of the request left and it was given up: nothing was charged. Doubt is `NoAnswer`.
- Every verdict but `Unknown` was read from an answer whose signature verified.
- `Closed`, `NotFound`, `UndoAcknowledged` are statements of the wallet; the rules of money decide what they prove.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class LineFault(StrEnum):
    """Why no complete answer was received."""

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


@dataclass(frozen=True, slots=True)
class NotSent:
    """Connecting failed with zero request bytes written, and the request was given up: it can never arrive."""

    reason: LineFault


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The request may have arrived; what became of it is unknown."""

    reason: LineFault


@dataclass(frozen=True, slots=True, kw_only=True)
class Paid:
    """The wallet says, signed, that this order was paid with exactly its amount."""

    transaction_id: str
    amount_fen: int
    paid_at_ms: int | None
    payer_tail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """The wallet says, signed, a code that is listed as "not charged"."""

    code: str
    reason: ChannelReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """The trade is open. `payer_prompted`: the wallet says that it waits for the customer (a password)."""

    payer_prompted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """The wallet says, signed, that the trade can no longer be paid (or was refunded in full)."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotFound:
    """The wallet says, signed, that it has no such trade. A shown QR is "not found" until somebody scans it."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """A verified answer about something else: `fields` differ from ours. Treat as unknown and raise an alarm."""

    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown:
    """The answer settles nothing; ask by query. `code` is the wallet's own, for the log."""

    reason: ChannelReason
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class QrReady:
    qr: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoAcknowledged:
    """The wallet accepted the undo and says what it did. `NONE`: it did not say."""

    action: UndoAction


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRetry:
    """The wallet asks for the same undo again."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UndoRefused:
    """The wallet will not undo this way. Leads to a query, a refund or an alarm, never to a state."""

    code: str
    reason: ChannelReason


PayVerdict = Paid | Declined | Pending | Mismatch | Unknown
QueryVerdict = Paid | Pending | Closed | NotFound | Mismatch | Unknown
UndoVerdict = UndoAcknowledged | UndoRetry | UndoRefused | Mismatch | Unknown
PrecreateVerdict = QrReady | Declined | Mismatch | Unknown
