"""Runs targets: each in its own process under atheris, or, without it, by the seeded mutator in this one.

A defect is told by its target, its kind and the input as hexadecimal text, with which anybody can see it again.
"""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final

from proof.fuzz.mutate import inputs
from proof.fuzz.registry import all_targets
from proof.fuzz.target import Target

#: Beside its time: loading, and what libFuzzer takes to end.
_SPARE_S: Final = 120
_RUNS: Final = re.compile(r"^(?:Done|stat::number_of_executed_units:)\s*(\d+)", re.MULTILINE)
#: How long one input may take of the processor, in the short slice.
SLOWEST_S: Final = 2.0
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    target: str
    what: str
    data: bytes

    def as_values(self) -> dict[str, str]:
        return {"target": self.target, "what": self.what, "input": self.data.hex()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fuzzed:
    """What became of one target."""

    target: str
    engine: str
    executions: int
    seconds: float
    defect: Defect | None

    def as_values(self) -> dict[str, object]:
        return {
            "target": self.target,
            "engine": self.engine,
            "executions": self.executions,
            "seconds": round(self.seconds, 1),
            "defect": None if self.defect is None else self.defect.as_values(),
        }


def has_atheris() -> bool:
    return importlib.util.find_spec("atheris") is not None


def run_targets(
    names: Sequence[str], *, seconds: int, seed: int, guided: bool, tell: Callable[[Fuzzed], None]
) -> list[Fuzzed]:
    """One after another. `guided`: by atheris."""
    targets, found = all_targets(), list[Fuzzed]()
    for name in names:
        fuzzed = _guided(name, seconds) if guided else _drawn(targets[name], seconds, seed)
        tell(fuzzed)
        found.append(fuzzed)
    return found


def slice_of(target: Target, *, seed: int, executions: int) -> Defect | None:
    """The corpus and so many mutations of it; the first input that breaks a rule, or takes too long."""
    for data in inputs(target.seeds, seed=seed, count=executions, most_bytes=target.most_bytes):
        defect = try_one(target, data)
        if defect is not None:
            return defect
    return None


def try_one(target: Target, data: bytes, *, slowest_s: float = SLOWEST_S) -> Defect | None:
    began = time.process_time()
    try:
        target.run(data)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        place = traceback.extract_tb(error.__traceback__)[-1]
        what = f"{type(error).__name__} at {Path(place.filename).name}:{place.lineno}"
        return Defect(target=target.name, what=what, data=data)
    took = time.process_time() - began
    if took > slowest_s:
        return Defect(target=target.name, what=f"took {took:.1f} s", data=data)
    return None


def _drawn(target: Target, seconds: int, seed: int) -> Fuzzed:
    began, executions = time.monotonic(), 0
    defect: Defect | None = None
    target.run(b"")  # what is made once per process is no input's fault
    for number in count(seed):
        defect = slice_of(target, seed=number, executions=_AT_ONCE)
        executions += _AT_ONCE
        if defect is not None or time.monotonic() - began >= seconds:
            break
    took = time.monotonic() - began
    return Fuzzed(target=target.name, engine="mutator", executions=executions, seconds=took, defect=defect)


def _guided(name: str, seconds: int) -> Fuzzed:
    with tempfile.TemporaryDirectory(prefix="guitai-fuzz-") as folder:
        command = [sys.executable, "-m", "proof.fuzz.engine", name, folder, str(seconds)]
        began = time.monotonic()
        ended = subprocess.run(command, capture_output=True, check=False, timeout=seconds + _SPARE_S)
        took = time.monotonic() - began
        said = (ended.stdout + ended.stderr).decode("utf-8", "replace")
        runs = [int(found) for found in _RUNS.findall(said)]
        defect = None if ended.returncode == 0 else _crash(name, Path(folder), said)
    return Fuzzed(target=name, engine="atheris", executions=max(runs, default=0), seconds=took, defect=defect)


def _crash(name: str, folder: Path, said: str) -> Defect:
    """libFuzzer leaves the input behind; without one the program itself failed, and its last line says how."""
    kept = sorted(path for path in folder.iterdir() if path.is_file())
    data = kept[0].read_bytes() if kept else b""
    told = [line for line in said.splitlines() if re.match(r"\w+(Error|Exception)|ERROR: libFuzzer", line.lstrip("= "))]
    what = told[0].strip("= ")[:200] if told else (said.splitlines() or ["nothing was said"])[-1][:200]
    kind = what.partition(":")[0] if not what.startswith("ERROR") else what
    return Defect(target=name, what=kind if kept else what, data=data)
