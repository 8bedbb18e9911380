"""`guitai gateway routes`: what other rules would have chosen for the payments of a day, and what that would cost."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from guitai.days import Day
from guitai.exits import CommandStop, Exit
from guitai.gateway_door import (
    database_option,
    database_path,
    print_faults,
    print_json,
    text_of,
    troubles,
)
from protocol.money import CNY, Money
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.routing.replay import Recorded, Replayed, Totals

_BEIJING: Final = timezone(timedelta(hours=8))
_DAY_MS: Final = 86_400_000
_PIPED_COLUMNS: Final = 180


@click.group()
def routes() -> None:
    """Routing: which channel account takes which payment."""


@routes.command()
@click.option("--date", "day", required=True, type=Day(), help="The day, in Beijing time.")
@click.option(
    "--rules",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="TOML with [[routes]] and, for other costs, [[channel_accounts]]; the gateway's own file will do.",
)
@database_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def replay(day: datetime, rules: Path, database: str | None, as_json: bool) -> int:
    """Decide the payments of a day again by the rules in FILE. Reads only, also beside a running gateway."""
    from gateway.configure.document import read_routes
    from gateway.configure.faults import Faults
    from gateway.routing.replay import replay as decide_again
    from gateway.routing.replay import totals

    with troubles():
        other = read_routes(text_of(rules))
        if isinstance(other, Faults):
            return print_faults(other, as_json, start="Nothing was replayed.")
        recorded = _recorded(database, day)
    replayed = [decide_again(one, other.routes, other.terms) for one in recorded]
    _print(day, replayed, totals(replayed), as_json=as_json)
    return int(Exit.DONE)


def _recorded(database: str | None, day: datetime) -> list[Recorded]:
    from gateway.store.reading import Unread, read_only
    from gateway.store.routes import between

    from_ms = int(day.replace(tzinfo=_BEIJING).timestamp()) * 1000
    try:
        return read_only(database_path(database), lambda tx: between(tx, from_ms=from_ms, until_ms=from_ms + _DAY_MS))
    except Unread as error:
        raise CommandStop(Exit.DATA, reason=Reason.FOLDER_UNREADABLE, message=str(error)) from error


def _print(day: datetime, replayed: list[Replayed], sums: Totals, *, as_json: bool) -> None:
    change_fen = sums.cost_now_fen - sums.cost_then_fen
    message = f"{sums.decisions} decisions, {sums.moved} would go elsewhere, {sums.unserved} nowhere."
    if as_json:
        print_json(
            reason=Reason.DONE,
            message=message,
            date=f"{day:%Y-%m-%d}",
            decisions=[_row(one) for one in replayed],
            moved=sums.moved,
            unserved=sums.unserved,
            cost_then_fen=sums.cost_then_fen,
            cost_now_fen=sums.cost_now_fen,
        )
        return
    if replayed:
        _table(replayed)
    click.echo(message)
    then, now = Money(sums.cost_then_fen, CNY), Money(sums.cost_now_fen, CNY)
    click.echo(f"Cost: {then} as it was, {now} by these rules ({change_fen:+} fen).")


def _row(one: Replayed) -> dict[str, Any]:
    request, chosen = one.then.facts.request, one.now.chosen
    return {
        "out_trade_no": one.then.out_trade_no,
        "payment_no": f"{one.then.order_no}-{one.then.n}",
        "at_ms": one.then.at_ms,
        "mode": request.mode.value,
        "wallet": request.wallet,
        "amount_fen": request.amount_fen,
        "account_then": one.then.account_id,
        "cost_then_fen": one.then.cost_fen,
        "reasons_then": [_said(reason.why, reason.about) for reason in one.then.reasons],
        "account_now": None if chosen is None else chosen.account_id,
        "cost_now_fen": one.now.cost_fen,
        "reasons_now": [_said(reason.why, reason.about) for reason in one.now.reasons],
        "moved": one.moved,
    }


def _said(why: str, about: str) -> str:
    return f"{why}:{about}" if about else str(why)


def _table(replayed: list[Replayed]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    table = Table(box=box.SIMPLE)
    for name in ("time", "payment", "amount", "mode", "then", "cost", "now", "cost", "decided by"):
        table.add_column(name, justify="right" if name in {"amount", "cost"} else "left", overflow="fold")
    for one in replayed:
        chosen = one.now.chosen
        table.add_row(
            f"{datetime.fromtimestamp(one.then.at_ms / 1000, _BEIJING):%H:%M:%S}",
            f"{one.then.order_no}-{one.then.n}",
            str(Money(one.then.facts.request.amount_fen, CNY)),
            one.then.facts.request.mode.value,
            one.then.account_id,
            str(Money(one.then.cost_fen, CNY)),
            "-" if chosen is None else chosen.account_id,
            str(Money(one.now.cost_fen, CNY)),
            one.now.reasons[-1].why.value,
            style="bold" if one.moved else None,
        )
    console = Console()
    if not console.is_terminal:
        console = Console(width=_PIPED_COLUMNS)  # a file is read in columns: no line is folded
    console.print(table)
