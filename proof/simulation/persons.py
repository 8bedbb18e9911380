"""Who looks after a shop beside its cashiers, at moments of his own: its owner, and what only he can decide."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from proof.simulation.gateway import GatewayHost
from proof.simulation.judge import Judge
from proof.simulation.key_life import KeyLife
from proof.simulation.late_desk import LateDesk
from proof.simulation.making import Around
from proof.simulation.owner import Owner
from proof.simulation.restored_desk import RestoredDesk
from proof.simulation.restoring import Restoring
from proof.simulation.terminal import TillHost

Note = Callable[[str, str], None]


class Persons:
    """`committed`: tells the judge that something was written."""

    def __init__(
        self,
        around: Around,
        *,
        gateway: GatewayHost,
        tills: Sequence[TillHost],
        judge: Judge,
        committed: Callable[[], None],
        note: Note,
    ) -> None:
        evidence = judge.evidence
        self.owner = Owner(
            gateway=gateway,
            tills=tills,
            serve=around.serve,
            side=evidence.side,
            chance=around.chance("owner"),
            now_ms=around.now_ms,
            note=note,
        )
        self.key_life = KeyLife(gateway, evidence.side, around, note)
        self.late_desk = LateDesk(
            profile=around.profile,
            gateway=gateway,
            chance=around.chance("late desk"),
            now_ms=evidence.gateway_ms,
            committed=committed,
            sent_back=evidence.sent_back.add,
            note=note,
            by_hand=evidence.by_hand,
            pace=around.chance("late desk pace"),
        )
        evidence.holds_late_money = self.late_desk.holds
        self._restoring = Restoring(
            restores=around.profile.troubles.restores,
            gateway=gateway,
            database=around.stage.gateway_path,
            tills=tills,
            chance=around.chance("restoring"),
            judge=judge,
            note=note,
        )
        self.restored_desk = RestoredDesk(
            happens=self._restoring.happens,
            gateway=gateway,
            wallets=around.wallets,
            evidence=evidence,
            chance=around.chance("restored desk"),
            listed=judge.listed,
            note=note,
        )

    @property
    def needed(self) -> bool:
        """Whether something waits for a word of the owner."""
        return self.owner.needed or self.restored_desk.needed

    def come(self) -> Sequence[Coroutine[Any, Any, None]]:
        coming = [self.owner.visits(), self.key_life.changes(), self.late_desk.visits()]
        return [*coming, self._restoring.happen(), self.restored_desk.visits()] if self._restoring.happens else coming

    def calm(self) -> None:
        for person in (self.owner, self.key_life, self.late_desk, self._restoring, self.restored_desk):
            person.calm()
