"""A computer that slept with its line down: the till's time goes on, although its monotonic clock stood still."""

from __future__ import annotations

import time

from protocol.offline.order import ClockQuality, read_order
from sync.engine.events import Now
from sync.engine.line import LineState, heard, till_ms
from sync.ports import SystemClock
from tests.unit.sync.till_on_paper import T0_MS, Till

HOUR_MS = 3_600_000
MS = 1_000_000


def test_sleep_is_time_that_passed() -> None:
    line = heard(LineState(), server_time_ms=T0_MS, refused=None, now=Now(mono_ms=1_000, wall_ms=5, slept_ms=700))
    assert till_ms(line, Now(mono_ms=3_000, wall_ms=5, slept_ms=700)) == T0_MS + 2_000
    assert till_ms(line, Now(mono_ms=3_000, wall_ms=5, slept_ms=700 + 8 * HOUR_MS)) == T0_MS + 2_000 + 8 * HOUR_MS


def test_an_order_after_a_night_asleep_says_when_it_was_made() -> None:
    """It calls its clock good: eight hours late the gateway would close it as shown too late, each one anew."""
    till = Till()
    till.up()
    till.down()
    till.slept_ms = 8 * HOUR_MS
    payment_no = till.offline()
    assert payment_no is not None, till.refusals
    part = till.records[payment_no].offline
    assert part is not None
    signed = read_order(part.order)
    assert signed is not None
    assert signed.order.clock is ClockQuality.GATEWAY
    assert signed.order.made_at_s == (T0_MS + till.mono_ms + 8 * HOUR_MS) // 1000


def test_what_this_computer_slept_is_told_and_never_flutters() -> None:
    mono, boot = [1_000 * MS], [1_000 * MS]
    clock = SystemClock(mono_ns=lambda: mono[0], boot_ns=lambda: boot[0])
    told: list[int] = []
    for slept_ms in (0, 1, 0, 60_000, 60_001, 59_999, 60_050, 7_200_000):
        boot[0] = mono[0] + slept_ms * MS
        told.append(clock.slept_ms())
    assert told == [0, 0, 0, 60_000, 60_000, 60_000, 60_000, 7_200_000]


def test_the_systems_clock_tells_sleep_where_the_monotonic_clock_leaves_it_out() -> None:
    clock = SystemClock()
    slept_ms = clock.slept_ms()
    assert slept_ms >= 0
    boot_ms = time.clock_gettime_ns(time.CLOCK_BOOTTIME) // MS if hasattr(time, "CLOCK_BOOTTIME") else clock.mono_ms()
    assert abs(clock.mono_ms() + slept_ms - boot_ms) <= 2_000
