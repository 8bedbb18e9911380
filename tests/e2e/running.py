"""One program that a test runs: its lines as they come, its log in a file, its end by its own process id."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread

_ENDS_WITHIN_S = 8.0


class Running:
    """Started at once. What it prints on standard output is read line by line; `end` ends it and what it started."""

    def __init__(self, command: Sequence[str], *, env: Mapping[str, str], log: Path) -> None:
        self._command, self._log = list(command), log
        self._lines: Queue[str | None] = Queue()
        with log.open("ab") as stderr:
            # The kernel ends it when the tests are killed; a session of its own, so that what it starts ends with it.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *self._command],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
                encoding="utf-8",
                env=dict(env),
                start_new_session=True,
            )
        self._reader = Thread(target=self._read, name="test-output", daemon=True)
        self._reader.start()

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        """What it wrote on standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def line(self, *, within_s: float) -> str:
        """The next line on standard output; fails the test when none comes in time."""
        line = self.line_if_any(within_s=within_s)
        assert line is not None, f"{self._command[:3]} said nothing for {within_s} s\n{self.log()}"
        return line

    def line_if_any(self, *, within_s: float) -> str | None:
        """The next line, or None when none comes in time or the program has ended."""
        try:
            return self._lines.get(timeout=within_s)
        except Empty:
            return None

    def say(self, line: str) -> None:
        """One line to its standard input."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def end(self) -> int:
        """SIGTERM, a bounded wait, then SIGKILL to what is left of its session. Its exit status."""
        if self.alive:
            self._process.terminate()
        try:
            self._process.wait(_ENDS_WITHIN_S)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        status = self._process.wait()
        self._reader.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        return status

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)
