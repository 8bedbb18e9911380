"""`guitai bench`: how fast it is, as ratios against references measured in the same run."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from proof.bench.measure import Measured


@click.command()
@click.argument("name", required=False)
@click.option("--rounds", type=click.IntRange(min=1), help="Instead of each benchmark's usual number.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(name: str | None, rounds: int | None, as_json: bool) -> int:
    """Measure NAME, or everything. Exit status 1 when a ratio is over its bound."""
    from proof.bench.run import BENCHES, run_benches

    if name is not None and name not in BENCHES:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message=f"There is no benchmark {name!r}.",
            hint=f"Use: {', '.join(BENCHES)}.",
        )
    names = tuple(BENCHES) if name is None else (name,)
    found = run_benches(names, rounds=rounds, tell=lambda measured: click.echo(_line(measured), err=as_json))
    within = all(measured.within for measured in found)
    if as_json:
        reason = Reason.DONE if within else Reason.CHECK_FAILED
        message = "Every ratio is within its bound." if within else "A ratio is over its bound."
        benches = [measured.as_values() for measured in found]
        click.echo(json.dumps({"ok": within, "benches": benches, "reason": reason, "message": message}))
    return int(Exit.DONE if within else Exit.NOT_DONE)


def _line(measured: Measured) -> str:
    verdict = "within" if measured.within else "OVER"
    extra = ", ".join(f"{name} {value}" for name, value in measured.reported.items())
    return (
        f"{measured.name:8} {measured.ours_ms:9.3f} ms   reference {measured.reference_ms:9.3f} ms   "
        f"ratio {measured.ratio:5.2f}   bound {measured.bound}: {verdict}   ({measured.reference})"
    ) + (f"\n         {extra}" if extra else "")
