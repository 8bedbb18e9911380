"""The demo's processes: started with one ready line each, ended together, by their own ids.

A child says that it is ready with one JSON line on its standard output; its log goes to a file. On Linux a child also
gets SIGTERM when the demo itself dies, so that nothing is left behind.
"""

from __future__ import annotations

import ctypes
import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, cast

from msgspec import Struct

_PR_SET_PDEATHSIG = 1
END_WITH_PARENT = "GUITAI_END_WITH_PARENT"
READY_WITHIN_S = 30.0
END_WITHIN_S = 3.5


class ChildFailed(Exception):
    """A process of the demo ended or stayed silent before it was ready; `log` is where it said why."""

    def __init__(self, name: str, log: Path) -> None:
        super().__init__(f"The {name} did not start.")
        self.log = log


class Child(Struct, frozen=True, kw_only=True):
    """One running process and what its ready line said."""

    name: str
    process: subprocess.Popen[str]
    said: Mapping[str, Any]


def guitai_command(*arguments: str) -> list[str]:
    """The command line that runs this same program with other arguments."""
    if getattr(sys, "frozen", False):
        return [sys.executable, *arguments]
    return [sys.executable, "-m", "guitai", *arguments]


def start(name: str, arguments: Sequence[str], *, log_folder: Path, env: Mapping[str, str]) -> Child:
    """Starts one process and waits for its ready line."""
    log = log_folder / f"{name}.log"
    with log.open("ab") as stderr:
        process = subprocess.Popen(
            guitai_command(*arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            encoding="utf-8",
            env={**env, END_WITH_PARENT: "1"},
        )
    assert process.stdout is not None
    line = _first_line(process.stdout, process)
    said = _read_ready(line)
    if said is None:
        end([Child(name=name, process=process, said={})])
        raise ChildFailed(name, log)
    return Child(name=name, process=process, said=said)


def end(children: Sequence[Child]) -> None:
    """SIGTERM to all, a bounded wait, SIGKILL to who is left."""
    for child in children:
        if child.process.poll() is None:
            child.process.terminate()
    deadline = time.monotonic() + END_WITHIN_S
    for child in children:
        try:
            child.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()


def _first_line(stream: IO[str], process: subprocess.Popen[str]) -> str | None:
    """The first line, read on a thread that goes on draining the pipe so that the child never blocks on it."""
    lines: Queue[str] = Queue()

    def drain() -> None:
        with stream:
            for line in stream:
                lines.put(line)

    Thread(target=drain, name="guitai-demo-output", daemon=True).start()
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        try:
            return lines.get(timeout=0.05)
        except Empty:
            if process.poll() is not None and lines.empty():
                return None
    return None


def _read_ready(line: str | None) -> Mapping[str, Any] | None:
    if line is None:
        return None
    try:
        said: object = json.loads(line)
    except ValueError:
        return None
    return cast("Mapping[str, Any]", said) if isinstance(said, dict) else None


def end_with_parent() -> None:
    """Called by a child at its start: asks Linux for SIGTERM when the demo dies without ending it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
