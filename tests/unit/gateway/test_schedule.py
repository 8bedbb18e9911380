"""Table S: what is done next for a payment, and when. Times in ms after the first pay byte."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from gateway.channels.port import OrderKind
from gateway.jobs.bucket import Bucket, full
from gateway.jobs.schedule import Action, ActionKind, Pace, next_action, undo_goes_on, undo_pause_ms
from gateway.payments.values import ChannelOrder, FailedHow, Payment, UndoFound, UndoHeard
from protocol.messages import LateMoneyState, Presented
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import ended_order, order, payment, undone_order

PACE = Pace(query_interval_ms=3_000)
#: After every moment of these stories.
LATER_MS = 10**12
S, K = GatewayState, ActionKind


def action(row: Payment, seen: ChannelOrder, pace: Pace = PACE) -> tuple[ActionKind, int] | None:
    found: Action | None = next_action(row, seen, pace, now_ms=LATER_MS)
    return None if found is None else (found.kind, found.due_ms)


def test_a_scanned_code_is_asked_about_every_3_s_and_undone_at_45_s() -> None:
    asked: int | None = None
    times: list[tuple[ActionKind, int]] = []
    for _ in range(15):
        found = action(payment(), order(asked_ms=asked))
        assert found is not None
        times.append(found)
        asked = found[1] + 40
    assert times == [(K.QUERY, 3_000 * i) for i in range(1, 15)] + [(K.UNDO, 45_000)]


def test_the_cashiers_cancel_acts_at_once() -> None:
    assert action(payment(cancel_requested_ms=2_000), order(asked_ms=1_900)) == (K.UNDO, 2_000)


def test_where_a_reverse_must_wait_the_wallet_is_asked_meanwhile() -> None:
    """WeChat: a code is not reversed before 15 s; a QR is closed at once."""
    pace = Pace(query_interval_ms=3_000, undo_not_before_ms=15_000)
    row = payment(cancel_requested_ms=2_000)
    assert action(row, order(asked_ms=1_900), pace) == (K.QUERY, 3_000)
    assert action(row, order(asked_ms=12_040), pace) == (K.UNDO, 15_000)
    assert action(row, order(asked_ms=1_900, kind=OrderKind.QR), pace) == (K.UNDO, 2_000)


def test_a_cancel_after_the_last_planned_query_is_an_undo_and_no_query_without_end() -> None:
    """The plan ends at 45 s; a query that was unsettled after it must not be due again and again."""
    pace = Pace(query_interval_ms=3_000, query_at_ms=(3_000, 45_000), undo_not_before_ms=15_000)
    row = payment(cancel_requested_ms=45_836)
    assert action(row, order(asked_ms=45_500, unsettled_asks=1), pace) == (K.UNDO, 45_836)
    assert action(row, order(asked_ms=72_000, unsettled_asks=3), pace) == (K.UNDO, 45_836)


def test_a_code_is_asked_about_at_the_wallets_own_times() -> None:
    """UnionPay: 3, 6, 10, 15 ... s; after an answer that settled nothing the gap is doubled."""
    pace = Pace(query_interval_ms=1_000, query_at_ms=(3_000, 6_000, 10_000, 15_000))
    times: list[tuple[ActionKind, int] | None] = []
    asked: int | None = None
    for _ in range(4):
        found = action(payment(), order(asked_ms=asked), pace)
        assert found is not None
        times.append(found)
        asked = found[1]
    assert times == [(K.QUERY, 3_000), (K.QUERY, 6_000), (K.QUERY, 10_000), (K.QUERY, 15_000)]
    assert action(payment(), order(asked_ms=6_000, unsettled_asks=1), pace) == (K.QUERY, 14_000)


def test_while_a_payer_has_pressed_pay_the_wallet_is_asked_every_2_s() -> None:
    seen = order(kind=OrderKind.PAGE, deadline_ms=120_000, asked_ms=2_010)
    assert action(payment(page=True), seen) == (K.QUERY, 4_000)


def test_an_order_that_another_payer_waits_for_is_closed_and_asked_about() -> None:
    seen = order(kind=OrderKind.PAGE, deadline_ms=120_000, asked_ms=21_000, release_ms=21_500)
    assert action(payment(page=True), seen) == (K.RELEASE, 21_500)
    closed = order(
        kind=OrderKind.PAGE, deadline_ms=120_000, asked_ms=21_600, release_ms=21_500, undo_sent_ms=21_700, undo_tries=1
    )
    assert action(payment(page=True), closed) == (K.QUERY, 22_000)


@pytest.mark.parametrize(("unsettled", "due_ms"), [(1, 25_000), (3, 31_000), (50, 52_000)])
def test_a_release_whose_query_settled_nothing_is_not_due_again_at_once(unsettled: int, due_ms: int) -> None:
    """Anybody may press "leave": it must not use up the account's calls while the wallet does not answer."""
    seen = order(kind=OrderKind.PAGE, deadline_ms=120_000, asked_ms=22_000, release_ms=21_500, unsettled_asks=unsettled)
    found = action(payment(page=True), seen)
    assert found is not None
    assert found[1] > 22_000
    beyond_polls = next_action(payment(page=True), seen, Pace(query_interval_ms=3_000), now_ms=LATER_MS)
    assert beyond_polls is not None
    assert min(found[1], due_ms) == found[1]


