"""The closed list of reasons that outcomes, problems and command results carry. Adding one is a contract change.

A reason is a word for programs; the sentence a cashier reads is chosen from it by the app, in the shop's language.
"""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """Why something ended as it did."""

    # outcomes of a payment
    PAID = "paid"
    CODE_INVALID = "code_invalid"
    CODE_EXPIRED = "code_expired"
    BALANCE_LOW = "balance_low"
    PAYER_LIMIT = "payer_limit"
    PAYER_REFUSED = "payer_refused"
    RISK_REFUSED = "risk_refused"
    MERCHANT_REFUSED = "merchant_refused"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    TIMED_OUT = "timed_out"
    NOT_SENT = "not_sent"
    NOT_CONFIRMED = "not_confirmed"
    LATE_MONEY = "late_money"
    # outcomes of a refund
    REFUNDED = "refunded"
    REFUND_REFUSED = "refund_refused"
    SELLER_BALANCE_LOW = "seller_balance_low"
    # the till takes no cash
    CASH_NOT_ALLOWED = "cash_not_allowed"
    CASH_LIMIT = "cash_limit"
    CASH_OFFLINE_LIMIT = "cash_offline_limit"
    CASH_SHORT = "cash_short"
    # the gateway refuses a request
    BAD_REQUEST = "bad_request"
    BAD_SIGNATURE = "bad_signature"
    CLOCK = "clock"
    REPLAYED = "replayed"
    UNKNOWN_TERMINAL = "unknown_terminal"
    TERMINAL_REVOKED = "terminal_revoked"
    UNKNOWN_PAYMENT = "unknown_payment"
    UNKNOWN_PATH = "unknown_path"
    CONTENT_DIFFERS = "content_differs"
    ORDER_OPEN = "order_open"
    ORDER_PAID = "order_paid"
    ORDER_CANCELLED = "order_cancelled"
    CODE_USED_ELSEWHERE = "code_used_elsewhere"
    NO_CHANNEL = "no_channel"
    AMOUNT_REFUSED = "amount_refused"
    PAYMENT_NOT_PAID = "payment_not_paid"
    REFUND_EXCEEDS = "refund_exceeds"
    UNKNOWN_REFUND = "unknown_refund"
    JOURNAL_GAP = "journal_gap"
    JOURNAL_FORK = "journal_fork"
    ACTIVATION_UNKNOWN = "activation_unknown"
    ACTIVATION_EXPIRED = "activation_expired"
    ACTIVATION_USED = "activation_used"
    TOO_MANY_TRIES = "too_many_tries"
    TOO_LARGE = "too_large"
    INTERNAL = "internal"
    # commands and the app
    DONE = "done"
    USAGE = "usage"
    BAD_AMOUNT = "bad_amount"
    NOT_A_PAYMENT_CODE = "not_a_payment_code"
    NO_SCAN = "no_scan"
    DEVICE_UNAVAILABLE = "device_unavailable"
    FOLDER_LOCKED = "folder_locked"
    FOLDER_UNREADABLE = "folder_unreadable"
    NOT_ACTIVATED = "not_activated"
    JOURNAL_DAMAGED = "journal_damaged"
    JOURNAL_NEWER = "journal_newer"
    DISK_FULL = "disk_full"
    DISK_READ_ONLY = "disk_read_only"
    CONFIG_DAMAGED = "config_damaged"
    GATEWAY_UNREACHABLE = "gateway_unreachable"
    GATEWAY_NOT_TRUSTED = "gateway_not_trusted"
    CHECK_FAILED = "check_failed"
    INTERRUPTED = "interrupted"
