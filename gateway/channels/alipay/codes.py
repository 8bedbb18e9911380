"""What Alipay's codes say about money. Tables only; whatever is not listed settles nothing.

Sources: open platform, "public error codes" and the error tables of trade.pay, .precreate, .create, .cancel,
.close, .refund, .fastpay.refund.query, system.oauth.token and bill.downloadurl.query.
Left out of NOT_CHARGED on purpose: TRADE_HAS_SUCCESS, and those that speak of another trade under the same number
(CONTEXT_INCONSISTENT, TRADE_BUYER_NOT_MATCH, TRADE_HAS_CLOSE): a query settles them.
Refunds: `final` is said only of what can never move money under this number. DISCORDANT_REPEAT_REQUEST is not in the
table: the number has moved another amount, so it is a difference to look into, not a refusal.
It must not know envelopes, fields or amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.channels.port import ChannelReason

OK: Final = "10000"
WAITING: Final = "10003"
UNAVAILABLE: Final = "20000"
REFUSED_CODES: Final = frozenset({"40001", "40002", "40004", "40006"})
NOT_FOUND: Final = "ACQ.TRADE_NOT_EXIST"

#: Sub-codes of a pay, precreate or create answer that are listed as "not charged".
NOT_CHARGED: Final[Mapping[str, ChannelReason]] = {
    "ACQ.PAYMENT_AUTH_CODE_INVALID": ChannelReason.CODE_INVALID,
    "ACQ.PULL_MOBILE_CASHIER_FAIL": ChannelReason.PAYMENT_FAILED,
    "ACQ.PAYMENT_FAIL": ChannelReason.PAYMENT_FAILED,
    "ACQ.BUYER_BALANCE_NOT_ENOUGH": ChannelReason.BALANCE_LOW,
    "ACQ.BUYER_BANKCARD_BALANCE_NOT_ENOUGH": ChannelReason.BALANCE_LOW,
    "ACQ.NO_PAYMENT_INSTRUMENTS_AVAILABLE": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.BUYER_PAYMENT_AMOUNT_DAY_LIMIT_ERROR": ChannelReason.PAYER_LIMIT,
    "ACQ.BUYER_PAYMENT_AMOUNT_MONTH_LIMIT_ERROR": ChannelReason.PAYER_LIMIT,
    "ACQ.MOBILE_PAYMENT_SWITCH_OFF": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.USER_FACE_PAYMENT_SWITCH_OFF": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.ERROR_BALANCE_PAYMENT_DISABLE": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.BUYER_ENABLE_STATUS_FORBID": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.ERROR_BUYER_CERTIFY_LEVEL_LIMIT": ChannelReason.PAYER_FORBIDDEN,
    "ACQ.PAYMENT_REQUEST_HAS_RISK": ChannelReason.RISK,
    "ACQ.BUYER_SELLER_EQUAL": ChannelReason.PAYER_IS_SELLER,
    "ACQ.TOTAL_FEE_EXCEED": ChannelReason.MERCHANT_LIMIT,
    "ACQ.BEYOND_PAY_RESTRICTION": ChannelReason.MERCHANT_LIMIT,
    "ACQ.BEYOND_PER_RECEIPT_RESTRICTION": ChannelReason.MERCHANT_LIMIT,
    "ACQ.SELLER_BEEN_BLOCKED": ChannelReason.MERCHANT_BLOCKED,
    "ACQ.INVALID_PARAMETER": ChannelReason.MERCHANT_CONFIG,
    "ACQ.ACCESS_FORBIDDEN": ChannelReason.MERCHANT_CONFIG,
    "ACQ.EXIST_FORBIDDEN_WORD": ChannelReason.MERCHANT_CONFIG,
    "ACQ.PARTNER_ERROR": ChannelReason.MERCHANT_CONFIG,
    "ACQ.INVALID_STORE_ID": ChannelReason.MERCHANT_CONFIG,
    "ACQ.RISK_MERCHANT_IP_NOT_EXIST": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-signature": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-app-id": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-timestamp": ChannelReason.MERCHANT_CONFIG,
}

#: Sub-codes that want the very same call again. The second spelling is in the platform's own table.
RETRY: Final = frozenset({"ACQ.SYSTEM_ERROR", "AQC.SYSTEM_ERROR"})

#: Sub-codes with which a cancel or close is refused.
UNDO_REFUSED: Final[Mapping[str, ChannelReason]] = {
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": ChannelReason.SELLER_BALANCE_LOW,
    "ACQ.REASON_TRADE_BEEN_FREEZEN": ChannelReason.TRADE_FROZEN,
    "ACQ.TRADE_CANCEL_TIME_OUT": ChannelReason.UNDO_WINDOW_OVER,
    "ACQ.CANCEL_NOT_ALLOWED": ChannelReason.ORDER_STATE,
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": ChannelReason.ORDER_STATE,
    "ACQ.TRADE_HAS_FINISHED": ChannelReason.ORDER_STATE,
    "ACQ.TRADE_STATUS_ERROR": ChannelReason.ORDER_STATE,
    "ACQ.REASON_TRADE_STATUS_INVALID": ChannelReason.ORDER_STATE,
    "ACQ.TRADE_NOT_EXIST": ChannelReason.ORDER_NOT_FOUND,
    "ACQ.INVALID_PARAMETER": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-signature": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-app-id": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-timestamp": ChannelReason.MERCHANT_CONFIG,
}

#: The gateway's own limit of calls: nothing was done.
TOO_OFTEN: Final = frozenset({"isv.app-call-limited", "isp.call-limited"})

#: The refund number is known with another amount.
DISCORDANT: Final = "ACQ.DISCORDANT_REPEAT_REQUEST"

#: Sub-codes with which a refund is refused for good: nothing can move under this number.
REFUND_NEVER: Final[Mapping[str, ChannelReason]] = {
    "ACQ.REFUND_AMT_NOT_EQUAL_TOTAL": ChannelReason.REFUND_REFUSED,
    "ACQ.REASON_TRADE_REFUND_FEE_ERR": ChannelReason.REFUND_REFUSED,
    "ACQ.REFUND_FEE_ERROR": ChannelReason.REFUND_REFUSED,
    "ACQ.TRADE_NOT_ALLOW_REFUND": ChannelReason.REFUND_REFUSED,
    "ACQ.TRADE_HAS_FINISHED": ChannelReason.ORDER_STATE,
    "ACQ.TRADE_STATUS_ERROR": ChannelReason.ORDER_STATE,
    "ACQ.REASON_TRADE_STATUS_INVALID": ChannelReason.ORDER_STATE,
    "ACQ.INVALID_PARAMETER": ChannelReason.MERCHANT_CONFIG,
}

#: Sub-codes with which a refund is refused for now: the same number is sent again later. TRADE_NOT_EXIST contradicts
#: that the order was paid, so it is never the last word.
REFUND_LATER: Final[Mapping[str, ChannelReason]] = {
    "ACQ.SELLER_BALANCE_NOT_ENOUGH": ChannelReason.SELLER_BALANCE_LOW,
    "ACQ.REASON_TRADE_BEEN_FREEZEN": ChannelReason.TRADE_FROZEN,
    "ACQ.TRADE_NOT_EXIST": ChannelReason.ORDER_NOT_FOUND,
    "ACQ.ACCESS_FORBIDDEN": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-signature": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-app-id": ChannelReason.MERCHANT_CONFIG,
    "isv.invalid-timestamp": ChannelReason.MERCHANT_CONFIG,
}

#: Sub-codes of an authorisation code that was wrong, used or too old.
PAYER_CODE_REFUSED: Final = frozenset({"isv.code-invalid", "isv.code-used", "isv.code-expired"})

#: The bill is not made yet, or there was nothing that day: one answer for both. The first spelling is what the platform
#: answers, the second what its tables say.
NO_BILL: Final = frozenset({"isp.bill_not_exist", "BILL_NOT_EXIST"})
