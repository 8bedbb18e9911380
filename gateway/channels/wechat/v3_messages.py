"""One answer of v3 opened: a verified statement, a refusal, or why it is neither.

Rules
- What has a status of success is believed only when it is signed and in time.
- A refusal is mostly unsigned. One that is not signed is kept apart: it may be looked at for the log and for what is
  safe whatever it is worth, and moves no order.
- The signature covers the body alone, so a statement is bound to its call by what it names.
It must not know calls or verdicts about money.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from msgspec import Struct

from gateway.channels.port import ChannelReason, ChannelResponse, OrderRef, Unknown
from gateway.channels.wechat import codes
from gateway.channels.wechat.identity import Identity
from gateway.channels.wechat.json_text import fen_of, part_of, read_json, text_of
from gateway.channels.wechat.times import unix_ms_of
from gateway.channels.wechat.trade import Trade
from gateway.channels.wechat.v3_signing import Trust, WalletKeys

_CODE: Final = re.compile(r"[A-Za-z0-9_]{1,64}", re.ASCII)
_REASONS: Final[Mapping[Trust, ChannelReason]] = {
    Trust.UNSIGNED: ChannelReason.UNSIGNED,
    Trust.PROBE: ChannelReason.BAD_SIGNATURE,
    Trust.OUT_OF_TIME: ChannelReason.BAD_SIGNATURE,
    Trust.UNKNOWN_KEY: ChannelReason.BAD_SIGNATURE,
    Trust.BAD_SIGNATURE: ChannelReason.BAD_SIGNATURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """Verified. Empty for 204."""

    values: Mapping[str, object] = field(repr=False)

    def text(self, name: str) -> str:
        return text_of(self.values, name)

    def ask(self, code: str = "") -> Unknown:
        return Unknown(reason=ChannelReason.ASK_AGAIN, code=code)


class Refusal(Struct, frozen=True, kw_only=True):
    """A 4xx or 5xx with a code. `signed`: it is the wallet's word."""

    status: int
    code: str
    signed: bool

    def unsettled(self) -> Unknown:
        """It moves nothing. An unsigned refusal is the common form, not a fault of the line."""
        return Unknown(reason=self._reason(), code=self.code or f"http {self.status}")

    def _reason(self) -> ChannelReason:
        if self.code in codes.TOO_OFTEN or self.status == 429:
            return ChannelReason.TOO_OFTEN
        if self.status >= 500 or self.code in codes.CHANNEL_FAULTS:
            return ChannelReason.CHANNEL_ERROR
        if self.code in codes.MISCONFIGURED:
            return ChannelReason.MERCHANT_CONFIG
        known = self.code in codes.ASK or self.code in codes.NOT_FOUND or self.code in codes.REFUND_ABSENT
        if known or not self.signed:
            return ChannelReason.ASK_AGAIN
        return ChannelReason.UNLISTED


@dataclass(frozen=True, slots=True, kw_only=True)
class V3Ours:
    """Who we are, and by what answers are verified. `now_ms`: when the call was built."""

    identity: Identity
    wallet: WalletKeys = field(repr=False)
    now_ms: int

    def opened(self, response: ChannelResponse) -> Statement | Refusal | Unknown:
        trust = self.wallet.judge(response.headers, response.body, now_ms=self.now_ms)
        if response.status in (200, 204):
            if trust is not Trust.GOOD:
                return Unknown(reason=_REASONS[trust], code=trust.value)
            values = read_json(response.body) if response.body else {}
            if values is None or (response.status == 200) != bool(values):
                return Unknown(reason=ChannelReason.UNREADABLE)
            return Statement(values=values)
        if response.status < 400:
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        values = read_json(response.body)
        code = "" if values is None else text_of(values, "code")
        if not _CODE.fullmatch(code):
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        if trust not in (Trust.GOOD, Trust.UNSIGNED):
            return Unknown(reason=_REASONS[trust], code=trust.value)
        return Refusal(status=response.status, code=code, signed=trust is Trust.GOOD)

    def differences(self, told: Mapping[str, object], ref: OrderRef, *needed: str) -> tuple[str, ...]:
        """Names of fields that are not ours. One that is not `needed` may be absent, never different."""
        amount = part_of(told, "amount")
        same = {
            "out_trade_no": text_of(told, "out_trade_no") == ref.out_trade_no,
            "amount.total": fen_of(amount, "total") == ref.amount_fen,
            "amount.currency": text_of(amount, "currency") == "CNY",
            **{name: text_of(told, name) == value for name, value in self.identity.v3_merchant.items()},
        }
        present = {"amount.total": "total" in amount, "amount.currency": "currency" in amount}
        wrong = [
            name for name, ours in same.items() if not ours and (name in needed or present.get(name, name in told))
        ]
        return tuple(dict.fromkeys((*wrong, *self.identity.foreign_v3(told))))


def trade_of(told: Mapping[str, object]) -> Trade:
    """Of a query, a code payment or a notification: they tell a transaction in the same words."""
    payer = part_of(told, "payer")
    return Trade(
        state=text_of(told, "trade_state"),
        transaction_id=text_of(told, "transaction_id"),
        amount_fen=fen_of(part_of(told, "amount"), "total"),
        paid_at_ms=unix_ms_of(text_of(told, "success_time")),
        payer=text_of(payer, "openid") or text_of(payer, "sp_openid"),
    )
