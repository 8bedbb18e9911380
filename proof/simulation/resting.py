"""After the faults: everything has to come to rest within a bound, with no human action but the owner's word about a
till that there were two of."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from proof.simulation.faults import Profile
from proof.simulation.judge import Judge
from proof.simulation.network import Wire

#: After the faults: a QR that was just shown (120 s), its confirmed close, an absence proof, and pauses that had grown.
REST_WITHIN_S: Final = 300.0
#: An ORDER that nobody opened is over ten minutes after it was shown; one that was opened at the last moment has its
#: own five.
ORDERS_REST_WITHIN_S: Final = 900.0
#: A refund that was refused while the gateway's clock was wrong is sent again so much later.
REFUSED_REFUND_S: Final = 700.0
#: A till that the owner activates again then starts anew: what the gateway refuses of an earlier refund is believed
#: when nothing that was sent before can arrive any more.
ACTIVATED_AGAIN_S: Final = 330.0
#: After the gateway's database was put back a person looks into the wallets' books, and waits before he says so.
PERSON_S: Final = 600.0
#: Late money is looked for until a day after the end.
LATE_MONEY_WITHIN_S: Final = 25 * 3600.0
#: What is always under way on a line: polls that the gateway holds.
_POLLS: Final = 3


class Resting:
    """`busy`: somebody still walks about with a phone, or the owner was not there yet."""

    def __init__(self, *, judge: Judge, profile: Profile, lines: Sequence[Wire], busy: Callable[[], bool]) -> None:
        self._judge = judge
        self._profile = profile
        self._lines = lines
        self._busy = busy
        self._loop = asyncio.get_running_loop()

    async def come(self) -> None:
        lines = (self._profile.line, self._profile.wallet)
        if any(line.stray for line in lines):
            await self._strays_arrive()
        within_s = REST_WITHIN_S + max(line.slow_delay[1] for line in lines)
        if self._profile.selling.offline:
            within_s += ORDERS_REST_WITHIN_S
        if self._profile.troubles.forks:
            within_s += ACTIVATED_AGAIN_S
        if self._profile.troubles.restores.rate:
            within_s += PERSON_S
        if self._profile.clocks.gateway_leaps:
            within_s += REFUSED_REFUND_S
        if await self._rests_within(within_s, every_s=5.0):
            return
        if self._profile.late_money and self._judge.first is None:
            if await self._rests_within(LATE_MONEY_WITHIN_S, every_s=300.0):
                return
        self._judge.calm()

    async def _strays_arrive(self) -> None:
        until = self._loop.time() + self._profile.line.stray_delay[1]
        while self._loop.time() < until:
            await asyncio.sleep(60.0)
            if all(line.under_way <= _POLLS for line in self._lines):
                return

    async def _rests_within(self, within_s: float, *, every_s: float) -> bool:
        until = self._loop.time() + within_s
        while self._loop.time() < until and self._judge.first is None:
            await asyncio.sleep(every_s)
            if not self._busy() and self._judge.at_rest():
                return self._judge.first is None
        return False
