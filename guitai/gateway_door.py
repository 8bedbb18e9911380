"""What every `guitai gateway` command needs: which database, how to ask (through the door of a running gateway, or the
store itself), and how what may be wrong ends the command."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import click

from guitai.exits import CommandStop, Exit
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.faults import Faults
    from gateway.configure.words import Order

Row = TypeVar("Row")
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}


def database_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--database",
        metavar="URL",
        help="A SQLite file: a path or sqlite:///path. Default: the system's place for application data.",
    )(command)


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")(command)


def word_options(*, by: str, reason: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A person's word: whose it is, and why."""

    def given(command: Callable[..., Any]) -> Callable[..., Any]:
        named = click.option("--by", "person", required=True, metavar="NAME", help=by)
        return named(click.option("--reason", required=True, metavar="TEXT", help=reason)(command))

    return given


def _public_url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - it is read when it is asked for
    except ValueError:
        raise click.BadParameter("give an address such as https://pay.example.com") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.query or "#" in value or " " in value:
        raise click.BadParameter("give an address such as https://pay.example.com")
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        raise click.BadParameter("must be https; plain http is for this computer only")
    return value.rstrip("/")


def public_url_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--public-url", callback=_public_url, metavar="URL", help="The address that phones and terminals reach it by."
    )(command)


def database_path(url: str | None) -> Path:
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


def ask(database: str | None, order: Order, *, url: str | None) -> object:
    """The answer, once somebody gave one that says what happened."""
    from gateway.configure.reach import Unreached, perform
    from gateway.configure.words import ApplyOrder, Failed

    path = database_path(database)
    if not path.exists() and not isinstance(order, ApplyOrder):
        raise CommandStop(
            Exit.DATA,
            reason=Reason.FOLDER_UNREADABLE,
            message=f"{path} does not exist.",
            hint="Name the gateway's database with --database; `guitai gateway apply` makes a new one.",
        )
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


def print_faults(faults: Faults, as_json: bool, *, start: str) -> int:
    sentences = [fault.sentence for fault in faults.faults]
    if as_json:
        import msgspec

        listed: object = msgspec.to_builtins(faults.faults)
        print_json(reason=Reason.USAGE, message=f"{start} {'; '.join(sentences)}", faults=listed)
    else:
        for sentence in sentences:
            click.echo(f"guitai: {sentence}", err=True)
        click.echo(start, err=True)
    return int(Exit.USAGE)


def print_rows(name: str, rows: Sequence[Row], as_json: bool, *, message: str, line: Callable[[Row], str]) -> int:
    """What an order was answered with, a line for each row, or as one object whose field `name` holds the rows."""
    if as_json:
        import msgspec

        listed: object = msgspec.to_builtins(rows)
        print_json(reason=Reason.DONE, message=message, **{name: listed})
        return int(Exit.DONE)
    for row in rows:
        click.echo(line(row))
    click.echo(message)
    return int(Exit.DONE)


def dated(unix_ms: int) -> str:
    """With its year, for what is looked at long after."""
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M UTC")


def print_json(**values: object) -> None:
    click.echo(json.dumps(values, ensure_ascii=False))


def draw(text: str) -> None:
    import qrcode

    drawn = qrcode.QRCode(border=2)
    drawn.add_data(text)
    drawn.print_ascii(out=sys.stdout, invert=True)


@contextmanager
def troubles() -> Generator[None, None, None]:
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


def text_of(file: Path) -> str:
    """What the owner wrote; a file in another encoding ends the command with advice."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise CommandStop(
            Exit.USAGE, reason=Reason.USAGE, message=f"{file.name} is not UTF-8 text.", hint="Save it as UTF-8."
        ) from None
