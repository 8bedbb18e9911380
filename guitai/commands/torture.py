"""`guitai torture`: real processes under load, killed with kill -9 at random moments, and what became of the money."""

from __future__ import annotations

import json

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason


@click.command()
@click.option("--cycles", default=200, show_default=True, type=click.IntRange(min=1), help="How many kills.")
@click.option("--payments", type=click.IntRange(min=1), help="Kill until so many payments began, instead of --cycles.")
@click.option("--tills", default=2, show_default=True, type=click.IntRange(1, 8), help="How many tills sell.")
@click.option("--seed", default=1, show_default=True, help="Draws whom to kill and when.")
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the last line is JSON in any case.")
def command(cycles: int, payments: int | None, tills: int, seed: int, as_json: bool) -> int:
    """Kill a till or the gateway again and again under load; nothing may be lost, nothing charged twice.

    Progress goes to standard error; the last line on standard output is JSON. Exit status 1 when something is wrong.
    """
    del as_json
    from proof.torture.programs import ProgramFailedError
    from proof.torture.run import torture

    try:
        found = torture(
            cycles=cycles,
            payments=payments,
            tills=tills,
            seed=seed,
            progress=lambda line: click.echo(line, err=True),
        )
    except ProgramFailedError as error:
        raise CommandStop(
            Exit.UNKNOWN,
            reason=Reason.INTERNAL,
            message=str(error),
            hint="The logs lie in the folder guitai-torture-… of the system's temporary folder.",
        ) from error
    for complaint in found.verdict.complaints:
        click.echo(complaint, err=True)
    clean = found.clean
    if clean:
        message = "Nothing was lost, nothing charged twice."
    elif found.verdict.clean:
        message = f"Nothing was lost or charged twice, but all was settled only after {found.settled_after_s} s."
    else:
        message = "A rule of money broke; see above."
    ending = {"reason": Reason.DONE if clean else Reason.CHECK_FAILED, "message": message}
    click.echo(json.dumps(found.as_values() | ending, ensure_ascii=False))
    return int(Exit.DONE if clean else Exit.NOT_DONE)
