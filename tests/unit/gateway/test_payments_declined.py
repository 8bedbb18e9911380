"""When "declined" or "not sent" is no proof: an earlier call may have opened the order, or it was seen paid."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from gateway.channels.port import ChannelReason, Declined, LineFault, NotSent, OrderKind
from gateway.payments.answers import answer_create, answer_pay, answer_precreate
from gateway.payments.values import AlarmKind, Step
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import order, payment

DECLINED = Declined(code="MCH_LIMIT", reason=ChannelReason.MERCHANT_LIMIT)


def create(calls: int) -> Step:
    return answer_create(payment(), order(kind=OrderKind.PAGE, calls=calls), DECLINED, said_by="wechat", now_ms=1_000)


def precreate(calls: int) -> Step:
    before = order(kind=OrderKind.QR, calls=calls)
    return answer_precreate(payment(), before, DECLINED, shown_for_ms=1_000, said_by="wechat", now_ms=1_000)


@pytest.mark.parametrize("call", [create, precreate])
def test_only_the_first_call_that_is_declined_ends_its_order(call: Callable[[int], Step]) -> None:
    first, again = call(1), call(2)
    assert first.order is not None
    assert first.order.ended_kind is ProofKind.DECLINED
    assert again.payment.state is GatewayState.SENT
    assert again.order is not None
    assert again.order.ended_kind is None
    assert [said.what for said in again.said] == ["declined_again"]


@pytest.mark.parametrize("state", [GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND])
@pytest.mark.parametrize("verdict", [DECLINED, NotSent(LineFault.CONNECT_FAILED)])
def test_what_was_seen_paid_never_becomes_declined_or_not_sent(
    state: GatewayState, verdict: Declined | NotSent
) -> None:
    """The slow pay call ends after a query found the money: the refund stays owed, and a person is told."""
    step = answer_pay(payment(state), order(paid_at_ms=900), verdict, said_by="alipay", now_ms=1_000)
    assert step.payment.state is state
    assert step.order is not None
    assert step.order.ended_kind is None
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.CONFLICT]
