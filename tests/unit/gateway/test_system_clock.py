"""The gateway's clock: seconds keep their length when the system's clock is set, and a wrong clock is left behind."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from gateway.system import FOLLOWED_AT_ONCE_MS, SystemClock

START_MS = 1_800_000_000_000


@dataclass
class Machine:
    """A computer whose wall clock can be set."""

    steady_ms: int = 5_000
    offset_ms: int = START_MS

    def clock(self) -> SystemClock:
        return SystemClock(
            wall_ns=lambda: (self.offset_ms + self.steady_ms) * 1_000_000, steady_ns=lambda: self.steady_ms * 1_000_000
        )


def test_it_says_what_the_systems_clock_says() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.steady_ms += 12_345
    assert clock.now_ms() == START_MS + machine.steady_ms


@pytest.mark.parametrize("step_ms", [-FOLLOWED_AT_ONCE_MS, -30_000, 30_000, FOLLOWED_AT_ONCE_MS])
def test_half_a_minute_stays_half_a_minute_when_the_clock_is_set(step_ms: int) -> None:
    """Otherwise ABSENT were proven early, or a deadline would not come."""
    machine = Machine()
    clock = machine.clock()
    before = clock.now_ms()
    machine.offset_ms += step_ms
    for _ in range(30):
        machine.steady_ms += 1_000
        clock.now_ms()
    assert abs(clock.now_ms() - before - 30_000) <= 1_500
    assert (clock.now_ms() - before > 30_000) == (step_ms > 0)


def test_a_set_clock_is_reached_in_the_end() -> None:
    machine = Machine()
    clock = machine.clock()
    machine.offset_ms -= 60_000
    seen = clock.now_ms()
    for _ in range(1_300):
        machine.steady_ms += 1_000
        assert clock.now_ms() >= seen, "it never goes back"
        seen = clock.now_ms()
    assert seen == machine.offset_ms + machine.steady_ms


@pytest.mark.parametrize("step_ms", [-86_400_000, 86_400_000])
def test_a_clock_that_was_plainly_wrong_is_followed_at_once(step_ms: int) -> None:
    machine = Machine()
    clock = machine.clock()
    machine.offset_ms += step_ms
    assert clock.now_ms() == START_MS + step_ms + machine.steady_ms


def test_it_tells_since_when_it_flows_evenly() -> None:
    machine = Machine()
    clock = machine.clock()
    started_ms = clock.now_ms()
    machine.steady_ms += 10_000
    machine.offset_ms += FOLLOWED_AT_ONCE_MS
    clock.now_ms()
    assert clock.even_since_ms() == started_ms, "it is followed slowly: seconds keep their length"
    machine.offset_ms += 3_600_000
    leapt_ms = clock.now_ms()
    machine.steady_ms += 10_000
    clock.now_ms()
    assert clock.even_since_ms() == leapt_ms