@pytest.mark.parametrize("how", list(FailedHow))
def test_a_try_that_went_wrong_is_undone_at_once(how: FailedHow) -> None:
    assert action(payment(), order(asked_ms=3_000, failed=how)) == (K.UNDO, 0)


def test_beside_a_refund_the_order_is_only_looked_at() -> None:
    assert action(payment(S.UNDO_BY_REFUND), order(asked_ms=60_000)) == (K.QUERY, 70_000)


@pytest.mark.parametrize("state", [S.CREATED, S.PAID])
def test_nothing_is_due_for_what_is_settled(state: GatewayState) -> None:
    assert action(payment(state), order()) is None


def test_the_pauses_between_undos() -> None:
    assert [undo_pause_ms(i) // 1000 for i in range(1, 13)] == [2, 2, 2, 2, 2, 5, 5, 5, 10, 30, 60, 60]


UNDOING: list[tuple[dict[str, Any], tuple[ActionKind, int]]] = [
    ({}, (K.QUERY, 48_000)),
    ({"undo_heard": UndoHeard.RETRY}, (K.CANCEL, 47_000)),
    ({"undo_asked_ms": 48_000, "undo_found": UndoFound.PAID}, (K.CANCEL, 47_000)),
    ({"undo_asked_ms": 48_000, "undo_found": UndoFound.OPEN}, (K.CANCEL, 47_000)),
    ({"undo_asked_ms": 48_000, "undo_found": UndoFound.UNSETTLED}, (K.QUERY, 51_000)),
    (
        {"undo_asked_ms": 48_000, "undo_found": UndoFound.UNSETTLED, "undo_heard": UndoHeard.NOTHING},
        (K.CANCEL, 47_000),
    ),
    ({"undo_asked_ms": 48_000, "undo_found": UndoFound.ABSENT, "absent_since_ms": 48_000}, (K.QUERY, 53_000)),
    (
        {"undo_asked_ms": 48_000, "undo_found": UndoFound.ABSENT, "absent_since_ms": 48_000, "call_closed_ms": 25_000},
        (K.QUERY, 55_000),
    ),
]


@pytest.mark.parametrize(("changes", "expected"), UNDOING)
def test_while_undoing(changes: dict[str, Any], expected: tuple[ActionKind, int]) -> None:
    assert action(payment(S.REVERSING), undone_order(**changes)) == expected


def test_an_early_cancel_is_repeated_once_it_can_count_for_absent() -> None:
    seen = undone_order(
        undo_sent_ms=2_000, certain_undo_ms=None, undo_asked_ms=5_000, undo_found=UndoFound.ABSENT, undo_tries=1
    )
    assert action(payment(S.REVERSING), seen) == (K.CANCEL, 16_000)


def test_a_qr_is_asked_for_again_then_given_up() -> None:
    row = payment(presented=Presented.MERCHANT)
    assert action(row, order(kind=OrderKind.QR, open_calls=0, call_closed_ms=900)) == (K.QR, 2_900)
    assert action(row, order(kind=OrderKind.QR, open_calls=0, call_closed_ms=9_000, calls=3)) == (K.UNDO, 9_000)


def test_a_shown_qr_is_asked_about_until_its_end() -> None:
    row = payment(presented=Presented.MERCHANT, qr="https://qr", qr_expires_ms=120_000)
    assert action(row, order(kind=OrderKind.QR, deadline_ms=120_000, asked_ms=117_040)) == (K.UNDO, 120_000)


@pytest.mark.parametrize(
    ("proof", "watched"),
    [
        (kind, kind in (ProofKind.DECLINED, ProofKind.CLOSED, ProofKind.ABSENT, ProofKind.NEVER_OPENED))
        for kind in ProofKind
    ],
)
def test_the_watch_for_late_money(proof: ProofKind, watched: bool) -> None:
    """+5 s, then +1, 5, 15 min, 1, 6, 24 h after the end; only where the wallet may still take money. An order that
    "was never opened" is one that a person gave up."""
    row = payment(S.NOT_PAID, proof_kind=proof)
    times = [action(row, ended_order(proof, watch_step=step)) for step in range(8)]
    due = [(K.QUERY, 50_000 + s * 1000) for s in (5, 60, 300, 900, 3_600, 21_600, 86_400)]
    assert times == ([*due, None] if watched else [None] * 8)


def test_late_money_is_looked_at_while_it_goes_back() -> None:
    row = payment(S.NOT_PAID, late_state=LateMoneyState.FOUND, late_found_ms=100_000)
    seen = ended_order(late_state=LateMoneyState.FOUND, late_found_ms=100_000, asked_ms=100_000)
    assert action(row, seen) == (K.QUERY, 160_000)
    settled = ended_order(late_state=LateMoneyState.UNDONE, late_found_ms=100_000, asked_ms=100_000)
    assert action(row, settled) is None
    assert action(row, replace(settled, late_closed_ms=100_000)) == (K.QUERY, 105_000)


@pytest.mark.parametrize(
    ("state", "cancelled", "unsettled", "goes_on"),
    [
        (S.SENT, False, 0, True),
        (S.SENT, False, 1, False),
        (S.SENT, False, 2, True),
        (S.SENT, True, 1, True),
        (S.UNDO_BY_REFUND, True, 0, False),
        (S.PAID, False, 0, False),
        (S.NOT_PAID, False, 0, False),
    ],
)
def test_the_query_before_the_first_reverse_decides(
    state: GatewayState, cancelled: bool, unsettled: int, goes_on: bool
) -> None:
    row = payment(state, cancel_requested_ms=1 if cancelled else None)
    assert undo_goes_on(row, order(unsettled_asks=unsettled)) == goes_on


def test_a_bucket_gives_its_burst_and_then_its_rate() -> None:
    bucket: Bucket | None = full(capacity=2, per_second=1, now_ms=0)
    for _ in range(2):
        assert bucket is not None
        bucket = bucket.take(now_ms=0)
    assert bucket is not None
    assert bucket.take(now_ms=999) is None
    assert bucket.take(now_ms=1_000) is not None


BACK = Pace(query_interval_ms=3_000, even_since_ms=10_000)
AHEAD_MS = 3_600_000


@pytest.mark.parametrize(
    ("row", "changes", "kind", "due_ms"),
    [
        (payment(), {}, K.QUERY, 13_000),
        (payment(), {"asked_ms": AHEAD_MS + 3_000}, K.QUERY, 13_000),
        (payment(), {"asked_ms": 54_500}, K.UNDO, 55_000),
        (payment(cancel_requested_ms=AHEAD_MS + 1_000), {}, K.UNDO, 10_000),
        (payment(S.REVERSING), {"undo_sent_ms": AHEAD_MS + 1_000, "undo_tries": 1}, K.QUERY, 13_000),
        (
            payment(S.REVERSING),
            {
                "undo_sent_ms": 5_000,
                "undo_tries": 1,
                "asked_ms": 8_000,
                "undo_asked_ms": AHEAD_MS + 1_000,
                "absent_since_ms": AHEAD_MS + 1_000,
            },
            K.CANCEL,
            7_000,
        ),
    ],
)
def test_a_clock_that_was_put_back_leaves_nothing_undone(
    row: Payment, changes: dict[str, int], kind: ActionKind, due_ms: int
) -> None:
    """Everything was sent in what is the future now; the clock was put back at 10 s, and it is 60 s."""
    seen = order(sent_ms=AHEAD_MS, deadline_ms=AHEAD_MS + 45_000, **changes)
    found = next_action(row, seen, BACK, now_ms=60_000)
    assert found is not None
    assert (found.kind, found.due_ms) == (kind, due_ms)


def test_money_that_comes_after_an_end_in_the_future_is_watched_for() -> None:
    found = next_action(payment(S.NOT_PAID), replace(ended_order(), ended_ms=AHEAD_MS), BACK, now_ms=20_000)
    assert found is not None
    assert (found.kind, found.due_ms) == (K.QUERY, 15_000)


def test_an_end_in_the_past_is_watched_from_then_whatever_else_lies_in_the_future() -> None:
    """Its latest look was by a clock that is put back now: the look of a quarter of an hour counts from the end."""
    seen = replace(ended_order(), ended_ms=5_000, watch_step=3, asked_ms=70_000)
    found = next_action(payment(S.NOT_PAID), seen, BACK, now_ms=20_000)
    assert found is not None
    assert (found.kind, found.due_ms) == (K.QUERY, 905_000)


@pytest.mark.parametrize(
    ("step", "asked_ms", "unsettled", "due_ms"),
    [
        (2, 110_000, 0, 350_000),
        (2, AHEAD_MS, 0, AHEAD_MS + 120_000),
        (6, AHEAD_MS, 0, 24 * AHEAD_MS + 50_000),
        (6, 25 * AHEAD_MS, 0, 25 * AHEAD_MS + 1_800_000),
        (2, AHEAD_MS, 1, AHEAD_MS + 60_000),
        (2, None, 0, 350_000),
    ],
)
def test_hours_that_were_leapt_over_are_not_hours_in_which_late_money_was_watched_for(
    step: int, asked_ms: int | None, unsettled: int, due_ms: int
) -> None:
    """Half of the pause lies between two steps, up to half an hour; what a wallet spoke of is asked about now."""
    seen = replace(ended_order(), watch_step=step, asked_ms=asked_ms, unsettled_asks=unsettled)
    assert action(payment(S.NOT_PAID), seen) == (K.QUERY, due_ms)


def test_a_leap_is_no_time_that_a_scanned_code_had_at_its_wallet() -> None:
    pace = Pace(query_interval_ms=3_000, undo_not_before_ms=15_000, even_since_ms=AHEAD_MS)
    seen = order(asked_ms=AHEAD_MS + 14_500)
    for undone in (seen, replace(seen, failed=FailedHow.UNTAKEN)):
        assert action(payment(), undone, pace) == (K.UNDO, AHEAD_MS + 15_000)


def test_a_clock_that_was_put_back_stops_no_calls() -> None:
    empty = Bucket(capacity=2, per_second=1, millitokens=0, at_ms=AHEAD_MS)
    assert empty.wait_ms(now_ms=0) == 0
    once = empty.take(now_ms=0)
    assert once is not None
    assert once.take(now_ms=500) is None, "one second was given, not an hour"


@pytest.mark.parametrize(("started_ms", "due_ms"), [(0, 30_000), (20_000, 35_000)])
def test_after_a_start_the_cancel_that_counts_waits_for_no_grown_pause(started_ms: int, due_ms: int) -> None:
    """Cancelled often before the process ended: each said "acknowledged" and "not found", and none counts any more."""
    seen = order(
        open_calls=0, call_closed_ms=1_000, undo_sent_ms=28_000, undo_tries=20, undo_heard=UndoHeard.ACKNOWLEDGED,
        undo_asked_ms=28_500, undo_found=UndoFound.ABSENT, asked_ms=28_500,
    )  # fmt: skip
    pace = Pace(query_interval_ms=3_000, even_since_ms=started_ms)
    assert action(payment(S.REVERSING), seen, pace) == (K.CANCEL, due_ms)


@pytest.mark.parametrize(("open_calls", "due_ms"), [(0, 35_000), (1, 58_000)])
def test_the_cancel_that_counts_waits_for_the_latest_call_that_opens_the_order(open_calls: int, due_ms: int) -> None:
    """While that is under way no cancel counts, and none hurries."""
    seen = order(
        calls=2, open_calls=open_calls, call_closed_ms=20_000, undo_sent_ms=28_000, undo_tries=10, asked_ms=28_500,
        undo_heard=UndoHeard.ACKNOWLEDGED, undo_asked_ms=28_500, undo_found=UndoFound.ABSENT,
    )  # fmt: skip
    assert action(payment(S.REVERSING), seen) == (K.CANCEL, due_ms)
