"""The bookings that follow from what became of an order or a refund.

Accounts: what a channel account owes (`receivable:`), what a merchant is to be settled (`to_settle:`), and money that
is nobody's yet (`suspense:`): taken by an order that is undone, or late. Debit is positive, credit negative.

Rules
- An entry's lines sum to zero, and its business key says what it is about: booking twice is impossible, whoever asks.
- Money enters only by a verified statement (`pay:`, `taken:`, `late:`) and leaves only when it went back (`refund:`,
  `back:`, `late_back:`).
- Fees, settlement and shares are not booked here.
It must not know tables or wallets.
"""

from __future__ import annotations

from enum import StrEnum

from msgspec import Struct


class EntryKind(StrEnum):
    PAY = "pay"
    TAKEN = "taken"  # by an order that is being undone
    REFUND = "refund"
    BACK = "back"  # what was taken went back to the payer
    LATE = "late"  # taken by an order that was given up
    LATE_BACK = "late_back"
    ACCEPT = "accept"  # kept for the sale after all
    BY_HAND = "by_hand"  # the shop gave it back by other means: what the wallet took is the shop's


class Line(Struct, frozen=True, kw_only=True):
    account: str
    amount_fen: int


class Entry(Struct, frozen=True, kw_only=True):
    business_key: str
    kind: EntryKind
    merchant_id: str
    out_trade_no: str
    lines: tuple[Line, ...]

    def __post_init__(self) -> None:
        assert sum(line.amount_fen for line in self.lines) == 0, "an entry sums to zero"
        assert self.lines, "an entry has lines"


class Parties(Struct, frozen=True, kw_only=True):
    """Whose money: the merchant, and the channel account that took it. `late_again`: late money of the order was booked
    so often before, and was called closed each time."""

    merchant_id: str
    account_id: str
    out_trade_no: str
    late_again: int = 0

    @property
    def receivable(self) -> str:
        return f"receivable:{self.account_id}"

    @property
    def to_settle(self) -> str:
        return f"to_settle:{self.merchant_id}"

    @property
    def suspense(self) -> str:
        return f"suspense:{self.merchant_id}"


def paid(parties: Parties, amount_fen: int) -> Entry:
    """The sale's money: the channel owes it, the merchant is to have it."""
    return _move(parties, EntryKind.PAY, parties.out_trade_no, parties.receivable, parties.to_settle, amount_fen)


def taken(parties: Parties, amount_fen: int) -> Entry:
    """Money of an order that is undone: it waits to go back."""
    return _move(parties, EntryKind.TAKEN, parties.out_trade_no, parties.receivable, parties.suspense, amount_fen)


def back(parties: Parties, amount_fen: int) -> Entry:
    """It went back, by a reverse or by the gateway's own refund: one entry, whichever is heard of first."""
    return _move(parties, EntryKind.BACK, parties.out_trade_no, parties.suspense, parties.receivable, amount_fen)


def late(parties: Parties, amount_fen: int) -> Entry:
    """Money that came after its order was given up: it waits for its refund or for a person."""
    return _move(parties, EntryKind.LATE, _late(parties), parties.receivable, parties.suspense, amount_fen)


def late_back(parties: Parties, amount_fen: int) -> Entry:
    """Late money went back."""
    return _move(parties, EntryKind.LATE_BACK, _late(parties), parties.suspense, parties.receivable, amount_fen)


def by_hand(parties: Parties, amount_fen: int) -> Entry:
    """Late money that the shop gave back out of its own pocket. That pocket is not booked here."""
    return _move(parties, EntryKind.BY_HAND, _late(parties), parties.suspense, parties.to_settle, amount_fen)


def accepted(parties: Parties, amount_fen: int) -> Entry:
    """Money that waited is the sale's after all: a person kept it, or what was taken was then proven paid."""
    return _move(parties, EntryKind.ACCEPT, parties.out_trade_no, parties.suspense, parties.to_settle, amount_fen)


def refunded(parties: Parties, refund_no: str, amount_fen: int) -> Entry:
    """A refund of a sale: out of what the merchant is to have."""
    return _move(parties, EntryKind.REFUND, refund_no, parties.to_settle, parties.receivable, amount_fen)


def _late(parties: Parties) -> str:
    return f"{parties.out_trade_no}+{parties.late_again}" if parties.late_again else parties.out_trade_no


def _move(parties: Parties, kind: EntryKind, about: str, debit: str, credit: str, amount_fen: int) -> Entry:
    return Entry(
        business_key=f"{kind.value}:{about}",
        kind=kind,
        merchant_id=parties.merchant_id,
        out_trade_no=parties.out_trade_no,
        lines=(Line(account=debit, amount_fen=amount_fen), Line(account=credit, amount_fen=-amount_fen)),
    )
