"""A refund: DONE by a verified statement only, FAILED by the wallet's final word while nothing of it can have worked,
everything else is asked about or sent again under its number."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.channels.port import (
    ChannelReason,
    LineFault,
    Mismatch,
    NoAnswer,
    NotSent,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundRefused,
    Unknown,
)
from gateway.jobs.schedule_refunds import RefundActionKind, next_refund_action
from gateway.payments.refunds import answer_refund, own_refund, sending_refund
from gateway.payments.values import AlarmKind, Refund, RefundCause, RefundHeard, RefundStep
from protocol.reasons import Reason
from protocol.states import RefundState
from tests.unit.gateway.payment_rows import order

R = RefundState
DONE = RefundDone(amount_fen=1250, channel_refund_id="5000", done_at_ms=1)
NEVER = RefundRefused(code="TRADE_OVERDUE", reason=ChannelReason.REFUND_REFUSED, final=True)
LOW = RefundRefused(code="NOTENOUGH", reason=ChannelReason.SELLER_BALANCE_LOW, final=False)
DOUBTS = [NoAnswer(LineFault.CUT), Unknown(reason=ChannelReason.UNREADABLE), Mismatch(fields=("amount",))]


def refund(**changes: Any) -> Refund:
    row = replace(own_refund(order(), RefundCause.UNDO, now_ms=0), cause=RefundCause.TILL)
    return replace(row, **changes)


def sent(**changes: Any) -> Refund:
    return replace(sending_refund(refund(), now_ms=1_000).refund, **changes)


def answered(row: Refund, said: Any, *, asked_ms: int | None = None, must_go_back: bool = False) -> RefundStep:
    return answer_refund(row, said, said_by="alipay", asked_ms=asked_ms, must_go_back=must_go_back, now_ms=2_000)


def test_the_number_is_the_same_for_ever() -> None:
    first = sending_refund(refund(), now_ms=1_000).refund
    again = sending_refund(first, now_ms=9_000).refund
    assert (again.refund_no, again.tries, again.state) == (first.refund_no, 2, R.SENT)


@pytest.mark.parametrize("asked_ms", [None, 1_500])
def test_a_verified_statement_that_it_is_through_ends_it(asked_ms: int | None) -> None:
    step = answered(sent(), DONE, asked_ms=asked_ms)
    assert step.refund.state is R.DONE
    assert next_refund_action(step.refund, even_since_ms=0, now_ms=10**12) is None


@pytest.mark.parametrize("amount_fen", [1249, 1251])
@pytest.mark.parametrize("asked_ms", [None, 1_500])
def test_done_with_another_amount_is_no_end_and_an_alarm(amount_fen: int, asked_ms: int | None) -> None:
    other = RefundDone(amount_fen=amount_fen, channel_refund_id="5000", done_at_ms=1)
    step = answered(sent(), other, asked_ms=asked_ms, must_go_back=True)
    assert (step.refund.state, step.refund.heard) == (R.SENT, RefundHeard.UNSETTLED)
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.MISMATCH]


def test_each_of_the_gateways_own_refunds_has_a_number_of_its_own() -> None:
    """An order that went back as an undo may take money once more: that goes back under another number."""
    numbers = {own_refund(order(), cause, now_ms=0).refund_no for cause in RefundCause if cause is not RefundCause.TILL}
    assert len(numbers) == len(RefundCause) - 1


@pytest.mark.parametrize("doubt", DOUBTS)
@pytest.mark.parametrize("asked_ms", [None, 1_500])
def test_doubt_is_no_end_and_is_asked_about(doubt: Any, asked_ms: int | None) -> None:
    step = answered(sent(), doubt, asked_ms=asked_ms)
    assert step.refund.state is R.SENT
    action = next_refund_action(step.refund, even_since_ms=0, now_ms=10**12)
    assert action is not None
    assert action.kind is RefundActionKind.QUERY
    assert (AlarmKind.MISMATCH in {alarm.kind for alarm in step.alarms}) == isinstance(doubt, Mismatch)


def test_a_final_refusal_of_the_only_send_ends_it() -> None:
    step = answered(sent(), NEVER)
    assert (step.refund.state, step.refund.reason) == (R.FAILED, Reason.REFUND_REFUSED)
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.REFUND_REFUSED]


def test_a_final_refusal_after_a_send_in_doubt_is_asked_about_first() -> None:
    """The first send may have worked: the repeat's refusal says nothing about it."""
    denied = answered(sent(tries=2), NEVER).refund
    assert (denied.state, denied.heard) == (R.SENT, RefundHeard.DENIED)
    action = next_refund_action(denied, even_since_ms=0, now_ms=10**12)
    assert action is not None
    assert action.kind is RefundActionKind.QUERY
    assert answered(denied, NoAnswer(LineFault.CUT), asked_ms=1_900).refund.heard is RefundHeard.DENIED
    assert answered(denied, DONE, asked_ms=1_900).refund.state is R.DONE
    assert answered(denied, RefundAbsent(code="x"), asked_ms=1_900).refund.state is R.FAILED


