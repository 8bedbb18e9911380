"""What UnionPay's respCodes say about money. Tables only; whatever is not listed settles nothing.

Source: the respCode list of ACP ("应答码"), facts/wallet-protocols.md section 4.1. The same code means different things
in three places, so each place has its table:
- a pay answer (`NOT_CHARGED`): UnionPay refused before any bank was debited, or the bank itself said no. Left out on
  purpose: 01, 02, 69, 98, 99 (no reason given, or a time-out: a query settles them), 12 (another try under this number
  exists), 34 to 37 and 45 (speak of another trade), 42, 74, 75 (debited).
- origRespCode of a query (`FAILED`): the try is over without money, a statement that counts as closed only once the
  order was reversed (table P). 42, 74, 75 are money that was taken.
- a reversal (`UNDO_REFUSED`).
It must not know fields, forms or amounts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.channels.port import ChannelReason

OK: Final = "00"
DUPLICATE: Final = "12"
NOT_FOUND: Final = frozenset({"34", "35"})
TOO_OFTEN: Final = "37"
ALREADY_UNDONE: Final = "45"
NO_FILE: Final = "98"

#: A6: success with a defect that is not the merchant's; some lists spell it 00A6.
PAID: Final = frozenset({"00", "A6", "00A6"})
#: Under way, or not known yet: ask again. 70: the cardholder was sent on; PR05: under review.
PENDING: Final = frozenset({"03", "04", "05", "70", "PR05"})
#: The card was debited although the trade did not succeed: the money must go back.
MONEY_TAKEN: Final = frozenset({"42", "74", "75"})

#: Of a pay answer: certainly not charged.
NOT_CHARGED: Final[Mapping[str, ChannelReason]] = {
    "10": ChannelReason.MERCHANT_CONFIG,
    "11": ChannelReason.MERCHANT_CONFIG,
    "13": ChannelReason.MERCHANT_CONFIG,
    "30": ChannelReason.PAYMENT_FAILED,
    "31": ChannelReason.MERCHANT_BLOCKED,
    "32": ChannelReason.MERCHANT_CONFIG,
    "33": ChannelReason.PAYER_LIMIT,
    "38": ChannelReason.RISK,
    "39": ChannelReason.MERCHANT_LIMIT,
    "40": ChannelReason.PAYER_FORBIDDEN,
    "60": ChannelReason.PAYMENT_FAILED,
    "61": ChannelReason.CODE_INVALID,
    "62": ChannelReason.PAYER_FORBIDDEN,
    "63": ChannelReason.PAYER_FORBIDDEN,
    "64": ChannelReason.BALANCE_LOW,
    "65": ChannelReason.PAYMENT_FAILED,
    "66": ChannelReason.PAYMENT_FAILED,
    "67": ChannelReason.PAYER_FORBIDDEN,
    "68": ChannelReason.PAYER_FORBIDDEN,
    "71": ChannelReason.PAYMENT_FAILED,
    "72": ChannelReason.PAYER_FORBIDDEN,
    "73": ChannelReason.PAYER_FORBIDDEN,
    "76": ChannelReason.PAYER_FORBIDDEN,
    "77": ChannelReason.PAYER_FORBIDDEN,
    "78": ChannelReason.PAYER_FORBIDDEN,
    "79": ChannelReason.PAYMENT_FAILED,
    "80": ChannelReason.CODE_EXPIRED,
}

#: As origRespCode: this try failed and took nothing.
FAILED: Final[Mapping[str, ChannelReason]] = {
    **NOT_CHARGED,
    "01": ChannelReason.PAYMENT_FAILED,
    "02": ChannelReason.PAYMENT_FAILED,
    "45": ChannelReason.ORDER_STATE,
    "69": ChannelReason.PAYER_GAVE_UP,
    "99": ChannelReason.PAYMENT_FAILED,
    "PR99": ChannelReason.RISK,
}

#: Said without a reason, or after a time-out. Of a try this counts once the order was reversed as well; of a refund,
#: where nothing can be reversed, it settles nothing.
NO_REASON: Final = frozenset({"02", "69", "99"})

#: With these a reversal is refused.
UNDO_REFUSED: Final[Mapping[str, ChannelReason]] = {
    "10": ChannelReason.MERCHANT_CONFIG,
    "11": ChannelReason.MERCHANT_CONFIG,
    "13": ChannelReason.MERCHANT_CONFIG,
    "30": ChannelReason.ORDER_STATE,
    "31": ChannelReason.MERCHANT_BLOCKED,
    "32": ChannelReason.MERCHANT_CONFIG,
    "34": ChannelReason.ORDER_NOT_FOUND,
    "35": ChannelReason.ORDER_STATE,
    "36": ChannelReason.ORDER_STATE,
    "39": ChannelReason.UNDO_WINDOW_OVER,
    "60": ChannelReason.ORDER_STATE,
    "64": ChannelReason.SELLER_BALANCE_LOW,
}

#: Answers to a refund after which the very same number is worth sending again: nothing was recorded under it.
REFUND_LATER: Final[Mapping[str, ChannelReason]] = {
    "02": ChannelReason.CHANNEL_ERROR,
    "10": ChannelReason.MERCHANT_CONFIG,
    "11": ChannelReason.MERCHANT_CONFIG,
    "13": ChannelReason.MERCHANT_CONFIG,
    "31": ChannelReason.MERCHANT_BLOCKED,
    "32": ChannelReason.MERCHANT_CONFIG,
    "37": ChannelReason.TOO_OFTEN,
    "39": ChannelReason.REFUND_REFUSED,
    "64": ChannelReason.SELLER_BALANCE_LOW,
}

#: Answers to a refund that are its end. A repeat of a number that moved money is answered 12, before any of these.
REFUND_NEVER: Final = frozenset(
    {"30", "33", "34", "35", "36", "38", "40", "45", "60", "61", "62", "63", "68", "73", "78", "PR99"}
)

#: Of the exchange of a userAuthCode: refused or used.
AUTH_REFUSED: Final = frozenset({"10", "30", "34", "35", "40", "45", "61", "65", "66", "72", "76", "77", "80", "99"})
