"""Runs one world: in a loop and a folder of its own, from its beginning to its end."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

from proof.simulation.faults import Profile
from proof.simulation.mask import NOTHING, Mask
from proof.simulation.outcome import Outcome
from proof.simulation.processes import MortalLoop
from proof.simulation.stage import Stage
from proof.simulation.world import World


def run_world(
    seed: int,
    profile: Profile,
    stage: Stage,
    *,
    real_crypto: bool = False,
    mask: Mask = NOTHING,
    keep_trace: Callable[[list[str]], None] | None = None,
) -> Outcome:
    """Runs one world from its beginning to its end. The same seed and profile give the same `trace`."""
    folder = stage.folder / f"{profile.name}-{seed}"
    folder.mkdir()
    try:
        with asyncio.Runner(loop_factory=MortalLoop) as runner:
            world = runner.run(_made(seed, mask.over(profile), stage, folder, real_crypto, mask))
            outcome = runner.run(world.live())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if keep_trace is not None:
        keep_trace(world.trace.lines)
    return outcome


async def _made(seed: int, profile: Profile, stage: Stage, folder: Path, real_crypto: bool, mask: Mask) -> World:
    return World(seed, profile, stage, folder, real_crypto=real_crypto, mask=mask)
