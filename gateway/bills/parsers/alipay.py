"""Alipay's bills (facts 6.2): a ZIP with a file of rows and one of sums, in GB18030, framed by lines with #.

Rules
- The file of rows is found by its name; which member comes first is not relied on.
- Columns by name; each value ends with a tab, so that a comma in a shop's text parts nothing.
- The day in the frame must be the day asked for; counts and sums below the rows must be those of the rows; a file
  without them is cut.
- Signs differ between editions of the file: the kind of a row decides them. A fee is what the wallet keeps of a payment
  and gives back with a refund.
- A cancel gives back without a request number of the shop's: that is an UNDO.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from gateway.bills.line import BadBill, BillFault, BillFile, LineKind, Statement, StatementLine
from gateway.bills.parsers.cells import Header, Row, equal_total, fen_of, plain_name
from gateway.bills.parsers.packing import check_lines, members

_SUMS_NAME: Final = "(汇总)"
_TRADE_NAME: Final = "业务明细"
_FLOW_NAME: Final = "账务明细"
_KINDS: Final[Mapping[str, LineKind]] = {"交易": LineKind.PAY, "退款": LineKind.REFUND}
_BEGINS: Final = re.compile(r"#起始日期：\[([0-9]{4})年([0-9]{2})月([0-9]{2})日")
_END: Final = "列表结束"
#: "#交易合计：3笔，商家实收共37.50元，商家优惠共0.00元"
_TOTAL: Final = re.compile(r"#(\S{2})合计：([0-9]{1,9})笔，\S*?共(-?[0-9.]{1,16})元")
_FREE_TEXT: Final = "商品名称"


def read_trade_bill(content: bytes, file: BillFile) -> Statement:
    """Raises BadBill."""
    table = _table(content, _TRADE_NAME, file, first="支付宝交易号")
    table.header.require("商户订单号", "业务类型", "完成时间", "订单金额(元)", "商家实收(元)", "服务费(元)")
    for word in _KINDS:
        rows = [row for row in table.rows if row.text("业务类型") == word]
        table.check(word, len(rows), sum(row.fen("商家实收(元)") for row in rows))
    return Statement(lines=tuple(_trade_line(row, file) for row in table.rows))


def read_fund_flow(content: bytes, file: BillFile) -> Statement:
    """Raises BadBill."""
    table = _table(content, _FLOW_NAME, file, first="账务流水号")
    table.header.require("业务流水号", "商户订单号", "发生时间", "收入金额(+元)", "支出金额(-元)", "业务类型")
    for word, column in (("收入", "收入金额(+元)"), ("支出", "支出金额(-元)")):
        amounts = [row.optional_fen(column) for row in table.rows]
        moved = [amount for amount in amounts if amount]
        table.check(word, len(moved), sum(moved))
    return Statement(lines=tuple(_flow_line(row, file) for row in table.rows))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """`totals`: count and sum in fen of each kind, as the file states them, and where."""

    header: Header
    rows: tuple[Row, ...]
    totals: Mapping[str, tuple[int, int, int]] = field(repr=False)

    def check(self, word: str, count: int, sum_fen: int) -> None:
        stated = self.totals.get(word)
        if stated is None:
            raise BadBill(BillFault.TRUNCATED, what=f"{word}合计")
        line, stated_count, stated_fen = stated
        equal_total(count, stated_count, line=line, what=f"{word}合计")
        equal_total(abs(sum_fen), abs(stated_fen), line=line, what=f"{word}合计")


def _table(content: bytes, name: str, file: BillFile, *, first: str) -> _Table:
    header: Header | None = None
    rows: list[Row] = []
    ended = False
    totals: dict[str, tuple[int, int, int]] = {}
    begun = ""
    for line, written in _lines(_rows_file(content, name)):
        if written.startswith("#"):
            begun = begun or _begun(written)
            ended = ended or (header is not None and _END in written)
            if ended:
                totals |= _totals(written, line)
        elif header is None:
            header = _header(written, first=first, line=line)
        elif ended:
            raise BadBill(BillFault.TOTALS, line=line, what="after the end")
        else:
            rows.append(header.row(_cells(written), line=line, free=_FREE_TEXT))
    if header is None:
        raise BadBill(BillFault.NOT_A_BILL)
    if not ended:
        raise BadBill(BillFault.TRUNCATED, what=_END)
    if begun != file.day:
        raise BadBill(BillFault.OTHER_DAY)
    return _Table(header=header, rows=tuple(rows), totals=totals)


def _rows_file(content: bytes, name: str) -> str:
    found = [
        held
        for member, held in members(content).items()
        if name in member and _SUMS_NAME not in plain_name(member) and member.lower().endswith(".csv")
    ]
    if len(found) != 1:
        raise BadBill(BillFault.ARCHIVE, what=name)
    check_lines(found[0])
    try:
        return found[0].decode("gb18030")
    except UnicodeDecodeError:
        raise BadBill(BillFault.ENCODING) from None


def _lines(text: str) -> Iterable[tuple[int, str]]:
    for line, written in enumerate(text.split("\n"), start=1):
        kept = written.rstrip("\r")
        if kept.strip():
            yield line, kept


def _begun(written: str) -> str:
    found = _BEGINS.search(written)
    return "" if found is None else "-".join(found.groups())


def _totals(written: str, line: int) -> dict[str, tuple[int, int, int]]:
    found = _TOTAL.match(written)
    if found is None:
        return {}
    sum_fen = fen_of(found[3])
    if sum_fen is None:
        raise BadBill(BillFault.ROW, line=line, what=f"{found[1]}合计")
    return {found[1]: (line, int(found[2]), sum_fen)}


def _header(written: str, *, first: str, line: int) -> Header:
    names = tuple(plain_name(name) for name in written.split(","))
    if names[0] != first:
        raise BadBill(BillFault.NOT_A_BILL, line=line, what=first)
    if len(set(names)) != len(names):
        raise BadBill(BillFault.HEADER, line=line, what="a column twice")
    return Header(names=names, line=line)


def _cells(written: str) -> list[str]:
    """Each value ends with a tab; a file without tabs is parted by commas alone."""
    return written.removesuffix("\t").split("\t,") if "\t" in written else written.split(",")


def _trade_line(row: Row, file: BillFile) -> StatementLine:
    kind = _KINDS.get(row.text("业务类型"), LineKind.OTHER)
    request_no = row.text("退款批次号/请求号") or None
    if kind is LineKind.REFUND and request_no is None:
        kind = LineKind.UNDO
    amount_fen, fee = row.fen("订单金额(元)"), row.millifen("服务费(元)")
    if kind is LineKind.PAY:
        amount_fen, fee = abs(amount_fen), abs(fee)
    elif kind is not LineKind.OTHER:
        amount_fen, fee = -abs(amount_fen), -abs(fee)
    return StatementLine(
        kind=kind,
        out_trade_no=row.text("商户订单号"),
        refund_no=request_no if kind is LineKind.REFUND else None,
        transaction_id=row.text("支付宝交易号"),
        channel_refund_id=None,
        amount_fen=amount_fen,
        fee_millifen=fee,
        at_ms=row.ms("完成时间"),
        state=row.text("业务类型"),
        sha256=file.sha256,
        line=row.line,
    )


def _flow_line(row: Row, file: BillFile) -> StatementLine:
    business = row.text("业务类型")
    came, went = row.optional_fen("收入金额(+元)"), row.optional_fen("支出金额(-元)")
    kind = LineKind.FEE if "费" in business else _flow_kind(business)
    return StatementLine(
        kind=kind,
        out_trade_no=row.text("商户订单号"),
        refund_no=None,
        transaction_id=row.text("业务流水号"),
        channel_refund_id=row.text("账务流水号") if kind is LineKind.REFUND else None,
        amount_fen=abs(came) - abs(went),
        fee_millifen=0,
        at_ms=row.ms("发生时间"),
        state=business,
        sha256=file.sha256,
        line=row.line,
    )


def _flow_kind(business: str) -> LineKind:
    if "退款" in business:
        return LineKind.REFUND
    return LineKind.PAY if business in ("交易付款", "在线支付", "交易") else LineKind.OTHER