def test_money_that_must_go_back_has_no_final_no() -> None:
    step = answered(sent(), NEVER, must_go_back=True)
    assert step.refund.state is R.SENT
    again = next_refund_action(step.refund, even_since_ms=0, now_ms=10**12)
    assert again is not None
    assert again.kind is RefundActionKind.SEND


@pytest.mark.parametrize("asked_ms", [None, 1_500])
def test_a_person_is_told_that_a_wallet_will_never_give_back_what_must_go_back(asked_ms: int | None) -> None:
    """Told apart from a wallet that cannot do it now: nobody has to do anything about that but wait."""
    never, now = answered(sent(), NEVER, asked_ms=asked_ms, must_go_back=True), answered(sent(), LOW, must_go_back=True)
    assert [alarm.kind for alarm in never.alarms] == [AlarmKind.REFUND_NEVER]
    assert [alarm.kind for alarm in now.alarms] == [AlarmKind.REFUND_REFUSED]


def test_what_a_wallet_will_never_give_back_is_sent_once_a_day_in_the_end_and_may_still_go_through() -> None:
    row, pauses_s = sent(), list[int]()
    for _ in range(8):
        row = answered(row, NEVER, must_go_back=True).refund
        if row.tries > 1:
            row = answered(row, RefundAbsent(code="x"), asked_ms=row.sent_ms, must_go_back=True).refund
        action = next_refund_action(row, even_since_ms=0, now_ms=10**12)
        assert action is not None
        assert row.sent_ms is not None
        pauses_s.append((action.due_ms - row.sent_ms) // 1_000)
        row = sending_refund(row, now_ms=action.due_ms).refund
    assert pauses_s == [60, 300, 900, 3_600, 21_600, 86_400, 86_400, 86_400]
    done = answered(row, DONE, must_go_back=True)
    assert done.refund.state is R.DONE


def test_money_that_must_go_back_is_asked_about_when_an_earlier_send_may_be_why_it_is_refused() -> None:
    """The first send went unanswered and was not found yet: it may have worked, and the second is refused for that."""
    twice = sending_refund(answered(sent(), RefundAbsent(code="x"), asked_ms=1_500).refund, now_ms=2_000).refund
    refused = answered(twice, NEVER, must_go_back=True)
    assert [alarm.kind for alarm in refused.alarms] == [AlarmKind.REFUND_NEVER]
    asked = next_refund_action(refused.refund, even_since_ms=0, now_ms=10**12)
    assert asked is not None
    assert asked.kind is RefundActionKind.QUERY
    assert answered(refused.refund, DONE, asked_ms=3_000, must_go_back=True).refund.state is R.DONE
    absent = answered(refused.refund, RefundAbsent(code="x"), asked_ms=3_000, must_go_back=True).refund
    again = next_refund_action(absent, even_since_ms=0, now_ms=10**12)
    assert again is not None
    assert (again.kind, again.due_ms) == (RefundActionKind.SEND, 303_000)


def test_a_trouble_is_told_and_is_over_when_it_goes_on() -> None:
    low = answered(sent(), LOW).refund
    assert (low.state, low.reason) == (R.SENT, Reason.SELLER_BALANCE_LOW)
    on = answered(low, RefundOpen(code="")).refund
    assert on.reason is None
    assert on.state_seq > low.state_seq


def test_absent_and_not_sent_are_sent_again() -> None:
    for said, asked_ms in ((RefundAbsent(code="x"), 1_500), (NotSent(LineFault.CONNECT_FAILED), None)):
        action = next_refund_action(answered(sent(), said, asked_ms=asked_ms).refund, even_since_ms=0, now_ms=10**12)
        assert action is not None
        assert action.kind is RefundActionKind.SEND


@pytest.mark.parametrize(
    ("heard", "pause_s"),
    [(RefundHeard.UNSETTLED, 60), (RefundHeard.DENIED, 60), (RefundHeard.ABSENT, 60), (RefundHeard.OPEN, 1_800)],
)
def test_doubt_is_asked_about_each_minute_and_what_a_bank_works_on_more_seldom(
    heard: RefundHeard, pause_s: int
) -> None:
    action = next_refund_action(sent(heard=heard, asks=99, tries=99, asked_ms=5_000), even_since_ms=0, now_ms=10**12)
    assert action is not None
    assert action.due_ms == 5_000 + pause_s * 1_000


def test_a_send_without_an_answer_is_asked_about_before_it_is_sent_again() -> None:
    action = next_refund_action(sent(), even_since_ms=0, now_ms=10**12)
    assert action is not None
    assert (action.kind, action.due_ms) == (RefundActionKind.QUERY, 1_000 + 25_000)


def test_done_after_failed_is_a_conflict_for_a_person() -> None:
    step = answered(sent(state=R.FAILED), DONE, asked_ms=1_500)
    assert step.refund.state is R.FAILED
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.CONFLICT]


