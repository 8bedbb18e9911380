"""Rows that the gateway's decision tests start from. Times in ms after the pay call's first byte."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.channels.port import Paid
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, UndoHeard
from protocol.messages import Presented
from protocol.numbers import new_number
from protocol.states import GatewayState, ProofKind

ORDER_NO = new_number(bytes(range(15)))
KEY = PaymentKey(terminal_id="T000000000001", order_no=ORDER_NO, n=1)
PAID_VERDICT = Paid(transaction_id="20261122001234", amount_fen=1250, paid_at_ms=900, payer_tail="")


def payment(state: GatewayState = GatewayState.SENT, **changes: Any) -> Payment:
    settled = state.final
    row = Payment(
        key=KEY,
        sale_id=new_number(bytes(15)),
        amount_fen=1250,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="x",
        operator="01",
        expires_ms=15_000,
        created_ms=0,
        state=state,
        state_seq=1,
        account_id="a1",
        channel="alipay",
        out_trade_no=f"{ORDER_NO}00",
        settled_ms=50_000 if settled else None,
        proof_kind=ProofKind.CLOSED if state is GatewayState.NOT_PAID else None,
        proof_said_by="alipay" if state is GatewayState.NOT_PAID else None,
    )
    return replace(row, **changes)


def order(**changes: Any) -> ChannelOrder:
    row = ChannelOrder(
        out_trade_no=f"{ORDER_NO}00",
        key=KEY,
        account_id="a1",
        amount_fen=1250,
        sent_ms=0,
        deadline_ms=45_000,
        channel="alipay",
    )
    return replace(row, **changes)


def ended_order(kind: ProofKind = ProofKind.CLOSED, **changes: Any) -> ChannelOrder:
    """An order that ended at 50 s by this row of table P."""
    return order(
        open_calls=0, call_closed_ms=1_000, ended_kind=kind, ended_said_by="alipay", ended_ms=50_000, **changes
    )


def undone_order(**changes: Any) -> ChannelOrder:
    """A cancel that counts for ABSENT was acknowledged at 46 s; the pay socket closed at 1 s."""
    row = order(
        open_calls=0,
        call_closed_ms=1_000,
        reverse_sent_ms=45_000,
        undo_tries=1,
        undo_sent_ms=45_000,
        undo_heard=UndoHeard.ACKNOWLEDGED,
        certain_undo_ms=46_000,
    )
    return replace(row, **changes)
