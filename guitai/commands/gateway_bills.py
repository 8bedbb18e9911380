"""`guitai gateway bills`: what is known of a day's bills, the lines of one, and asking for them now."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.exits import Exit
from guitai.gateway_door import ask, database_option, json_option, print_faults, print_json, troubles
from protocol.money import CNY, Money
from protocol.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from gateway.configure.words import BillLineSaid, BillSaid, BillsOrder, BillsSaid


def _day_option(command: Callable[..., Any]) -> Callable[..., Any]:
    return click.option("--day", default="", metavar="D", help="A day in Beijing, as 2026-11-22. Default: yesterday.")(
        command
    )


@click.group()
def bills() -> None:
    """The wallets' daily bills: what is there, what is in one, ask for them now."""


@bills.command("list")
@_day_option
@click.option("--account", default="", metavar="A", help="Of this channel account only.")
@database_option
@json_option
def list_bills(day: str, account: str, database: str | None, as_json: bool) -> int:
    """What is known of each account's bills of a day."""
    from gateway.configure.words import BillsAction, BillsOrder

    return _said(BillsOrder(action=BillsAction.LIST, day=day, account=account), database, as_json)


@bills.command()
@_day_option
@click.option("--account", required=True, metavar="A", help="The channel account.")
@click.option("--kind", default="trade", type=click.Choice(["trade", "fund_flow"]), show_default=True)
@click.option("--after", default=0, metavar="LINE", help="Begin after this line of the file.")
@database_option
@json_option
def show(day: str, account: str, kind: str, after: int, database: str | None, as_json: bool) -> int:
    """The lines of one bill, a thousand at a time."""
    from gateway.configure.words import BillsAction, BillsOrder

    order = BillsOrder(action=BillsAction.SHOW, day=day, account=account, kind=kind, after=after)
    return _said(order, database, as_json)


@bills.command()
@_day_option
@click.option("--account", default="", metavar="A", help="Of this channel account only.")
@database_option
@json_option
def fetch(day: str, account: str, database: str | None, as_json: bool) -> int:
    """Ask for what is not there yet, now (not before 10:00 of the day after). A gateway that runs does it."""
    from gateway.configure.words import BillsAction, BillsOrder

    return _said(BillsOrder(action=BillsAction.FETCH, day=day, account=account), database, as_json)


def _said(order: BillsOrder, database: str | None, as_json: bool) -> int:
    from gateway.configure.words import BillsAction, BillsSaid, Refused

    with troubles():
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="Nothing was changed.")
    assert isinstance(said, BillsSaid), "an order about bills is answered with them"
    missing = sum(bill.state in ("wanted", "unreadable", "given_up") for bill in said.bills)
    if order.action is BillsAction.FETCH:
        message = f"{missing} asked for; a gateway that runs fetches them now."
    else:
        message = f"{said.day}: {len(said.bills)} bills, {missing} not there."
    if as_json:
        import msgspec

        found: object = msgspec.to_builtins(said.bills)
        lines: object = msgspec.to_builtins(said.lines)
        print_json(reason=Reason.DONE, message=message, day=said.day, bills=found, lines=lines)
        return int(Exit.DONE)
    _print(said, message)
    return int(Exit.DONE)


def _print(said: BillsSaid, message: str) -> None:
    for bill in said.bills:
        click.echo(_bill_text(bill))
    for line in said.lines:
        click.echo(_line_text(line))
    click.echo(message)


def _bill_text(bill: BillSaid) -> str:
    what = f"{bill.lines} lines, {bill.size} bytes, {bill.sha256}" if bill.state == "kept" else bill.code
    return f"{bill.account}  {bill.kind}  {bill.state}  {what}".rstrip()


def _line_text(line: BillLineSaid) -> str:
    number = line.refund_no or line.out_trade_no or line.transaction_id
    return f"{line.line}  {line.kind}  {number}  {_yuan(line.amount_fen)}  {line.state}"


def _yuan(amount_fen: int) -> str:
    return f"{'-' if amount_fen < 0 else ''}{Money(abs(amount_fen), CNY)}"
