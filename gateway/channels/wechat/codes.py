"""What WeChat Pay's codes say about money. Tables only; whatever is not listed settles nothing.

Sources: facts/wallet-protocols.md 2.2, 2.5, 2.8, 2.9, 2.11, of the error tables of each call.
- `NOT_CHARGED` is of a signed v2 micropay answer. Left out on purpose: SYSTEMERROR, BANKERROR, USERPAYING (open), and
  those that speak of another try under the same number: ORDERPAID, ORDERCLOSED, ORDERREVERSED, OUT_TRADE_NO_USED,
  BUYER_MISMATCH, INVALID_REQUEST (listed as "not charged" about this try; the earlier one is what a query settles).
- v3 codepay has no such table: a refusal was seen after the customer had been charged.
- A refused v3 order (`NOT_OPENED`) charged nobody, because nobody has its QR or page yet.
- Refunds: `final` is said only of what can never move money under this number. ERROR is not final: it is also the
  answer when this number moved another amount.
It must not know fields, signatures or amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.channels.port import ChannelReason

_CONFIG: Final = ChannelReason.MERCHANT_CONFIG

#: The merchant's own set-up is wrong: no call of this kind will do better.
MISCONFIGURED: Final[Mapping[str, ChannelReason]] = {
    "NOAUTH": _CONFIG,
    "NO_AUTH": _CONFIG,
    "APPID_NOT_EXIST": _CONFIG,
    "MCHID_NOT_EXIST": _CONFIG,
    "MCH_NOT_EXISTS": _CONFIG,
    "APPID_MCHID_NOT_MATCH": _CONFIG,
    "LACK_PARAMS": _CONFIG,
    "PARAM_ERROR": _CONFIG,
    "SIGNERROR": _CONFIG,
    "SIGN_ERROR": _CONFIG,
    "XML_FORMAT_ERROR": _CONFIG,
    "REQUIRE_POST_METHOD": _CONFIG,
    "POST_DATA_EMPTY": _CONFIG,
    "NOT_UTF8": _CONFIG,
}

#: Of a micropay answer: certainly not charged.
NOT_CHARGED: Final[Mapping[str, ChannelReason]] = {
    "AUTHCODEEXPIRE": ChannelReason.CODE_EXPIRED,
    "AUTH_CODE_ERROR": ChannelReason.CODE_INVALID,
    "AUTH_CODE_INVALID": ChannelReason.CODE_INVALID,
    "NOTENOUGH": ChannelReason.BALANCE_LOW,
    "NOTSUPORTCARD": ChannelReason.PAYER_FORBIDDEN,
    "TRADE_ERROR": ChannelReason.PAYMENT_FAILED,
    **MISCONFIGURED,
}

USERPAYING: Final = "USERPAYING"
NOT_FOUND: Final = frozenset({"ORDERNOTEXIST", "ORDER_NOT_EXIST"})
CHANNEL_FAULTS: Final = frozenset({"SYSTEMERROR", "SYSTEM_ERROR", "BANKERROR", "BIZERR_NEED_RETRY"})
TOO_OFTEN: Final = frozenset({"FREQUENCY_LIMITED", "INVALID_REQ_TOO_MUCH"})
#: They speak of another try under the same number, or of a state that a query tells better.
ASK: Final = frozenset(
    {
        "ORDERPAID",
        "ORDER_PAID",
        "ORDERCLOSED",
        "ORDER_CLOSED",
        "ORDERREVERSED",
        "ORDER_REVERSED",
        "OUT_TRADE_NO_USED",
        "BUYER_MISMATCH",
        "INVALID_REQUEST",
    }
)

#: Of a signed refusal of a v3 order for a QR or a page.
NOT_OPENED: Final[Mapping[str, ChannelReason]] = {
    **MISCONFIGURED,
    "RULE_LIMIT": ChannelReason.MERCHANT_LIMIT,
    "ACCOUNT_ERROR": ChannelReason.MERCHANT_BLOCKED,
}

#: With these a reverse or close asks for the same call again.
UNDO_AGAIN: Final = frozenset({"SYSTEMERROR", "SYSTEM_ERROR", "USERPAYING", "FREQUENCY_LIMITED"})
#: The order was closed already.
CLOSED_BEFORE: Final = frozenset({"ORDERCLOSED", "ORDER_CLOSED"})
WINDOW_OVER: Final = "REVERSE_EXPIRE"
#: With these a reverse or close is refused.
UNDO_REFUSED: Final[Mapping[str, ChannelReason]] = {
    WINDOW_OVER: ChannelReason.UNDO_WINDOW_OVER,
    "TRADE_ERROR": ChannelReason.ORDER_STATE,
    "ORDERPAID": ChannelReason.ORDER_STATE,
    "ORDER_PAID": ChannelReason.ORDER_STATE,
    "INVALID_REQUEST": ChannelReason.ORDER_STATE,
    "ORDERNOTEXIST": ChannelReason.ORDER_NOT_FOUND,
    "ORDER_NOT_EXIST": ChannelReason.ORDER_NOT_FOUND,
    "INVALID_TRANSACTIONID": ChannelReason.ORDER_NOT_FOUND,
    **MISCONFIGURED,
}

#: With these a refund is refused for good: nothing can move under this number.
REFUND_NEVER: Final[Mapping[str, ChannelReason]] = {
    "TRADE_OVERDUE": ChannelReason.REFUND_REFUSED,
    "USER_ACCOUNT_ABNORMAL": ChannelReason.REFUND_REFUSED,
}

#: With these a refund is refused for now: the same number is sent again later. Not-found contradicts that the order was
#: paid, so it is never the last word.
REFUND_LATER: Final[Mapping[str, ChannelReason]] = {
    "NOTENOUGH": ChannelReason.SELLER_BALANCE_LOW,
    "NOT_ENOUGH": ChannelReason.SELLER_BALANCE_LOW,
    "BIZERR_NEED_RETRY": ChannelReason.CHANNEL_ERROR,
    "ERROR": ChannelReason.REFUND_REFUSED,
    "INVALID_REQUEST": ChannelReason.REFUND_REFUSED,
    "INVALID_REQ_TOO_MUCH": ChannelReason.TOO_OFTEN,
    "FREQUENCY_LIMITED": ChannelReason.TOO_OFTEN,
    "INVALID_TRANSACTIONID": ChannelReason.ORDER_NOT_FOUND,
    "ORDERNOTEXIST": ChannelReason.ORDER_NOT_FOUND,
    "RESOURCE_NOT_EXISTS": ChannelReason.ORDER_NOT_FOUND,
    **MISCONFIGURED,
}

#: The refund number is known with another amount.
REFUND_DIFFERS: Final = frozenset({"REFUND_FEE_MISMATCH"})
REFUND_ABSENT: Final = frozenset({"REFUNDNOTEXIST", "RESOURCE_NOT_EXISTS"})

#: errcode of the OAuth exchange: the code is wrong, used, too old, or of a barred user.
PAYER_CODE_REFUSED: Final = frozenset({40029, 40163, 42003, 40226})
OAUTH_BUSY: Final = -1

#: What a bill call says instead of a bill: v3's codes, and v2's return_msg in lower case.
BILL_NOT_READY: Final = frozenset({"STATEMENT_CREATING", "bill creating"})
BILL_NONE: Final = frozenset({"NO_STATEMENT_EXIST", "no bill exist"})
