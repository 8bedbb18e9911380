"""Bills as files: an Alipay ZIP made by hand after facts 6.2; WeChat's and UnionPay's as the sandbox writes them."""

from __future__ import annotations

import dataclasses
import io
import zipfile
from collections.abc import Sequence
from datetime import date

from gateway.bills.line import BillFile
from sandbox.unionpay.file_rows import FileRow
from sandbox.unionpay.trades import TradeName
from sandbox.wechat.bill_rows import BillRow, RowKind
from sandbox.wechat.orders import TradeType

DAY = date(2026, 11, 22)
FILE = BillFile(day="2026-11-22", sha256="ab" * 32)
#: 2026-11-22 10:00:00 in Beijing.
AT_MS = 1_795_312_800_000
ALIPAY_COLUMNS = (
    "支付宝交易号,商户订单号,业务类型,商品名称,创建时间,完成时间,门店编号,门店名称,操作员,终端号,对方账户,"
    "订单金额（元）,商家实收（元）,支付宝红包（元）,集分宝（元）,支付宝优惠（元）,商家优惠（元）,券核销金额（元）,券名称,"
    "商家红包消费金额（元）,卡消费金额（元）,退款批次号/请求号,服务费（元）,分润（元）,备注"
)
FLOW_COLUMNS = (
    "账务流水号,业务流水号,商户订单号,商品名称,发生时间,对方账号,收入金额（+元）,支出金额（-元）,账户余额（元）,交易渠道,"
    "业务类型,备注"
)


def alipay_row(
    number: str = "ORDER1",
    kind: str = "交易",
    amount: str = "12.50",
    *,
    name: str = "早餐",
    request_no: str = "",
    fee: str = "-0.08",
    at: str = "2026-11-22 10:00:00",
) -> str:
    cells = [
        *("2026112222001432790585537960", number, kind, name, at, at, "S1", "老王早餐", "01", "T1", "138****0000"),
        *(amount, amount, "0.00", "0.00", "0.00", "0.00", "0.00", "", "0.00", "0.00", request_no, fee, "0.00", ""),
    ]
    return "".join(f"{cell}\t," for cell in cells).removesuffix(",")


def alipay_text(
    rows: Sequence[str], *, paid: str, back: str, day: str = "2026年11月22日", columns: str = ALIPAY_COLUMNS
) -> str:
    lines = [
        "#支付宝业务明细查询",
        "#账号：[20880000000000010156]",
        f"#起始日期：[{day} 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------业务明细列表----------------------------------------",
        columns,
        *rows,
        "#-----------------------------------------业务明细列表结束------------------------------------",
        f"#交易合计：{paid}元，商家优惠共0.00元",
        f"#退款合计：{back}元，商家优惠退款共0.00元",
        "#导出时间：[2026年11月23日 09:12:00]",
    ]
    return "\r\n".join(lines) + "\r\n"


def flow_text(rows: Sequence[Sequence[str]], *, went: str, came: str) -> str:
    lines = [
        "#支付宝账务明细查询",
        "#账号：[20880000000000010156]",
        "#起始日期：[2026年11月22日 00:00:00]   终止日期：[2026年11月23日 00:00:00]",
        "#-----------------------------------------账务明细列表----------------------------------------",
        FLOW_COLUMNS,
        *("".join(f"{cell}\t," for cell in row).removesuffix(",") for row in rows),
        "#-----------------------------------------账务明细列表结束------------------------------------",
        f"#支出合计：{went}元",
        f"#收入合计：{came}元",
        "#导出时间：[2026年11月23日 09:12:00]",
    ]
    return "\r\n".join(lines) + "\r\n"


def alipay_zip(text: str, *, name: str = "业务明细", encoding: str = "gb18030", summary_first: bool = True) -> bytes:
    """Member names in GBK without the flag that says UTF-8."""
    sums = f"20880000000000010156_20261122_{name}(汇总).csv", b"#sums"
    held = f"20880000000000010156_20261122_{name}.csv", text.encode(encoding)
    return zipped(*((sums, held) if summary_first else (held, sums)))


def zipped(*files: tuple[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files:
            info = _GbkName(name)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return packed.getvalue()


class _GbkName(zipfile.ZipInfo):
    """Writes its name as GBK bytes and sets no flag, as Alipay's packer does."""

    def _encodeFilenameFlags(self) -> tuple[bytes, int]:
        return self.filename.encode("gbk"), self.flag_bits


def wechat_rows() -> tuple[BillRow, ...]:
    """A payment, a part of it back, and a payment that was reversed."""
    paid = BillRow(
        kind=RowKind.PAID,
        at_ms=AT_MS,
        transaction_id="4200001",
        out_trade_no="ORDER1",
        openid="oXXX",
        trade_type=TradeType.MICROPAY,
        description="豆浆",
        attach="",
        appid="wx1",
        sub_mchid="",
        paid_fen=1250,
        fee_fen=8,
    )
    refund = dataclasses.replace(
        paid,
        kind=RowKind.REFUNDED,
        at_ms=AT_MS + 60_000,
        paid_fen=0,
        returned_fen=250,
        fee_fen=-2,
        refund_id="5030001",
        out_refund_no="REFUND1",
        landed_ms=AT_MS + 61_000,
    )
    revoked = dataclasses.replace(
        refund,
        kind=RowKind.REVOKED,
        at_ms=AT_MS + 90_000,
        transaction_id="4200002",
        out_trade_no="ORDER2",
        returned_fen=300,
        refund_id="5030002",
        out_refund_no="ORDER2",
    )
    return paid, refund, revoked


def unionpay_rows() -> tuple[FileRow, ...]:
    paid = FileRow(
        at_ms=AT_MS,
        name=TradeName(order_id="ORDER1", txn_time="20261122095955"),
        txn_type="01",
        sub_type="06",
        query_id="442611221000004678498",
        trace_no="467849",
        account="6226****3766",
        amount_fen=1250,
        fee_fen=8,
        gives_back=False,
        terminal="49000002",
        sub_mer_id="",
        reserved="早餐，豆浆",
    )
    refund = FileRow(
        at_ms=AT_MS + 60_000,
        name=TradeName(order_id="REFUND1", txn_time="20261122100100"),
        txn_type="04",
        sub_type="00",
        query_id="052611221100004785748",
        trace_no="478574",
        account="6226****3766",
        amount_fen=250,
        fee_fen=2,
        gives_back=True,
        terminal="49000002",
        sub_mer_id="",
        reserved="",
        original=paid,
    )
    cancel = dataclasses.replace(
        refund,
        at_ms=AT_MS + 70_000,
        name=TradeName(order_id="CANCEL1", txn_time="20261122100110"),
        txn_type="31",
        query_id="052611221100004785749",
        amount_fen=1250,
        fee_fen=8,
    )
    return paid, refund, cancel
