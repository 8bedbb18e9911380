"""Kills a till or the gateway at random moments, starts it again at once, and looks at the end at the money."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, Final

from proof.torture.programs import Program, ProgramFailedError
from proof.torture.shop import Shop
from proof.torture.verdict import Verdict, judge_when_calm, started_payments

#: What is open when the gateway comes back is settled within this time (SAFETY.md 2).
SETTLED_WITHIN_S: Final = 60.0
#: The run looks on for this long, so that what is late is told from what is lost.
CALM_WITHIN_S: Final = 240.0
#: A run by payments ends here in any case.
LONGEST_S: Final = 1_200.0
_GATEWAY_SHARE: Final = 0.35
_PAUSE_S: Final = (0.05, 1.2)
#: Where payments are counted and not kills, there is time to make them.
_LONG_PAUSE_S: Final = (0.5, 8.0)
_DOWN_S: Final = (0.0, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tortured:
    """What a run did and what it found. `settled_after_s`: until all was well, from when the gateway was back for
    the last time. `folder` is kept when something is wrong."""

    cycles: int
    seconds: float
    kills: dict[str, int]
    settled_after_s: float
    verdict: Verdict
    folder: str | None

    @property
    def clean(self) -> bool:
        return self.verdict.clean and self.settled_after_s <= SETTLED_WITHIN_S

    def as_values(self) -> dict[str, Any]:
        values = asdict(self)
        return {**{k: v for k, v in values.items() if k != "verdict"}, **values["verdict"], "ok": self.clean}


Progress = Callable[[str], None]


def torture(*, cycles: int, payments: int | None, tills: int, seed: int, progress: Progress) -> Tortured:
    """`cycles` kills; or, with `payments`, kills until the tills have begun so many. The last kill is the gateway's,
    and the tills begin nothing after it. Only processes that this run started are touched. ProgramFailedError when one
    does not start."""
    chance = Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="guitai-torture-"))
    began = time.monotonic()
    shop = Shop(folder / "shop", tills=tills)
    keep = True
    try:
        shop.open()
        progress(f"{tills} tills sell under load, with three wallets")
        kills: Counter[str] = Counter()
        if payments is None:
            _kill_often(shop, cycles - 1, chance, kills, progress)
        else:
            _kill_until(shop, payments, chance, kills, progress)
        _kill_for_the_last_time(shop, kills)
        progress("the gateway was started for the last time; now everything must come to rest")
        verdict, settled_after_s = judge_when_calm(shop, within_s=CALM_WITHIN_S)
        found = Tortured(
            cycles=kills.total(),
            seconds=round(time.monotonic() - began, 1),
            kills=dict(sorted(kills.items())),
            settled_after_s=round(settled_after_s, 1),
            verdict=verdict,
            folder=None,
        )
        keep = not found.clean
        return replace(found, folder=str(folder)) if keep else found
    finally:
        shop.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _kill_often(shop: Shop, cycles: int, chance: Random, kills: Counter[str], progress: Progress) -> None:
    for cycle in range(1, cycles + 1):
        time.sleep(chance.uniform(*_PAUSE_S))
        _kill_one(shop, chance, kills)
        if cycle % 10 == 0:
            progress(f"{cycle} of {cycles + 1} kills")


def _kill_until(shop: Shop, payments: int, chance: Random, kills: Counter[str], progress: Progress) -> None:
    ends_s = time.monotonic() + LONGEST_S
    while (begun := started_payments(shop)) < payments and time.monotonic() < ends_s:
        time.sleep(chance.uniform(*_LONG_PAUSE_S))
        _kill_one(shop, chance, kills)
        if kills.total() % 10 == 0:
            progress(f"{begun} of {payments} payments, {kills.total()} kills")


def _kill_one(shop: Shop, chance: Random, kills: Counter[str]) -> None:
    victim = _victim(shop, chance)
    victim.kill()
    kills[victim.name] += 1
    time.sleep(chance.uniform(*_DOWN_S))
    victim.start()
    # Every other time the next kill may come while it is still starting.
    if chance.random() < 0.5:
        victim.ready()


def _kill_for_the_last_time(shop: Shop, kills: Counter[str]) -> None:
    for program in (shop.gateway, *shop.tills.values()):
        if not program.running:
            raise ProgramFailedError(f"{program.name} ended by itself: {program.last_words()}")
    for till in shop.tills.values():
        till.tell("stop")
    shop.gateway.kill()
    kills[shop.gateway.name] += 1
    shop.gateway.start()
    shop.gateway.ready()


def _victim(shop: Shop, chance: Random) -> Program:
    if chance.random() < _GATEWAY_SHARE:
        return shop.gateway
    return shop.tills[chance.choice(sorted(shop.tills))]
