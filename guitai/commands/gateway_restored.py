"""`guitai gateway restored`: a database that was restored from a backup, and what became of what was done after it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from guitai.gateway_door import (
    ask,
    database_option,
    dated,
    json_option,
    print_faults,
    print_rows,
    troubles,
    word_options,
)
from protocol.money import CNY, Money

if TYPE_CHECKING:
    from gateway.configure.words import InQuestionSaid, RestoredOrder


@click.group()
def restored() -> None:
    """A restored backup: what the tills began and this database does not know.

    What was done after the backup is not in the database. The gateway notices that by itself when only the database
    was put back (or when a till was told of more than is here), raises an alarm, and from then on claims of nothing
    that was begun before that it was not charged. Look each payment up in the wallets' own books by its order number,
    take up what is there (take-up), then say that everything was seen to (done).
    """


@restored.command("list")
@database_option
@json_option
def list_in_question(database: str | None, as_json: bool) -> int:
    """The payments that may have been charged and are not known here, and pages that were open."""
    from gateway.configure.words import RestoredAction, RestoredOrder

    return _said(RestoredOrder(action=RestoredAction.LIST), database, as_json)


@restored.command()
@word_options(by="Who says so.", reason="What was restored, and from when.")
@database_option
@json_option
def found(person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Say that this database was restored, when the gateway could not notice it (the whole folder was put back)."""
    from gateway.configure.words import RestoredAction, RestoredOrder

    return _said(RestoredOrder(action=RestoredAction.FOUND, person=person, reason=reason), database, as_json)


@restored.command("take-up")
@click.argument("out_trade_no")
@click.option("--account", required=True, help="The channel account in whose books it is.")
@click.option(
    "--sent",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S%z"]),
    default=None,
    help="When it was made there, e.g. 2026-11-29T12:00:05+0800. UnionPay names orders by it (txnTime).",
)
@word_options(by="Who found it.", reason="Where it was found.")
@database_option
@json_option
def take_up(
    out_trade_no: str,
    account: str,
    sent: datetime | None,
    person: str,
    reason: str,
    database: str | None,
    as_json: bool,
) -> int:
    """Follow an order again that a wallet's books show: it is asked for, and becomes paid or is undone."""
    from gateway.configure.words import RestoredAction, RestoredOrder

    order = RestoredOrder(
        action=RestoredAction.TAKE_UP,
        out_trade_no=out_trade_no,
        account=account,
        sent_ms=None if sent is None else int(sent.timestamp()) * 1000,
        person=person,
        reason=reason,
    )
    return _said(order, database, as_json)


@restored.command()
@word_options(by="Who looked.", reason="What was looked at.")
@database_option
@json_option
def done(person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Everything was seen to: what is still not known here was never charged, and tills may be told so."""
    from gateway.configure.words import RestoredAction, RestoredOrder

    return _said(RestoredOrder(action=RestoredAction.DONE, person=person, reason=reason), database, as_json)


def _said(order: RestoredOrder, database: str | None, as_json: bool) -> int:
    from gateway.configure.words import Refused, RestoredSaid

    with troubles():
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="Nothing was changed.")
    assert isinstance(said, RestoredSaid), "an order about a restored backup is answered with what is in question"
    state = "" if said.found_ms is None else f"Found {dated(said.found_ms)}: {said.how}. "
    silent = f" Not heard in full since: {', '.join(said.waiting)}; ask again once they spoke." if said.waiting else ""
    message = f"{'Done.' if said.done else f'{state}{len(said.in_question)} in question.'}{silent}"
    return print_rows("in_question", said.in_question, as_json, message=message, line=_line)


def _line(row: InQuestionSaid) -> str:
    what = "open here" if row.known else "not known here"
    return f"{row.payment_no}  {Money(row.amount_fen, CNY)}  {dated(row.begun_ms)}  {row.terminal}  {what}"
