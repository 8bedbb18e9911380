"""A verified node: its fields as texts, what in it is not ours, and what it says when it settles nothing.

Rules
- Signature first: nothing in an answer that does not verify is ever looked at. No signature: `Unknown`.
- What a node names must be ours; a field that is needed must be there.
It must not know methods.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, assert_never

from gateway.channels.alipay import codes
from gateway.channels.alipay.amounts import fen_of
from gateway.channels.alipay.envelope import open_envelope
from gateway.channels.alipay.keys import Trust, WalletKeys
from gateway.channels.port import ChannelReason, ChannelResponse, OrderRef, Unknown

CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)
TRADE_NO: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A verified node. Fields are texts; anything else counts as absent."""

    values: dict[str, object] = field(repr=False)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    def has(self, *names: str) -> bool:
        """Whether any of these is there, in whatever form."""
        return any(self.values.get(name, "") != "" for name in names)

    @property
    def code(self) -> str:
        return self.text("code")

    @property
    def refusal(self) -> str:
        """The sub-code, when the node is a refusal at all."""
        return self.text("sub_code") if self.code in codes.REFUSED_CODES else ""

    @property
    def log_code(self) -> str:
        """The most exact code there is, safe to log."""
        for name in ("sub_code", "code"):
            if CODE.fullmatch(self.text(name)):
                return self.text(name)
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ours:
    """Who we are at the wallet, and its keys. `seller_id` None: not known, and not compared."""

    app_id: str
    seller_id: str | None
    wallet: WalletKeys = field(repr=False)

    def verified(self, response: ChannelResponse, *, method: str) -> Node | Unknown:
        if response.status != 200:
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        envelope = open_envelope(response.body, method=method)
        if envelope is None:
            return Unknown(reason=ChannelReason.UNREADABLE)
        if envelope.sign is None:
            return Unknown(reason=ChannelReason.UNSIGNED)
        trust = self.wallet.judge(envelope.raw_node, envelope.sign, number=envelope.certificate)
        match trust:
            case Trust.GOOD:
                return Node(values=envelope.node)
            case Trust.BAD_SIGNATURE:
                return Unknown(reason=ChannelReason.BAD_SIGNATURE)
            case Trust.UNKNOWN_KEY:
                return Unknown(reason=ChannelReason.BAD_SIGNATURE, code="alipay_cert_sn")
            case _:
                assert_never(trust)

    def differences(self, node: Node, ref: OrderRef, *needed: str) -> tuple[str, ...]:
        """Names of fields that are not ours. One that is not `needed` may be absent or empty, never different.

        Where nothing is needed the amount is not compared: a refusal speaks of no trade, and fills it with zeros.
        """
        same = {
            "out_trade_no": node.text("out_trade_no") == ref.out_trade_no,
            "total_amount": fen_of(node.text("total_amount")) == ref.amount_fen,
            "app_id": node.text("app_id") == self.app_id,
            "seller_id": self.seller_id is None or node.text("seller_id") == self.seller_id,
        }
        if not needed:
            del same["total_amount"]
        return tuple(name for name, ours in same.items() if not ours and (name in needed or node.has(name)))


def ask(node: Node) -> Unknown:
    return Unknown(reason=ChannelReason.ASK_AGAIN, code=node.log_code)


def unsettled(node: Node) -> Unknown:
    sub_code = node.text("sub_code")
    if node.code == codes.UNAVAILABLE or sub_code in codes.RETRY:
        return Unknown(reason=ChannelReason.CHANNEL_ERROR, code=node.log_code)
    if sub_code in codes.TOO_OFTEN:
        return Unknown(reason=ChannelReason.TOO_OFTEN, code=node.log_code)
    if sub_code == "ACQ.TRADE_HAS_SUCCESS":
        return ask(node)
    return Unknown(reason=ChannelReason.UNLISTED, code=node.log_code)
