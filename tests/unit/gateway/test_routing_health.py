"""What verdicts teach about an account, when it is left alone, and how it is taken back."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.channels.port import (
    ChannelReason,
    Declined,
    LineFault,
    Mismatch,
    NoAnswer,
    NotFound,
    NotSent,
    Paid,
    Pending,
    Unknown,
)
from gateway.channels.verdicts import BillNotReady, RefundRefused, UndoRetry
from gateway.routing.health import (
    HEALTH_TABLE,
    UNHEARD,
    WINDOW_MS,
    AccountHealth,
    HealthEvent,
    HealthState,
    Result,
    classify,
    heard,
    state_at,
    unsteady_tenths,
)
from gateway.routing.health_book import PROBE_MS, HealthBook

PAID = Paid(transaction_id="1", amount_fen=1, paid_at_ms=None, payer_tail="")
CUT = NoAnswer(LineFault.CUT)
OK, UNSETTLED, FAULT = Result.SETTLED, Result.UNSETTLED, Result.FAULT


def after(*results: Result, start: AccountHealth = UNHEARD, from_ms: int = 0) -> AccountHealth:
    """One result each millisecond."""
    health = start
    for i, result in enumerate(results):
        health = heard(health, result, now_ms=from_ms + i)
    return health


@pytest.mark.parametrize(
    ("verdict", "result"),
    [
        (PAID, OK),
        (Pending(payer_prompted=True), OK),
        (NotFound(code="x"), OK),
        (Declined(code="x", reason=ChannelReason.BALANCE_LOW), OK),
        (Declined(code="x", reason=ChannelReason.CODE_EXPIRED), OK),
        (RefundRefused(code="x", reason=ChannelReason.SELLER_BALANCE_LOW, final=False), OK),
        (Declined(code="x", reason=ChannelReason.MERCHANT_BLOCKED), FAULT),
        (NotSent(LineFault.CONNECT_TIMEOUT), FAULT),
        (CUT, FAULT),
        (Mismatch(fields=("amount",)), FAULT),
        (Unknown(reason=ChannelReason.CHANNEL_ERROR), FAULT),
        (Unknown(reason=ChannelReason.BAD_SIGNATURE), FAULT),
        (Unknown(reason=ChannelReason.ASK_AGAIN), UNSETTLED),
        (Unknown(reason=ChannelReason.TOO_OFTEN), UNSETTLED),
        (UndoRetry(code="x"), UNSETTLED),
        (BillNotReady(code="x"), None),
    ],
)
def test_a_customer_who_cannot_pay_is_a_healthy_answer(verdict: object, result: Result | None):
    assert classify(verdict) is result


def test_every_state_answers_every_event():
    assert set(HEALTH_TABLE) == set(product(HealthState, HealthEvent))


def test_three_faults_in_a_row_break_an_account_and_two_do_not():
    assert after(FAULT, FAULT).state is HealthState.CLOSED
    assert after(FAULT, FAULT, OK, FAULT, FAULT).state is HealthState.CLOSED
    assert after(FAULT, FAULT, FAULT).state is HealthState.OPEN


def test_half_of_ten_results_break_it_too():
    mixed = [OK, FAULT] * 4
    assert after(*mixed).state is HealthState.CLOSED
    assert after(*mixed, OK, FAULT).state is HealthState.OPEN


def test_old_faults_are_forgotten():
    old = after(FAULT, FAULT)
    assert heard(old, FAULT, now_ms=WINDOW_MS + 2).state is HealthState.CLOSED
    assert old.count(FAULT, now_ms=2) == 2
    assert old.count(FAULT, now_ms=WINDOW_MS + 2) == 0


def test_a_broken_account_may_be_probed_after_its_wait():
    broken = after(FAULT, FAULT, FAULT)
    assert state_at(broken, now_ms=10_001) is HealthState.OPEN
    assert state_at(broken, now_ms=10_002) is HealthState.HALF_OPEN


def test_results_of_what_was_under_way_do_not_end_the_wait():
    broken = after(FAULT, FAULT, FAULT)
    assert state_at(heard(broken, OK, now_ms=100), now_ms=101) is HealthState.OPEN
    assert heard(broken, FAULT, now_ms=100).retry_at_ms == broken.retry_at_ms


def test_a_probe_that_is_answered_heals_and_the_past_is_forgotten():
    broken = after(FAULT, FAULT, FAULT)
    healed = heard(broken, OK, now_ms=10_002)
    assert (healed.state, healed.results, healed.wait_ms) == (HealthState.CLOSED, ((10_002, OK),), 0)


def test_each_failed_probe_doubles_the_wait_up_to_five_minutes():
    health, waits = after(FAULT, FAULT, FAULT), list[int]()
    for _ in range(8):
        waits.append(health.wait_ms // 1_000)
        health = heard(health, FAULT, now_ms=health.retry_at_ms)
    assert waits == [10, 20, 40, 80, 160, 300, 300, 300]


def test_an_unsettled_probe_decides_nothing():
    assert heard(after(FAULT, FAULT, FAULT), UNSETTLED, now_ms=10_002).state is HealthState.HALF_OPEN


def test_stability_is_a_share_in_tenths_once_there_are_enough_results():
    assert unsteady_tenths(after(FAULT, OK), now_ms=10) == 0
    assert unsteady_tenths(after(OK, OK, OK, OK, FAULT), now_ms=10) == 2
    assert unsteady_tenths(after(OK, OK, OK, OK, UNSETTLED), now_ms=10) == 1
    assert unsteady_tenths(after(OK, OK, OK, OK, FAULT), now_ms=WINDOW_MS + 10) == 0


def test_what_may_be_probed_is_not_judged_by_what_broke_it():
    broken = after(OK, OK, FAULT, FAULT, FAULT)
    assert unsteady_tenths(broken, now_ms=10) == 6
    assert unsteady_tenths(broken, now_ms=broken.retry_at_ms) == 0


def test_the_book_lets_one_payment_probe_at_a_time():
    """Until its result is heard, or until nobody can be waiting for it any more."""
    book = HealthBook()
    for at_ms in range(3):
        book.heard("a", CUT, at_ms)
    assert not book.probing("a", now_ms=10_002)
    book.probe_begins("a", now_ms=10_002)
    assert book.probing("a", now_ms=10_003)
    assert not book.probing("a", now_ms=10_002 + PROBE_MS)
    book.heard("a", CUT, 10_100)
    assert book.state("a", now_ms=10_101) is HealthState.OPEN
    assert not book.probing("a", now_ms=40_000)
    book.heard("a", PAID, 40_000)
    assert book.states(["a", "b"], now_ms=40_001) == {"a": HealthState.CLOSED, "b": HealthState.CLOSED}


def test_a_bill_that_is_not_ready_teaches_nothing():
    book = HealthBook()
    book.heard("a", BillNotReady(code="x"), 0)
    assert book.of("a") == UNHEARD


def test_a_clock_that_was_put_back_leaves_no_account_alone_for_a_day() -> None:
    """It broke in what is the future now: it may be probed, and what was heard then counts no more."""
    health = UNHEARD
    for at_ms in (90_000_000, 90_000_001, 90_000_002):
        health = heard(health, Result.FAULT, now_ms=at_ms)
    assert state_at(health, now_ms=90_000_003) is HealthState.OPEN
    assert state_at(health, now_ms=1_000) is HealthState.HALF_OPEN
    assert health.count(Result.FAULT, now_ms=1_000) == 0
