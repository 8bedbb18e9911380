"""What a trade's state means: one table for v2, v3, answers and notifications alike.

REFUND means that the order was paid. PAYERROR proves nothing: WeChat wants the reverse, because banks had debited. What
is not in the table settles nothing. It must not know where the words came from.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import ChannelReason, Closed, Failed, Paid, Pending, Unknown

_TRANSACTION_ID: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_STATE: Final = re.compile(r"[A-Z_]{1,32}", re.ASCII)
_OPENID: Final = re.compile(r"[0-9A-Za-z_-]{16,128}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Trade:
    """As told. `amount_fen` None: not named, or not an amount."""

    state: str
    transaction_id: str = ""
    amount_fen: int | None = None
    paid_at_ms: int | None = None
    payer: str = field(default="", repr=False)

    def verdict(self) -> Paid | Pending | Closed | Failed | Unknown:
        match self.state:
            case "SUCCESS" | "REFUND":
                return self.paid()
            case "USERPAYING":
                return Pending(payer_prompted=True)
            case "NOTPAY" | "ACCEPT":
                return Pending(payer_prompted=False)
            case "CLOSED" | "REVOKED":
                return Closed(code=self.state)
            case "PAYERROR":
                return Failed(
                    code="PAYERROR",
                    reason=ChannelReason.PAYMENT_FAILED,
                    money_taken=False,
                    closed_once_undone=False,
                )
            case state:
                return Unknown(reason=ChannelReason.ASK_AGAIN, code=state if _STATE.fullmatch(state) else "")

    def paid(self) -> Paid | Unknown:
        if self.amount_fen is None or not _TRANSACTION_ID.fullmatch(self.transaction_id):
            missing = "amount" if self.amount_fen is None else "transaction_id"
            return Unknown(reason=ChannelReason.ASK_AGAIN, code=missing)
        return Paid(
            transaction_id=self.transaction_id,
            amount_fen=self.amount_fen,
            paid_at_ms=self.paid_at_ms,
            payer_tail=self.payer[-4:] if _OPENID.fullmatch(self.payer) else "",
        )
