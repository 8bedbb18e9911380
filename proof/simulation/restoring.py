"""The gateway's database is put back to an earlier copy of itself while the gateway is down.

As `sqlite3 gateway.db ".backup"` and `".restore"` do it. What stands beside the database is another matter: the file
that says how far it went (`*.anchor`) is left as it is, or lost, or put back with it. In the last case the gateway
cannot see it: a till that was told of more does, or the owner says so before the gateway starts again.

Not simulated: a refund at a wallet that names it by the time when it was sent, and of which its till has not heard that
it is done, is sent again by a gateway that forgot it, and is another refund then (ARCHITECTURE.md).
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from enum import StrEnum
from pathlib import Path
from random import Random
from typing import Final

from gateway.configure.words import RestoredAction, RestoredOrder, RestoredSaid
from proof.simulation.faults import Restores
from proof.simulation.gateway import GatewayHost
from proof.simulation.judge import Judge
from proof.simulation.restored_judge import goes_back_unheard
from proof.simulation.terminal import TillHost

_ON_ITS_PAGE: Final = "select 1 from payments where state not in ('PAID', 'NOT_PAID') and page = 1 limit 1"
#: The wallet that does so, and how long is waited.
_BY_TIME: Final = "unionpay"
_PATIENCE_S: Final = 120
_HELD: Final = "select journal_seq from terminals where terminal_id = ?"


class Beside(StrEnum):
    """What became of the file beside the database."""

    LEFT = "left"
    LOST = "lost"
    PUT_BACK = "put_back"


class Restoring:
    """See the module. `database`: its path; `judge` hears of it right before and after."""

    def __init__(
        self,
        *,
        restores: Restores,
        gateway: GatewayHost,
        database: Path,
        tills: Sequence[TillHost],
        chance: Random,
        judge: Judge,
        note: Callable[[str, str], None],
    ) -> None:
        self._restores = restores
        self._gateway = gateway
        self._database = database
        self._anchor = database.with_name(database.name + ".anchor")
        self._copy = database.with_name("copied-gateway.db")
        self._tills = tills
        self._chance = chance
        self._judge = judge
        self._note = note
        self._calm = False
        self._times = 2 if chance.random() < restores.again else 1 if chance.random() < restores.rate else 0

    @property
    def happens(self) -> bool:
        return self._times > 0

    def calm(self) -> None:
        self._calm = True

    async def happen(self) -> None:
        for _ in range(self._times):
            await asyncio.sleep(round(self._chance.uniform(*self._restores.copied), 3))
            await self._gateway.up.wait()
            if self._calm:
                return
            self._keep_a_copy()
            await asyncio.sleep(round(self._chance.uniform(*self._restores.lost), 3))
            await self._gateway.up.wait()
            await self._nothing_is_on_its_way_back()
            process = self._gateway.process
            if self._calm or process is None:
                return
            self._gateway.die(process, self._restores.down)
            self._goes_back()

    async def _nothing_is_on_its_way_back(self) -> None:
        """See the module."""
        for _ in range(_PATIENCE_S):
            if self._calm or not goes_back_unheard(self._judge.evidence, _BY_TIME):
                return
            await asyncio.sleep(1.0)

    def _keep_a_copy(self) -> None:
        self._copy.unlink(missing_ok=True)
        _copied(self._database, self._copy)
        self._beside = self._anchor.read_bytes()
        self._note("gateway_copied", "")

    def _goes_back(self) -> None:
        how = self._chance.choice(tuple(Beside))
        self._judge.goes_back()
        _copied(self._copy, self._database)
        match how:
            case Beside.LEFT:
                pass
            case Beside.LOST:
                self._anchor.unlink()
            case Beside.PUT_BACK:
                self._anchor.write_bytes(self._beside)
        self._note("gateway_restored", how.value)
        self._judge.went_back()
        if how is Beside.PUT_BACK and not self._tills_will_tell():
            order = RestoredOrder(action=RestoredAction.FOUND, person="owner", reason="the whole folder was put back")
            assert isinstance(self._gateway.says(order), RestoredSaid), "he gave his name"
            self._note("gateway_restored_said", "")

    def _tills_will_tell(self) -> bool:
        """Whether each till was told of more than the copy holds, before the gateway does anything by itself: it ends
        pages. Otherwise only the owner can know."""
        with closing(sqlite3.connect(f"{self._copy.absolute().as_uri()}?mode=ro", uri=True)) as copy:
            if copy.execute(_ON_ITS_PAGE).fetchone() is not None:
                return False
            held = {till.name: copy.execute(_HELD, (till.terminal_id,)).fetchone()[0] for till in self._tills}
        return all(till.sight.file.delivered_through() > held[till.name] > 0 for till in self._tills)


def _copied(source: Path, target: Path) -> None:
    with closing(sqlite3.connect(source)) as here, closing(sqlite3.connect(target)) as there:
        here.backup(there)
