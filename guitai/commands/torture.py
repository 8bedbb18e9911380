"""`guitai torture`: real processes under load, killed with kill -9 at random moments, and what became of the money.

`--images` is the same question for the power: every state of the disk that a cut could leave. `--syscalls` kills one
sale at each of its system calls.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, TypeVar

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")


@click.command()
@click.option("--cycles", default=200, show_default=True, type=click.IntRange(min=1), help="How many kills.")
@click.option("--payments", type=click.IntRange(min=1), help="Kill until so many payments began, instead of --cycles.")
@click.option("--tills", default=2, show_default=True, type=click.IntRange(1, 8), help="How many tills sell.")
@click.option("--images", is_flag=True, help="Instead: cut the power after each disk operation of each transaction.")
@click.option("--syscalls", is_flag=True, help="Instead: kill one sale at each of its system calls (needs strace).")
@click.option("--limit", type=click.IntRange(min=1), help="About so many images, or so many system calls.")
@click.option("--seed", default=1, show_default=True, help="Draws whom to kill and when.")
@click.option("--json", "as_json", is_flag=True, help="Accepted for symmetry: the last line is JSON in any case.")
def command(
    cycles: int,
    payments: int | None,
    tills: int,
    images: bool,
    syscalls: bool,
    limit: int | None,
    seed: int,
    as_json: bool,
) -> int:
    """Kill a till or the gateway again and again under load; nothing may be lost, nothing charged twice.

    Progress goes to standard error; the last line on standard output is JSON. Exit status 1 when something is wrong.
    """
    del as_json
    from proof.torture.programs import ProgramFailedError

    if images and syscalls:
        raise click.UsageError("--images or --syscalls, not both.")
    if images:
        return _images(seed, limit)
    try:
        return _syscalls(seed, limit) if syscalls else _kills(cycles, payments, tills, seed)
    except ProgramFailedError as error:
        raise CommandStop(
            Exit.UNKNOWN,
            reason=Reason.INTERNAL,
            message=str(error),
            hint="The logs lie in the folder guitai-torture-… of the system's temporary folder.",
        ) from error


def _kills(cycles: int, payments: int | None, tills: int, seed: int) -> int:
    from proof.torture.run import torture

    found = torture(
        cycles=cycles,
        payments=payments,
        tills=tills,
        seed=seed,
        progress=lambda line: click.echo(line, err=True),
    )
    for complaint in found.verdict.complaints:
        click.echo(complaint, err=True)
    if found.clean:
        message = "Nothing was lost, nothing charged twice."
    elif found.verdict.clean:
        message = f"Nothing was lost or charged twice, but all was settled only after {found.settled_after_s} s."
    else:
        message = "A rule of money broke; see above."
    return _ended(found.as_values(), clean=found.clean, message=message)


def _images(seed: int, limit: int | None) -> int:
    from proof.power.run import cut_power, record

    click.echo("A shop's day and every migration are recorded.", err=True)
    recorded = record(seed)
    found = _with_bar("power cuts", lambda told: cut_power(recorded, seed=seed, limit=limit, progress=told))
    for complaint in (*found.complaints, *(f"not reached: {kind}" for kind in found.unreached)):
        click.echo(complaint, err=True)
    message = (
        "Every image holds what was promised, whole." if found.clean else "An image is not as promised; see above."
    )
    return _ended(found.as_values(), clean=found.clean, message=message)


def _syscalls(seed: int, limit: int | None) -> int:
    from proof.torture.syscalls import StraceMissingError, kill_one_sale

    try:
        found = _with_bar("kills", lambda told: kill_one_sale(limit=limit, seed=seed, progress=told))
    except StraceMissingError as error:
        raise CommandStop(
            Exit.USAGE, reason=Reason.USAGE, message=str(error), hint="On Debian: apt-get install strace."
        ) from error
    for complaint in found.complaints:
        click.echo(complaint, err=True)
    message = "Nothing was lost, nothing charged twice." if found.clean else "A rule of money broke; see above."
    return _ended(found.as_values(), clean=found.clean, message=message)


def _with_bar(what: str, work: Callable[[Callable[[int, int], None]], T]) -> T:
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        return work(lambda done, of: bar.update(task, completed=done, total=of))


def _ended(values: Mapping[str, object], *, clean: bool, message: str) -> int:
    ending = {"reason": Reason.DONE if clean else Reason.CHECK_FAILED, "message": message}
    click.echo(json.dumps({**values, **ending}, ensure_ascii=False))
    return int(Exit.DONE if clean else Exit.NOT_DONE)
