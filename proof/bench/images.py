"""Crash images: building, opening and judging one, against opening and checking the same database as it lies."""

from __future__ import annotations

import asyncio
import time
from contextlib import closing
from pathlib import Path
from random import Random

from proof.bench.measure import Measured, interleaved

BOUND = 2.0


async def measure_images(folder: Path, *, rounds: int) -> Measured:
    """Medians over `rounds`; each makes the images of some transactions of the gateway's store."""
    # Only this benchmark needs apsw.
    from proof.power.images import Tally, final_state, replay
    from proof.power.oracles import judge_file, open_file
    from proof.power.run import record
    from proof.power.shim import Sqlite
    from proof.power.steps import steps_of

    recorded = next(one for one in (await asyncio.to_thread(record, 1)).recordings if one.path.name == "gateway.db")
    promised = [number for number, step in enumerate(steps_of(recorded.statements)) if step.promised]
    lies = folder / "whole.db"
    lies.write_bytes(final_state(recorded, folder))
    chance, total = Random(1), Tally()

    async def ours() -> float:
        tally = Tally()
        chosen = set(chance.sample(promised, 12))
        replay(
            recorded,
            folder=folder,
            name="bench",
            chance=chance,
            tally=tally,
            judge_state=judge_file,
            open_as_product=open_file,
            chosen=chosen,
        )
        total.add(tally)
        return tally.cutting_s * 1000 / tally.images

    async def reference() -> float:
        began = time.perf_counter()
        for _ in range(50):
            with closing(Sqlite(lies)) as db:
                assert db.checks(), "the database that lies there is whole"
        return (time.perf_counter() - began) * 1000 / 50

    ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds, warm=1)
    return Measured(
        name="images",
        reference="opening the same database as it lies, with SQLite's integrity check",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
        reported={
            "images": total.images,
            "images_per_second_and_core": round(1000 / ours_ms, 1),
            "lost": total.lost,
            "half": total.half,
        },
    )
