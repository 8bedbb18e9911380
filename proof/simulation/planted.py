"""Defects planted into a copy of the code, to prove that the simulation finds them: the canary must fail.

Each is one replacement in one file. A replacement that no longer fits the file is an error: a canary that was not
changed would sing for the wrong reason.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

#: Within so many seeds each defect must be found.
MOST_SEEDS: Final = 200
ROOMS: Final = ("guitai", "proof", "sync", "gateway", "protocol", "sandbox", "drivers")


class StaleDefectError(Exception):
    """The text that a defect replaces is not in its file exactly once."""


def by(*rules: str) -> frozenset[str]:
    """The rules of which one must find a defect."""
    return frozenset(rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is broken, where, and where it shows: `trips` are the rules of which one must find it, under a profile,
    within so many seeds."""

    name: str
    file: str
    old: str
    new: str
    trips: frozenset[str]
    profile: str = "mix"
    first_seed: int = 1
    seeds: int = MOST_SEEDS


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What a run over the broken copy said: by which rule the first seed broke, and how many seeds that took."""

    defect: Defect
    rule: str | None
    seeds: int
    seconds: float
    stderr: str

    @property
    def found(self) -> bool:
        return self.rule in self.defect.trips

    @property
    def sentence(self) -> str:
        by = "not found" if self.rule is None else f"{'found' if self.found else 'NOT as named, but'} by {self.rule}"
        return f"{self.defect.name}: {by}, seed {self.seeds} of {self.defect.seeds} ({self.defect.profile})"

    def as_values(self) -> dict[str, Any]:
        return {
            "name": self.defect.name,
            "file": self.defect.file,
            "found": self.found,
            "rule": self.rule,
            "seeds": self.seeds,
            "profile": self.defect.profile,
        }


def plant(defect: Defect, *, root: Path, copy: Path) -> None:
    """Copies the rooms of `root` into `copy` and breaks one file there. What is compiled already is copied with them:
    it is valid as long as its source keeps its time, and compiling all of it again takes longer than most hunts."""
    for room in ROOMS:
        shutil.copytree(root / room, copy / room)
    target = copy / defect.file
    for compiled in (target.parent / "__pycache__").glob(f"{target.stem}.*.pyc"):
        compiled.unlink()
    text = target.read_text(encoding="utf-8")
    if text.count(defect.old) != 1:
        raise StaleDefectError(f"{defect.name}: its text is {text.count(defect.old)} times in {defect.file}")
    target.write_text(text.replace(defect.old, defect.new), encoding="utf-8")


def run_planted(defect: Defect, *, root: Path, timeout_s: float = 3_600.0) -> Caught:
    """Runs the simulation over a broken copy, in its own process, until the first rule breaks."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="guitai-planted-") as folder:
        copy = Path(folder)
        plant(defect, root=root, copy=copy)
        arguments = ("--seeds", str(defect.seeds), "--seed", str(defect.first_seed), "--profile", defect.profile)
        done = subprocess.run(
            (sys.executable, "-m", "guitai", "simulate", *arguments, "--jobs", "1", "--no-shrink", "--stop-after", "1"),
            cwd=copy,
            env={**os.environ, "PYTHONPATH": str(copy)},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    lines = done.stdout.strip().splitlines()
    said = cast("dict[str, Any]", json.loads(lines[-1])) if lines else {}
    broken = cast("list[dict[str, str]]", said.get("violations", []))
    return Caught(
        defect=defect,
        rule=broken[0]["invariant"] if broken else None,
        seeds=int(said.get("seeds", 0)),
        seconds=time.monotonic() - began,
        stderr=done.stderr,
    )
