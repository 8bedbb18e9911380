"""`guitai fuzz`: hostile bytes for every parser that reads from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from proof.fuzz.run import Fuzzed


@click.command()
@click.argument("target", required=False)
@click.option("--seconds", default=10, show_default=True, type=click.IntRange(min=1), help="For each target.")
@click.option("--seed", default=1, show_default=True, help="Of the plain mutator; atheris draws its own.")
@click.option("--plain", is_flag=True, help="By the seeded mutator, which needs no atheris and sees no branches.")
@click.option("--list", "listed", is_flag=True, help="Only name the targets.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(target: str | None, seconds: int, seed: int, plain: bool, listed: bool, as_json: bool) -> int:
    """Fuzz TARGET, or every target. Exit status 1 when an input broke a rule; it is printed as hexadecimal text."""
    from proof.fuzz.registry import all_targets
    from proof.fuzz.run import has_atheris, run_targets

    targets = all_targets()
    if target is not None and target not in targets:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message=f"There is no target {target!r}.",
            hint=f"Use: {', '.join(targets)}.",
        )
    names = tuple(targets) if target is None else (target,)
    if listed:
        _list([(name, targets[name].about) for name in names], as_json)
        return int(Exit.DONE)
    if not plain and not has_atheris():
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message="atheris is not installed here.",
            hint="It comes with the checks (./run test) on Linux with Python 3.11; --plain does without.",
        )
    found = run_targets(
        names, seconds=seconds, seed=seed, guided=not plain, tell=lambda one: click.echo(_line(one), err=True)
    )
    clean = all(one.defect is None for one in found)
    ending = {
        "reason": Reason.DONE if clean else Reason.CHECK_FAILED,
        "message": "No input broke a rule." if clean else "An input broke a rule; see above.",
    }
    if as_json:
        click.echo(json.dumps({"targets": [one.as_values() for one in found], **ending}))
    else:
        click.echo(f"{sum(one.executions for one in found)} inputs. {ending['message']}")
    return int(Exit.DONE if clean else Exit.NOT_DONE)


def _list(targets: list[tuple[str, str]], as_json: bool) -> None:
    if as_json:
        values = [{"target": name, "about": about} for name, about in targets]
        click.echo(json.dumps({"targets": values, "reason": Reason.DONE, "message": f"{len(values)} targets."}))
        return
    for name, about in targets:
        click.echo(f"{name:20} {about}")


def _line(one: Fuzzed) -> str:
    line = f"{one.target:20} {one.executions:9} inputs in {one.seconds:6.1f} s ({one.engine})"
    return line if one.defect is None else f"{line}\n  {one.defect.what}\n  input {one.defect.data.hex()}"
