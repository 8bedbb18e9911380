"""The gateway's machine clock in the simulation: how far it is off, since when, and that somebody puts it right."""

from __future__ import annotations

from random import Random

from proof.simulation.leaps import LEAPS_MS, Leaps

DAY_MS = 86_400_000


class _First(Random):
    """Draws what is wanted: the chance that something happens, and the day ahead."""

    def random(self) -> float:
        return 0.0

    def choice(self, seq: object) -> int:
        assert seq is LEAPS_MS
        return DAY_MS


def test_a_clock_that_is_never_set_never_leaps() -> None:
    leaps = Leaps(every=None, chance=_First(), now_ms=lambda: 5, told=lambda _: None)
    leaps.while_down()
    leaps.calm()
    assert (leaps.off_ms, leaps.most_ms, leaps.last_ms) == (0, 0, 0)


def test_it_may_leap_while_the_program_is_down_and_is_put_right_at_the_end() -> None:
    told: list[int] = []
    leaps = Leaps(every=(1.0, 2.0), chance=_First(), now_ms=lambda: 5, told=told.append)
    leaps.while_down()
    assert (leaps.off_ms, leaps.last_ms) == (DAY_MS, 5)
    leaps.calm()
    leaps.while_down()
    assert (leaps.off_ms, leaps.most_ms) == (0, DAY_MS)
    assert told == [DAY_MS, -DAY_MS]
