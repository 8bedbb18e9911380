"""Runs experiments one after the other, each as a process of its own: what the page shows is what the command does."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from proof.evidence.experiment import Experiment, Result, read_last_line

#: No experiment of the page may run longer; one that does has failed.
LONGEST_S: Final = 3_600.0
#: How much of what a failed command said is kept.
_WORDS: Final = 4_000

#: Called with what begins, and with its result when it has ended.
Began = Callable[[Experiment], None]
Ended = Callable[[Result], None]


def run_all(experiments: Sequence[Experiment], *, began: Began, ended: Ended) -> list[Result]:
    results: list[Result] = []
    for experiment in experiments:
        began(experiment)
        result = run_one(experiment)
        ended(result)
        results.append(result)
    return results


def run_one(experiment: Experiment, *, longest_s: float = LONGEST_S) -> Result:
    """Waits for the command's end. Its processes end with it: each command takes down what it started."""
    start = time.monotonic()
    command = (sys.executable, "-m", "guitai", *experiment.arguments)
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=longest_s, check=False)
    except subprocess.TimeoutExpired:
        words = f"It did not end within {longest_s:.0f} s."
        return Result(experiment=experiment, exit_status=-1, seconds=longest_s, printed=None, words=words)
    return Result(
        experiment=experiment,
        exit_status=done.returncode,
        seconds=time.monotonic() - start,
        printed=read_last_line(done.stdout),
        words="" if done.returncode == 0 else done.stderr[-_WORDS:],
    )
