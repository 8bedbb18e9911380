"""`guitai gateway alarms`: what somebody must look at, and a named person's word that it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.gateway_door import ask, database_option, json_option, print_faults, print_rows, troubles, word_options
from guitai.wording import when

if TYPE_CHECKING:
    from gateway.configure.words import AlarmSaid, AlarmsOrder


@click.group()
def alarms() -> None:
    """Alarms: list what is open, close what was looked after."""


@alarms.command("list")
@database_option
@json_option
def list_open(database: str | None, as_json: bool) -> int:
    """What is open, the oldest first. Exit status 0 also when there is some."""
    from gateway.configure.words import AlarmsAction, AlarmsOrder

    return _said(AlarmsOrder(action=AlarmsAction.LIST), database, as_json)


@alarms.command()
@click.argument("number", type=click.IntRange(min=1))
@word_options(by="Who looked after it.", reason="What was found or done.")
@database_option
@json_option
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
    return print_rows("alarms", said.alarms, as_json, message=message, line=_line)


def _line(alarm: AlarmSaid) -> str:
    return f"{alarm.alarm:>6}  {when(alarm.raised_ms)}  {alarm.kind}  {alarm.about}  {alarm.detail}"
