"""Undoing: an intent never undoes PAID, a reverse cannot be taken back, refusals are alarms and never states."""

from __future__ import annotations

import pytest

from gateway.channels.port import (
    ChannelReason,
    LineFault,
    NoAnswer,
    UndoAcknowledged,
    UndoAction,
    UndoRefused,
    UndoRetry,
    Unknown,
)
from gateway.payments.undo import answer_cancel, request_cancel, sending_cancel, with_amber
from gateway.payments.values import AlarmKind, Step, UndoHeard
from protocol.messages import LateMoneyState
from protocol.states import GatewayState
from tests.unit.gateway.payment_rows import order, payment, undone_order

S = GatewayState


@pytest.mark.parametrize("state", list(S))
def test_an_intent_is_noted_on_everything_but_paid(state: GatewayState) -> None:
    step = request_cancel(payment(state), order(), operator="01", now_ms=7)
    assert step.payment.state is state
    assert (step.payment.cancel_requested_ms == 7) == (state is not S.PAID)
    again = request_cancel(step.payment, order(), operator="01", now_ms=9)
    assert again.payment == step.payment


@pytest.mark.parametrize(
    ("state", "after", "sent"),
    [
        (S.SENT, S.REVERSING, True),
        (S.REVERSING, S.REVERSING, True),
        (S.UNDO_BY_REFUND, S.UNDO_BY_REFUND, True),
        (S.PAID, S.PAID, False),
        (S.NOT_PAID, S.NOT_PAID, False),
    ],
)
def test_a_cancel_is_sent_only_for_what_is_open(state: GatewayState, after: GatewayState, sent: bool) -> None:
    step = sending_cancel(payment(state), order(), now_ms=45_000)
    assert step.payment.state is after
    assert step.order is not None
    assert (step.order.undo_tries == 1) == sent


def test_late_money_may_be_cancelled() -> None:
    row = payment(S.NOT_PAID, late_state=LateMoneyState.FOUND, late_found_ms=1)
    step = sending_cancel(row, order(), now_ms=45_000)
    assert step.payment.state is S.NOT_PAID
    assert step.order is not None
    assert step.order.undo_tries == 1


@pytest.mark.parametrize(("sent_ms", "certain"), [(14_999, False), (15_000, True)])
def test_only_a_cancel_sent_15_s_after_the_payment_counts_for_absent(sent_ms: int, certain: bool) -> None:
    seen = order(undo_sent_ms=sent_ms, undo_tries=1)
    verdict = UndoAcknowledged(action=UndoAction.CLOSE)
    step = answer_cancel(payment(S.REVERSING), seen, verdict, said_by="alipay", now_ms=sent_ms + 50)
    assert step.payment.state is S.REVERSING
    assert step.order is not None
    assert (step.order.certain_undo_ms is not None) == certain


def test_a_cancel_that_gave_money_back_is_an_undo_by_refund() -> None:
    verdict = UndoAcknowledged(action=UndoAction.REFUND)
    step = answer_cancel(payment(S.REVERSING), undone_order(), verdict, said_by="alipay", now_ms=46_000)
    assert step.payment.state is S.UNDO_BY_REFUND


@pytest.mark.parametrize("reason", list(ChannelReason))
def test_a_refusal_is_an_alarm_and_never_an_end(reason: ChannelReason) -> None:
    verdict = UndoRefused(code="X", reason=reason)
    step = answer_cancel(payment(S.REVERSING), undone_order(), verdict, said_by="alipay", now_ms=46_000)
    over = reason is ChannelReason.UNDO_WINDOW_OVER
    assert step.payment.state is (S.UNDO_BY_REFUND if over else S.REVERSING)
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.UNDO_REFUSED]
    assert step.order is not None
    assert step.order.undo_heard is UndoHeard.REFUSED


@pytest.mark.parametrize(
    "doubt", [NoAnswer(LineFault.CUT), Unknown(reason=ChannelReason.UNREADABLE), UndoRetry(code="Y")]
)
def test_doubt_about_a_cancel_moves_nothing(doubt: NoAnswer | Unknown | UndoRetry) -> None:
    row = payment(S.REVERSING)
    assert answer_cancel(row, undone_order(), doubt, said_by="alipay", now_ms=46_000).payment == row


def test_amber_comes_once_an_undo_takes_a_minute() -> None:
    step = Step(payment=payment(S.REVERSING), order=undone_order())
    assert not with_amber(step, now_ms=104_999).payment.amber
    lit = with_amber(step, now_ms=105_000)
    assert lit.payment.amber
    assert lit.payment.state_seq == 2
    assert with_amber(lit, now_ms=200_000).payment.state_seq == 2
