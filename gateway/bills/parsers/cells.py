"""Cells of bills: amounts, fees and times from texts, columns by their name, and totals that must be right.

Rules: integers only, no float; a cell that is not plainly what it should be ends the bill.
It must not know any wallet's columns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from msgspec import Struct

from gateway.bills.line import BadBill, BillFault

BEIJING: Final = timezone(timedelta(hours=8))
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_AMOUNT: Final = re.compile(r"([+-]?)([0-9]{1,12})(?:\.([0-9]{1,5}))?", re.ASCII)
_MILLIFEN_PER_YUAN: Final = 100_000
#: Wallets have up to forty.
_MOST_COLUMNS: Final = 100
_COUNT: Final = re.compile(r"[0-9]{1,9}", re.ASCII)
_TIME: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}", re.ASCII)


def millifen_of(text: str) -> int | None:
    """ "-1.23456" yuan → -123456."""
    found = _AMOUNT.fullmatch(text)
    if found is None:
        return None
    value = int(found[2]) * _MILLIFEN_PER_YUAN + int((found[3] or "").ljust(5, "0"))
    return -value if found[1] == "-" else value


def fen_of(text: str) -> int | None:
    """ "12.30" → 1230; None also for a part of a fen."""
    millifen = millifen_of(text)
    return None if millifen is None or millifen % 1_000 else millifen // 1_000


def ms_of(text: str) -> int | None:
    """Beijing wall time, "2026-11-22 10:00:00" → Unix ms."""
    if not _TIME.fullmatch(text):
        return None
    try:
        return unix_ms(datetime.fromisoformat(text).replace(tzinfo=BEIJING))
    except ValueError:
        return None


def unix_ms(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(milliseconds=1)


def plain_name(name: str) -> str:
    """Column names differ in their brackets from one edition of a file to the next."""
    return name.strip().replace("（", "(").replace("）", ")")


class Header(Struct, frozen=True, kw_only=True):
    """The columns of a file, by name."""

    names: tuple[str, ...]
    line: int

    def __post_init__(self) -> None:
        if len(self.names) > _MOST_COLUMNS:
            raise BadBill(BillFault.HEADER, line=self.line, what="columns")

    def require(self, *names: str) -> None:
        for name in names:
            if name not in self.names:
                raise BadBill(BillFault.HEADER, line=self.line, what=name)

    def row(self, cells: Sequence[str], *, line: int, free: str) -> Row:
        """`free`: the column of free text that may have held the separator; cells too many are its own."""
        extra = len(cells) - len(self.names)
        if extra < 0 or (extra and free not in self.names):
            raise BadBill(BillFault.ROW, line=line, what="cells")
        if extra:
            at = self.names.index(free)
            cells = [*cells[:at], "".join(cells[at : at + extra + 1]), *cells[at + extra + 1 :]]
        return Row(cells=dict(zip(self.names, cells, strict=True)), line=line)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    cells: Mapping[str, str] = field(repr=False)
    line: int

    def has(self, name: str) -> bool:
        return name in self.cells

    def text(self, name: str) -> str:
        return self.cells.get(name, "").strip()

    def fen(self, name: str) -> int:
        return self._read(name, fen_of(self.text(name)))

    def optional_fen(self, name: str) -> int:
        """0 where the column is missing or its cell empty."""
        return self.fen(name) if self.text(name) else 0

    def millifen(self, name: str) -> int:
        return self._read(name, millifen_of(self.text(name)))

    def ms(self, name: str) -> int:
        return self._read(name, ms_of(self.text(name)))

    def count(self, name: str) -> int:
        text = self.text(name)
        return self._read(name, int(text) if _COUNT.fullmatch(text) else None)

    def _read(self, name: str, value: int | None) -> int:
        if value is None:
            raise BadBill(BillFault.ROW, line=self.line, what=name)
        return value


def equal_total(found: int, stated: int, *, line: int, what: str) -> None:
    """What the file says of itself must be what is in it."""
    if found != stated:
        raise BadBill(BillFault.TOTALS, line=line, what=what)
