"""SAFETY.md section 3, 6: the life of the keys that sign proofs."""

from __future__ import annotations

from gateway.offline.keyring import RETIRED_GOOD_MS, Ring, RingRefusal, compromised, new_ring, rotated
from protocol.keys import b64url
from protocol.secret import Secret

DAY_MS = 86_400_000


def seed(n: int) -> Secret:
    return Secret(b64url(bytes([n]) * 32))


def ring() -> Ring:
    return new_ring((seed(1), seed(2)), seed(9), now_ms=0)


def turned(ring: Ring, n: int, now_ms: int) -> Ring:
    after = rotated(ring, seed(n), now_ms=now_ms)
    assert isinstance(after, Ring)
    return after


def broken(ring: Ring, kid: int, now_ms: int) -> Ring:
    after = compromised(ring, kid, seed(7), now_ms=now_ms)
    assert isinstance(after, Ring)
    return after


def kids(ring: Ring, now_ms: int) -> list[int]:
    return [key.kid for key in ring.offered(now_ms=now_ms)]


def test_a_till_is_given_the_current_key_then_the_next_then_older_ones() -> None:
    assert kids(ring(), 0) == [1, 2]
    assert kids(turned(turned(ring(), 3, DAY_MS), 4, 2 * DAY_MS), 3 * DAY_MS) == [3, 4, 2, 1]


def test_what_was_next_is_current_after_a_rotation_and_keeps_its_number() -> None:
    after = turned(ring(), 3, 5)
    assert (after.current.kid, after.next.kid) == (2, 3)
    assert after.current.public == ring().next.public
    assert (after.current.current_ms, after.keys[0].retired_ms) == (5, 5)


def test_a_retired_key_is_good_for_ninety_days() -> None:
    after = turned(ring(), 3, 1_000)
    assert after.usable(1, now_ms=1_000 + RETIRED_GOOD_MS - 1) is not None
    assert after.usable(1, now_ms=1_000 + RETIRED_GOOD_MS) is None
    assert 1 not in kids(after, 1_000 + RETIRED_GOOD_MS)


def test_an_unknown_number_is_no_key() -> None:
    assert ring().usable(77, now_ms=0) is None
    assert compromised(ring(), 77, seed(3), now_ms=0) is RingRefusal.UNKNOWN_KID


def test_a_compromised_current_key_is_refused_and_the_next_takes_its_place() -> None:
    after = broken(ring(), 1, 5)
    assert (after.current.kid, after.next.kid) == (2, 3)
    assert after.usable(1, now_ms=5) is None
    assert kids(after, 5) == [2, 3]


def test_an_order_in_flight_when_its_key_was_compromised_is_answered_by_the_key_that_its_till_holds_as_next() -> None:
    assert ring().signing(1, now_ms=0).kid == 1
    assert broken(ring(), 1, 5).signing(1, now_ms=5).kid == 2


def test_a_compromised_next_key_is_replaced_and_the_current_one_stays() -> None:
    after = broken(ring(), 2, 5)
    assert (after.current.kid, after.next.kid) == (1, 3)
    assert kids(after, 5) == [1, 3]


def test_a_compromised_retired_key_is_refused_at_once_and_nothing_else_changes() -> None:
    after = broken(turned(ring(), 3, 5), 1, 6)
    assert (after.current.kid, after.next.kid, kids(after, 6)) == (2, 3, [2, 3])
    assert broken(after, 1, 9) == after


def test_numbers_go_round_and_are_given_again_only_after_half_a_year() -> None:
    held = ring()
    for n in range(254):
        held = turned(held, 3, n)
    assert len({key.kid for key in held.keys}) == len(held.keys) == 256
    assert rotated(held, seed(3), now_ms=DAY_MS) is RingRefusal.FULL
    later = turned(held, 3, 2 * RETIRED_GOOD_MS + 10)
    assert len({key.kid for key in later.keys}) == len(later.keys) < 256


def test_no_seed_is_in_a_repr() -> None:
    assert seed(1).reveal() not in repr(ring())
    assert seed(9).reveal() not in repr(ring())
