"""Statements about one payment, for tests of the journal."""

from __future__ import annotations

from protocol.messages import Presented, Proof
from protocol.numbers import new_number
from protocol.states import GatewayState, ProofKind
from sync.engine.statements import (
    AnyStatement,
    OfflineShown,
    PaymentAcked,
    PaymentObserved,
    PaymentSettled,
    PaymentStarted,
)

AT_MS = 1_790_000_000_000


def order(index: int) -> str:
    return new_number(index.to_bytes(15, "big"))


def started(index: int, *, n: int = 1, fen: int = 1250, operator: str = "01") -> PaymentStarted:
    return PaymentStarted(
        payment_no=f"{order(index)}-{n}",
        order_no=order(index),
        n=n,
        sale_id=order(index + 1_000_000),
        amount_fen=fen,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="tea",
        operator=operator,
    )


def offline_shown(index: int, *, fen: int = 100) -> OfflineShown:
    return OfflineShown(
        payment_no=f"{order(index)}-1",
        order_no=order(index),
        sale_id=order(index + 1_000_000),
        amount_fen=fen,
        currency="CNY",
        subject="tea",
        operator="01",
        order="ORDER",
        epoch=1,
        oseq=index,
        kid=1,
        base_url="https://gateway.test",
        until_ms=AT_MS,
        down_ms=None,
    )


def settled(index: int, *, n: int = 1, paid: bool = True) -> PaymentSettled:
    proof = None if paid else Proof(kind=ProofKind.DECLINED, said_by="alipay", at_ms=AT_MS)
    return PaymentSettled(
        payment_no=f"{order(index)}-{n}", said_by="G1", paid=paid, state_seq=3, proof=proof, channel="alipay"
    )


def whole(index: int, *, paid: bool = True) -> list[AnyStatement]:
    number = f"{order(index)}-1"
    return [
        started(index),
        PaymentObserved(payment_no=number, said_by="G1", gateway_state=GatewayState.SENT, state_seq=1),
        settled(index, paid=paid),
        PaymentAcked(payment_no=number, said_by="G1", state_seq=3),
    ]
