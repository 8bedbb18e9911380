"""Long polls: who waits for a payment is woken after the commit that changed it, or when the process is about to end.
One process, one loop."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from gateway.payments.values import Payment, PaymentKey

T = TypeVar("T")


class Change(asyncio.Event):
    """Set by the next change. `payment`: as it was committed, when who woke said so."""

    payment: Payment | None = None


class Waiters:
    def __init__(self) -> None:
        self._closed = False
        # In the order in which they came: a set's order would differ from run to run.
        self._waiting: dict[PaymentKey, dict[Change, None]] = {}

    def join(self, key: PaymentKey) -> Change:
        """An event for the next change. Join before reading the row, so that no change falls between."""
        event = Change()
        self._waiting.setdefault(key, {})[event] = None
        return event

    def leave(self, key: PaymentKey, event: Change) -> None:
        waiting = self._waiting.get(key)
        if waiting is None:
            return
        waiting.pop(event, None)
        if not waiting:
            del self._waiting[key]

    def close(self) -> None:
        """Nobody is held any more: who waits is answered with what is known now."""
        self._closed = True
        for waiting in self._waiting.values():
            for event in waiting:
                event.set()

    async def held(
        self,
        key: PaymentKey,
        look: Callable[[], Awaitable[T]],
        enough: Callable[[T], bool],
        *,
        wait_s: float,
        told: Callable[[Payment], T] | None = None,
    ) -> T:
        """What `look` sees: at once, and again after each change until it is enough or the time is over. `told`: what
        it would see of a payment that was committed and told; then the row is not read again."""
        loop = asyncio.get_running_loop()
        until = loop.time() + wait_s
        news: Payment | None = None
        while True:
            changed = self.join(key)
            try:
                # Joined first, then read: a change between the two is seen.
                seen = await look() if news is None or told is None else told(news)
                left_s = until - loop.time()
                if enough(seen) or left_s <= 0 or self._closed:
                    return seen
                news = None
                async with asyncio.timeout(left_s):
                    await changed.wait()
                news = changed.payment
            except TimeoutError:
                continue
            finally:
                self.leave(key, changed)

    def wake(self, key: PaymentKey, payment: Payment | None = None) -> None:
        """`payment`: as it was committed. Without it, who waits reads it."""
        for one in (key, any_payment(key.terminal_id)):
            for event in self._waiting.get(one, ()):
                event.payment = payment
                event.set()


def any_payment(terminal_id: str) -> PaymentKey:
    """Who waits for this is woken by every payment of the terminal."""
    return PaymentKey(terminal_id=terminal_id, order_no="", n=0)
