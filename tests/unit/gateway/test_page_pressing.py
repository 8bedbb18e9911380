"""A refusal of a repeated call is no proof: the earlier call may have opened the order, and its payer may hold it."""

from __future__ import annotations

import pytest

from gateway.cashier_page.pressing import believed
from gateway.channels.port import ChannelReason, Declined, LineFault, NoAnswer, NotSent, OrderKind, PageReady, Unknown
from gateway.payments.answers import answer_create
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import order, payment

DECLINED = Declined(code="MCH_LIMIT", reason=ChannelReason.MERCHANT_LIMIT)


def test_the_first_call_that_is_declined_ends_its_order() -> None:
    heard = believed(DECLINED, calls=1)
    step = answer_create(payment(), order(kind=OrderKind.PAGE), heard, said_by="wechat", now_ms=1_000)
    assert step.order is not None
    assert step.order.ended_kind is ProofKind.DECLINED


def test_a_repeated_call_that_is_declined_moves_nothing() -> None:
    heard = believed(DECLINED, calls=2)
    assert heard == Unknown(reason=ChannelReason.MERCHANT_LIMIT, code="MCH_LIMIT")
    before = order(kind=OrderKind.PAGE, calls=2)
    step = answer_create(payment(), before, heard, said_by="wechat", now_ms=1_000)
    assert step.payment.state is GatewayState.SENT
    assert step.order is not None
    assert step.order.ended_kind is None


@pytest.mark.parametrize(
    "verdict",
    [
        PageReady(redirect="x"),
        Unknown(reason=ChannelReason.MERCHANT_LIMIT),
        NotSent(LineFault.CONNECT_FAILED),
        NoAnswer(LineFault.CUT),
    ],
)
@pytest.mark.parametrize("calls", [1, 2])
def test_every_other_answer_is_taken_as_it_is(verdict: PageReady | Unknown | NotSent | NoAnswer, calls: int) -> None:
    assert believed(verdict, calls=calls) is verdict
