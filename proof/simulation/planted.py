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
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

ROOMS: Final = ("guitai", "proof", "sync", "gateway", "protocol", "sandbox", "drivers")


class StaleDefectError(Exception):
    """The text that a defect replaces is not in its file exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Defect:
    """What is broken, where, and where it shows: the profile, and how many seeds from which on are surely enough."""

    name: str
    file: str
    old: str
    new: str
    profile: str = "default"
    first_seed: int = 1
    seeds: int = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Caught:
    """What a run over the broken copy said."""

    exit_status: int
    invariants: tuple[str, ...]
    stderr: str


def plant(defect: Defect, *, root: Path, copy: Path) -> None:
    """Copies the rooms of `root` into `copy` and breaks one file there."""
    for room in ROOMS:
        shutil.copytree(root / room, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
    target = copy / defect.file
    text = target.read_text(encoding="utf-8")
    if text.count(defect.old) != 1:
        raise StaleDefectError(f"{defect.name}: its text is {text.count(defect.old)} times in {defect.file}")
    target.write_text(text.replace(defect.old, defect.new), encoding="utf-8")


def run_planted(defect: Defect, *, root: Path, timeout_s: float = 600.0) -> Caught:
    """Runs the simulation over a broken copy, in its own process."""
    with tempfile.TemporaryDirectory(prefix="guitai-planted-") as folder:
        copy = Path(folder)
        plant(defect, root=root, copy=copy)
        environment = {**os.environ, "PYTHONPATH": str(copy)}
        arguments = ("--seeds", str(defect.seeds), "--seed", str(defect.first_seed), "--profile", defect.profile)
        done = subprocess.run(
            (sys.executable, "-m", "guitai", "simulate", *arguments),
            cwd=copy,
            env=environment,
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
    lines = done.stdout.strip().splitlines()
    said = cast("dict[str, Any]", json.loads(lines[-1])) if lines else {}
    found = cast("list[dict[str, str]]", said.get("violations", []))
    return Caught(
        exit_status=done.returncode,
        invariants=tuple(violation["invariant"] for violation in found),
        stderr=done.stderr,
    )
