"""Cash in a terminal's journal: what the gateway reads of it, because it decides about late money.

A sale that cash covers keeps no wallet money: what arrives late for it goes back. The till writes more into these
entries than is read here; the hash chain covers all of it.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from protocol.messages import AmountFen, NumberText, PaymentNoText

#: The kinds of a journal's entries about cash.
CASH_TAKEN: Final = "cash.taken"
CASH_RETURNED: Final = "cash.returned"


class CashEntry(Struct, frozen=True, kw_only=True):
    """Both kinds name the tender (`payment_no`), the sale it is for, and the amount that stays for the sale."""

    payment_no: PaymentNoText
    sale_id: NumberText
    amount_fen: AmountFen


def read_cash(body: str) -> CashEntry | None:
    """What an entry of one of the two kinds says; None when it does not say what it must."""
    try:
        return msgspec.json.decode(body, type=CashEntry)
    except (msgspec.ValidationError, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
