"""SAFETY.md section 3, 2: the check order of an ORDER, as a ladder: all is wrong, and is put right step by step."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.offline.judge import (
    FIRST_SIGHT_MS,
    NEUTRAL,
    ORDER_LIMIT_FEN,
    OrderFacts,
    TillFacts,
    Verdict,
    judge,
    speaks_for_earlier,
)
from protocol.numbers import new_number
from protocol.offline.order import BITMAP_ORDERS, ClockQuality, OfflineOrder, OrderType

MADE_S = 1_800_000_000
GOOD_TILL = TillFacts(epoch=3, revoked=False, frozen=False, signed=True)
UNSEEN = OrderFacts()
ORDER = OfflineOrder(
    type=OrderType.PAY,
    terminal_id="0" * 13,
    epoch=3,
    order_no=new_number(bytes(15)),
    amount_fen=1250,
    kid=1,
    oseq=20,
    cancelled=0,
    release=0,
    made_at_s=MADE_S,
    clock=ClockQuality.GATEWAY,
)


def verdict(
    order: OfflineOrder = ORDER,
    till: TillFacts | None = GOOD_TILL,
    facts: OrderFacts = UNSEEN,
    *,
    kid_usable: bool = True,
    after_ms: int = 0,
) -> Verdict:
    return judge(order, till, facts, kid_usable=kid_usable, now_ms=MADE_S * 1000 + after_ms)


def test_the_checks_stand_in_their_order() -> None:
    """Each step puts right what was said, and the next check speaks."""
    order = replace(ORDER, epoch=2, amount_fen=ORDER_LIMIT_FEN + 1, oseq=3)
    till: TillFacts | None = None
    facts = OrderFacts(cancelled=True, max_seen=20, rival=True, foreign=True, lost=True)
    usable, late = False, FIRST_SIGHT_MS + 1
    heard: list[Verdict] = []
    for _ in range(20):
        said = verdict(order, till, facts, kid_usable=usable, after_ms=late)
        heard.append(said)
        match said:
            case Verdict.UNKNOWN_TERMINAL:
                till = TillFacts(epoch=3, revoked=True, frozen=True, signed=False)
            case Verdict.BAD_SIGNATURE:
                till = replace(till or GOOD_TILL, signed=True)
            case Verdict.REVOKED:
                till = replace(till or GOOD_TILL, revoked=False)
            case Verdict.FROZEN:
                till = replace(till or GOOD_TILL, frozen=False)
            case Verdict.BAD_EPOCH:
                order = replace(order, epoch=3)
            case Verdict.KID_UNUSABLE:
                usable = True
            case Verdict.AMOUNT_OVER:
                order = replace(order, amount_fen=ORDER_LIMIT_FEN)
            case Verdict.CANCELLED:
                facts = replace(facts, cancelled=False)
            case Verdict.OUT_OF_ORDER:
                order = replace(order, oseq=20 - BITMAP_ORDERS)
            case Verdict.CLONE:
                facts = replace(facts, rival=False)
            case Verdict.BEGUN_ONLINE:
                facts = replace(facts, foreign=False)
            case Verdict.HELD:
                facts = replace(facts, lost=False)
            case Verdict.TOO_LATE:
                late = FIRST_SIGHT_MS
            case _:
                break
    assert heard == [v for v in Verdict if v not in (Verdict.SETTLED, Verdict.KNOWN)]


@pytest.mark.parametrize("back", range(BITMAP_ORDERS + 3))
def test_an_order_may_be_up_to_sixteen_behind_the_highest_seen(back: int) -> None:
    said = verdict(facts=OrderFacts(max_seen=ORDER.oseq + back))
    assert said is (Verdict.NEW if back <= BITMAP_ORDERS else Verdict.OUT_OF_ORDER)


def test_an_order_that_is_known_may_be_any_number_behind() -> None:
    assert verdict(facts=OrderFacts(seen=True, same=True, max_seen=500)) is Verdict.KNOWN


def test_a_good_clock_bounds_first_sight_and_only_that() -> None:
    assert verdict(after_ms=FIRST_SIGHT_MS) is Verdict.NEW
    assert verdict(after_ms=FIRST_SIGHT_MS + 1) is Verdict.TOO_LATE
    assert verdict(facts=OrderFacts(seen=True, same=True), after_ms=10**9) is Verdict.KNOWN
    guessed = replace(ORDER, clock=ClockQuality.GUESSED)
    assert verdict(guessed, after_ms=10**9) is Verdict.NEW


def test_another_content_under_the_number_is_a_clone_and_so_is_another_order_under_the_counter() -> None:
    assert verdict(facts=OrderFacts(seen=True, same=False)) is Verdict.CLONE
    assert verdict(facts=OrderFacts(rival=True)) is Verdict.CLONE


def test_a_clone_is_never_made_a_tombstone_of_the_real_order() -> None:
    assert verdict(facts=OrderFacts(seen=True), after_ms=10**9) is Verdict.CLONE


def test_what_has_ended_is_shown_whatever_became_of_the_till_and_the_key() -> None:
    """Proofs of orders already paid stay valid."""
    ended = OrderFacts(seen=True, same=True, settled=True, cancelled=True, max_seen=99)
    off = TillFacts(epoch=9, revoked=True, frozen=True, signed=True)
    assert verdict(replace(ORDER, amount_fen=2**31), off, ended, kid_usable=False) is Verdict.SETTLED
    assert verdict(till=replace(off, signed=False), facts=ended) is Verdict.BAD_SIGNATURE
    assert verdict(till=off, facts=replace(ended, settled=False)) is Verdict.REVOKED


def test_a_status_needs_its_tills_signature_and_a_key_to_answer_with() -> None:
    status = replace(ORDER, type=OrderType.STATUS, epoch=1, amount_fen=2**31, oseq=1)
    off = TillFacts(epoch=9, revoked=True, frozen=True, signed=True)
    facts = OrderFacts(cancelled=True, rival=True, foreign=True, max_seen=99)
    assert verdict(status, off, facts, after_ms=10**9) is Verdict.NEW
    assert verdict(status, off, facts, kid_usable=False) is Verdict.KID_UNUSABLE
    assert verdict(status, replace(off, signed=False), facts) is Verdict.BAD_SIGNATURE
    assert verdict(status, None, facts) is Verdict.UNKNOWN_TERMINAL


def test_the_bitmap_is_believed_once_the_amount_was_good() -> None:
    believed = {v for v in Verdict if speaks_for_earlier(v)}
    assert believed == {
        Verdict.CANCELLED, Verdict.OUT_OF_ORDER, Verdict.CLONE, Verdict.BEGUN_ONLINE, Verdict.HELD, Verdict.TOO_LATE,
        Verdict.KNOWN, Verdict.NEW,
    }  # fmt: skip


def test_every_refusal_but_those_that_have_a_sentence_of_their_own_is_neutral() -> None:
    own = {Verdict.SETTLED, Verdict.CANCELLED, Verdict.TOO_LATE, Verdict.KNOWN, Verdict.NEW}
    assert set(Verdict) - own == NEUTRAL
