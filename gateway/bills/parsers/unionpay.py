"""UnionPay's settlement file (facts 4.1): a ZIP with a ZM file of fixed-width GBK records and no header.

Rules
- Columns by place: the widths are those of the official demo [secondary source], in bytes; a blank may part them.
- Some record must be of the day that was asked for; the settlement day begins in the evening before.
- A record that is not as wide as its columns is cut. The file states no totals: the ZIP's checksums guard it whole.
- Fees are written with C (given back) or D (kept) [unconfirmed by UnionPay's text]; a fee that is not plainly one ends
  the bill.
- A refund or cancel has a number of its own; the payment's stands beside it. A reversal has the payment's own number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from gateway.bills.line import BadBill, BillFault, BillFile, LineKind, Statement, StatementLine
from gateway.bills.parsers.cells import BEIJING, unix_ms
from gateway.bills.parsers.packing import check_lines, members
from gateway.bills.plan import DAY_MS, EVENING_MS, day_start_ms

#: Width of each column; 98 bytes at the end are reserved and may be missing.
WIDTHS: Final = (
    3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32, 13,
    13, 8, 32, 13, 13, 12, 2, 1, 32, 98,
)  # fmt: skip
_NEEDED: Final = len(WIDTHS) - 1
#: Places of the columns that are read, from 0.
TRANSFERRED, AMOUNT, QUERY_ID, ORDER_ID, FEE, TXN_TYPE, ORIG_QUERY_ID, ORIG_ORDER_ID = 4, 6, 9, 11, 15, 19, 26, 40
_REVERSAL: Final = "99"
_KINDS: Final[Mapping[str, LineKind]] = {
    "01": LineKind.PAY,
    "04": LineKind.REFUND,
    "31": LineKind.UNDO,
    _REVERSAL: LineKind.UNDO,
}
_NAME: Final = "ZM_"
_FEN: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_FEE: Final = re.compile(r"([CD+-]?)([0-9]{1,13})", re.ASCII)
_MOMENT: Final = re.compile(r"[0-9]{10}", re.ASCII)
_MILLIFEN_PER_FEN: Final = 1_000
#: A settlement day ends before midnight, and nothing in it is older than this.
_DAYS_AROUND: Final = 180


def read_settlement_file(content: bytes, file: BillFile) -> Statement:
    """Raises BadBill."""
    found = [held for name, held in members(content).items() if _NAME in name]
    if len(found) != 1:
        raise BadBill(BillFault.ARCHIVE, what=_NAME)
    check_lines(found[0])
    lines = tuple(
        _line(_columns(written, line), line, file)
        for line, raw in enumerate(found[0].split(b"\n"), start=1)
        if (written := raw.rstrip(b"\r\x1a")).strip()
    )
    if lines and not any(_is_of_the_day(line.at_ms, file) for line in lines):
        raise BadBill(BillFault.OTHER_DAY)
    return Statement(lines=lines)


def _is_of_the_day(at_ms: int, file: BillFile) -> bool:
    """Some line must be; whether each is, nobody promises. The day begins in the evening before."""
    begin_ms = day_start_ms(file.day)
    return begin_ms - EVENING_MS <= at_ms < begin_ms + DAY_MS


def _columns(written: bytes, line: int) -> list[str]:
    gap = 1 if _parted(written) else 0
    columns: list[str] = []
    at = 0
    for width in WIDTHS[:_NEEDED]:
        held = written[at : at + width]
        if len(held) < width:
            raise BadBill(BillFault.TRUNCATED, line=line)
        at += width + gap
        try:
            columns.append(held.decode("gbk").strip())
        except UnicodeDecodeError:
            raise BadBill(BillFault.ENCODING, line=line) from None
    return columns


def _parted(written: bytes) -> bool:
    """Whether one blank stands between every two columns."""
    at = 0
    for width in WIDTHS[: _NEEDED - 1]:
        at += width
        if written[at : at + 1] != b" ":
            return False
        at += 1
    return True


def _line(columns: Sequence[str], line: int, file: BillFile) -> StatementLine:
    kind = _KINDS.get(columns[TXN_TYPE], LineKind.OTHER)
    amount, fee = columns[AMOUNT], _FEE.fullmatch(columns[FEE])
    if not _FEN.fullmatch(amount):
        raise BadBill(BillFault.ROW, line=line, what="txnAmt")
    if fee is None:
        raise BadBill(BillFault.ROW, line=line, what="fee")
    back = kind in (LineKind.REFUND, LineKind.UNDO)
    named = back and columns[TXN_TYPE] != _REVERSAL
    kept = int(fee[2]) * _MILLIFEN_PER_FEN
    return StatementLine(
        kind=kind,
        out_trade_no=columns[ORIG_ORDER_ID] if named else columns[ORDER_ID],
        refund_no=columns[ORDER_ID] if named else None,
        transaction_id=columns[ORIG_QUERY_ID] if back else columns[QUERY_ID],
        channel_refund_id=columns[QUERY_ID] if back else None,
        amount_fen=-int(amount) if back else int(amount),
        fee_millifen=-kept if fee[1] in ("C", "-") else kept,
        at_ms=_at_ms(columns[TRANSFERRED], line, file),
        state=columns[TXN_TYPE],
        sha256=file.sha256,
        line=line,
    )


def _at_ms(text: str, line: int, file: BillFile) -> int:
    """ "1122100005" has no year: the one that brings it next to the bill's day."""
    day = datetime.strptime(file.day, "%Y-%m-%d").replace(tzinfo=BEIJING)
    if _MOMENT.fullmatch(text):
        for year in (day.year, day.year - 1, day.year + 1):
            try:
                moment = datetime.strptime(f"{year:04d}{text}", "%Y%m%d%H%M%S").replace(tzinfo=BEIJING)
            except ValueError:
                continue
            if abs(moment - day) <= timedelta(days=_DAYS_AROUND):
                return unix_ms(moment)
    raise BadBill(BillFault.ROW, line=line, what="traceTime")
