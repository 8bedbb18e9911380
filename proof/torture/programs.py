"""The processes of a torture run: started with one ready line each, killed and ended by their own ids only."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, Final, cast

_READY_WITHIN_S: Final = 60.0
_END_WITHIN_S: Final = 5.0


class ProgramFailedError(Exception):
    """A program did not start, or a command of the set-up failed; the text has its last words."""


class Program:
    """One program that can be killed and started again with the same arguments. Its log is one file over all runs.
    `ready_s`: the moment of the last ready line that was waited for, by `time.monotonic`."""

    def __init__(self, name: str, module: str, arguments: Sequence[str], *, log_folder: Path) -> None:
        self.name = name
        self.log = log_folder / f"{name}.log"
        self.said: Mapping[str, Any] = {}
        self.starts = 0
        self.ready_s = 0.0
        self._command = (sys.executable, "-m", module, *arguments)
        self._process: subprocess.Popen[str] | None = None
        self._lines: Queue[str] = Queue()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Starts it without waiting."""
        assert not self.running, "one process of each program at a time"
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self._command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True, encoding="utf-8"
            )
        assert process.stdout is not None
        self._process, self._lines = process, Queue()
        Thread(target=_drain, args=(process.stdout, self._lines), name=f"{self.name}-output", daemon=True).start()
        self.starts += 1

    def ready(self) -> Mapping[str, Any]:
        """Waits for the ready line of this run."""
        self.said = self.next_line(_READY_WITHIN_S)
        self.ready_s = time.monotonic()
        return self.said

    def next_line(self, within_s: float) -> Mapping[str, Any]:
        """The next JSON line that it prints. ProgramFailedError when it ends or stays silent."""
        deadline = time.monotonic() + within_s
        while time.monotonic() < deadline:
            try:
                return cast("Mapping[str, Any]", json.loads(self._lines.get(timeout=0.05)))
            except Empty:
                if not self.running and self._lines.empty():
                    break
        raise ProgramFailedError(f"{self.name} is silent: {self.last_words()}")

    def tell(self, word: str) -> None:
        """One line on its standard input."""
        assert self._process is not None, "only a program that was started"
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        """kill -9, by its own id; returns when it is gone."""
        if self._process is not None:
            self._process.kill()
            self._reap()

    def end(self) -> None:
        """SIGTERM, a bounded wait, then kill -9."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(_END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._reap()

    def last_words(self) -> str:
        try:
            return " / ".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-6:])
        except OSError:
            return ""

    def _reap(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._process.stdin is not None:
            # What was written and not read dies with the pipe.
            try:
                self._process.stdin.close()
            except BrokenPipeError:
                pass


def run_guitai(*arguments: str) -> str:
    """One command of the set-up; its standard output."""
    done = subprocess.run(
        (sys.executable, "-m", "guitai", *arguments),
        capture_output=True,
        text=True,
        encoding="utf-8",
        env=os.environ,
        check=False,
    )
    if done.returncode != 0:
        raise ProgramFailedError(f"guitai {' '.join(arguments[:2])}: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def _drain(stream: IO[str], lines: Queue[str]) -> None:
    with stream:
        for line in stream:
            lines.put(line)
