"""Bills in Alipay's own form: CSV in GB18030 between lines that begin with #, each value followed by a tab, yuan.

Each bill is two files: its rows and their sums. A comma within a shop's text is kept, for the tab parts the values.
Pure.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta

from sandbox.alipay.beijing import stamp
from sandbox.alipay.bill_rows import BillRow, RowKind

_TRADE = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,订单金额（元）,"
    "商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,商家红包消费金额（元）,"
    "卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
_TRADE_SUMS = (
    "门店编号,门店名称,交易订单总笔数,退款订单总笔数,订单金额（元）,商家实收（元）,支付宝优惠（元）,商家优惠（元）,"
    "卡消费金额（元）,服务费（元）,分润（元）,实收净额（元）"
)
_FLOW = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,"
    "业务类型,备注"
)
_FLOW_SUMS = "类型,收入笔数,收入金额（+元）,支出笔数,支出金额（-元）,总金额（元）"
_ALIPAY = "支付宝"


@dataclass(frozen=True, slots=True, kw_only=True)
class BillTexts:
    """`name` is in the names of both files."""

    name: str
    rows: bytes = field(repr=False)
    sums: bytes = field(repr=False)


def trade_bill(rows: tuple[BillRow, ...], day: date, account: str, store_name: str) -> BillTexts:
    """`业务明细`: what was sold and given back."""
    paid, back = ([row for row in rows if row.kind is kind] for kind in RowKind)
    received_fen, returned_fen = sum(row.amount_fen for row in paid), sum(row.amount_fen for row in back)
    footers = (
        f"#交易合计：{len(paid)}笔，商家实收共{_yuan(received_fen)}元，商家优惠共0.00元",
        f"#退款合计：{len(back)}笔，商家实收退款共{_yuan(returned_fen)}元，商家优惠退款共0.00元",
    )
    fee_fen = sum(row.fee_fen for row in rows)
    amount = _yuan(received_fen + returned_fen)
    net = _yuan(received_fen + returned_fen - fee_fen)
    sums = ("合计", "", str(len(paid)), str(len(back)), amount, amount, *["0.00"] * 3, _yuan(fee_fen), "0.00", net)
    return BillTexts(
        name="业务明细",
        rows=_framed("业务明细", account, day, _TRADE, (_trade_cells(row, store_name) for row in rows), footers),
        sums=_framed("业务汇总", account, day, _TRADE_SUMS, [sums], ()),
    )


def account_bill(rows: tuple[BillRow, ...], opening_fen: int, day: date, account: str) -> BillTexts:
    """`账务明细`: each row moves its amount, and its fee in a flow of its own."""
    flows: list[tuple[str, ...]] = []
    balance_fen = opening_fen
    moved: dict[bool, list[int]] = {True: [], False: []}
    for row in rows:
        for business, delta_fen in _flows_of(row):
            balance_fen += delta_fen
            moved[delta_fen > 0].append(delta_fen)
            number = f"{day:%Y%m%d}{len(flows) + 1:010d}"
            flows.append(_flow_cells(row, number, business, delta_fen, balance_fen))
    came, went = moved[True], moved[False]
    footers = (
        f"#支出合计：{len(went)}笔，共{_yuan(sum(went))}元",
        f"#收入合计：{len(came)}笔，共{_yuan(sum(came))}元",
    )
    sums = ("合计", str(len(came)), _yuan(sum(came)), str(len(went)), _yuan(sum(went)), _yuan(sum(came) + sum(went)))
    return BillTexts(
        name="账务明细",
        rows=_framed("账务明细", account, day, _FLOW, flows, footers),
        sums=_framed("账务汇总", account, day, _FLOW_SUMS, [sums], ()),
    )


def _trade_cells(row: BillRow, store_name: str) -> tuple[str, ...]:
    cells: Mapping[str, str] = {
        "支付宝交易号": row.trade_no,
        "商户订单号": row.out_trade_no,
        "业务类型": row.kind.value,
        "商品名称": row.subject,
        "创建时间": stamp(row.created_ms),
        "完成时间": stamp(row.at_ms),
        "门店编号": row.store_id,
        "门店名称": store_name if row.store_id else "",
        "终端号": row.terminal_id,
        "对方账户": row.buyer,
        "订单金额（元）": _yuan(row.amount_fen),
        "商家实收（元）": _yuan(row.amount_fen),
        "退款批次号/请求号": row.request_no,
        "服务费（元）": _yuan(row.fee_fen),
    }
    return tuple(cells.get(name, "0.00" if name.endswith("（元）") else "") for name in _TRADE.split(","))


def _flows_of(row: BillRow) -> list[tuple[str, int]]:
    names = {RowKind.PAID: ("交易付款", "收费"), RowKind.REFUNDED: ("交易退款", "退费")}
    money, fee = names[row.kind]
    return [(business, fen) for business, fen in ((money, row.amount_fen), (fee, -row.fee_fen)) if fen]


def _flow_cells(row: BillRow, number: str, business: str, delta_fen: int, balance_fen: int) -> tuple[str, ...]:
    return (
        number,
        row.trade_no,
        row.out_trade_no,
        row.subject,
        stamp(row.at_ms),
        row.buyer,
        _yuan(delta_fen) if delta_fen > 0 else "",
        _yuan(delta_fen) if delta_fen < 0 else "",
        _yuan(balance_fen),
        _ALIPAY,
        business,
        row.request_no,
    )


def _framed(
    title: str, account: str, day: date, columns: str, rows: Iterable[tuple[str, ...]], footers: tuple[str, ...]
) -> bytes:
    after = day + timedelta(days=1)
    lines = (
        f"#支付宝{title}查询",
        f"#账号：[{account}]",
        f"#起始日期：[{_day(day)} 00:00:00]   终止日期：[{_day(after)} 00:00:00]",
        f"#{'-' * 41}{title}列表{'-' * 40}",
        columns,
        *(",".join(f"{_plain(cell)}\t" for cell in row) for row in rows),
        f"#{'-' * 41}{title}列表结束{'-' * 36}",
        *footers,
        f"#导出时间：[{_day(after)} 09:12:00]",
    )
    return ("\r\n".join(lines) + "\r\n").encode("gb18030")


def _day(day: date) -> str:
    return f"{day.year:04d}年{day.month:02d}月{day.day:02d}日"


def _plain(cell: str) -> str:
    return cell.replace("\t", " ").replace("\r", " ").replace("\n", " ")


def _yuan(fen: int) -> str:
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02d}"
