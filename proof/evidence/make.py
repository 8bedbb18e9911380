"""Runs what is planned and renders it: the clock and the processes of `guitai evidence`."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from proof.evidence.experiment import Experiment
from proof.evidence.page import Evidence, render
from proof.evidence.run import Told, run_all
from proof.evidence.versions import versions


def make_evidence(planned: Sequence[Experiment], *, version: str, command: str, told: Told) -> tuple[Evidence, str]:
    """What was found, and the page that says so."""
    start = time.monotonic()
    results = run_all(planned, told)
    evidence = Evidence(
        made_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        command=command,
        seconds=time.monotonic() - start,
        results=results,
        versions=versions(version),
    )
    return evidence, render(evidence)
