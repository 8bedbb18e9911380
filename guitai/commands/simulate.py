"""`guitai simulate`: tills, gateway and wallet in one process under one seed, with faults, judged at every step."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from proof.simulation.outcome import Outcome


@click.command()
@click.option("--seeds", default=20, show_default=True, type=click.IntRange(min=1), help="How many worlds to run.")
@click.option("--seed", default=1, show_default=True, type=click.IntRange(min=0), help="The first one.")
@click.option(
    "--profile",
    default="mix",
    show_default=True,
    metavar="NAME",
    help="mix (each seed draws from all), or calm, default, storm, crash, slow, late, clocks, poison, qr, forged, "
    "offline, cash, restored, static.",
)
@click.option("--jobs", default=0, metavar="N", help="Processes to run in; as many as there are cores unless given.")
@click.option("--real-crypto", is_flag=True, help="Real signatures in every seed, not in every fiftieth only.")
@click.option("--no-shrink", is_flag=True, help="Do not look for the shortest run of a seed that broke a rule.")
@click.option("--stop-after", default=5, show_default=True, metavar="N", help="End after so many broken seeds.")
@click.option(
    "--defects",
    multiple=True,
    metavar="NAME|all",
    help="Plant this defect into a copy of the code instead, and find it. May be given again.",
)
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the last line is JSON in any case.")
def command(
    seeds: int,
    seed: int,
    profile: str,
    jobs: int,
    real_crypto: bool,
    no_shrink: bool,
    stop_after: int,
    defects: tuple[str, ...],
    as_json: bool,
) -> int:
    """Run the real code under drawn faults and check the rules of money at every step.

    Progress and stories go to standard error, the last line on standard output is JSON. Exit status 1: a rule broke, or
    with --defects: one was not found.
    """
    del as_json
    from proof.simulation.crew import Orders, all_cores
    from proof.simulation.mix import NAMES
    from proof.simulation.report import simulate

    jobs = jobs or all_cores()
    if defects:
        return _find_defects(defects, jobs)
    if profile not in NAMES:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message=f"There is no profile {profile!r}.",
            hint=f"Use: {', '.join(NAMES)}.",
        )
    orders = Orders(seeds=seeds, first_seed=seed, profile=profile, jobs=min(jobs, seeds), real_crypto=real_crypto)
    report = simulate(orders, shrink=not no_shrink, progress=_say, stop_after=stop_after)
    for found in report.violations:
        click.echo(
            f"\nseed {found.seed} ({found.profile}) broke {found.invariant}: {found.about}: {found.what}", err=True
        )
        if found.left_out:
            click.echo(f"It still breaks without: {', '.join(found.left_out)}. What is left:", err=True)
        click.echo("\n".join(found.timeline), err=True)
        click.echo(f"Again: guitai simulate --seeds 1 --seed {found.seed} --profile {profile}", err=True)
    broken = len(report.violations)
    ending = {
        "reason": Reason.CHECK_FAILED if broken else Reason.DONE,
        "message": f"{broken} seeds broke a rule; see above." if broken else f"{seeds} seeds, no rule broke.",
    }
    click.echo(json.dumps(report.as_values() | ending, ensure_ascii=False))
    return int(Exit.NOT_DONE if broken else Exit.DONE)


def _find_defects(names: tuple[str, ...], jobs: int) -> int:
    from proof.simulation.defects import DEFECTS
    from proof.simulation.hunt import hunt

    known = {defect.name for defect in DEFECTS}
    chosen = [defect for defect in DEFECTS if "all" in names or defect.name in names]
    for name in sorted(set(names) - known - {"all"}):
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message=f"There is no defect {name!r}.",
            hint="Use all, or one of: " + "; ".join(defect.name for defect in DEFECTS) + ".",
        )
    found = hunt(chosen, jobs=jobs, told=lambda caught: click.echo(caught.sentence, err=True))
    missed = [caught.defect.name for caught in found if not caught.found]
    ending = {
        "reason": Reason.CHECK_FAILED if missed else Reason.DONE,
        "message": f"{len(missed)} of {len(found)} defects were not found." if missed else f"{len(found)} found.",
        "defects": [caught.as_values() for caught in found],
    }
    click.echo(json.dumps(ending, ensure_ascii=False))
    return int(Exit.NOT_DONE if missed else Exit.DONE)


def _say(done: int, of: int, outcome: Outcome) -> None:
    verdict = "ok" if outcome.violation is None else f"BROKEN: {outcome.violation.invariant}"
    click.echo(
        f"seed {outcome.seed} ({done} of {of}): {outcome.orders} orders, {outcome.virtual_s / 60:.0f} virtual minutes, "
        f"{sum(outcome.faults.values())} faults, {outcome.deaths} deaths, {outcome.trace[:16]}: {verdict}",
        err=True,
    )
