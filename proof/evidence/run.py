"""Runs experiments one after the other, each as a process of its own: what the page shows is what the command does."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from proof.evidence.experiment import Experiment, Result, read_last_line

#: No experiment of the page may run longer; one that does has failed.
LONGEST_S: Final = 3_600.0
#: How much of what a failed command said is kept.
_WORDS: Final = 4_000
_LINES: Final = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Who hears what is going on: what begins, each line that it says meanwhile, and its result."""

    began: Callable[[Experiment], None]
    said: Callable[[str], None]
    ended: Callable[[Result], None]


def run_all(experiments: Sequence[Experiment], told: Told) -> list[Result]:
    results: list[Result] = []
    for experiment in experiments:
        told.began(experiment)
        result = run_one(experiment, said=told.said)
        told.ended(result)
        results.append(result)
    return results


def run_one(experiment: Experiment, *, said: Callable[[str], None], longest_s: float = LONGEST_S) -> Result:
    """Waits for the command's end. Its processes end with it: each command takes down what it started."""
    start = time.monotonic()
    command = (sys.executable, "-m", "guitai", *experiment.arguments)
    words: deque[str] = deque(maxlen=_LINES)
    too_long = threading.Event()
    with (
        tempfile.TemporaryFile("w+", encoding="utf-8") as printed,
        subprocess.Popen(command, stdout=printed, stderr=subprocess.PIPE, text=True) as process,
    ):

        def stop() -> None:
            too_long.set()
            process.kill()

        timer = threading.Timer(longest_s, stop)
        timer.start()
        try:
            assert process.stderr is not None, "it was asked for"
            for line in process.stderr:
                words.append(line)
                said(line.rstrip())
            exit_status = process.wait()
        finally:
            timer.cancel()
        printed.seek(0)
        last = read_last_line(printed.read())
    seconds = time.monotonic() - start
    if too_long.is_set():
        late = f"It did not end within {longest_s:.0f} s."
        return Result(experiment=experiment, exit_status=-1, seconds=seconds, printed=None, words=late)
    failed = "" if exit_status == 0 else "".join(words)[-_WORDS:]
    return Result(experiment=experiment, exit_status=exit_status, seconds=seconds, printed=last, words=failed)
