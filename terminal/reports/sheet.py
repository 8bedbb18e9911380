"""A day as rows for a spreadsheet, and as CSV that cannot run: text that a spreadsheet would take for a formula is
marked as text. Pure. Unresolved payments come first; amounts are yuan with two decimals, and fen beside them.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from protocol.money import Money
from terminal.cashier.ports import DayRead

HEADER: Final = ("section", "name", "count", "amount_yuan", "amount_fen")
_RUNS: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "|", "%")

Cell = str | int


def rows_of(day: DayRead) -> tuple[tuple[Cell, ...], ...]:
    """The rows under `HEADER`."""
    unresolved = (
        ("unresolved", payment.payment_no, 1, _yuan(payment.amount.fen), payment.amount.fen)
        for payment in day.unresolved
    )
    wallets = (
        ("wallet", wallet.channel or "unknown", wallet.count, _yuan(wallet.amount_fen), wallet.amount_fen)
        for wallet in day.wallets
    )
    hours = (("hour", f"{hour.hour:02d}:00", hour.count, _yuan(hour.amount_fen), hour.amount_fen) for hour in day.hours)
    refunding = (
        ("refund_open", refund.refund_no, 1, _yuan(refund.amount.fen), refund.amount.fen) for refund in day.open_refunds
    )
    store = (
        ("static_qr", wallet.channel or "unknown", wallet.count, _yuan(wallet.amount_fen), wallet.amount_fen)
        for wallet in day.store
    )
    sums = (
        ("total", day.day, day.count, _yuan(day.amount_fen), day.amount_fen),
        ("refunded", day.day, day.refunds, _yuan(day.refunded_fen), day.refunded_fen),
        ("cash_back", day.day, day.cash_back, _yuan(day.cash_back_fen), day.cash_back_fen),
        ("net", day.day, day.count, _signed(day.net_fen), day.net_fen),
        ("not_paid", day.day, day.not_paid, _yuan(0), 0),
    )
    return (*unresolved, *refunding, *sums, *wallets, *hours, *store)


def as_csv(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """RFC 4180 with CRLF; a byte-order mark in front makes spreadsheets read it as UTF-8."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([guarded(cell) for cell in header])
    writer.writerows([guarded(cell) for cell in row] for row in rows)
    return "\ufeff" + out.getvalue()


def guarded(cell: Cell) -> Cell:
    """A number stays one; text that would start a formula gets an apostrophe."""
    if isinstance(cell, str) and cell.lstrip(" \u3000\u00a0").startswith(_RUNS):
        return f"'{cell}"
    return cell


def _signed(amount_fen: int) -> str:
    """A day on which more went back than came in is less than nothing."""
    return f"-{_yuan(-amount_fen)}" if amount_fen < 0 else _yuan(amount_fen)


def _yuan(amount_fen: int) -> str:
    return Money(amount_fen).yuan() if amount_fen else "0.00"
