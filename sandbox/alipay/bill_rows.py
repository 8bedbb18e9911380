"""What a day's bill says, as values: one row for each payment, refund and cancel of paid money on that Beijing day.

Rules: a payment is of the day it was paid on, a refund of the day it landed on, a cancel of its own; the fee is 0.60 %
of each payment, rounded half up to the fen, and refunds give it back so that a full refund returns all of it.
Must not know: file formats, HTTP.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from sandbox.alipay.beijing import day_of, day_start_ms
from sandbox.alipay.trades import Trade
from sandbox.billing import BillDiscrepancy, DiscrepancyBook, DiscrepancyKind

FEE_RATE_PPM = 6_000
_NOON_MS = 43_200_000


class RowKind(Enum):
    PAID = "交易"
    REFUNDED = "退款"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    kind: RowKind
    at_ms: int
    created_ms: int
    trade_no: str
    out_trade_no: str
    subject: str
    store_id: str
    terminal_id: str
    buyer: str
    """Masked, as the wallet shows it to shops."""
    amount_fen: int
    """Negative on a row that gives back."""
    fee_fen: int
    """What the wallet keeps; negative on a row that gives back."""
    request_no: str = ""
    """The shop's own number of a refund; a cancel has none."""


def fee_fen(amount_fen: int) -> int:
    """0.60 %, half up."""
    return (amount_fen * FEE_RATE_PPM + 500_000) // 1_000_000


def rows_of_day(trades: Iterable[Trade], day: date, wrong: DiscrepancyBook) -> tuple[BillRow, ...]:
    """In the order of their moments, with the discrepancies that were asked for."""
    rows: list[BillRow] = []
    for trade in trades:
        discrepancy = wrong.of_order(day, trade.order.out_trade_no)
        if discrepancy is None or discrepancy.kind is not DiscrepancyKind.MISSING_ROW:
            rows += [_distorted(row, discrepancy) for row in _rows(trade) if day_of(row.at_ms) == day]
    rows += [_extra(one, day) for one in wrong.extra_rows(day)]
    return tuple(sorted(rows, key=lambda row: row.at_ms))


def net_before_fen(trades: Iterable[Trade], day: date) -> int:
    """What had come in, fees and returns taken off, before that day began."""
    rows = (row for trade in trades for row in _rows(trade) if day_of(row.at_ms) < day)
    return sum(row.amount_fen - row.fee_fen for row in rows)


def _rows(trade: Trade) -> Iterator[BillRow]:
    if trade.paid_ms is None:
        return
    total_fen = trade.order.total_fen
    paid = BillRow(
        kind=RowKind.PAID,
        at_ms=trade.paid_ms,
        created_ms=trade.created_ms,
        trade_no=trade.trade_no,
        out_trade_no=trade.order.out_trade_no,
        subject=trade.order.subject,
        store_id=trade.order.store_id,
        terminal_id=trade.order.terminal_id,
        buyer=trade.buyer.logon_id,
        amount_fen=total_fen,
        fee_fen=fee_fen(total_fen),
    )
    yield paid
    so_far_fen = 0
    landed = (refund for refund in trade.refunds if refund.landed)
    for refund in sorted(landed, key=lambda one: one.lands_ms):
        until_fen = so_far_fen + refund.amount_fen
        yield _back(paid, so_far_fen, until_fen, refund.lands_ms, refund.request_no)
        so_far_fen = until_fen
    if trade.cancelled and trade.ended_ms is not None:
        yield _back(paid, so_far_fen, total_fen, trade.ended_ms, "")


def _back(paid: BillRow, from_fen: int, to_fen: int, at_ms: int, request_no: str) -> BillRow:
    """What was given back of this payment grew from one amount to the other."""
    return replace(
        paid,
        kind=RowKind.REFUNDED,
        at_ms=at_ms,
        amount_fen=from_fen - to_fen,
        fee_fen=fee_fen(from_fen) - fee_fen(to_fen),
        request_no=request_no,
    )


def _distorted(row: BillRow, discrepancy: BillDiscrepancy | None) -> BillRow:
    if discrepancy is None or discrepancy.kind is not DiscrepancyKind.OTHER_AMOUNT:
        return row
    if discrepancy.amount_fen is None or row.kind is not RowKind.PAID:
        return row
    return replace(row, amount_fen=discrepancy.amount_fen, fee_fen=fee_fen(discrepancy.amount_fen))


def _extra(discrepancy: BillDiscrepancy, day: date) -> BillRow:
    amount_fen = discrepancy.amount_fen or 1
    noon_ms = day_start_ms(day) + _NOON_MS
    return BillRow(
        kind=RowKind.PAID,
        at_ms=noon_ms,
        created_ms=noon_ms,
        trade_no=f"{day:%Y%m%d}22009999999999999999",
        out_trade_no=discrepancy.out_trade_no,
        subject="多出的一笔",
        store_id="",
        terminal_id="",
        buyer="199******99",
        amount_fen=amount_fen,
        fee_fen=fee_fen(amount_fen),
    )
