"""The book of notifications on a virtual clock: what is due, the published gaps between tries, what ends them."""

from itertools import pairwise

import pytest

from sandbox.notifying import ALIPAY_RETRIES_MS, WECHAT_RETRIES_MS, Letter, NotificationBook, Sending
from sandbox.plan import CallbackPlan, Forgery


def letter(sending: Sending) -> Letter:
    said = f"{sending.now_ms} {sending.forgery.value if sending.forgery else 'right'}"
    return Letter(url="http://127.0.0.1/notify", headers={}, body=said.encode())


def book_with(plan: CallbackPlan, retries_ms: tuple[int, ...] = (15_000, 30_000)) -> NotificationBook:
    book = NotificationBook(retries_ms)
    book.add("n1", plan=plan, build=letter, happened_ms=1_000)
    return book


def times_of_all_tries(retries_ms: tuple[int, ...]) -> list[int]:
    """When each try goes out if the shop never acknowledges one and each answer comes at once."""
    book = book_with(CallbackPlan(), retries_ms)
    times: list[int] = []
    while (due_ms := book.next_ms()) is not None:
        (sent,) = book.due(due_ms)
        times.append(due_ms)
        book.answered(sent.id, acknowledged=False, now_ms=due_ms)
    return times


@pytest.mark.parametrize("retries_ms", [WECHAT_RETRIES_MS, ALIPAY_RETRIES_MS])
def test_an_unacknowledged_notification_comes_again_after_each_published_gap_and_then_no_more(
    retries_ms: tuple[int, ...],
) -> None:
    times = times_of_all_tries(retries_ms)
    gaps = tuple(later - sooner for sooner, later in pairwise(times))
    assert (times[0], gaps) == (1_000, retries_ms)


def test_each_delivery_is_handed_out_once_and_the_next_waits_for_an_answer() -> None:
    book = book_with(CallbackPlan())
    assert book.due(999) == ()
    (sent,) = book.due(1_000)
    assert book.due(10_000_000) == ()
    assert book.next_ms() is None
    book.answered(sent.id, acknowledged=False, now_ms=1_050)
    assert book.next_ms() == 16_050


def test_acknowledged_by_any_copy_it_never_comes_again() -> None:
    book = book_with(CallbackPlan(copies=2))
    first, second = book.due(1_000)
    assert first.body == second.body
    assert first.id != second.id
    book.answered(first.id, acknowledged=False, now_ms=1_001)
    book.answered(second.id, acknowledged=True, now_ms=1_002)
    assert book.next_ms() is None
    assert book.due(99_000_000) == ()


def test_two_copies_without_acknowledgement_have_one_retry() -> None:
    book = book_with(CallbackPlan(copies=2))
    for sent in book.due(1_000):
        book.answered(sent.id, acknowledged=False, now_ms=1_001)
    assert len(book.due(16_001)) == 1


def test_a_lost_one_is_never_due_and_a_late_one_only_then() -> None:
    assert book_with(CallbackPlan(lost=True)).next_ms() is None
    late = book_with(CallbackPlan(late_ms=5_000))
    assert late.due(5_999) == ()
    assert len(late.due(6_000)) == 1


def test_every_try_is_built_anew_and_forged_each_time() -> None:
    book = book_with(CallbackPlan(forgery=Forgery.WRONG_AMOUNT))
    (first,) = book.due(1_000)
    book.answered(first.id, acknowledged=False, now_ms=1_000)
    (second,) = book.due(16_000)
    assert [first.body, second.body] == [b"1000 wrong_amount", b"16000 wrong_amount"]


def test_only_the_first_delivery_hurries_ahead_of_an_answer() -> None:
    book = book_with(CallbackPlan(before_answer=True))
    (first,) = book.due(1_000)
    book.answered(first.id, acknowledged=False, now_ms=1_000)
    (second,) = book.due(16_000)
    assert (first.before_answer, second.before_answer) == (True, False)


def test_the_same_id_again_changes_nothing() -> None:
    book = book_with(CallbackPlan())
    book.add("n1", plan=CallbackPlan(copies=3), build=letter, happened_ms=9_000)
    assert len(book.due(20_000)) == 1


def test_what_is_due_goes_out_in_the_order_of_its_moments() -> None:
    book = NotificationBook((15_000,))
    for name, at_ms in (("late", 3_000), ("soon", 1_000), ("then", 2_000)):
        book.add(name, plan=CallbackPlan(), build=letter, happened_ms=at_ms)
    assert [sent.id.partition("/")[0] for sent in book.due(5_000)] == ["soon", "then", "late"]
