"""The owner's word about late money, in shops that hold it for a person: kept for its sale, given back by hand, or sent
back.

He looks now and then and keeps what he may keep, or gives it back out of his own pocket, as he does with what its
wallet refuses to give back for good. When the shop is quiet he sends back what is left.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final

from sqlalchemy import update

from gateway.jobs.late_cases import LateCase, accept, by_hand, open_cases, send_back
from gateway.jobs.schedule import DEFAULT_PACE, Pace
from gateway.payments.late import LateRefusal, LateWord
from gateway.store.tables import MERCHANTS
from gateway.store.units import Tx
from proof.simulation.faults import Profile
from proof.simulation.gateway import GatewayHost

#: Of the shops in which money may come late.
_HOLDS: Final = 0.4
_LOOKS_EVERY_S: Final = 15.0
#: Of an owner who decides the moment he hears of it, while somebody may still stand at the counter.
_EAGER_S: Final = 2.0
_EAGER: Final = 0.4
#: Of one who wants to keep, or gave back himself, what is on its way back already.
_CONTRARY: Final = 0.4
_BY_HAND: Final = 0.3
_WORD: Final = LateWord(person="owner", reason="")


class LateDesk:
    """`committed`: tells the judge that something was written, `sent_back` what he decided. `now_ms`: by the gateway's
    clock. `by_hand`: where he notes for which orders he gave money back himself; `pace`: how he is."""

    def __init__(
        self,
        *,
        profile: Profile,
        gateway: GatewayHost,
        chance: Random,
        now_ms: Callable[[], int],
        committed: Callable[[], None],
        sent_back: Callable[[str], None],
        note: Callable[[str, str], None],
        by_hand: set[str],
        pace: Random,
    ) -> None:
        self._every_s = _EAGER_S if pace.random() < _EAGER else _LOOKS_EVERY_S
        self._contrary = pace.random() < _CONTRARY
        self._by_hand = by_hand
        self._gateway = gateway
        self._chance = chance
        self._now_ms = now_ms
        self._committed = committed
        self._sent_back = sent_back
        self._note = note
        self._calm = False
        #: Whether this shop's late money waits for his word.
        holds = 1.0 if profile.name == "held" else _HOLDS
        self.holds = profile.late_money and not profile.selling.offline and chance.random() < holds
        if self.holds:
            gateway.door(lambda tx: tx.connection.execute(update(MERCHANTS).values(late_money="hold")))

    def calm(self) -> None:
        self._calm = True

    async def visits(self) -> None:
        while self.holds:
            await asyncio.sleep(_LOOKS_EVERY_S if self._calm else self._every_s)
            for case in self._gateway.door(open_cases):
                contrary = self._contrary and not self._calm
                if (case.refused or not case.going_back or contrary) and (self._calm or self._chance.random() < 0.5):
                    said = self._gateway.door(lambda tx, case=case: self._decides(tx, case))
                    self._note("late_money_decided", f"{case.out_trade_no} {said}")
                    self._committed()

    def _decides(self, tx: Tx, case: LateCase) -> str:
        if case.refused or (not self._calm and self._chance.random() < _BY_HAND):
            given = by_hand(tx, case.out_trade_no, _WORD, _pace_of, now_ms=self._now_ms())
            if isinstance(given, LateRefusal):
                return given.value
            self._by_hand.add(case.out_trade_no)
            self._note("late_money_by_hand", case.out_trade_no)
            return "by_hand"
        if not self._calm:
            kept = accept(tx, case.out_trade_no, _WORD, _pace_of, now_ms=self._now_ms())
            return kept.value if isinstance(kept, LateRefusal) else "kept"
        self._sent_back(case.out_trade_no)
        send_back(tx, case.out_trade_no, _WORD, _pace_of, now_ms=self._now_ms())
        return "sent_back"


def _pace_of(_account: str | None) -> Pace:
    """He speaks through a program of its own, which knows no account's traits."""
    return DEFAULT_PACE
