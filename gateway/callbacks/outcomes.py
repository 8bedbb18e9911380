"""What a notification was found to be, and whether that is answered with the wallet's word for "received".

Rule: only "received" ends a wallet's deliveries, so it is said only when nothing would be gained by another one.
It must not know wallets' words, tables or payments.
"""

from __future__ import annotations

from enum import StrEnum

from gateway.channels.port import Forgery


class Outcome(StrEnum):
    """Closed list: counted, and kept with each notification. Every `Forgery` has its own."""

    ACCEPTED = "accepted"
    REPEAT = "repeat"  # the same event again: applied once
    NOTHING = "nothing"  # verified, about nothing that moves a payment
    UNKNOWN_REFUND = "unknown_refund"  # of an order of ours, and not made here: the merchant's own page, for one
    # refused, although the wallet signed it
    UNKNOWN_ORDER = "unknown_order"
    DIFFERS = "differs"
    # refused before anything was read
    UNKNOWN_ACCOUNT = "unknown_account"
    ACCOUNT_BROKEN = "account_broken"
    OVERSIZED = "oversized"
    DEFECT = "defect"
    # refused because nothing vouches for it
    MALFORMED = Forgery.MALFORMED.value
    UNSIGNED = Forgery.UNSIGNED.value
    BAD_SIGNATURE = Forgery.BAD_SIGNATURE.value
    UNKNOWN_KEY = Forgery.UNKNOWN_KEY.value
    OUT_OF_TIME = Forgery.OUT_OF_TIME.value
    PROBE = Forgery.PROBE.value
    FOREIGN = Forgery.FOREIGN.value
    UNDECRYPTABLE = Forgery.UNDECRYPTABLE.value

    @property
    def received(self) -> bool:
        return self in RECEIVED


#: The wallet verifiably spoke, and need not say it again.
RECEIVED: frozenset[Outcome] = frozenset({Outcome.ACCEPTED, Outcome.REPEAT, Outcome.NOTHING, Outcome.UNKNOWN_REFUND})

#: A key is wrong: a forger's, or ours. A person must look, once.
FORGED: frozenset[Outcome] = frozenset({Outcome.BAD_SIGNATURE, Outcome.UNKNOWN_KEY, Outcome.UNDECRYPTABLE})


def believed_not(why: Forgery) -> Outcome:
    return Outcome(why.value)
