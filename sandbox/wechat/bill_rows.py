"""What a day's bill says, as values: one row for each payment, refund and reverse of paid money on that Beijing day.

Rules: a payment is of the day it was paid on, a refund or reverse of the day it was asked on; the fee is 0.60 % of each
payment, rounded half up to the fen, and refunds give it back so that a full refund returns all of it.
Must not know: file formats, HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

from sandbox.billing import BillDiscrepancy, DiscrepancyBook, DiscrepancyKind
from sandbox.wechat.beijing import day_of, day_start_ms
from sandbox.wechat.orders import Order, TradeState, TradeType

FEE_RATE_PPM = 6_000
READY_AFTER_MS = 34 * 3_600_000
"""From the day's midnight: 10:00 of the day after."""
_PRODUCED_AFTER_MS = 33 * 3_600_000
_NOON_MS = 43_200_000


class RowKind(Enum):
    PAID = "SUCCESS"
    REFUNDED = "REFUND"
    REVOKED = "REVOKED"
    """A paid code order that was reversed: everything went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillRow:
    kind: RowKind
    at_ms: int
    transaction_id: str
    out_trade_no: str
    openid: str
    trade_type: TradeType
    description: str
    attach: str
    appid: str
    sub_mchid: str
    paid_fen: int = 0
    """What this row brings in; 0 on a row that gives back."""
    returned_fen: int = 0
    fee_fen: int
    """Negative on a row that gives back."""
    refund_id: str = ""
    out_refund_no: str = ""
    landed_ms: int | None = None
    """Of a refund: when it landed, if it had by the time the bill was made."""


def fee_fen(amount_fen: int) -> int:
    """0.60 %, half up."""
    return (amount_fen * FEE_RATE_PPM + 500_000) // 1_000_000


def rows_of_day(orders: Iterable[Order], day: date, wrong: DiscrepancyBook) -> tuple[BillRow, ...]:
    """In the order of their moments, with the discrepancies that were asked for."""
    rows: list[BillRow] = []
    for order in orders:
        discrepancy = wrong.of_order(day, order.number)
        if discrepancy is None or discrepancy.kind is not DiscrepancyKind.MISSING_ROW:
            rows += [_distorted(row, discrepancy) for row in _rows(order, day) if day_of(row.at_ms) == day]
    rows += [_extra(one, day) for one in wrong.extra_rows(day)]
    return tuple(sorted(rows, key=lambda row: row.at_ms))


def net_before_fen(orders: Iterable[Order], day: date) -> int:
    """What had come in, fees and returns taken off, before that day began."""
    rows = (row for order in orders for row in _rows(order, day) if day_of(row.at_ms) < day)
    return sum(row.paid_fen - row.returned_fen - row.fee_fen for row in rows)


def _rows(order: Order, day: date) -> Iterable[BillRow]:
    if order.paid_ms is None:
        return
    total_fen = order.asked.total_fen
    paid = BillRow(
        kind=RowKind.PAID,
        at_ms=order.paid_ms,
        transaction_id=order.transaction_id,
        out_trade_no=order.number,
        openid=order.buyer.user_id,
        trade_type=order.asked.trade_type,
        description=order.asked.description,
        attach=order.asked.attach,
        appid=order.asked.appid,
        sub_mchid=order.asked.sub_mchid,
        paid_fen=total_fen,
        fee_fen=fee_fen(total_fen),
    )
    yield paid
    back = replace(paid, kind=RowKind.REFUNDED, paid_fen=0)
    if order.state is TradeState.REVOKED and order.reversed_ms is not None:
        yield replace(
            back,
            kind=RowKind.REVOKED,
            at_ms=order.reversed_ms,
            returned_fen=total_fen,
            fee_fen=-fee_fen(total_fen),
            refund_id="5030" + order.transaction_id[4:],
            out_refund_no=order.number,
            landed_ms=order.reversed_ms,
        )
    produced_ms = day_start_ms(day) + _PRODUCED_AFTER_MS
    so_far_fen = 0
    for refund in order.refunds:
        until_fen = so_far_fen + refund.amount_fen
        yield replace(
            back,
            at_ms=refund.asked_ms,
            returned_fen=refund.amount_fen,
            fee_fen=fee_fen(so_far_fen) - fee_fen(until_fen),
            refund_id=refund.refund_id,
            out_refund_no=refund.out_refund_no,
            landed_ms=refund.lands_ms if refund.lands_ms <= produced_ms else None,
        )
        so_far_fen = until_fen


def _distorted(row: BillRow, discrepancy: BillDiscrepancy | None) -> BillRow:
    if discrepancy is None or discrepancy.kind is not DiscrepancyKind.OTHER_AMOUNT:
        return row
    if discrepancy.amount_fen is None or row.kind is not RowKind.PAID:
        return row
    return replace(row, paid_fen=discrepancy.amount_fen, fee_fen=fee_fen(discrepancy.amount_fen))


def _extra(discrepancy: BillDiscrepancy, day: date) -> BillRow:
    amount_fen = discrepancy.amount_fen or 1
    return BillRow(
        kind=RowKind.PAID,
        at_ms=day_start_ms(day) + _NOON_MS,
        transaction_id=f"4200009999{day:%Y%m%d}9999999999",
        out_trade_no=discrepancy.out_trade_no,
        openid="o000000000000000000000000000",
        trade_type=TradeType.MICROPAY,
        description="多出的一笔",
        attach="",
        appid="",
        sub_mchid="",
        paid_fen=amount_fen,
        fee_fen=fee_fen(amount_fen),
    )
