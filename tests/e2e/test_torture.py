"""Real processes: after kill -9 of tills and gateway under load nothing is lost or charged twice; all settles."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_ten_kills_under_load_lose_nothing() -> None:
    done = subprocess.run(
        (sys.executable, "-m", "guitai", "torture", "--cycles", "10"),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=420,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["lost"], found["double"], found["complaints"]) == (0, 0, [])
    assert found["payments"] > 0
    assert sum(found["kills"].values()) == 10
