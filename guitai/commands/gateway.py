"""`guitai gateway`: the aggregator's server, and what its owner tells it: who sells, and who may join as a terminal."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from guitai.commands.gateway_alarms import alarms
from guitai.commands.gateway_bills import bills
from guitai.commands.gateway_digests import digests
from guitai.commands.gateway_late import late
from guitai.commands.gateway_proof_keys import proof_keys
from guitai.commands.gateway_restored import restored
from guitai.commands.gateway_routes import routes
from guitai.commands.gateway_static import static_qr
from guitai.commands.gateway_terminals import terminals
from guitai.exits import CommandStop, Exit
from guitai.gateway_door import (
    ask,
    database_option,
    database_path,
    draw,
    print_faults,
    print_json,
    public_url_option,
    text_of,
    troubles,
)
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.words import CodeMade, Planned
    from gateway.serve import Ready


@click.group()
def command() -> None:
    """The gateway between tills and wallets, and its configuration."""


command.add_command(alarms)
command.add_command(late)
command.add_command(bills)
command.add_command(digests)
command.add_command(restored)
command.add_command(routes)
command.add_command(static_qr)
command.add_command(terminals)
command.add_command(proof_keys)


@command.command()
@database_option
@click.option("--listen", default="127.0.0.1:8700", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
@public_url_option
@click.option(
    "--keep-notifications",
    "kept_days",
    type=click.IntRange(7, 3_650),
    default=180,
    show_default=True,
    metavar="DAYS",
    help="How long what wallets sent is kept for audit.",
)
@click.option(
    "--terminal-pace",
    type=click.IntRange(1, 100_000),
    default=400,
    show_default=True,
    metavar="N",
    help="Calls a second that one terminal may make for long; five times as many at once.",
)
@click.option(
    "--guest-pace",
    type=click.IntRange(1, 100_000),
    default=200,
    show_default=True,
    metavar="N",
    help="The same for one address at the cashier page; a shop's guests share one.",
)
@click.option("--announce", is_flag=True, help="Print one JSON line when ready, for the program that started it.")
def serve(
    database: str | None,
    listen: str,
    public_url: str | None,
    kept_days: int,
    terminal_pace: int,
    guest_pace: int,
    announce: bool,
) -> None:
    """Serve until Ctrl-C or SIGTERM; the next start goes on where this one ended."""
    with troubles():
        from gateway.api.limits import Limits, pace_of
        from gateway.serve import print_ready, serve_forever

        path = database_path(database)
        ready = print_ready if announce else _say_ready
        status = serve_forever(
            database=str(path),
            listen=listen,
            public_url=public_url,
            ready=ready,
            callbacks_kept_days=kept_days,
            limits=Limits(terminal=pace_of(terminal_pace), guest=pace_of(guest_pace)),
        )
    if status != 0:
        raise CommandStop(
            Exit.UNKNOWN,
            reason=Reason.INTERNAL,
            message="The gateway stopped because its database failed; the last log line says how.",
            hint="Look at the disk, then start it again: it goes on from what is there.",
        )


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@database_option
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def apply(file: Path, database: str | None, dry_run: bool, as_json: bool) -> int:
    """Apply merchants, stores and channel accounts from FILE (TOML). Shows the plan; nothing is ever removed."""
    from gateway.configure.words import ApplyOrder, Planned, Refused

    with troubles():
        toml = text_of(file)
        order = ApplyOrder(toml=toml, files=_key_files(file, toml), dry_run=dry_run)
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start=f"{file.name} was not applied.")
    assert isinstance(said, Planned), "a document is answered with its plan"
    _print_plan(said, as_json)
    return int(Exit.DONE)


@command.command("activation-code")
@click.option("--store", required=True, metavar="ID", help="The store that the terminal will stand in.")
@click.option("--uses", default=1, show_default=True, help="How many terminals may join with it.")
@click.option("--days", default=1, show_default=True, help="How long it is good: 1 to 7.")
@public_url_option
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def activation_code(
    store: str, uses: int, days: int, public_url: str | None, database: str | None, as_json: bool
) -> int:
    """Make a one-time code that binds a computer to one store as a terminal. It is shown once."""
    from gateway.configure.words import CodeMade, CodeOrder, Refused

    with troubles():
        said = ask(database, CodeOrder(store=store, uses=uses, days=days), url=public_url)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="No code was made.")
    assert isinstance(said, CodeMade), "an order for a code is answered with one"
    _print_code(said, as_json)
    return int(Exit.DONE)


def _key_files(file: Path, toml: str) -> dict[str, str]:
    """Contents of the key files that can be read; the reader of the document says which are missing."""
    from gateway.configure.document import key_files

    found: dict[str, str] = {}
    for name in key_files(toml):
        try:
            found[name] = (file.parent / name).read_text(encoding="ascii")
        except (OSError, ValueError):
            continue
    return found


def _print_plan(said: Planned, as_json: bool) -> None:
    import msgspec

    from gateway.configure.plan_text import plan_lines

    changes = len(said.plan.changes)
    if changes == 0:
        message = "Nothing to change."
    else:
        noun = "change" if changes == 1 else "changes"
        message = f"Applied: {changes} {noun}." if said.applied else f"Would apply {changes} {noun}; nothing was done."
    if as_json:
        items: object = msgspec.to_builtins(said.plan.items)
        print_json(reason=Reason.DONE, message=message, applied=said.applied, changes=changes, items=items)
        return
    for line in plan_lines(said.plan):
        click.echo(line)
    click.echo(message)


def _print_code(made: CodeMade, as_json: bool) -> None:
    code = "-".join(made.code[i : i + 4] for i in range(0, len(made.code), 4))
    if as_json:
        print_json(
            reason=Reason.DONE,
            message="Shown once; keep it until the terminal has joined.",
            code=made.code,
            store=made.store,
            uses=made.uses,
            expires_ms=made.expires_ms,
            ticket=made.ticket,
        )
        return
    if made.ticket is not None:
        draw(made.ticket)
        click.echo(made.ticket)
    click.echo(f"激活码 · activation code: {code}")
    click.echo(f"Store {made.store}, {made.uses} use(s), until {_local_time(made.expires_ms)}. It is not shown again.")
    if made.ticket is None:
        click.echo("For a code to scan, make it while the gateway runs, or name its address with --public-url.")


def _local_time(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _say_ready(ready: Ready) -> None:
    click.echo(f"The gateway serves on {ready.host}:{ready.port}, reached by {ready.url} (Ctrl-C ends it)", err=True)
