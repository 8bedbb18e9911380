"""The command line: finds the commands, runs one, and turns every ending into an exit status and words.

Commands are modules of `guitai.commands`, imported when called. Data goes to stdout, everything else to stderr. A
person sees a stack trace only with GUITAI_DEBUG=1.
"""

from __future__ import annotations

import importlib
import json
import os
import pkgutil
import sys
import traceback
from typing import TYPE_CHECKING

import click

from guitai import __version__, commands
from guitai.exits import CommandStop, Exit

if TYPE_CHECKING:
    from collections.abc import Sequence

_INTERRUPTED = 130  # 128 + SIGINT, what a shell expects
_BROKEN_PIPE = 141  # 128 + SIGPIPE


class CommandFolder(click.Group):
    """A group whose commands are the modules of one package. `gateway_late` is a part of `gateway`, not a command."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        names = {module.name for module in pkgutil.iter_modules(commands.__path__)}
        own = (name for name in names if name.partition("_")[0] not in names - {name})
        return sorted(name.replace("_", "-") for name in own if not name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        module = importlib.import_module(f"{commands.__name__}.{cmd_name.replace('-', '_')}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is not a click command")
        return command


def _selftest(_context: click.Context, _option: click.Parameter, asked: bool) -> None:
    """Prints each check; the exit status says whether all passed."""
    if not asked:
        return
    from guitai.selftest import run_selftest

    checks = run_selftest()
    for check in checks:
        click.echo(f"{'ok  ' if check.passed else 'FAIL'}  {check.name}: {check.found}")
    failed = [check.name for check in checks if not check.passed]
    if failed:
        raise CommandStop(Exit.NOT_DONE, reason="check_failed", message=f"Not working here: {', '.join(failed)}.")
    raise click.exceptions.Exit(0)


@click.group(
    cls=CommandFolder,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit status: 0 done or paid, 1 not paid or check failed, 2 usage or configuration, 3 outcome unknown, "
    "4 device, 5 data folder locked or not activated, 6 gateway unreachable.",
)
@click.option(
    "--selftest",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_selftest,
    help="Check that this copy works on this computer, then end.",
)
@click.version_option(__version__, prog_name="guitai", message="%(prog)s %(version)s")
def cli() -> None:
    """Guitai (柜台): take money at the counter, and never lose an order."""


def run(arguments: Sequence[str]) -> int:
    """Runs one command line; returns its exit status."""
    as_json = "--json" in arguments
    try:
        result: object = cli.main(args=list(arguments), prog_name="guitai", standalone_mode=False)
    except CommandStop as stop:
        _say(as_json, reason=stop.reason, message=stop.message, hint=stop.hint)
        return int(stop.exit_status)
    except click.ClickException as error:
        _usage(error, as_json)
        return int(Exit.USAGE)
    except (click.Abort, KeyboardInterrupt):
        if as_json:
            _say(as_json, reason="interrupted", message="Interrupted.", hint="")
        return _INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has gone; point stdout elsewhere so that the interpreter's last flush is quiet.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _BROKEN_PIPE
    except Exception as error:  # noqa: BLE001 - the last frame: a bug becomes a status and one line, never "not paid"
        if os.environ.get("GUITAI_DEBUG") == "1":
            traceback.print_exception(error)
        # The text of an unforeseen error is not shown: nobody has checked that it holds no payment code.
        _say(
            as_json,
            reason="internal",
            message=f"Something went wrong inside guitai ({type(error).__name__}).",
            hint="Set GUITAI_DEBUG=1 to see where.",
        )
        return int(Exit.UNKNOWN)
    return result if isinstance(result, int) else int(Exit.DONE)


def _usage(error: click.ClickException, as_json: bool) -> None:
    if as_json:
        _say(as_json, reason="usage", message=error.format_message(), hint="")
    else:
        error.show()


def _say(as_json: bool, *, reason: str, message: str, hint: str) -> None:
    if as_json:
        ending = {"reason": reason, "message": message} | ({"hint": hint} if hint else {})
        click.echo(json.dumps(ending, ensure_ascii=False))
        return
    click.echo(f"guitai: {message}", err=True)
    if hint:
        click.echo(hint, err=True)
