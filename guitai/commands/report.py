"""`guitai report`: what came in."""

from __future__ import annotations

import json
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from guitai.days import Day
from guitai.exits import Exit
from guitai.folder import data_dir_option, folder_troubles, resolved
from protocol.reasons import Reason

if TYPE_CHECKING:
    from protocol.digest import DayDigest
    from terminal.cashier.ports import DayRead
    from terminal.reports.offline import OperatorFigures


@click.group()
def command() -> None:
    """Takings. Runs beside the app."""


@command.command()
@click.option("--date", "day", type=Day(), help="The day, such as 2026-03-01. Default: today.")
@click.option(
    "--format", "shape", type=click.Choice(["table", "json", "csv"]), default="table", show_default=True, help="How."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--offline", is_flag=True, help="Selling without the line instead, by operator: what to look at twice.")
@data_dir_option
def daily(day: datetime | None, shape: str, as_json: bool, offline: bool, data_dir: Path | None) -> int:
    """One day: count and sum, by wallet and by hour; what is not resolved comes first."""
    from terminal.cashier.state import CHINA
    from terminal.live.reading import FolderReader
    from terminal.reports.day import day_of
    from terminal.reports.sheet import HEADER, as_csv, rows_of

    wanted = day.date() if day is not None else day_of(time.time_ns() // 1_000_000, CHINA)
    with folder_troubles():
        reader = FolderReader(resolved(data_dir))
        reader.require_till()
        if offline:
            figures = reader.offline_figures(wanted, CHINA)
            return _offline(figures, wanted, "json" if as_json else shape)
        read = reader.day(wanted, CHINA)
    if as_json or shape == "json":
        click.echo(json.dumps(_as_json(read), ensure_ascii=False))
    elif shape == "csv":
        click.echo(as_csv(HEADER, rows_of(read)).encode(), nl=False)
    else:
        for line in _as_table(read, wanted):
            click.echo(line)
    return int(Exit.DONE)


def _offline(figures: tuple[OperatorFigures, ...], day: date, shape: str) -> int:
    from terminal.reports.sheet import as_csv

    rows = [_figures(one) for one in figures]
    if shape == "json":
        said = {"date": day.isoformat(), "operators": rows, "reason": Reason.DONE, "message": f"{len(rows)} operators."}
        click.echo(json.dumps(said, ensure_ascii=False))
    elif shape == "csv":
        from terminal.reports.offline import OperatorFigures

        header = tuple(_figures(OperatorFigures(operator="")))
        cells = (tuple(value if value is not None else "" for value in row.values()) for row in rows)
        click.echo(as_csv(header, cells).encode(), nl=False)
    else:
        click.echo(f"{day.isoformat()} {day.strftime('%A')}: selling without the line")
        for one in figures:
            for line in _figures_in_words(one):
                click.echo(line)
        if not figures:
            click.echo("No offline orders, and the line was not lost with a payment open.")
    return int(Exit.DONE)


def _figures(one: OperatorFigures) -> dict[str, str | int | None]:
    return {
        "operator": one.operator,
        "shown": one.shown,
        "shown_fen": one.shown_fen,
        "proven": one.proven,
        "typed": one.typed,
        "typed_percent": one.typed_percent,
        "late": one.late,
        "cancelled_after_display": one.cancelled,
        "cancelled_goods_handed": one.handed,
        "awaiting_proof": one.awaiting,
        "proof_delay_median_s": one.delay_median_s,
        "proof_delay_longest_s": one.delay_longest_s,
        "outages": one.outages,
    }


def _figures_in_words(one: OperatorFigures) -> list[str]:
    typed = "" if one.typed_percent is None else f" ({one.typed_percent}% of the proven)"
    lines = [
        f"{one.operator or '-'}: {one.shown} offline QRs, {_yuan(one.shown_fen)}",
        f"  proven {one.proven}, by typed code {one.typed}{typed}",
        f"  paid but unproven {one.late}, still awaiting a proof {one.awaiting}",
        f"  cancelled after display {one.cancelled}, of them with the goods handed over {one.handed}",
        f"  line lost with a payment open: {one.outages}",
    ]
    if one.delay_median_s is not None:
        lines.insert(2, f"  from the QR to the proof: {one.delay_median_s} s median, {one.delay_longest_s} s longest")
    return lines


def _as_table(read: DayRead, day: date) -> list[str]:
    from guitai import wording
    from terminal.cashier import words

    lines = [f"{day.isoformat()} {day.strftime('%A')}"]
    attention = len(read.unresolved) + len(read.open_refunds)
    if attention:
        lines.append(f"Needs attention: {attention}")
    for payment in read.unresolved:
        what = "late money" if payment.late_money is not None else "not confirmed yet"
        lines.append(f"  {wording.when(payment.started_at_ms)}  {payment.amount!s:>12}  {what}  {payment.payment_no}")
    for refund in read.open_refunds:
        when = wording.when(refund.started_at_ms)
        lines.append(f"  {when}  {refund.amount!s:>12}  refund not confirmed yet  {refund.payment_no}")
    lines.append(f"Taken     {_yuan(read.amount_fen):>14}   {read.count} sales; {read.not_paid} not paid")
    if read.refunds:
        lines.append(f"Refunded  {_yuan(-read.refunded_fen):>14}   {read.refunds} refunds")
    if read.cash_back:
        lines.append(f"Cash back {_yuan(-read.cash_back_fen):>14}   {read.cash_back} given back")
    if read.refunds or read.cash_back:
        lines.append(f"Net       {_yuan(read.net_fen):>14}")
    for wallet in read.wallets:
        name = wording.text(words.wallet(wallet.channel))
        lines.append(f"  {name:12}{_yuan(wallet.amount_fen):>10}   {wallet.count}")
    for hour in read.hours:
        lines.append(f"  {hour.hour:02d}:00       {_yuan(hour.amount_fen):>10}   {hour.count}")
    if read.store_count:
        lines.append(
            f"Shop QR   {_yuan(read.store_fen):>14}   {read.store_count} payments to the store, not in the sum"
        )
    if read.digest is not None and read.digest.entries:
        lines.append(f"Digest    {read.digest.text}   entries {read.digest.first_seq}-{read.digest.last_seq}")
    return lines


def _yuan(amount_fen: int) -> str:
    from terminal.cashier.words import yuan_grouped

    return yuan_grouped(amount_fen)


def _as_json(read: DayRead) -> dict[str, Any]:
    return {
        "date": read.day,
        "unresolved": [
            {
                "payment_no": payment.payment_no,
                "amount_fen": payment.amount.fen,
                "state": payment.state,
                "late_money": payment.late_money.state if payment.late_money else None,
                "started_at_ms": payment.started_at_ms,
            }
            for payment in read.unresolved
        ],
        "count": read.count,
        "amount_fen": read.amount_fen,
        "not_paid": read.not_paid,
        "refunds": read.refunds,
        "refunded_fen": read.refunded_fen,
        "cash_back": read.cash_back,
        "cash_back_fen": read.cash_back_fen,
        "net_fen": read.net_fen,
        "open_refunds": [
            {
                "refund_no": refund.refund_no,
                "payment_no": refund.payment_no,
                "amount_fen": refund.amount.fen,
                "started_at_ms": refund.started_at_ms,
            }
            for refund in read.open_refunds
        ],
        "store": [
            {"channel": wallet.channel or None, "count": wallet.count, "amount_fen": wallet.amount_fen}
            for wallet in read.store
        ],
        "store_fen": read.store_fen,
        "wallets": [
            {"channel": wallet.channel or None, "count": wallet.count, "amount_fen": wallet.amount_fen}
            for wallet in read.wallets
        ],
        "hours": [{"hour": hour.hour, "count": hour.count, "amount_fen": hour.amount_fen} for hour in read.hours],
        "digest": None if read.digest is None else _digest(read.digest),
        "reason": Reason.DONE,
        "message": f"{read.count} sales.",
    }


def _digest(digest: DayDigest) -> dict[str, Any]:
    return {
        "terminal_id": digest.terminal_id,
        "digest": digest.text,
        "entries": digest.entries,
        "first_seq": digest.first_seq,
        "last_seq": digest.last_seq,
        "head": digest.head,
        "paid": digest.paid,
        "paid_fen": digest.paid_fen,
        "refunded": digest.refunded,
        "refunded_fen": digest.refunded_fen,
    }
