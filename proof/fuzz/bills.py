"""Bills as files: CSV with backticks, ZIP with GB18030, fixed width; and what they are packed in.

Rules: a bill is read whole or not at all; its lines can be kept; what comes out of a packing is bounded.
"""

from __future__ import annotations

import gzip
import io
import zipfile

from gateway.bills.line import BadBill, BillFile, Statement
from gateway.bills.parsers.packing import members, plain
from gateway.bills.parsers.reading import READERS, read_bill
from gateway.channels.port import BillKind
from gateway.channels.unionpay.file import inflated
from gateway.channels.wechat.bills import decompressed
from proof.fuzz.target import Target, keepable

_FILE = BillFile(day="2026-11-22", sha256="ab" * 32)
_MOST = 1_048_576
_TRADE = BillKind.TRADE


def _read(channel: str, content: bytes) -> None:
    for kind in BillKind:
        if (channel, kind) in READERS:
            found = read_bill(channel, kind, content, _FILE)
            keepable(found)
            if isinstance(found, Statement):
                assert all(line.line > 0 for line in found.lines)


def wechat(data: bytes) -> None:
    _read("wechat", data)
    _read("wechat", gzip.compress(data, mtime=0))


def alipay(data: bytes) -> None:
    """As a ZIP, and as the text of the file that a ZIP holds."""
    _read("alipay", data)
    for name in ("业务明细.csv", "账务明细.csv"):
        _read("alipay", _zipped(name, data))


def unionpay(data: bytes) -> None:
    _read("unionpay", data)
    _read("unionpay", _zipped("INN26112288ZM_777290058110048", data))


def packing(data: bytes) -> None:
    """Whatever is packed, no more than the limit comes out."""
    for unpack in (_one, _many):
        try:
            assert len(unpack(data)) <= _MOST
        except BadBill as bad:
            keepable(bad.fault)
    decompressed(data)
    inflated(data.decode("latin-1"))


def _one(data: bytes) -> bytes:
    return plain(data, most_bytes=_MOST)


def _many(data: bytes) -> bytes:
    return b"".join(members(data, most_bytes=_MOST).values())


def _zipped(name: str, content: bytes) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


_WECHAT = (
    "\ufeff交易时间,公众账号ID,商户号,微信订单号,商户订单号,交易状态,手续费,订单金额,"
    "商户退款单号,微信退款单号,退款金额,商品名称\r\n"
    "`2026-11-22 10:00:00,`wx,`1,`42,`N1,`SUCCESS,`0.08000,`12.50,`0,`0,`0.00,`早餐\r\n"
    "总交易单数,应结订单总金额,退款总金额,手续费总金额,订单总金额\r\n`1,`12.50,`0.00,`0.08000,`12.50\r\n"
).encode()
_ALIPAY = (
    "#起始日期：[2026年11月22日 00:00:00]\r\n"
    "支付宝交易号,商户订单号,业务类型,商品名称,完成时间,订单金额（元）,商家实收（元）,服务费（元）\r\n"
    "2026\t,N1\t,交易\t,早餐\t,2026-11-22 10:00:00\t,12.50\t,12.50\t,-0.08\t\r\n#--列表结束--\r\n"
    "#交易合计：1笔，商家实收共12.50元\r\n#退款合计：0笔，商家实收退款共0.00元\r\n"
).encode("gb18030")
TARGETS = (
    Target(
        name="bill-wechat", about="WeChat Pay's bills", run=wechat, seeds=(_WECHAT, gzip.compress(_WECHAT, mtime=0))
    ),
    Target(name="bill-alipay", about="Alipay's bills", run=alipay, seeds=(_ALIPAY, _zipped("业务明细.csv", _ALIPAY))),
    Target(
        name="bill-unionpay",
        about="UnionPay's settlement files",
        run=unionpay,
        seeds=(b" ".join(b"1" * 12 for _ in range(60)), b"0" * 700),
    ),
    Target(
        name="bill-packing",
        about="ZIP and GZIP with their limits",
        run=packing,
        seeds=(gzip.compress(bytes(200_000), mtime=0), _zipped("a", bytes(50)), b"eJw="),
    ),
)
