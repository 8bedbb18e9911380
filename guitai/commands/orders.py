"""`guitai orders`: the latest orders of this till, or everything that happened to one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guitai.exits import CommandStop, Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from guitai.order_number import order_no_of
from protocol.reasons import Reason

if TYPE_CHECKING:
    from sync.engine.model import PaymentView
    from sync.journal.read import OrderLine
    from terminal.cashier.ports import HistoryEntry
    from terminal.live.reading import FolderReader

#: How many orders are looked through for a filter.
_SEARCHED = 20_000
_STATES = {"PAID": "paid", "NOT_PAID": "not paid", "UNKNOWN": "NOT CONFIRMED", "CANCELLING": "cancelling"}


@click.command()
@click.argument("number", required=False)
@click.option("--filter", "wanted", default="", metavar="TEXT", help="Part of a number, amount, state, wallet or time.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@data_dir_option
def command(number: str | None, wanted: str, limit: int, as_json: bool, data_dir: Path | None) -> int:
    """List the latest orders; with NUMBER tell everything that happened to it. Runs beside the app."""
    from terminal.live.reading import FolderReader

    reader = FolderReader(resolved(data_dir))
    with folder_troubles():
        reader.require_till()
        return _one(reader, number, as_json) if number else _many(reader, wanted, limit, as_json)


def _many(reader: FolderReader, wanted: str, limit: int, as_json: bool) -> int:
    lines = reader.lines(limit=_SEARCHED if wanted else limit)
    found = [line for line in lines if _matches(line, wanted.strip().lower())][:limit]
    if as_json:
        orders = [_line_as_json(line) for line in found]
        click.echo(json.dumps({"orders": orders, "reason": Reason.DONE, "message": f"{len(orders)} orders."}))
        return int(Exit.DONE)
    for line in found:
        click.echo(_in_words(line))
    if not found:
        click.echo("No order matches." if wanted else "No orders yet.", err=True)
    return int(Exit.DONE)


def _one(reader: FolderReader, number: str, as_json: bool) -> int:
    from protocol.numbers import grouped

    order_no = order_no_of(number)
    entries = reader.history(order_no)
    if not entries:
        raise CommandStop(Exit.NOT_DONE, reason=Reason.UNKNOWN_PAYMENT, message="This till has no such order.")
    if as_json:
        timeline = [_entry_as_json(entry) for entry in entries]
        ending = {
            "order_no": order_no,
            "timeline": timeline,
            "reason": Reason.DONE,
            "message": f"{len(timeline)} events.",
        }
        click.echo(json.dumps(ending, ensure_ascii=False))
        return int(Exit.DONE)
    click.echo(f"Order {grouped(order_no)}")
    for entry in entries:
        click.echo(_entry_in_words(entry))
    return int(Exit.DONE)


def _matches(line: OrderLine, wanted: str) -> bool:
    told = f"{_in_words(line)} {line.order_no} {line.last.channel or ''}".lower()
    return all(word in told for word in wanted.split())


def _in_words(line: OrderLine) -> str:
    from guitai import wording
    from protocol.numbers import grouped
    from terminal.cashier import words

    last = line.last
    state = _state_of(last)
    late = "" if last.late_money is None else f"  LATE MONEY ({last.late_money.state.value})"
    wallet = f"{wording.text(words.wallet(last.channel)) if last.channel else '-':10}"
    tail = f"…{last.transaction_tail}" if last.transaction_tail else ""
    made = wording.when(line.made_at_ms)
    return f"{made}  {line.amount!s:>12}  {wallet}  {state:13}  {grouped(line.order_no)}  {tail}{late}".rstrip()


def _state_of(last: PaymentView) -> str:
    """Paid money that went back is not called paid."""
    if last.cash is not None and last.cash.returned_at_ms is not None:
        return "given back"
    if last.refunding_fen:
        return "REFUND OPEN"
    if last.refunded_fen:
        return "refunded" if last.refunded_fen >= last.amount.fen else "part refunded"
    return _STATES.get(last.state.value, "open")


def _entry_in_words(entry: HistoryEntry) -> str:
    from guitai import wording
    from terminal.cashier.state import CHINA, CashierState
    from terminal.cashier.timeline import line_of
    from terminal.cashier.times import moment

    told = line_of(CashierState(), entry)
    day = moment(entry.at_ms, CHINA)[:5]
    return f"{day} {told.time}  #{entry.n}  {wording.text(told.who):10}  {wording.text(told.what)}"


def _line_as_json(line: OrderLine) -> dict[str, Any]:
    last = line.last
    return {
        "order_no": line.order_no,
        "sale_id": line.sale_id,
        "payment_no": last.payment_no,
        "amount_fen": line.amount.fen,
        "currency": line.amount.currency,
        "presented": last.presented,
        "state": last.state,
        "safe_to_rescan": last.safe_to_rescan,
        "payment_reason": last.reason,
        "proof": last.proof.kind if last.proof else None,
        "channel": last.channel,
        "transaction_tail": last.transaction_tail,
        "late_money": last.late_money.state if last.late_money else None,
        "refunded_fen": last.refunded_fen,
        "refunding_fen": last.refunding_fen,
        "cash": _cash_as_json(last),
        "operator": line.operator,
        "made_at_ms": line.made_at_ms,
        "settled_at_ms": last.settled_at_ms,
    }


def _cash_as_json(last: PaymentView) -> dict[str, Any] | None:
    cash = last.cash
    if cash is None:
        return None
    return {
        "received_fen": cash.received_fen,
        "change_fen": cash.change_fen,
        "returned_at_ms": cash.returned_at_ms,
        "why": cash.why,
    }


def _entry_as_json(entry: HistoryEntry) -> dict[str, Any]:
    return {
        "at_ms": entry.at_ms,
        "n": entry.n,
        "kind": entry.kind,
        "said_by": entry.said_by,
        "why": entry.reason,
        "detail": entry.detail,
    }
