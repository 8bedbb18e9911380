"""Reads answers of `gateway.do` into verdicts.

Rules
- Signature first: nothing in an answer that does not verify is ever looked at. No signature: `Unknown`.
- A statement about a trade must repeat our order number, "paid" also our amount; whatever else it names must be ours.
- A code or state that is not in a table is `Unknown`. 20000 and SYSTEM_ERROR may have charged.
- A node's signature does not cover which method it answers, so readers ask for the fields that only their method has:
  a query's "waiting" node can never be read as a pay answer.
It must not know clocks, the line, or what a verdict leads to.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from gateway.channels.alipay import codes
from gateway.channels.alipay.amounts import fen_of, unix_ms_of
from gateway.channels.alipay.envelope import open_envelope
from gateway.channels.alipay.signing import verifies
from gateway.channels.port import (
    ChannelReason,
    ChannelResponse,
    Closed,
    Declined,
    Mismatch,
    NotFound,
    OrderRef,
    Paid,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    UndoVerdict,
    Unknown,
)

_CODE: Final = re.compile(r"[A-Za-z0-9._-]{1,80}", re.ASCII)
_TRADE_NO: Final = re.compile(r"[0-9A-Za-z]{1,64}", re.ASCII)
_QR: Final = re.compile(r"[\x21-\x7e]{8,512}", re.ASCII)
_NOTHING: Final[frozenset[str]] = frozenset()
_TRADE: Final = frozenset({"out_trade_no"})
_PAID: Final = frozenset({"out_trade_no", "total_amount"})
_UNREADABLE: Final = Unknown(reason=ChannelReason.UNREADABLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Node:
    """A verified node. Fields are texts; anything else counts as absent."""

    values: dict[str, object] = field(repr=False)

    def text(self, name: str) -> str:
        value = self.values.get(name)
        return value if isinstance(value, str) else ""

    @property
    def code(self) -> str:
        return self.text("code")

    @property
    def log_code(self) -> str:
        """The most exact code there is, safe to log."""
        for name in ("sub_code", "code"):
            if _CODE.fullmatch(self.text(name)):
                return self.text(name)
        return ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerReader:
    """Reads the answer to one call about one order of one account."""

    method: str
    ref: OrderRef
    app_id: str
    seller_id: str | None
    wallet_key: RSAPublicKey = field(repr=False)

    def pay(self, response: ChannelResponse) -> PayVerdict:
        node = self._verified(response)
        if not isinstance(node, _Node):
            return node
        if node.code == codes.OK:
            if "trade_status" in node.values or unix_ms_of(node.text("gmt_payment")) is None:
                return _ask(node)
            return self._paid(node, paid_at="gmt_payment")
        if node.code == codes.WAITING:
            wrong = self._differences(node, needed=_TRADE)
            return Mismatch(fields=wrong) if wrong else Pending(payer_prompted=True)
        return self._refusal(node)

    def precreate(self, response: ChannelResponse) -> PrecreateVerdict:
        node = self._verified(response)
        if not isinstance(node, _Node):
            return node
        if node.code != codes.OK:
            return self._refusal(node)
        if wrong := self._differences(node, needed=_TRADE):
            return Mismatch(fields=wrong)
        qr = node.text("qr_code")
        return QrReady(qr=qr) if _QR.fullmatch(qr) else _ask(node)

    def query(self, response: ChannelResponse) -> QueryVerdict:
        node = self._verified(response)
        if not isinstance(node, _Node):
            return node
        if node.code == "40004" and node.text("sub_code") == codes.NOT_FOUND:
            wrong = self._differences(node, needed=_NOTHING)
            return Mismatch(fields=wrong) if wrong else NotFound(code=codes.NOT_FOUND)
        if node.code != codes.OK:
            return _unsettled(node)
        match node.text("trade_status"):
            case "TRADE_SUCCESS" | "TRADE_FINISHED":
                return self._paid(node, paid_at="send_pay_date")
            case "WAIT_BUYER_PAY":
                wrong = self._differences(node, needed=_TRADE)
                return Mismatch(fields=wrong) if wrong else Pending(payer_prompted=True)
            case "TRADE_CLOSED":
                wrong = self._differences(node, needed=_TRADE)
                return Mismatch(fields=wrong) if wrong else Closed(code="TRADE_CLOSED")
            case _:
                return _ask(node)

    def undo(self, response: ChannelResponse) -> UndoVerdict:
        """Cancel and close. `retry_flag` and `action` are cancel's; close answers with neither."""
        node = self._verified(response)
        if not isinstance(node, _Node):
            return node
        if wrong := self._differences(node, needed=_NOTHING):
            return Mismatch(fields=wrong)
        sub_code = node.text("sub_code")
        if node.code == codes.OK:
            return self._undone(node)
        if node.code in codes.REFUSED_CODES and sub_code in codes.RETRY:
            return UndoRetry(code=sub_code)
        if node.code in codes.REFUSED_CODES and sub_code in codes.UNDO_REFUSED:
            return UndoRefused(code=sub_code, reason=codes.UNDO_REFUSED[sub_code])
        return _unsettled(node)

    def _undone(self, node: _Node) -> UndoVerdict:
        if "trade_status" in node.values or "total_amount" in node.values:
            return _ask(node)
        closing = self.method.endswith(".close")
        match (node.text("retry_flag"), node.text("action")):
            case ("Y", _):
                return UndoRetry(code="retry_flag")
            case ("N" | "", "close"):
                return UndoAcknowledged(action=UndoAction.CLOSE)
            case ("N" | "", "refund"):
                return UndoAcknowledged(action=UndoAction.REFUND)
            case ("N" | "", ""):
                return UndoAcknowledged(action=UndoAction.CLOSE if closing else UndoAction.NONE)
            case _:
                return _ask(node)

    def _verified(self, response: ChannelResponse) -> _Node | Unknown:
        if response.status != 200:
            return Unknown(reason=ChannelReason.UNREADABLE, code=f"http {response.status}")
        envelope = open_envelope(response.body, method=self.method)
        if envelope is None:
            return _UNREADABLE
        if envelope.sign is None:
            return Unknown(reason=ChannelReason.UNSIGNED)
        if not verifies(self.wallet_key, envelope.raw_node, envelope.sign):
            return Unknown(reason=ChannelReason.BAD_SIGNATURE)
        return _Node(values=envelope.node)

    def _refusal(self, node: _Node) -> Declined | Mismatch | Unknown:
        sub_code = node.text("sub_code")
        if node.code not in codes.REFUSED_CODES or sub_code not in codes.NOT_CHARGED:
            return _unsettled(node)
        if wrong := self._differences(node, needed=_NOTHING):
            return Mismatch(fields=wrong)
        return Declined(code=sub_code, reason=codes.NOT_CHARGED[sub_code])

    def _paid(self, node: _Node, *, paid_at: str) -> Paid | Mismatch | Unknown:
        if wrong := self._differences(node, needed=_PAID):
            return Mismatch(fields=wrong)
        trade_no = node.text("trade_no")
        if not _TRADE_NO.fullmatch(trade_no):
            return _ask(node)
        payer = node.text("buyer_user_id") or node.text("buyer_open_id")
        return Paid(
            transaction_id=trade_no,
            amount_fen=self.ref.amount_fen,
            paid_at_ms=unix_ms_of(node.text(paid_at)),
            payer_tail=payer[-4:] if len(payer) >= 16 and _CODE.fullmatch(payer) else "",
        )

    def _differences(self, node: _Node, *, needed: frozenset[str]) -> tuple[str, ...]:
        """Names of fields that are not ours. One that is not `needed` may be absent or empty, never different.

        A refusal's amounts are not compared: it speaks of no trade, and fills them with zeros.
        """
        ours: dict[str, bool] = {
            "out_trade_no": node.text("out_trade_no") == self.ref.out_trade_no,
            "total_amount": fen_of(node.text("total_amount")) == self.ref.amount_fen,
            "app_id": node.text("app_id") == self.app_id,
            "seller_id": self.seller_id is None or node.text("seller_id") == self.seller_id,
        }
        if not needed:
            del ours["total_amount"]
        return tuple(
            name for name, same in ours.items() if not same and (name in needed or node.values.get(name, "") != "")
        )


def _ask(node: _Node) -> Unknown:
    return Unknown(reason=ChannelReason.ASK_AGAIN, code=node.log_code)


def _unsettled(node: _Node) -> Unknown:
    sub_code = node.text("sub_code")
    if node.code == codes.UNAVAILABLE or sub_code in codes.RETRY:
        return Unknown(reason=ChannelReason.CHANNEL_ERROR, code=node.log_code)
    if sub_code == "ACQ.TRADE_HAS_SUCCESS":
        return _ask(node)
    return Unknown(reason=ChannelReason.UNLISTED, code=node.log_code)
