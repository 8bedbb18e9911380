"""Writes a day's rows as UnionPay's settlement file: a ZIP with one ZM file of fixed-width columns in GBK, one blank
between columns, a line for each trade.

Source: the table of UnionPay's file interface (全渠道平台接入接口规范 第3部分), widths as its demo cuts them.
Columns of which the simulation knows nothing are blank. Must not know: trades, HTTP.
"""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import date

from sandbox.unionpay.beijing import trace_stamp
from sandbox.unionpay.file_rows import FileRow

WIDTHS = (
    *(3, 11, 11, 6, 10, 19, 12, 4, 2, 21, 2, 32, 2, 6, 10, 13, 13, 4, 15, 2, 2, 6, 2, 4, 32, 1, 21, 15, 1, 15, 32),
    *(13, 13, 8, 32, 13, 13, 12, 2, 1, 32, 98),
)
ENCODING = "gbk"
_NEWLINE = b"\r\n"
_ACQUIRER = "00049992"
_MERCHANT_CATEGORY = "5812"
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)
_TRADE_CODES = {"01": "S22", "04": "S30", "31": "S31"}


def zip_name(mer_id: str, day: date) -> str:
    return f"{mer_id}_{day:%Y%m%d}.zip"


def zm_name(mer_id: str, day: date) -> str:
    return f"INN{day:%y%m%d}88ZM_{mer_id}"


def settlement_zip(rows: Sequence[FileRow], mer_id: str, day: date) -> bytes:
    """The same rows give the same bytes."""
    lines = b"".join(_line(_columns(row, mer_id)) + _NEWLINE for row in rows)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(zm_name(mer_id, day), _ZIP_TIME), lines, zipfile.ZIP_DEFLATED)
    return packed.getvalue()


def _columns(row: FileRow, mer_id: str) -> Mapping[int, str]:
    """By UnionPay's own numbers, from 1."""
    original = row.original
    net_fen = row.amount_fen - row.fee_fen
    # What the merchant is credited (C) for a consume, it is debited (D) for what goes back; the fee runs against it.
    towards, against = ("D", "C") if row.gives_back else ("C", "D")
    return {
        1: _TRADE_CODES[row.txn_type],
        2: _ACQUIRER,
        3: _ACQUIRER,
        4: row.trace_no,
        5: trace_stamp(row.at_ms),
        6: row.account,
        7: f"{row.amount_fen:012d}",
        8: _MERCHANT_CATEGORY,
        9: "08",
        10: row.query_id,
        12: row.name.order_id,
        13: "01",
        14: "" if original is None else original.trace_no,
        15: "" if original is None else trace_stamp(original.at_ms),
        16: _signed(against, row.fee_fen),
        17: _signed(towards, net_fen),
        18: "0501",
        20: row.txn_type,
        21: row.sub_type,
        22: "000000",
        27: "" if original is None else original.query_id,
        28: mer_id,
        30: row.sub_mer_id,
        33: _signed(towards, net_fen),
        34: row.terminal,
        35: row.reserved,
        36: _signed(towards, 0),
        37: _signed(towards, row.amount_fen),
        41: "" if original is None else original.name.order_id,
        42: _signed(towards, row.amount_fen),
    }


def _line(columns: Mapping[int, str]) -> bytes:
    return b" ".join(_fixed(columns.get(number, ""), width) for number, width in enumerate(WIDTHS, start=1))


def _fixed(text: str, width: int) -> bytes:
    """Cut or filled to so many bytes; a character of two bytes is never halved."""
    whole = text.encode(ENCODING, "replace")[:width]
    return whole.decode(ENCODING, "ignore").encode(ENCODING).ljust(width)


def _signed(mark: str, amount_fen: int) -> str:
    """X+n12."""
    return f"{mark}{amount_fen:012d}"
