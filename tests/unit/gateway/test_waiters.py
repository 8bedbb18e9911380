"""Who waits for a payment sees what was committed and told, and reads it where nobody told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from msgspec.structs import replace

from gateway.jobs.waiters import Waiters
from gateway.payments.values import Payment
from tests.unit.gateway.payment_rows import KEY, payment

PAYMENT = payment()
OTHER = replace(PAYMENT, state_seq=9)


def waited(change: Callable[[Waiters], None], *, after: int, told: bool = True) -> tuple[Payment, int]:
    """What a long poll sees that had read PAYMENT when `change` happened, and how often it read."""

    async def story() -> tuple[Payment, int]:
        waiters, looks = Waiters(), [0]
        rows = [PAYMENT, OTHER]

        async def look() -> Payment:
            looks[0] += 1
            return rows[min(looks[0], len(rows)) - 1]

        poll = waiters.held(
            KEY, look, lambda seen: seen.state_seq > after, wait_s=5, told=(lambda payment: payment) if told else None
        )
        waiting = asyncio.create_task(poll)
        await asyncio.sleep(0)
        change(waiters)
        return await waiting, looks[0]

    return asyncio.run(story())


def test_what_was_committed_and_told_is_not_read_again() -> None:
    newer = replace(PAYMENT, state_seq=5)
    assert waited(lambda waiters: waiters.wake(KEY, newer), after=PAYMENT.state_seq) == (newer, 1)


def test_of_several_changes_the_last_counts() -> None:
    newer, newest = replace(PAYMENT, state_seq=5), replace(PAYMENT, state_seq=6)

    def change(waiters: Waiters) -> None:
        waiters.wake(KEY, newer)
        waiters.wake(KEY, newest)

    assert waited(change, after=PAYMENT.state_seq) == (newest, 1)


def test_a_change_that_nobody_told_of_is_read_also_after_one_that_was_told() -> None:
    def change(waiters: Waiters) -> None:
        waiters.wake(KEY, replace(PAYMENT, state_seq=5))
        waiters.wake(KEY)

    assert waited(change, after=PAYMENT.state_seq) == (OTHER, 2)


def test_who_wants_more_than_the_payment_reads() -> None:
    newer = replace(PAYMENT, state_seq=5)
    assert waited(lambda waiters: waiters.wake(KEY, newer), after=PAYMENT.state_seq, told=False) == (OTHER, 2)
