"""`guitai gateway digests`: each terminal's day as the gateway holds it, to compare with what the till printed."""

from __future__ import annotations

import time
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from guitai.days import Day
from guitai.exits import CommandStop, Exit
from guitai.gateway_door import database_option, database_path, json_option, print_json
from protocol.money import CNY, Money
from protocol.reasons import Reason

if TYPE_CHECKING:
    from gateway.store.digests import HeldDay


@click.command()
@click.option("--date", "day", type=Day(), help="The day in Beijing. Default: today.")
@database_option
@json_option
def digests(day: datetime | None, database: str | None, as_json: bool) -> int:
    """Every terminal's day digest; the same characters as `report daily` at the till. Reads only, beside the gateway.

    Exit status 1 when an entry here does not follow the one before.
    """
    from gateway.store.digests import held_days
    from gateway.store.reading import Unread, read_only
    from protocol.digest import BEIJING

    wanted = (day or datetime.fromtimestamp(time.time(), BEIJING)).date()
    try:
        found = read_only(database_path(database), lambda tx: held_days(tx, wanted))
    except Unread as error:
        raise CommandStop(Exit.DATA, reason=Reason.FOLDER_UNREADABLE, message=str(error)) from error
    broken = [held for held in found if held.broken is not None]
    message = f"{wanted}: {len(found)} terminals, {len(broken)} with a broken chain."
    if as_json:
        reason = Reason.CHECK_FAILED if broken else Reason.DONE
        print_json(reason=reason, message=message, date=wanted.isoformat(), digests=[_values(held) for held in found])
    else:
        for held in found:
            click.echo(_line(held))
        click.echo(message)
    return int(Exit.NOT_DONE if broken else Exit.DONE)


def _line(held: HeldDay) -> str:
    digest = held.digest
    sums = f"{digest.paid} paid {_yuan(digest.paid_fen)}, {digest.refunded} refunded {_yuan(digest.refunded_fen)}"
    state = "" if held.broken is None else f"  BROKEN at entry {held.broken}"
    entries = f"entries {digest.first_seq}-{digest.last_seq}"
    return f"{digest.text}  {held.store} {held.terminal} ({digest.terminal_id})  {entries}  {sums}{state}"


def _values(held: HeldDay) -> dict[str, Any]:
    digest = held.digest
    return {
        "terminal_id": digest.terminal_id,
        "terminal": held.terminal,
        "store": held.store,
        "digest": digest.text,
        "entries": digest.entries,
        "first_seq": digest.first_seq,
        "last_seq": digest.last_seq,
        "head": digest.head,
        "paid": digest.paid,
        "paid_fen": digest.paid_fen,
        "refunded": digest.refunded,
        "refunded_fen": digest.refunded_fen,
        "broken": held.broken,
    }


def _yuan(amount_fen: int) -> str:
    return str(Money(amount_fen, CNY)) if amount_fen else "¥0.00"
