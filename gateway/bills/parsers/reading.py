"""Which wallet's bill is read how, and the one way in: bytes to a statement, or why they are none.

Anything a file can be is an answer. A wallet or kind without a reader has no bill to read.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from gateway.bills.line import BadBill, BillFault, BillFile, ReadBill, Statement, Unreadable
from gateway.bills.parsers import alipay, unionpay, wechat
from gateway.channels.port import BillKind

Reader = Callable[[bytes, BillFile], Statement]

READERS: Final[Mapping[tuple[str, BillKind], Reader]] = {
    ("alipay", BillKind.TRADE): alipay.read_trade_bill,
    ("alipay", BillKind.FUND_FLOW): alipay.read_fund_flow,
    ("unionpay", BillKind.TRADE): unionpay.read_settlement_file,
    ("wechat", BillKind.TRADE): wechat.read_trade_bill,
    ("wechat", BillKind.FUND_FLOW): wechat.read_fund_flow,
}


def kinds_of(channel: str) -> tuple[BillKind, ...]:
    """The bills that this wallet makes and that can be read here."""
    return tuple(kind for kind in BillKind if (channel, kind) in READERS)


def read_bill(channel: str, kind: BillKind, content: bytes, file: BillFile) -> ReadBill:
    """`content`: as the wallet gave it, packed as it was."""
    reader = READERS.get((channel, kind))
    if reader is None:
        return Unreadable(why=BillFault.NOT_A_BILL, what=channel)
    try:
        return reader(content, file)
    except BadBill as bad:
        return bad.fault
