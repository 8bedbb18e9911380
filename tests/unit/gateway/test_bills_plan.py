"""Rule: each day's bill is asked for from 10:00 of the day after, until it is there, and a missing one is told."""

from __future__ import annotations

import pytest

from gateway.bills.plan import (
    BillOutcome,
    BillState,
    day_of,
    day_start_ms,
    first_asked_ms,
    given_up,
    is_day,
    is_missing,
    next_plan_ms,
    next_try_ms,
    wanted_days,
)

HOUR = 3_600_000
DAY = "2026-11-22"
#: 2026-11-22 00:00 in Beijing.
START = 1_795_276_800_000
S = BillState
NOT_READY = BillOutcome(state=S.WANTED, code="STATEMENT_CREATING", soon=True)
TROUBLE = BillOutcome(state=S.WANTED, code="read_timeout")


def test_a_day_is_beijings() -> None:
    assert day_start_ms(DAY) == START
    assert (day_of(START - 1), day_of(START)) == ("2026-11-21", DAY)
    assert first_asked_ms(DAY) == START + 34 * HOUR
    assert is_day(DAY)
    assert not any(is_day(text) for text in ("", "2026-2-3", "20261122", "2026-11-31", "2026-W47-1", "today"))


@pytest.mark.parametrize(("hours", "plan"), [(0, 10), (9.999, 10), (10, 34), (23, 34)])
def test_the_next_days_are_wanted_at_ten(hours: float, plan: int) -> None:
    assert next_plan_ms(START + round(hours * HOUR)) == START + plan * HOUR


def test_days_are_wanted_from_the_first_order_on_and_none_is_left_out() -> None:
    """A day without orders has no bill to miss; a gateway that was away asks for every day since."""
    now = START + 5 * 24 * HOUR
    assert wanted_days(first_order_ms=None, known=(), now_ms=now) == ()
    assert wanted_days(first_order_ms=now, known=(), now_ms=now) == ()
    assert wanted_days(first_order_ms=START + HOUR, known=(), now_ms=now) == (
        "2026-11-22",
        "2026-11-23",
        "2026-11-24",
        "2026-11-25",
        "2026-11-26",
    )
    assert wanted_days(first_order_ms=START, known=[f"2026-11-{day}" for day in range(22, 26)], now_ms=now) == (
        "2026-11-26",
    )
    assert wanted_days(first_order_ms=START, known=[f"2026-11-{day}" for day in range(22, 27)], now_ms=now) == ()
    assert wanted_days(first_order_ms=START, known=["2026-11-23", "2026-11-26"], now_ms=now) == (
        "2026-11-22",
        "2026-11-24",
        "2026-11-25",
    )
    assert len(wanted_days(first_order_ms=START - 400 * 24 * HOUR, known=(), now_ms=now)) == 60


def test_a_bill_that_is_not_ready_is_asked_for_every_half_hour() -> None:
    now = START + 34 * HOUR
    for tries in range(1, 16):
        assert next_try_ms(DAY, NOT_READY, tries=tries, now_ms=now) == now + HOUR // 2


def test_trouble_is_tried_again_soon_and_then_more_slowly() -> None:
    now = START + 34 * HOUR
    waits = [next_try_ms(DAY, TROUBLE, tries=tries, now_ms=now) for tries in (1, 2, 3, 4, 9)]
    assert waits == [now + wait for wait in (60_000, 300_000, 900_000, 1_800_000, 1_800_000)]
    late = START + 60 * HOUR
    assert next_try_ms(DAY, TROUBLE, tries=1, now_ms=late) == late + 2 * HOUR


@pytest.mark.parametrize("state", [S.KEPT, S.NONE, S.GIVEN_UP])
def test_what_is_there_or_does_not_exist_is_not_asked_for(state: BillState) -> None:
    outcome = BillOutcome(state=state, code="")
    assert next_try_ms(DAY, outcome, tries=1, now_ms=START + 34 * HOUR) is None


@pytest.mark.parametrize("outcome", [NOT_READY, TROUBLE, BillOutcome(state=S.UNREADABLE, code="totals")])
def test_missing_is_what_is_not_there_at_six_in_the_evening(outcome: BillOutcome) -> None:
    assert not is_missing(DAY, outcome, now_ms=START + 42 * HOUR - 1)
    assert is_missing(DAY, outcome, now_ms=START + 42 * HOUR)
    for state in (S.KEPT, S.NONE):
        assert not is_missing(DAY, BillOutcome(state=state, code=""), now_ms=START + 99 * HOUR)


def test_after_three_months_no_wallet_has_it() -> None:
    assert not given_up(DAY, now_ms=START + 89 * 24 * HOUR)
    assert given_up(DAY, now_ms=START + 90 * 24 * HOUR)
