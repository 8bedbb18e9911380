"""Kills a till or the gateway at random moments, starts it again at once, and looks at the end at the money."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from proof.torture.programs import Program, ProgramFailedError
from proof.torture.shop import Shop
from proof.torture.verdict import Verdict, judge_when_calm

#: An order that nobody confirms is held open for 45 s and proven absent 30 s after its call ended; with a margin.
CALM_WITHIN_S: Final = 180.0
_GATEWAY_SHARE: Final = 0.35
_PAUSE_S: Final = (0.05, 1.2)
_DOWN_S: Final = (0.0, 0.5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tortured:
    """What a run did and what it found. `folder` is kept when something is wrong."""

    cycles: int
    seconds: float
    kills: dict[str, int]
    calm_after_s: float
    verdict: Verdict
    folder: str | None

    def as_values(self) -> dict[str, Any]:
        values = asdict(self)
        return {**{k: v for k, v in values.items() if k != "verdict"}, **values["verdict"], "ok": self.verdict.clean}


Progress = Callable[[str], None]


def torture(*, cycles: int, tills: int, seed: int, progress: Progress) -> Tortured:
    """`cycles` kills. Only processes that this run started are touched. ProgramFailedError when one does not start."""
    chance = Random(seed)
    folder = Path(tempfile.mkdtemp(prefix="guitai-torture-"))
    began = time.monotonic()
    shop = Shop(folder / "shop", tills=tills)
    keep = True
    try:
        shop.open()
        progress(f"{tills} tills sell under load; {cycles} kills follow")
        kills = _kill_often(shop, cycles, chance, progress)
        for till in shop.tills.values():
            till.tell("stop")
        progress("the last one was started again; now everything must come to rest")
        verdict, calm_after_s = judge_when_calm(shop, within_s=CALM_WITHIN_S)
        keep = not verdict.clean
        return Tortured(
            cycles=cycles,
            seconds=round(time.monotonic() - began, 1),
            kills=dict(sorted(kills.items())),
            calm_after_s=round(calm_after_s, 1),
            verdict=verdict,
            folder=str(folder) if keep else None,
        )
    finally:
        shop.close()
        if not keep:
            shutil.rmtree(folder, ignore_errors=True)


def _kill_often(shop: Shop, cycles: int, chance: Random, progress: Progress) -> Counter[str]:
    kills: Counter[str] = Counter()
    for cycle in range(1, cycles + 1):
        time.sleep(chance.uniform(*_PAUSE_S))
        victim = _victim(shop, chance)
        victim.kill()
        kills[victim.name] += 1
        time.sleep(chance.uniform(*_DOWN_S))
        victim.start()
        # Every other time the next kill may come while it is still starting.
        if cycle == cycles or chance.random() < 0.5:
            victim.ready()
        if cycle % 10 == 0 or cycle == cycles:
            progress(f"{cycle} of {cycles} kills")
    for program in (shop.gateway, *shop.tills.values()):
        if not program.running:
            raise ProgramFailedError(f"{program.name} ended by itself: {program.last_words()}")
    return kills


def _victim(shop: Shop, chance: Random) -> Program:
    if chance.random() < _GATEWAY_SHARE:
        return shop.gateway
    return shop.tills[chance.choice(sorted(shop.tills))]
