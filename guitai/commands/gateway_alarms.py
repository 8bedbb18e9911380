"""`guitai gateway alarms`: what somebody must look at, and a named person's word that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.exits import Exit
from guitai.gateway_door import ask, database_option, print_faults, print_json, troubles
from guitai.wording import when
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.configure.words import AlarmsOrder


@click.group()
def alarms() -> None:
    """Alarms: list what is open, close what was looked after."""


@alarms.command("list")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def list_open(database: str | None, as_json: bool) -> int:
    """What is open, the oldest first. Exit status 0 also when there is some."""
    from gateway.configure.words import AlarmsAction, AlarmsOrder

    return _said(AlarmsOrder(action=AlarmsAction.LIST), database, as_json)


@alarms.command()
@click.argument("number", type=click.IntRange(min=1))
@click.option("--by", "person", required=True, metavar="NAME", help="Who looked after it.")
@click.option("--reason", required=True, metavar="TEXT", help="What was found or done.")
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def close(number: int, person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Close one alarm. It is raised again when its cause is met again."""
    from gateway.configure.words import AlarmsAction, AlarmsOrder

    order = AlarmsOrder(action=AlarmsAction.CLOSE, alarm=number, person=person, reason=reason)
    return _said(order, database, as_json)


def _said(order: AlarmsOrder, database: str | None, as_json: bool) -> int:
    from gateway.configure.words import AlarmsSaid, Refused

    with troubles():
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="Nothing was changed.")
    assert isinstance(said, AlarmsSaid), "an order about alarms is answered with those that are open"
    message = f"{'Closed; ' if said.done else ''}{len(said.alarms)} open."
    if as_json:
        import msgspec

        listed: object = msgspec.to_builtins(said.alarms)
        print_json(reason=Reason.DONE, message=message, alarms=listed)
        return int(Exit.DONE)
    for alarm in said.alarms:
        click.echo(f"{alarm.alarm:>6}  {when(alarm.raised_ms)}  {alarm.kind}  {alarm.about}  {alarm.detail}")
    click.echo(message)
    return int(Exit.DONE)
