"""`guitai evidence`: a bounded slice of every proof, and one page that shows what came out and how to do it again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai import __version__
from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from rich.progress import Progress

    from proof.evidence.experiment import Experiment, Result
    from proof.evidence.run import Told

#: How much of a line fits beside the bar.
_SAID = 60


@click.command()
@click.option(
    "--out",
    default=Path("guitai-evidence.html"),
    show_default=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Where the page is written.",
)
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(min=1), help="Draws everything that is drawn."
)
@click.option("--long", "scope", flag_value="long", help="As much as a release is judged by: about an hour.")
@click.option("--short", "scope", flag_value="short", default=True, help="A few minutes. [default]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(out: Path, seed: int, scope: str, as_json: bool) -> int:
    """Run the proofs and write a page that a shop owner can read and an engineer can repeat.

    Exit status 1 when something on the page is not as it should be; the page is written in any case.
    """
    from proof.evidence.make import make_evidence
    from proof.evidence.plan import LONG, SHORT, experiments

    strace = shutil.which("strace") is not None
    if not strace:
        click.echo("strace is not installed: no sale is killed at its system calls.", err=True)
    planned = experiments(LONG if scope == "long" else SHORT, seed=seed, strace=strace)
    words = f"./run evidence --seed {seed}" + (" --long" if scope == "long" else "")
    try:
        with out.open("a", encoding="utf-8"):
            pass
    except OSError as error:
        raise CommandStop(
            Exit.USAGE, reason=Reason.USAGE, message=f"{out} cannot be written.", hint="Name another file with --out."
        ) from error
    with _bar() as bar:
        evidence, page = make_evidence(planned, version=__version__, command=words, told=_telling(bar, len(planned)))
    out.write_text(page, encoding="utf-8")
    message = f"The page is {out}." if evidence.passed else f"Not all is as it should be: see {out}."
    if as_json:
        found = {
            "page": str(out),
            "passed": {result.experiment.name: result.passed for result in evidence.results},
            "reason": Reason.DONE if evidence.passed else Reason.CHECK_FAILED,
            "message": message,
        }
        click.echo(json.dumps(found, ensure_ascii=False))
    else:
        click.echo(message)
    return int(Exit.DONE if evidence.passed else Exit.NOT_DONE)


def _bar() -> Progress:
    """How many experiments are done, for how long, and what the one that runs said last."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    said = TextColumn("{task.description}", markup=False)
    return Progress(
        BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), said, console=Console(stderr=True), transient=True
    )


def _telling(bar: Progress, of: int) -> Told:
    from proof.evidence.run import Told

    task = bar.add_task("", total=of)

    def began(experiment: Experiment) -> None:
        bar.console.print(f"{experiment.command} …", markup=False, highlight=False, soft_wrap=True)

    def said(line: str) -> None:
        bar.update(task, description=line[:_SAID])

    def ended(result: Result) -> None:
        line = f"    {'ok' if result.passed else 'FAILED'} after {result.seconds:.0f} s"
        bar.console.print(line, markup=False, highlight=False)
        bar.update(task, advance=1, description="")

    return Told(began=began, said=said, ended=ended)
