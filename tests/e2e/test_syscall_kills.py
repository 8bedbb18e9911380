"""One real sale, killed at system calls of its own and taken up again: nothing lost, nothing charged twice."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from proof.torture.syscalls import strace_trouble

ROOT = Path(__file__).resolve().parents[2]
_TROUBLE = strace_trouble()
pytestmark = pytest.mark.skipif(_TROUBLE is not None, reason=_TROUBLE or "")


def killed(*arguments: str, within_s: float) -> dict[str, Any]:
    done = subprocess.run(
        (sys.executable, "-m", "guitai", "torture", "--syscalls", *arguments),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=within_s,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["double"], found["complaints"]) == (0, 0, [])
    return found


def test_a_sale_that_is_killed_at_three_of_its_calls_is_settled_by_the_next_program() -> None:
    found = killed("--limit", "3", within_s=300)
    assert found["killed"] >= 2
    assert found["points"] > 50


@pytest.mark.slow
def test_a_sale_that_is_killed_at_each_of_its_calls_is_settled_by_the_next_program() -> None:
    found = killed(within_s=3_000)
    assert found["killed"] > 50
    assert {"pwrite64", "fdatasync", "connect", "sendto"} <= set(found["kills"])
