"""Runs worlds in several processes and hands their outcomes over in the order of the seeds.

Each process has a stage of its own and takes every n-th seed, so that which process runs a seed is decided beforehand.
A world knows nothing of the others: its outcome is the same wherever it runs.
"""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Generator
from dataclasses import dataclass, replace
from multiprocessing import Pipe, Process
from multiprocessing.connection import Connection

from proof.simulation.mix import profile_of
from proof.simulation.outcome import Outcome
from proof.simulation.running import run_world
from proof.simulation.stage import KeyTexts, Stage, stage

_COLLECT_EVERY = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What to run: the seeds from `first_seed` on, under a profile's name, in so many processes."""

    seeds: int
    first_seed: int
    profile: str
    jobs: int = 1
    real_crypto: bool = False

    def of_worker(self, number: int) -> range:
        return range(self.first_seed + number, self.first_seed + self.seeds, self.jobs)


def all_cores() -> int:
    """As many as this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def outcomes(orders: Orders, keys: KeyTexts) -> Generator[Outcome, None, None]:
    """One after the other by seed. Closing it ends the processes."""
    if orders.jobs == 1:
        with stage(keys) as scenery:
            yield from _each(orders, 0, scenery)
        return
    workers: list[tuple[Process, Connection]] = []
    try:
        for number in range(min(orders.jobs, orders.seeds)):
            mine, theirs = Pipe(duplex=False)
            process = Process(target=_work, args=(orders, number, keys, theirs), daemon=True)
            process.start()
            theirs.close()
            workers.append((process, mine))
        for index in range(orders.seeds):
            process, pipe = workers[index % orders.jobs]
            try:
                outcome: Outcome = pipe.recv()
            except EOFError:
                process.join()
                seed = orders.first_seed + index
                raise RuntimeError(f"the process of seed {seed} ended with {process.exitcode}; see above") from None
            yield outcome
    finally:
        for process, pipe in workers:
            pipe.close()
            if process.is_alive():
                process.terminate()
            process.join()


def _work(orders: Orders, number: int, keys: KeyTexts, pipe: Connection) -> None:
    with stage(keys) as scenery:
        try:
            for outcome in _each(orders, number, scenery):
                pipe.send(outcome)
        except BrokenPipeError:
            return  # enough was found


def _each(orders: Orders, number: int, scenery: Stage) -> Generator[Outcome, None, None]:
    """A world's garbage is collected between worlds, not in the middle of one: a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        for done, seed in enumerate(orders.of_worker(number), 1):
            began = time.process_time()
            outcome = run_world(seed, profile_of(orders.profile, seed), scenery, real_crypto=orders.real_crypto)
            if done % _COLLECT_EVERY == 0:
                gc.collect()
            yield replace(outcome, cpu_s=time.process_time() - began)
    finally:
        gc.enable()
        gc.unfreeze()
