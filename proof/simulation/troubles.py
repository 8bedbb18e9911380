"""What befalls a whole shop: power cuts, keys that change, disks that are copied or restored, a row nobody can work.

Each draws its moments from a stream of its own and stops when the world becomes calm.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Coroutine, Sequence
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.keys import GatewayKeys
from proof.simulation.faults import Span, Troubles
from proof.simulation.gateway import GatewayHost
from proof.simulation.terminal import TillHost

#: The reference of the row that no desk can work; errors about it are expected.
POISON: Final = "POISONED"


class Misfortunes:
    """`clone(till, copy)` starts a second machine from a copy of a till's disk; `unruly(terminal_id)` tells the judge
    that from now on a person is needed for this terminal."""

    def __init__(
        self,
        *,
        troubles: Troubles,
        chance_of: Callable[[str], Random],
        gateway: GatewayHost,
        gateway_path: Path,
        tills: Sequence[TillHost],
        keys: Sequence[GatewayKeys],
        clone: Callable[[TillHost, Path], None],
        unruly: Callable[[str], None],
        note: Callable[[str, str], None],
    ) -> None:
        self._troubles = troubles
        self._chance_of = chance_of
        self._gateway = gateway
        self._gateway_path = gateway_path
        self._tills = tills
        self._keys = keys
        self._clone = clone
        self._unruly = unruly
        self._note = note
        self._calm = False

    def calm(self) -> None:
        self._calm = True

    def all(self) -> list[Coroutine[Any, Any, None]]:
        what = self._troubles
        running: list[Coroutine[Any, Any, None]] = []
        if what.power_cuts is not None:
            running.append(self._again_and_again("power", what.power_cuts, self._power_cut))
        if what.key_changes is not None:
            running.append(self._again_and_again("rotation", what.key_changes, self._next_key))
        if self._happens("forks", what.forks):
            running.append(self._fork(self._chance_of("fork")))
        if self._happens("poison", what.poison):
            running.append(self._poison(self._chance_of("poison")))
        return running

    def _happens(self, name: str, rate: float) -> bool:
        return rate > 0.0 and self._chance_of(f"{name} at all").random() < rate

    async def _again_and_again(self, name: str, every: Span, act: Callable[[Random], None]) -> None:
        chance = self._chance_of(name)
        while True:
            await asyncio.sleep(round(chance.uniform(*every), 3))
            if self._calm:
                return
            act(chance)

    def _power_cut(self, chance: Random) -> None:
        """The shop's, or the gateway's."""
        if chance.random() < 0.7:
            self._note("power_cut", "shop")
            for till in self._tills:
                till.power_cut()
        elif self._gateway.process is not None:
            self._note("power_cut", "gateway")
            self._gateway.die(self._gateway.process)

    def _next_key(self, chance: Random) -> None:
        """The gateway comes back and signs with a key that tills know and have not seen in use."""
        keys = chance.choice(self._keys)
        self._note("key_change", keys.http_kid[:4])
        self._gateway.sign_with(keys)
        if self._gateway.process is not None:
            self._gateway.die(self._gateway.process)

    async def _fork(self, chance: Random) -> None:
        till = chance.choice(self._tills)
        await asyncio.sleep(round(chance.uniform(2.0, 60.0), 3))
        if self._calm:
            return
        copy = self._gateway_path.with_name("copied-journal.db")
        till.copy_disk(copy)
        self._note("disk_copied", till.name)
        await asyncio.sleep(round(chance.uniform(2.0, 90.0), 3))
        if self._calm:
            return
        self._unruly(till.terminal_id)
        if chance.random() < 0.5:
            self._note("disk_restored", till.name)
            till.start_from(copy)
        else:
            self._note("disk_cloned", till.name)
            self._clone(till, copy)

    async def _poison(self, chance: Random) -> None:
        await asyncio.sleep(round(chance.uniform(1.0, 60.0), 3))
        with closing(sqlite3.connect(self._gateway_path, isolation_level=None)) as db:
            row = "insert into tasks (kind, ref, due_ms, lease_until_ms) values (?, ?, 1, 0)"
            db.execute(row, (chance.choice(("work", "refund", "notice", "page")), POISON))
        self._note("poisoned_row", "")
