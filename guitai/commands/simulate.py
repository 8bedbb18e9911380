"""`guitai simulate`: tills, gateway and wallet in one process under one seed, with faults, judged at every step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from proof.simulation.world import Outcome


@click.command()
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(min=1), help="How many worlds to run.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="The first one.")
@click.option(
    "--profile", default="default", show_default=True, metavar="NAME", help="default, calm, storm, crash, slow or late."
)
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the last line is JSON in any case.")
def command(seeds: int, seed: int, profile: str, as_json: bool) -> int:
    """Run the real code under drawn faults and check the rules of money at every step.

    Progress and stories go to standard error, the last line on standard output is JSON. Exit status 1: a rule broke.
    """
    del as_json
    from proof.simulation.faults import PROFILES
    from proof.simulation.report import simulate

    chosen = PROFILES.get(profile)
    if chosen is None:
        known = ", ".join(PROFILES)
        raise CommandStop(
            Exit.USAGE, reason=Reason.USAGE, message=f"There is no profile {profile!r}.", hint=f"Use: {known}."
        )
    report = simulate(seeds=seeds, first_seed=seed, profile=chosen, progress=_say)
    for found in report.violations:
        click.echo(
            f"\nseed {found.seed} ({found.profile}) broke {found.invariant}: {found.about}: {found.what}", err=True
        )
        click.echo("\n".join(found.timeline), err=True)
        click.echo(f"Again: guitai simulate --seeds 1 --seed {found.seed} --profile {found.profile}", err=True)
    broken = len(report.violations)
    ending = {
        "reason": Reason.CHECK_FAILED if broken else Reason.DONE,
        "message": f"{broken} seeds broke a rule; see above." if broken else f"{seeds} seeds, no rule broke.",
    }
    click.echo(json.dumps(report.as_values() | ending, ensure_ascii=False))
    return int(Exit.NOT_DONE if broken else Exit.DONE)


def _say(done: int, of: int, outcome: Outcome) -> None:
    verdict = "ok" if outcome.violation is None else f"BROKEN: {outcome.violation.invariant}"
    click.echo(
        f"seed {outcome.seed} ({done} of {of}): {outcome.orders} orders, {outcome.virtual_s / 60:.0f} virtual minutes, "
        f"{sum(outcome.faults.values())} faults, {outcome.deaths} deaths: {verdict}",
        err=True,
    )
