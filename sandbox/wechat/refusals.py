"""Every business reason for which the simulated WeChat Pay says no, before either protocol puts it into its own words.

Must not know: XML, JSON, HTTP.
"""

from enum import Enum, auto


class No(Enum):
    # About the payment code.
    CODE_NOT_OURS = auto()
    CODE_USED = auto()
    CODE_EXPIRED = auto()
    BALANCE_LOW = auto()
    # About the order.
    USER_PAYING = auto()
    SYSTEM_ERROR = auto()
    """Whatever was done: the caller cannot know."""
    ORDER_PAID = auto()
    ORDER_CLOSED = auto()
    ORDER_REVERSED = auto()
    NUMBER_USED = auto()
    """The order number is another order's."""
    BUYER_DIFFERS = auto()
    """The order is the same; its payer cannot change."""
    ORDER_UNKNOWN = auto()
    TRANSACTION_UNKNOWN = auto()
    TOO_OFTEN = auto()
    ONLY_REVERSE = auto()
    """A scanned code's order is reversed, not closed."""
    ONLY_CLOSE = auto()
    REVERSE_AGAIN = auto()
    """Nothing was undone: ask once more."""
    REVERSE_OVERDUE = auto()
    REVERSE_AFTER_REFUND = auto()
    # About refunds.
    REFUND_DIFFERS = auto()
    """The refund number is another refund's, or this one's with another amount."""
    REFUND_TOTAL_DIFFERS = auto()
    REFUND_TOO_MUCH = auto()
    REFUND_UNPAID = auto()
    REFUND_OVERDUE = auto()
    REFUND_TOO_MANY = auto()
    REFUND_BALANCE_LOW = auto()
    REFUND_UNKNOWN = auto()
