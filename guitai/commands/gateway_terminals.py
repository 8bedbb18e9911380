"""`guitai gateway terminals`: the tills of this gateway, switching one off, a new activation code for one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.exits import Exit
from guitai.gateway_door import (
    ask,
    database_option,
    dated,
    draw,
    json_option,
    print_faults,
    print_json,
    print_rows,
    public_url_option,
    troubles,
)
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.words import CodeMade, TerminalSaid, TerminalsOrder


@click.group()
def terminals() -> None:
    """Tills: list them, switch one off, give one a new activation code."""


@terminals.command("list")
@database_option
@json_option
def list_terminals(database: str | None, as_json: bool) -> int:
    """Every till, its store, and whether it may sell."""
    from gateway.configure.words import TerminalsAction, TerminalsOrder

    return _said(TerminalsOrder(action=TerminalsAction.LIST), database, as_json, url=None)


@terminals.command()
@click.argument("terminal")
@database_option
@json_option
def revoke(terminal: str, database: str | None, as_json: bool) -> int:
    """Switch a till off: it begins nothing new. What it began it may still ask about, cancel and acknowledge."""
    from gateway.configure.words import TerminalsAction, TerminalsOrder

    return _said(TerminalsOrder(action=TerminalsAction.REVOKE, terminal=terminal), database, as_json, url=None)


@terminals.command()
@click.argument("terminal")
@click.option("--days", type=click.IntRange(1, 7), default=1, show_default=True, help="How long the code is good.")
@database_option
@public_url_option
@json_option
def reissue(terminal: str, days: int, database: str | None, public_url: str | None, as_json: bool) -> int:
    """A code that activates this very till again: it ends a freeze, and brings back one that was switched off."""
    from gateway.configure.words import TerminalsAction, TerminalsOrder

    order = TerminalsOrder(action=TerminalsAction.REISSUE, terminal=terminal, days=days)
    return _said(order, database, as_json, url=public_url)


def _said(order: TerminalsOrder, database: str | None, as_json: bool, *, url: str | None) -> int:
    from gateway.configure.words import CodeMade, Refused, TerminalsSaid

    with troubles():
        said = ask(database, order, url=url)
    match said:
        case Refused(faults=faults):
            return print_faults(faults, as_json, start="Nothing was changed.")
        case CodeMade():
            _print_code(said, as_json)
        case TerminalsSaid(terminals=rows, done=done):
            message = "Done." if done else f"{len(rows)} tills."
            return print_rows("terminals", rows, as_json, message=message, line=_line)
        case _:
            raise AssertionError("an order about tills is answered with tills or a code")
    return int(Exit.DONE)


def _print_code(made: CodeMade, as_json: bool) -> None:
    if as_json:
        print_json(
            reason=Reason.DONE,
            message="Activation code made.",
            activation_code=made.code,
            ticket=made.ticket,
            expires_ms=made.expires_ms,
        )
        return
    click.echo(f"{made.code[:4]}-{made.code[4:8]}-{made.code[8:]}")
    if made.ticket is not None:
        draw(made.ticket)


def _line(row: TerminalSaid) -> str:
    return f"{row.terminal}  {row.store}  {row.name}  epoch {row.epoch}  {_state(row)}"


def _state(row: TerminalSaid) -> str:
    if row.revoked_ms is not None:
        return f"switched off {dated(row.revoked_ms)}"
    if row.frozen_ms is not None:
        return f"FROZEN {dated(row.frozen_ms)}: there are two of it; activate the right one again (reissue)"
    return "sells"
