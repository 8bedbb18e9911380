"""One line of any wallet's bill, in one form; a whole bill; and why a file is not one. Pure values.

Rules
- Amounts are integer fen from the merchant's side: a payment is positive, what goes back is negative.
- Fees are integer millifen (0.001 fen = 0.00001 yuan: WeChat prints five decimals): positive is what the wallet keeps,
  negative what it gives back.
- A line names its file by hash and its place in it, so that whoever doubts it can look.
- A bill is believed whole or not at all: one cell that is not read, or a total that differs, and there is no bill.
It must not know files, wallets' columns or tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct


class LineKind(StrEnum):
    PAY = "pay"
    REFUND = "refund"
    UNDO = "undo"  # given back by a reverse or cancel
    FEE = "fee"  # a flow of its own
    OTHER = "other"  # whatever a wallet adds: kept, never guessed at


class StatementLine(Struct, frozen=True, kw_only=True):
    """`transaction_id`: the wallet's number of the payment; `channel_refund_id`: of what went back. `state`: the
    wallet's own word. `line`: from 1, in the text of file `sha256`. `out_trade_no` may be empty where a wallet's file
    names the refund only."""

    kind: LineKind
    out_trade_no: str
    refund_no: str | None
    transaction_id: str
    channel_refund_id: str | None
    amount_fen: int
    fee_millifen: int
    at_ms: int
    state: str
    sha256: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A bill that was read whole, its own totals found right."""

    lines: tuple[StatementLine, ...]


class BillFault(StrEnum):
    """Why a file is not believed. Closed list."""

    ARCHIVE = "archive"  # not the container it should be, or a member is missing
    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    HEADER = "header"  # a column that is needed is not there
    ROW = "row"
    TRUNCATED = "truncated"
    TOTALS = "totals"
    OTHER_DAY = "other_day"
    NOT_A_BILL = "not_a_bill"


class Unreadable(Struct, frozen=True, kw_only=True):
    """`line`: from 1; 0: the file as a whole. `what`: the column or total, never a cell's content."""

    why: BillFault
    line: int = 0
    what: str = ""


ReadBill = Statement | Unreadable


class BadBill(Exception):
    """Ends the reading of one file; caught by the reader's entry, never seen outside."""

    def __init__(self, why: BillFault, *, line: int = 0, what: str = "") -> None:
        super().__init__(f"{why.value} in line {line}: {what}")
        self.fault = Unreadable(why=why, line=line, what=what)


class BillFile(Struct, frozen=True, kw_only=True):
    """What a reader needs to know of a file: the Beijing day that was asked for, and the hash of what came."""

    day: str
    sha256: str
