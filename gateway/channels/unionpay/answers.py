"""One verified message of UnionPay: its fields, and whether they speak of what was asked.

Rules
- Seal first: nothing in a message that does not verify is ever looked at.
- A statement must repeat our merId, orderId and txnTime and fit the kind of call: a field of these that differs is a
  `Mismatch`; one that is missing makes the answer settle nothing. There is no nonce: these bind an answer to its call.
It must not know verdicts about money.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.channels.port import ChannelReason, ChannelResponse, Mismatch, Unknown
from gateway.channels.unionpay.form import MAX_BYTES, parse_answer
from gateway.channels.unionpay.signing import Flaw, Seal
from gateway.channels.unionpay.times import traced_ms

_CODE: Final = re.compile(r"[A-Z0-9]{2,8}", re.ASCII)
_QUERY_ID: Final = re.compile(r"[0-9A-Za-z]{1,40}", re.ASCII)
_AMOUNT: Final = re.compile(r"0|[1-9][0-9]{0,11}", re.ASCII)
_MASKED_CARD: Final = re.compile(r"[0-9]{4,6}\*+([0-9]{4})", re.ASCII)
_REASONS: Final = {
    Flaw.UNSIGNED: ChannelReason.UNSIGNED,
    Flaw.UNKNOWN_KEY: ChannelReason.BAD_SIGNATURE,
    Flaw.BAD_SIGNATURE: ChannelReason.BAD_SIGNATURE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """Verified fields."""

    fields: Mapping[str, str] = field(repr=False)

    def text(self, name: str) -> str:
        return self.fields.get(name, "")

    def code(self, name: str = "respCode") -> str:
        """A respCode, safe to log; "" for anything that is not one."""
        value = self.text(name)
        return value if _CODE.fullmatch(value) else ""

    @property
    def amount_fen(self) -> int | None:
        """txnAmt."""
        value = self.text("txnAmt")
        return int(value) if _AMOUNT.fullmatch(value) else None

    @property
    def query_id(self) -> str:
        value = self.text("queryId")
        return value if _QUERY_ID.fullmatch(value) else ""

    @property
    def traced_ms(self) -> int | None:
        return traced_ms(self.text("traceTime"), opened=self.text("txnTime"))

    @property
    def payer_tail(self) -> str:
        """Last four digits of a card number that UnionPay masked itself; an encrypted one says nothing."""
        found = _MASKED_CARD.fullmatch(self.text("accNo"))
        return found[1] if found is not None else ""

    def ask(self, name: str = "respCode") -> Unknown:
        """It settles nothing."""
        return Unknown(reason=ChannelReason.ASK_AGAIN, code=self.code(name))


def verified(response: ChannelResponse, seal: Seal, *, now_ms: int, max_bytes: int = MAX_BYTES) -> Message | Unknown:
    """The message in an answer, or why there is none."""
    if response.status != 200:
        return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
    fields = parse_answer(response.body, max_bytes=max_bytes)
    if fields is None:
        return Unknown(reason=ChannelReason.UNREADABLE)
    flaw = seal.flaw(fields, now_ms=now_ms)
    if flaw is not None:
        return Unknown(reason=_REASONS[flaw], code=flaw.value)
    return Message(fields=fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was asked about. `kinds`: the txnTypes that its answer may carry (a query answers with the trade's own)."""

    mer_id: str
    order_id: str
    txn_time: str
    amount_fen: int
    kinds: frozenset[str]
    also: Mapping[str, str] = field(default_factory=dict[str, str])

    def wrong(self, message: Message) -> Mismatch | Unknown | None:
        """None: the message is about this. Its amount is compared where it is named."""
        ours = {"merId": self.mer_id, "orderId": self.order_id, "txnTime": self.txn_time}
        fields = message.fields
        differs = [name for name, value in ours.items() if fields.get(name, value) != value]
        differs += [name for name, value in self.also.items() if fields.get(name, value) != value]
        if fields.get("txnType", "") not in self.kinds | {""}:
            differs.append("txnType")
        if "txnAmt" in fields and message.amount_fen != self.amount_fen:
            differs.append("txnAmt")
        if fields.get("currencyCode", "156") != "156":
            differs.append("currencyCode")
        if differs:
            return Mismatch(fields=tuple(differs))
        whole = all(fields.get(name) for name in (*ours, "txnType"))
        return None if whole else message.ask()
