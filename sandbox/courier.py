"""Carries the wallets' notifications to the shop: what a call made due at once, and what time makes due.

Each delivery is handed out once by its wallet, so whoever takes it here makes it, and says how it went. One that must
arrive before the answer of the call that caused it is waited for. Must not know: any wallet's words.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from sandbox.clock import Clock
from sandbox.line import Line, LineRequest
from sandbox.wallet import Outgoing, SimulatedWallet

ANSWER_WITHIN_S: Final = 5.0
"""WeChat Pay's published patience; the other wallets are given the same."""
_MOST_AT_ONCE: Final = 32
_SHORTEST_SLEEP_S: Final = 0.005
_LONGEST_SLEEP_S: Final = 3600.0


class Courier:
    """For one event loop. `run` is the part that time drives; it ends by being cancelled."""

    def __init__(self, *, wallets: Mapping[str, SimulatedWallet], line: Line, clock: Clock) -> None:
        self._wallets = wallets
        self._line = line
        self._clock = clock
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._under_way: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()

    async def after_call(self, wallet: SimulatedWallet) -> None:
        """A call or a customer has just changed something at this wallet. Returns when the answer may go out."""
        hurried = self._take(wallet)
        self._changed.set()
        if hurried:
            await asyncio.wait(hurried)

    async def run(self) -> None:
        """Makes every delivery when it is due, until cancelled."""
        try:
            while True:
                self._changed.clear()
                for wallet in self._wallets.values():
                    self._take(wallet)
                # Not `wait_for`: Python 3.11's loses a cancellation that comes together with the event.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._sleep_s()):
                        await self._changed.wait()
        finally:
            for task in self._under_way:
                task.cancel()

    def _take(self, wallet: SimulatedWallet) -> list[asyncio.Task[None]]:
        """Starts what is due now; gives those that are to arrive before an answer."""
        now_ms = self._clock()
        next_ms = wallet.next_event_ms()
        if next_ms is None or next_ms > now_ms:
            return []
        hurried: list[asyncio.Task[None]] = []
        for outgoing in wallet.due_notifications(now_ms):
            task = asyncio.create_task(self._deliver(wallet, outgoing))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
            if outgoing.before_answer:
                hurried.append(task)
        return hurried

    async def _deliver(self, wallet: SimulatedWallet, outgoing: Outgoing) -> None:
        request = LineRequest(method="POST", url=outgoing.url, headers=outgoing.headers, body=outgoing.body)
        async with self._places:
            answer = await self._line.send(request, timeout_s=ANSWER_WITHIN_S)
        status, body = (None, b"") if answer is None else (answer.status, answer.body)
        wallet.notified(outgoing.id, status=status, body=body, now_ms=self._clock())
        self._changed.set()

    def _sleep_s(self) -> float:
        coming = [at_ms for wallet in self._wallets.values() if (at_ms := wallet.next_event_ms()) is not None]
        if not coming:
            return _LONGEST_SLEEP_S
        return min(max(_SHORTEST_SLEEP_S, (min(coming) - self._clock()) / 1000), _LONGEST_SLEEP_S)
