"""Long polls: who waits for a payment is woken after the commit that changed it. One process, one loop."""

from __future__ import annotations

import asyncio

from gateway.payments.values import PaymentKey


class Waiters:
    def __init__(self) -> None:
        # In the order in which they came: a set's order would differ from run to run.
        self._waiting: dict[PaymentKey, dict[asyncio.Event, None]] = {}

    def join(self, key: PaymentKey) -> asyncio.Event:
        """An event for the next change. Join before reading the row, so that no change falls between."""
        event = asyncio.Event()
        self._waiting.setdefault(key, {})[event] = None
        return event

    def leave(self, key: PaymentKey, event: asyncio.Event) -> None:
        waiting = self._waiting.get(key)
        if waiting is None:
            return
        waiting.pop(event, None)
        if not waiting:
            del self._waiting[key]

    def wake(self, key: PaymentKey) -> None:
        for one in (key, any_payment(key.terminal_id)):
            for event in self._waiting.get(one, ()):
                event.set()


def any_payment(terminal_id: str) -> PaymentKey:
    """Who waits for this is woken by every payment of the terminal."""
    return PaymentKey(terminal_id=terminal_id, order_no="", n=0)
