"""Undoing: an intent never undoes PAID, a reverse cannot be taken back, refusals are alarms and never states."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

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
from gateway.payments.answers import answer_query
from gateway.payments.undo import answer_cancel, request_cancel, sending_cancel, sending_close, with_amber
from gateway.payments.values import AlarmKind, Step, UndoHeard
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import PAID_VERDICT, ended_order, order, payment, undone_order

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
        (S.UNDO_BY_REFUND, S.UNDO_BY_REFUND, False),
        (S.PAID, S.PAID, False),
        (S.NOT_PAID, S.NOT_PAID, False),
    ],
)
def test_a_cancel_is_sent_only_for_what_is_open(state: GatewayState, after: GatewayState, sent: bool) -> None:
    step = sending_cancel(payment(state), order(), now_ms=45_000)
    assert step.payment.state is after
    assert step.order is not None
    assert (step.order.undo_tries == 1) == sent


def test_a_close_for_another_payer_leaves_the_way_to_paid_open() -> None:
    """It can end what is unpaid and nothing else: a payer who was quicker has paid."""
    step = sending_close(payment(), order(), now_ms=9_000)
    assert step.payment == payment()
    assert step.order is not None
    assert (step.order.reverse_sent_ms, step.order.undo_sent_ms, step.order.undo_tries) == (None, 9_000, 1)
    paid = answer_query(
        step.payment, step.order, PAID_VERDICT, said_by="alipay", asked_ms=9_001, now_ms=9_002, even_since_ms=0
    )
    assert paid.payment.state is S.PAID


@pytest.mark.parametrize("state", [one for one in S if one is not S.SENT])
def test_a_close_for_another_payer_is_sent_only_while_it_is_open(state: GatewayState) -> None:
    assert sending_close(payment(state), order(), now_ms=9_000) == Step(payment=payment(state), order=order())
    assert sending_close(payment(), ended_order(), now_ms=9_000) == Step(payment=payment(), order=ended_order())


def test_an_order_that_ended_is_never_cancelled() -> None:
    """Late money goes back by refund, not by a second undo."""
    row = payment(S.NOT_PAID, late_state=LateMoneyState.FOUND, late_found_ms=1)
    ended = ended_order(late_state=LateMoneyState.FOUND)
    assert sending_cancel(row, ended, now_ms=60_000) == Step(payment=row, order=ended)


@pytest.mark.parametrize(
    ("sent_ms", "open_calls", "certain"), [(23_999, 0, False), (24_000, 0, True), (60_000, 1, False)]
)
def test_only_a_cancel_sent_15_s_after_the_payment_counts_for_absent(
    sent_ms: int, open_calls: int, certain: bool
) -> None:
    """Its call may have waited for its line: when it left is not known, only when it ended."""
    seen = order(open_calls=open_calls, call_closed_ms=9_000, undo_sent_ms=sent_ms, undo_tries=1)
    verdict = UndoAcknowledged(action=UndoAction.CLOSE)
    step = answer_cancel(payment(S.REVERSING), seen, verdict, said_by="alipay", now_ms=sent_ms + 50, even_since_ms=0)
    assert step.payment.state is S.REVERSING
    assert step.order is not None
    assert (step.order.certain_undo_ms is not None) == certain


@pytest.mark.parametrize(
    ("sent_ms", "open_calls", "certain"), [(34_999, 0, False), (35_000, 0, True), (35_000, 1, False)]
)
def test_where_the_order_was_sent_again_the_15_s_begin_with_the_end_of_that(
    sent_ms: int, open_calls: int, certain: bool
) -> None:
    """The first row is no measure: its process may have died before a byte left."""
    seen = order(calls=2, open_calls=open_calls, call_closed_ms=20_000, undo_sent_ms=sent_ms, undo_tries=1)
    verdict = UndoAcknowledged(action=UndoAction.CLOSE)
    step = answer_cancel(payment(S.REVERSING), seen, verdict, said_by="alipay", now_ms=sent_ms + 50, even_since_ms=0)
    assert step.order is not None
    assert (step.order.certain_undo_ms is not None) == certain


@pytest.mark.parametrize(("sent_ms", "certain"), [(3_614_999, False), (3_615_000, True)])
def test_the_time_before_the_clock_leapt_is_not_counted(sent_ms: int, certain: bool) -> None:
    """An hour was skipped, or passed while no process watched: that the order was sent "an hour ago" proves nothing."""
    seen = order(open_calls=0, call_closed_ms=0, undo_sent_ms=sent_ms, undo_tries=1)
    verdict = UndoAcknowledged(action=UndoAction.CLOSE)
    step = answer_cancel(
        payment(S.REVERSING), seen, verdict, said_by="alipay", now_ms=sent_ms + 50, even_since_ms=3_600_000
    )
    assert step.order is not None
    assert (step.order.certain_undo_ms is not None) == certain


def test_a_clock_that_was_put_back_makes_no_cancel_late() -> None:
    """Sent and cancelled within a second, an hour in the future: neither is a measure."""
    seen = order(open_calls=0, call_closed_ms=3_601_000, sent_ms=3_600_000, undo_sent_ms=3_620_000, undo_tries=1)
    verdict = UndoAcknowledged(action=UndoAction.CLOSE)
    step = answer_cancel(payment(S.REVERSING), seen, verdict, said_by="alipay", now_ms=2_000, even_since_ms=1_000)
    assert step.order is not None
    assert step.order.certain_undo_ms is None


def test_a_cancel_that_says_it_gave_money_back_proves_nothing_yet() -> None:
    verdict = UndoAcknowledged(action=UndoAction.REFUND)
    step = answer_cancel(
        payment(S.REVERSING), undone_order(), verdict, said_by="alipay", now_ms=46_000, even_since_ms=0
    )
    assert step.payment.state is S.REVERSING


@pytest.mark.parametrize("reason", [r for r in ChannelReason if r is not ChannelReason.ORDER_NOT_FOUND])
def test_a_refusal_is_an_alarm_and_never_an_end(reason: ChannelReason) -> None:
    """Only "this order is in another state" is no alarm: the query after it says which."""
    verdict = UndoRefused(code="X", reason=reason)
    step = answer_cancel(
        payment(S.REVERSING), undone_order(), verdict, said_by="alipay", now_ms=46_000, even_since_ms=0
    )
    assert step.payment.state is S.REVERSING
    expected = [] if reason is ChannelReason.ORDER_STATE else [AlarmKind.UNDO_REFUSED]
    assert [alarm.kind for alarm in step.alarms] == expected
    assert step.order is not None
    assert step.order.undo_heard is UndoHeard.REFUSED


@pytest.mark.parametrize(("sent_ms", "certain"), [(14_999, False), (15_000, True)])
def test_nothing_to_undo_counts_like_an_acknowledged_undo(sent_ms: int, certain: bool) -> None:
    """Signed "no such order" in answer to a close: what ABSENT asks for besides stays the same."""
    verdict = UndoRefused(code="ORDERNOTEXIST", reason=ChannelReason.ORDER_NOT_FOUND)
    seen = order(open_calls=0, call_closed_ms=0, undo_sent_ms=sent_ms, undo_tries=1)
    step = answer_cancel(payment(S.REVERSING), seen, verdict, said_by="wechat", now_ms=sent_ms + 50, even_since_ms=0)
    assert step.payment.state is S.REVERSING
    assert step.alarms == ()
    assert step.order is not None
    assert (step.order.certain_undo_ms is not None) == certain


def test_paid_after_a_refused_undo_goes_back_as_a_refund() -> None:
    refused = undone_order(undo_heard=UndoHeard.REFUSED)
    step = answer_query(
        payment(S.REVERSING), refused, PAID_VERDICT, said_by="alipay", asked_ms=47_000, now_ms=47_001, even_since_ms=0
    )
    assert step.payment.state is S.UNDO_BY_REFUND


def test_paid_three_times_after_an_acknowledged_undo_goes_back_as_a_refund() -> None:
    row, seen = payment(S.REVERSING), undone_order()
    states: list[GatewayState] = []
    for at_ms in (47_000, 50_000, 53_000):
        step = answer_query(row, seen, PAID_VERDICT, said_by="alipay", asked_ms=at_ms, now_ms=at_ms, even_since_ms=0)
        assert step.order is not None
        row, seen = step.payment, step.order
        states.append(row.state)
    assert states == [S.REVERSING, S.REVERSING, S.UNDO_BY_REFUND]


def test_the_intent_on_a_tombstone_is_noted_and_ends_nothing_again() -> None:
    dead = payment(S.NOT_PAID, proof_kind=ProofKind.TOMBSTONE, out_trade_no=None, account_id=None, channel=None)
    step = request_cancel(dead, None, operator="01", now_ms=7)
    assert step.payment.cancel_requested_ms == 7
    assert (step.payment.state, step.payment.proof_kind) == (S.NOT_PAID, ProofKind.TOMBSTONE)


def test_a_page_that_nobody_pressed_ends_by_our_own_row() -> None:
    shown = payment(S.CREATED, page=True, out_trade_no=None, account_id=None, channel=None, qr_expires_ms=120_000)
    step = request_cancel(shown, None, operator="01", now_ms=7_000)
    assert (step.payment.state, step.payment.proof_kind) == (S.NOT_PAID, ProofKind.NEVER_OPENED)


@pytest.mark.parametrize(
    "doubt", [NoAnswer(LineFault.CUT), Unknown(reason=ChannelReason.UNREADABLE), UndoRetry(code="Y")]
)
def test_doubt_about_a_cancel_moves_nothing(doubt: NoAnswer | Unknown | UndoRetry) -> None:
    row = payment(S.REVERSING)
    assert answer_cancel(row, undone_order(), doubt, said_by="alipay", now_ms=46_000, even_since_ms=0).payment == row


def test_amber_comes_once_an_undo_takes_a_minute() -> None:
    step = Step(payment=payment(S.REVERSING), order=undone_order())
    assert not with_amber(step, now_ms=104_999, even_since_ms=0).payment.amber
    lit = with_amber(step, now_ms=105_000, even_since_ms=0)
    assert lit.payment.amber
    assert lit.payment.state_seq == 2
    assert with_amber(lit, now_ms=200_000, even_since_ms=0).payment.state_seq == 2


def test_amber_comes_too_when_a_cancelled_payment_turned_out_paid() -> None:
    """No reverse was ever sent: the cashier's cancel is a minute old, and the money is on its way back."""
    row = payment(S.UNDO_BY_REFUND, cancel_requested_ms=2_000)
    step = Step(payment=row, order=order(paid_at_ms=900))
    assert not with_amber(step, now_ms=61_999, even_since_ms=0).payment.amber
    assert with_amber(step, now_ms=62_000, even_since_ms=0).payment.amber


def test_a_clock_that_was_put_back_does_not_put_out_the_amber_light() -> None:
    """The undo began in what is the future now; it is counted from the leap, at 10 s."""
    row, seen = payment(S.REVERSING), replace(undone_order(), reverse_sent_ms=90_000_000)
    step = Step(payment=row, order=seen)
    assert not with_amber(step, now_ms=69_999, even_since_ms=10_000).payment.amber
    assert with_amber(step, now_ms=70_000, even_since_ms=10_000).payment.amber