@pytest.mark.parametrize(
    ("row", "kind", "due_ms"),
    [
        (refund(created_ms=90_000_000), RefundActionKind.SEND, 10_000),
        (sent(sent_ms=90_000_000, heard=RefundHeard.REFUSED), RefundActionKind.SEND, 13_000),
        (sent(sent_ms=90_000_000, heard=RefundHeard.OPEN), RefundActionKind.QUERY, 11_000),
        (sent(sent_ms=5_000, asked_ms=90_000_000, heard=RefundHeard.OPEN), RefundActionKind.QUERY, 11_000),
        (sent(sent_ms=5_000, heard=RefundHeard.OPEN), RefundActionKind.QUERY, 6_000),
    ],
)
def test_a_clock_that_was_put_back_makes_no_refund_wait(row: Refund, kind: RefundActionKind, due_ms: int) -> None:
    """It was put back at 10 s: what lies in the future was then."""
    action = next_refund_action(row, even_since_ms=10_000, now_ms=20_000)
    assert action is not None
    assert (action.kind, action.due_ms) == (kind, due_ms)


@pytest.mark.parametrize("state", [R.DONE, R.FAILED])
def test_a_refund_that_is_over_is_neither_sent_nor_refused_again(state: RefundState) -> None:
    over = sent(state=state)
    assert sending_refund(over, now_ms=9_000) == RefundStep(refund=over)
    assert answered(over, NEVER, asked_ms=9_000).refund == replace(over, asked_ms=9_000, asks=over.asks + 1)


@pytest.mark.parametrize("state", [RefundState.DONE, RefundState.FAILED])
def test_a_query_that_finds_no_refund_after_it_was_over_changes_nothing(state: RefundState) -> None:
    """A notification was quicker than the answer to a question that was asked before it."""
    over = sent(state=state, heard=RefundHeard.DENIED)
    assert answered(over, RefundAbsent(code="404"), asked_ms=2_000).refund.state is state
