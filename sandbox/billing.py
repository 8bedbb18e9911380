"""What is wrong with a bill, on demand: the same three kinds at every wallet, each rendered in its own format.

Discrepancies belong to one wallet and one Beijing day, and stay until others are set for that day.
Must not know: any wallet's bill format, HTTP.
"""

from dataclasses import dataclass
from datetime import date
from enum import Enum


class DiscrepancyKind(Enum):
    MISSING_ROW = "missing_row"
    """The order moved money and its row is not in the bill."""
    EXTRA_ROW = "extra_row"
    """A row of a payment that the shop's records cannot have: its number is the one given."""
    OTHER_AMOUNT = "other_amount"
    """The order's row states another amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillDiscrepancy:
    """`amount_fen`: of the extra row, or instead of the order's own; None for a missing row."""

    kind: DiscrepancyKind
    out_trade_no: str
    amount_fen: int | None = None


class DiscrepancyBook:
    """The discrepancies asked for, by day."""

    def __init__(self) -> None:
        self._by_day: dict[date, dict[str, BillDiscrepancy]] = {}

    def put(self, day: date, discrepancies: tuple[BillDiscrepancy, ...]) -> None:
        """Exactly these, from now on."""
        self._by_day[day] = {one.out_trade_no: one for one in discrepancies}

    def of_order(self, day: date, out_trade_no: str) -> BillDiscrepancy | None:
        """What is wrong with this order's row."""
        return self._by_day.get(day, {}).get(out_trade_no)

    def extra_rows(self, day: date) -> tuple[BillDiscrepancy, ...]:
        asked = self._by_day.get(day, {}).values()
        return tuple(one for one in asked if one.kind is DiscrepancyKind.EXTRA_ROW)
