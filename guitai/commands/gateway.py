"""`guitai gateway`: the aggregator's server, and what its owner tells it: who sells, and who may join as a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.faults import Faults
    from gateway.configure.words import ApplyOrder, CodeMade, CodeOrder, Planned
    from gateway.serve import Ready

_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def _database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--database",
        metavar="URL",
        help="A SQLite file: a path or sqlite:///path. Default: the system's place for application data.",
    )(command)


def _public_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "#" in value or " " in value:
        raise click.BadParameter("give an address such as https://pay.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise click.BadParameter("must be https; plain http is for this computer only")
    return value.rstrip("/")


def _public_url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--public-url", callback=_public_url, metavar="URL", help="The address that phones and terminals reach it by."
    )(command)


@click.group()
def command() -> None:
    """The gateway between tills and wallets, and its configuration."""


@command.command()
@_database_option
@click.option("--listen", default="127.0.0.1:8700", show_default=True, metavar="HOST:PORT", help="Port 0: a free one.")
@_public_url_option
@click.option("--announce", is_flag=True, help="Print one JSON line when ready, for the program that started it.")
def serve(database: str | None, listen: str, public_url: str | None, announce: bool) -> None:
    """Serve until Ctrl-C or SIGTERM; the next start goes on where this one ended."""
    with _troubles():
        from gateway.serve import print_ready, serve_forever

        path = _database(database)
        ready = print_ready if announce else _say_ready
        status = serve_forever(database=str(path), listen=listen, public_url=public_url, ready=ready)
    if status != 0:
        raise CommandStop(
            Exit.UNKNOWN,
            reason=Reason.INTERNAL,
            message="The gateway stopped because its database failed; the last log line says how.",
            hint="Look at the disk, then start it again: it goes on from what is there.",
        )


@command.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@_database_option
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def apply(file: Path, database: str | None, dry_run: bool, as_json: bool) -> int:
    """Apply merchants, stores and channel accounts from FILE (TOML). Shows the plan; nothing is ever removed."""
    from gateway.configure.words import ApplyOrder, Planned, Refused

    with _troubles():
        toml = _text_of(file)
        order = ApplyOrder(toml=toml, files=_key_files(file, toml), dry_run=dry_run)
        said = _ask(database, order, url=None)
    if isinstance(said, Refused):
        return _print_faults(said.faults, as_json, start=f"{file.name} was not applied.")
    assert isinstance(said, Planned), "a document is answered with its plan"
    _print_plan(said, as_json)
    return int(Exit.DONE)


@command.command("activation-code")
@click.option("--store", required=True, metavar="ID", help="The store that the terminal will stand in.")
@click.option("--uses", default=1, show_default=True, help="How many terminals may join with it.")
@click.option("--days", default=1, show_default=True, help="How long it is good: 1 to 7.")
@_public_url_option
@_database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def activation_code(
    store: str, uses: int, days: int, public_url: str | None, database: str | None, as_json: bool
) -> int:
    """Make a one-time code that binds a computer to one store as a terminal. It is shown once."""
    from gateway.configure.words import CodeMade, CodeOrder, Refused

    with _troubles():
        said = _ask(database, CodeOrder(store=store, uses=uses, days=days), url=public_url)
    if isinstance(said, Refused):
        return _print_faults(said.faults, as_json, start="No code was made.")
    assert isinstance(said, CodeMade), "an order for a code is answered with one"
    _print_code(said, as_json)
    return int(Exit.DONE)


def _database(url: str | None) -> Path:
    from gateway.store.sqlite import DatabaseUnsupported, sqlite_path

    if url is None:
        from platformdirs import user_data_path

        return user_data_path("guitai", appauthor=False) / "gateway" / "gateway.db"
    try:
        return sqlite_path(url)
    except DatabaseUnsupported:
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.USAGE,
            message="This gateway keeps its data in a SQLite file; other databases are not supported yet.",
            hint="Give --database a path, or sqlite:///path.",
        ) from None


def _ask(database: str | None, order: ApplyOrder | CodeOrder, *, url: str | None) -> object:
    """The answer, once somebody gave one that says what happened."""
    from gateway.configure.reach import Unreached, perform
    from gateway.configure.words import Failed

    path = _database(database)
    match perform(path, order, url=url):
        case Unreached.HELD:
            raise CommandStop(
                Exit.DATA,
                reason=Reason.FOLDER_LOCKED,
                message=f"{path} is held by another process that does not answer.",
                hint="Is that gateway just starting, or another command still running? Try again, or stop it.",
            )
        case Unreached.CUT:
            raise CommandStop(
                Exit.UNKNOWN,
                reason=Reason.GATEWAY_UNREACHABLE,
                message="The running gateway took the order, but its answer was lost.",
                hint="Run the same command again: applying twice changes nothing, and a code nobody saw opens nothing.",
            )
        case Failed(reason=reason, hint=hint):
            raise CommandStop(Exit.UNKNOWN, reason=reason, message="The running gateway could not do it.", hint=hint)
        case said:
            return said


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandStop(
            Exit.USAGE, reason=Reason.USAGE, message=f"{file.name} is not UTF-8 text.", hint="Save it as UTF-8."
        ) from None


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
        _json(reason=Reason.DONE, message=message, applied=said.applied, changes=changes, items=items)
        return
    for line in plan_lines(said.plan):
        click.echo(line)
    click.echo(message)


def _print_faults(faults: Faults, as_json: bool, *, start: str) -> int:
    sentences = [fault.sentence for fault in faults.faults]
    if as_json:
        import msgspec

        listed: object = msgspec.to_builtins(faults.faults)
        _json(reason=Reason.USAGE, message=f"{start} {'; '.join(sentences)}", faults=listed)
    else:
        for sentence in sentences:
            click.echo(f"guitai: {sentence}", err=True)
        click.echo(start, err=True)
    return int(Exit.USAGE)


def _print_code(made: CodeMade, as_json: bool) -> None:
    code = "-".join(made.code[i : i + 4] for i in range(0, len(made.code), 4))
    if as_json:
        _json(
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
        _draw(made.ticket)
        click.echo(made.ticket)
    click.echo(f"激活码 · activation code: {code}")
    click.echo(f"Store {made.store}, {made.uses} use(s), until {_local_time(made.expires_ms)}. It is not shown again.")
    if made.ticket is None:
        click.echo("For a code to scan, make it while the gateway runs, or name its address with --public-url.")


def _draw(text: str) -> None:
    import qrcode

    drawn = qrcode.QRCode(border=2)
    drawn.add_data(text)
    drawn.print_ascii(out=sys.stdout, invert=True)


def _local_time(at_ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _json(**values: object) -> None:
    click.echo(json.dumps(values, ensure_ascii=False))


def _say_ready(ready: Ready) -> None:
    click.echo(f"The gateway serves on {ready.host}:{ready.port}, reached by {ready.url} (Ctrl-C ends it)", err=True)


@contextmanager
def _troubles() -> Generator[None, None, None]:
    """How what may be wrong with the computer ends the command."""
    from gateway.keys import KeysUnreadable
    from gateway.serve import ServeError
    from gateway.store.migrate import SchemaNewer
    from gateway.store.sqlite import DatabaseDamaged, DatabaseInUse
    from gateway.store.units import StoreFailed

    try:
        yield
    except ServeError as error:
        raise CommandStop(Exit.USAGE, reason=Reason.USAGE, message=str(error)) from error
    except DatabaseInUse as error:
        raise CommandStop(Exit.DATA, reason=Reason.FOLDER_LOCKED, message=str(error)) from error
    except DatabaseDamaged as error:
        raise CommandStop(Exit.DATA, reason=Reason.JOURNAL_DAMAGED, message=str(error)) from error
    except SchemaNewer as error:
        raise CommandStop(Exit.DATA, reason=Reason.JOURNAL_NEWER, message=str(error)) from error
    except KeysUnreadable as error:
        raise CommandStop(Exit.USAGE, reason=Reason.CONFIG_DAMAGED, message=str(error)) from error
    except StoreFailed as error:
        raise CommandStop(Exit.UNKNOWN, reason=Reason.INTERNAL, message=str(error)) from error
    except OSError as error:
        # `strerror` and the file's name: the text of an unforeseen error is not repeated.
        message = f"{error.filename or 'a file'}: {error.strerror or type(error).__name__}"
        raise CommandStop(Exit.DATA, reason=Reason.FOLDER_UNREADABLE, message=message) from error
