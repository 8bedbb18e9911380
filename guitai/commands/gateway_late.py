"""`guitai gateway late`: money that came after its payment was given up, and a person's word about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from guitai.gateway_door import ask, database_option, json_option, print_faults, print_rows, troubles, word_options
from protocol.money import CNY, Money

if TYPE_CHECKING:
    from gateway.configure.words import LateCaseSaid, LateOrder


@click.group()
def late() -> None:
    """Late money: list what waits, keep it for its sale, send it back, or say that you gave it back by hand."""


@late.command("list")
@database_option
@json_option
def list_cases(database: str | None, as_json: bool) -> int:
    """What was found and has neither gone back nor been kept."""
    from gateway.configure.words import LateAction, LateOrder

    return _said(LateOrder(action=LateAction.LIST), database, as_json)


@late.command()
@click.argument("out_trade_no")
@word_options(by="Who decides.", reason="Why it is kept.")
@database_option
@json_option
def accept(out_trade_no: str, person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Keep the money for its sale. Not possible when the sale is paid otherwise: a duplicate always goes back."""
    from gateway.configure.words import LateAction, LateOrder

    order = LateOrder(action=LateAction.ACCEPT, out_trade_no=out_trade_no, person=person, reason=reason)
    return _said(order, database, as_json)


@late.command()
@click.argument("out_trade_no")
@word_options(by="Who decides.", reason="Why it goes back.")
@database_option
@json_option
def refund(out_trade_no: str, person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Send the money back to the payer; the gateway drives the refund to its end."""
    from gateway.configure.words import LateAction, LateOrder

    order = LateOrder(action=LateAction.REFUND, out_trade_no=out_trade_no, person=person, reason=reason)
    return _said(order, database, as_json)


@late.command("by-hand")
@click.argument("out_trade_no")
@word_options(by="Who gave it back.", reason="How and to whom: cash, a transfer ...")
@database_option
@json_option
def by_hand(out_trade_no: str, person: str, reason: str, database: str | None, as_json: bool) -> int:
    """Say that the money was given back to the payer by other means than his wallet.

    Nothing is sent to the wallet any more; what it took is the shop's, in exchange for what the shop gave back. Not
    possible while a refund that has begun may still work: nobody is paid back twice. No till counts this: cash that
    was taken out of a drawer for it is missing there at the end of the shift, and is to be noted then.
    """
    from gateway.configure.words import LateAction, LateOrder

    order = LateOrder(action=LateAction.BY_HAND, out_trade_no=out_trade_no, person=person, reason=reason)
    return _said(order, database, as_json)


def _said(order: LateOrder, database: str | None, as_json: bool) -> int:
    from gateway.configure.words import LateSaid, Refused

    with troubles():
        said = ask(database, order, url=None)
    if isinstance(said, Refused):
        return print_faults(said.faults, as_json, start="Nothing was changed.")
    assert isinstance(said, LateSaid), "an order about late money is answered with its cases"
    message = "Done." if said.done else f"{len(said.cases)} waiting."
    return print_rows("cases", said.cases, as_json, message=message, line=_line)


def _line(case: LateCaseSaid) -> str:
    state = "going back" if case.going_back else "waits for a person"
    if case.refused:
        state = "its wallet refuses the refund for good: give it back by other means, then say so (by-hand)"
    return f"{case.out_trade_no}  {Money(case.amount_fen, CNY)}  {case.channel}  {state}"
