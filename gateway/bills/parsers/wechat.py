"""WeChat Pay's bills (facts 6.1): UTF-8 with a byte order mark, every value behind a backtick, a summary at the end.

Rules
- Columns by name: ALL, SUCCESS and REFUND bills differ in which they have.
- Values are parted by a comma and a backtick, so that a comma in a shop's text parts nothing; a shop's text that holds
  both is put together again.
- The summary's count and sums must be those of the rows; a file that ends before it is cut.
- The amount of a payment is 订单金额 (what was asked for), not 应结订单金额 (what the fee is reckoned from).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from gateway.bills.line import BadBill, BillFault, BillFile, LineKind, Statement, StatementLine
from gateway.bills.parsers.cells import Header, Row, equal_total, plain_name
from gateway.bills.parsers.packing import check_lines, plain
from gateway.bills.plan import day_of

_KINDS: Final[Mapping[str, LineKind]] = {
    "SUCCESS": LineKind.PAY,
    "REFUND": LineKind.REFUND,
    "REVOKED": LineKind.UNDO,
}
_FREE_TEXT: Final = "商品名称"
#: Sum in the summary → the column that it adds up.
_TRADE_SUMS: Final[Mapping[str, str]] = {
    "应结订单总金额": "应结订单金额",
    "退款总金额": "退款金额",
    "手续费总金额": "手续费",
    "订单总金额": "订单金额",
    "申请退款总金额": "申请退款金额",
}
_FLOW_KINDS: Final[Mapping[str, LineKind]] = {"交易": LineKind.PAY, "退款": LineKind.REFUND}
_CAME, _WENT = "收入", "支出"


def read_trade_bill(content: bytes, file: BillFile) -> Statement:
    """Raises BadBill."""
    rows, summary = _table(content, first="交易时间", total="总交易单数", free=_FREE_TEXT)
    rows.header.require("微信订单号", "商户订单号", "交易状态", "手续费", "订单金额")
    equal_total(len(rows.rows), summary.count("总交易单数"), line=summary.line, what="总交易单数")
    for total, column in _TRADE_SUMS.items():
        if summary.has(total) and column in rows.header.names:
            found = sum(row.millifen(column) for row in rows.rows)
            equal_total(found, summary.millifen(total), line=summary.line, what=total)
    lines = tuple(_trade_line(row, file) for row in rows.rows)
    _of_the_day(lines, file)
    return Statement(lines=lines)


def read_fund_flow(content: bytes, file: BillFile) -> Statement:
    """Raises BadBill."""
    rows, summary = _table(content, first="记账时间", total="资金流水总笔数", free="备注")
    rows.header.require("微信支付业务单号", "资金流水单号", "业务类型", "收支类型", "收支金额(元)", "业务凭证号")
    lines = tuple(_flow_line(row, file) for row in rows.rows)
    came, went = (tuple(line for line in lines if (line.amount_fen > 0) == sign) for sign in (True, False))
    for name, found in (
        ("资金流水总笔数", len(lines)),
        ("收入笔数", sum(row.text("收支类型") == _CAME for row in rows.rows)),
        ("支出笔数", sum(row.text("收支类型") == _WENT for row in rows.rows)),
    ):
        equal_total(found, summary.count(name), line=summary.line, what=name)
    for name, some in (("收入金额", came), ("支出金额", went)):
        equal_total(sum(abs(one.amount_fen) for one in some), summary.fen(name), line=summary.line, what=name)
    _of_the_day(lines, file)
    return Statement(lines=lines)


class _Rows:
    def __init__(self, header: Header) -> None:
        self.header = header
        self.rows: list[Row] = []


def _table(content: bytes, *, first: str, total: str, free: str) -> tuple[_Rows, Row]:
    """The rows under their header, and the summary under its own."""
    try:
        unpacked = plain(content)
        check_lines(unpacked)
        text = unpacked.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadBill(BillFault.ENCODING) from None
    rows: _Rows | None = None
    totals: Header | None = None
    summary: Row | None = None
    for line, raw in enumerate(text.split("\n"), start=1):
        written = raw.rstrip("\r")
        if not written:
            continue
        if summary is not None:
            raise BadBill(BillFault.TOTALS, line=line, what="after the summary")
        if rows is None:
            rows = _Rows(_header(written, first=first, line=line))
        elif totals is not None:
            summary = totals.row(_cells(written, line), line=line, free=total)
        elif written.startswith(total):
            totals = _header(written, first=total, line=line)
        else:
            rows.rows.append(rows.header.row(_cells(written, line), line=line, free=free))
    if rows is None:
        raise BadBill(BillFault.NOT_A_BILL)
    if summary is None:
        raise BadBill(BillFault.TRUNCATED, what=total)
    return rows, summary


def _header(written: str, *, first: str, line: int) -> Header:
    names = tuple(plain_name(name.lstrip("`")) for name in written.split(","))
    if names[0] != first:
        raise BadBill(BillFault.NOT_A_BILL, line=line, what=first)
    if len(set(names)) != len(names):
        raise BadBill(BillFault.HEADER, line=line, what="a column twice")
    return Header(names=names, line=line)


def _cells(written: str, line: int) -> list[str]:
    if not written.startswith("`"):
        raise BadBill(BillFault.ROW, line=line, what="backtick")
    return written[1:].split(",`")


def _trade_line(row: Row, file: BillFile) -> StatementLine:
    kind = _KINDS.get(row.text("交易状态"), LineKind.OTHER)
    asked_back = row.optional_fen("申请退款金额") or row.optional_fen("退款金额")
    paid = row.fen("订单金额")
    match kind:
        case LineKind.PAY:
            amount_fen = paid
        case LineKind.REFUND | LineKind.UNDO:
            amount_fen = -asked_back
        case LineKind.OTHER | LineKind.FEE:
            amount_fen = paid - asked_back
    back = kind is not LineKind.PAY
    asked_at = "退款申请时间" if row.text("退款申请时间") else "交易时间"
    return StatementLine(
        kind=kind,
        out_trade_no=row.text("商户订单号"),
        refund_no=_number(row.text("商户退款单号")) if back else None,
        transaction_id=row.text("微信订单号"),
        channel_refund_id=_number(row.text("微信退款单号")) if back else None,
        amount_fen=amount_fen,
        fee_millifen=row.millifen("手续费"),
        at_ms=row.ms(asked_at),
        state=(row.text("退款状态") if back else "") or row.text("交易状态"),
        sha256=file.sha256,
        line=row.line,
    )


def _flow_line(row: Row, file: BillFile) -> StatementLine:
    business, way, voucher = row.text("业务类型"), row.text("收支类型"), row.text("业务凭证号")
    if way not in (_CAME, _WENT):
        raise BadBill(BillFault.ROW, line=row.line, what="收支类型")
    kind = LineKind.FEE if "手续费" in business else _FLOW_KINDS.get(business, LineKind.OTHER)
    amount_fen = row.fen("收支金额(元)")
    refund = kind is LineKind.REFUND
    return StatementLine(
        kind=kind,
        out_trade_no="" if refund else voucher,
        refund_no=_number(voucher) if refund else None,
        transaction_id=row.text("微信支付业务单号"),
        channel_refund_id=row.text("资金流水单号") if refund else None,
        amount_fen=amount_fen if way == _CAME else -amount_fen,
        fee_millifen=0,
        at_ms=row.ms("记账时间"),
        state=row.text("业务名称") or business,
        sha256=file.sha256,
        line=row.line,
    )


def _number(text: str) -> str | None:
    """0 stands for none."""
    return None if text in ("", "0") else text


def _of_the_day(lines: tuple[StatementLine, ...], file: BillFile) -> None:
    """Some line must be of the day; whether each is, the wallet does not promise."""
    if lines and all(day_of(line.at_ms) != file.day for line in lines):
        raise BadBill(BillFault.OTHER_DAY)
