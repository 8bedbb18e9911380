"""What a settlement file says, as values: one row for each consume, refund and cancel on that settlement day.

Rules: what was reversed is never settled and has no row; a consume is of the day it was paid on, what goes back of the
day it was asked on; the fee is 0.60 % of each payment, rounded half up to the fen, and what goes back gives it back so
that a full refund returns all of it. Money that was taken without success (42, 74, 75) is listed: the merchant has it.
Must not know: the file's format, HTTP.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from sandbox.billing import BillDiscrepancy, DiscrepancyBook, DiscrepancyKind
from sandbox.unionpay.beijing import day_start_ms, settlement_day
from sandbox.unionpay.trades import Trade, TradeName, TradeState

FEE_RATE_PPM = 6_000
_NOON_MS = 43_200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class FileRow:
    """`amount_fen` and `fee_fen` are never negative: `gives_back` says which way the money went."""

    at_ms: int
    name: TradeName
    txn_type: str
    sub_type: str
    query_id: str
    trace_no: str
    account: str
    """Masked."""
    amount_fen: int
    fee_fen: int
    gives_back: bool
    terminal: str
    sub_mer_id: str
    reserved: str
    original: "FileRow | None" = None
    """Of what goes back: the consume."""


def fee_fen(amount_fen: int) -> int:
    """0.60 %, half up."""
    return (amount_fen * FEE_RATE_PPM + 500_000) // 1_000_000


def rows_of_day(
    trades: Iterable[Trade], day: date, wrong: DiscrepancyBook, *, settlement_hour: int
) -> tuple[FileRow, ...]:
    """In the order of their moments, with the discrepancies that were asked for."""
    rows: list[FileRow] = []
    for trade in trades:
        discrepancy = wrong.of_order(day, trade.name.order_id)
        if discrepancy is None or discrepancy.kind is not DiscrepancyKind.MISSING_ROW:
            of_day = [row for row in _rows(trade) if settlement_day(row.at_ms, settlement_hour) == day]
            rows += [_distorted(row, discrepancy) for row in of_day]
    rows += [_extra(one, day) for one in wrong.extra_rows(day)]
    return tuple(sorted(rows, key=lambda row: row.at_ms))


def _rows(trade: Trade) -> Iterable[FileRow]:
    if trade.paid_ms is None or trade.state is TradeState.VOID:
        return
    echoed = trade.asked.wire.echoed
    paid = FileRow(
        at_ms=trade.paid_ms,
        name=trade.name,
        txn_type="01",
        sub_type=trade.asked.sub_type,
        query_id=trade.query_id,
        trace_no=trade.trace_no,
        account=trade.buyer.logon_id,
        amount_fen=trade.asked.amount_fen,
        fee_fen=fee_fen(trade.asked.amount_fen),
        gives_back=False,
        terminal=trade.asked.terminal,
        sub_mer_id=echoed.get("subMerId", ""),
        reserved=echoed.get("reqReserved", ""),
    )
    yield paid
    so_far_fen = 0
    for one in trade.returns:
        until_fen = so_far_fen + one.amount_fen
        yield replace(
            paid,
            at_ms=one.asked_ms,
            name=one.name,
            txn_type=one.txn_type.value,
            sub_type="00",
            query_id=one.query_id,
            trace_no=one.trace_no,
            amount_fen=one.amount_fen,
            fee_fen=fee_fen(until_fen) - fee_fen(so_far_fen),
            gives_back=True,
            reserved=one.wire.echoed.get("reqReserved", ""),
            original=paid,
        )
        so_far_fen = until_fen


def _distorted(row: FileRow, discrepancy: BillDiscrepancy | None) -> FileRow:
    if discrepancy is None or discrepancy.kind is not DiscrepancyKind.OTHER_AMOUNT:
        return row
    if discrepancy.amount_fen is None or row.gives_back:
        return row
    return replace(row, amount_fen=discrepancy.amount_fen, fee_fen=fee_fen(discrepancy.amount_fen))


def _extra(discrepancy: BillDiscrepancy, day: date) -> FileRow:
    amount_fen = discrepancy.amount_fen or 1
    return FileRow(
        at_ms=day_start_ms(day) + _NOON_MS,
        name=TradeName(order_id=discrepancy.out_trade_no, txn_time=f"{day:%Y%m%d}120000"),
        txn_type="01",
        sub_type="06",
        query_id=f"99{day:%y%m%d}1200009999999",
        trace_no="999999",
        account="622826******9999",
        amount_fen=amount_fen,
        fee_fen=fee_fen(amount_fen),
        gives_back=False,
        terminal="",
        sub_mer_id="",
        reserved="",
    )
