"""`guitai torture --images`: records a shop's day and every migration, cuts the power at each disk operation of each
transaction, and says what was found.

The recording is drawn from one seed; images are made by as many processes as there are cores. A bounded run takes the
kinds of transaction in turn, each first occurrence before any second one.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from random import Random
from typing import Any, Final

from proof.power.images import Tally, final_state, replay
from proof.power.kinds import Reached, kinds_in_code, traced
from proof.power.old import record_migrations
from proof.power.oracles import judge_file, judge_journal, judge_store, open_file, open_journal, open_store, rows_of
from proof.power.recording import Recording, recording
from proof.power.scenes import everything
from proof.power.shop import in_shop
from proof.power.steps import Step, steps_of

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own is made in it
#: How many images a step makes, roughly: some for its syncs, and some for each page that a statement changes.
_ABOUT: Final = (10, 18)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """What a run did and found. `unreached`: kinds of transaction that code has and the recording did not reach."""

    seed: int
    kinds: int
    unreached: tuple[str, ...]
    migrations: int
    transactions: int
    transaction_kinds: int
    operations: int
    images: int
    images_by_damage: dict[str, int]
    whole_states: int
    second_opinions: int
    lost: int
    half: int
    seconds: float
    images_per_second: float
    complaints: tuple[str, ...]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.half or self.unreached)

    def as_values(self) -> dict[str, Any]:
        return asdict(self) | {"ok": self.clean}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    recording: Recording
    name: str
    chosen: frozenset[int]
    seed: int
    every: int
    swallows_syncs: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """Everything that a run replays. `migrations` are also in `recordings`, at their end."""

    recordings: tuple[Recording, ...]
    migrations: int
    kinds: int
    unreached: tuple[str, ...]
    kept_no_row: tuple[str, ...] = ()


def record(seed: int) -> Recorded:
    """A shop's day with every scene, and every migration."""
    folder = _folder()
    reached, kinds = Reached(), kinds_in_code()
    try:
        # What the shop logs is not what the command says.
        with redirect_stdout(sys.stderr), recording(folder) as recorder, traced(reached):
            in_shop(everything, folder, seed=seed)
        day = recorder.recordings
        reached.hear(day)
        store = next(one for one in day if one.path.name == "gateway.db")
        journal = next(one for one in day if one.path.name == "journal.db")
        old = folder / "old"
        old.mkdir()
        taken_up = record_migrations(old, journal=final_state(journal, folder), store=final_state(store, folder))
        lost_rows = [line for one in taken_up for line in _lost_rows(one, folder)]
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Recorded(
        recordings=(*day, *taken_up),
        migrations=len(taken_up),
        kinds=len(kinds),
        unreached=tuple(reached.missing(kinds)),
        kept_no_row=tuple(lost_rows),
    )


def cut_power(
    recorded: Recorded,
    *,
    seed: int,
    limit: int | None,
    processes: int | None = None,
    swallows_syncs: bool = False,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Cut:
    """Makes and judges the images; `limit`: about so many of them. `progress` hears of steps done and of all."""
    cores = processes or os.cpu_count() or 1
    jobs = _jobs(recorded.recordings, seed=seed, limit=limit, parts=cores, swallows_syncs=swallows_syncs)
    began = time.perf_counter()
    total, done, of = Tally(), 0, sum(len(job.chosen) for job in jobs)
    if cores == 1:
        for job in jobs:
            total.add(_work(job))
            done += len(job.chosen)
            progress(done, of)
    else:
        with ProcessPoolExecutor(cores, mp_context=get_context("spawn")) as pool:
            futures = {pool.submit(_work, job): job for job in jobs}
            for future in as_completed(futures):
                total.add(future.result())
                done += len(futures[future].chosen)
                progress(done, of)
    seconds = time.perf_counter() - began
    return Cut(
        seed=seed,
        kinds=recorded.kinds,
        unreached=recorded.unreached,
        migrations=recorded.migrations,
        transactions=total.transactions,
        transaction_kinds=len(total.kinds),
        operations=total.operations,
        images=total.images,
        images_by_damage=dict(sorted(total.by_damage.items())),
        whole_states=total.states,
        second_opinions=total.second_opinions,
        lost=total.lost + len(recorded.kept_no_row),
        half=total.half,
        seconds=round(seconds, 1),
        images_per_second=round(total.images / seconds, 1),
        complaints=(*recorded.kept_no_row, *total.complaints),
    )


def _work(job: _Job) -> Tally:
    tally = Tally()
    folder = _folder()
    judges = (judge_store, open_store) if job.recording.path.name == "gateway.db" else (judge_journal, open_journal)
    if job.recording.begin:
        # Payments of an earlier version have what that version kept about them.
        judges = (judge_file, open_file)
    try:
        replay(
            job.recording,
            folder=folder,
            name=job.name,
            chance=Random(f"{job.seed} {job.name}"),
            tally=tally,
            judge_state=judges[0],
            open_as_product=judges[1],
            chosen=job.chosen,
            every=job.every,
            swallows_syncs=job.swallows_syncs,
        )
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return tally


def _jobs(
    recordings: Sequence[Recording], *, seed: int, limit: int | None, parts: int, swallows_syncs: bool
) -> list[_Job]:
    steps = [steps_of(one.statements) for one in recordings]
    chosen, every = _chosen(steps, limit)
    jobs: list[_Job] = []
    for number, (recorded, numbers) in enumerate(zip(recordings, chosen, strict=True)):
        # A long recording is replayed by several processes, each making its share of the images.
        shares = parts if len(numbers) > 50 else 1
        for share in range(shares):
            jobs.append(
                _Job(
                    recording=recorded,
                    name=f"{number}-{share}",
                    chosen=frozenset(numbers[share::shares]),
                    seed=seed,
                    every=every,
                    swallows_syncs=swallows_syncs,
                )
            )
    return jobs


def _chosen(steps: Sequence[Sequence[Step]], limit: int | None) -> tuple[list[list[int]], int]:
    """The steps of each recording whose images are made, and after which share of their operations. Every kind is there
    once, whatever the limit."""
    if limit is None:
        return [list(range(len(of_one))) for of_one in steps], 1
    rounds: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    seen: defaultdict[tuple[bool, str], int] = defaultdict(int)
    for recorded, of_one in enumerate(steps):
        for number, step in enumerate(of_one):
            key = (step.promised, step.kind)
            rounds[seen[key]].append((recorded, number))
            seen[key] += 1
    chosen: list[list[int]] = [[] for _ in steps]
    about = 0
    for turn in sorted(rounds):
        for recorded, number in rounds[turn]:
            if turn and about >= limit:
                break
            chosen[recorded].append(number)
            about += _ABOUT[0] + _ABOUT[1] * len(steps[recorded][number].changes)
    return [sorted(numbers) for numbers in chosen], max(1, round(about / max(limit, 1)))


def _lost_rows(recorded: Recording, folder: Path) -> list[str]:
    before, after = rows_of(recorded.begin), rows_of(final_state(recorded, folder))
    return [
        f"{recorded.path.parent.name}: {table} had {count} rows and has {after[table]}"
        for table, count in before.items()
        if table in after and after[table] < count
    ]


def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="guitai-power-", dir=_MEMORY if _MEMORY.is_dir() else None))
