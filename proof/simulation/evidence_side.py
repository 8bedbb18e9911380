"""What is true of offline orders, cash and the tills' standing, read from the outside: the gateway's file as it is on
disk, the ORDERs that were on screens, and which machine goes on as a terminal that there were two of.

Part of `proof.simulation.evidence`; see there.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from protocol.offline.order import SignedOrder

#: A customer's account at a wallet: the wallet, and the customer's name there.
Payer = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class SeenRow:
    """An offline order at the gateway. `digest`: hexadecimal, of the ORDER's signed part."""

    terminal_id: str
    order_no: str
    digest: str
    epoch: int
    oseq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProofRow:
    """A proof that the gateway gave. `paid`: or closed."""

    digest: str
    terminal_id: str
    order_no: str
    paid: bool
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingRow:
    epoch: int
    frozen: bool
    revoked: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SideRows:
    """All of it at one moment. `cancelled`: (terminal, epoch, oseq)."""

    seen: dict[str, SeenRow] = field(default_factory=dict[str, SeenRow])
    proofs: dict[str, ProofRow] = field(default_factory=dict[str, ProofRow])
    cancelled: frozenset[tuple[str, int, int]] = frozenset()
    standings: dict[str, StandingRow] = field(default_factory=dict[str, StandingRow])


_SEEN: Final = "select terminal_id, order_no, digest, epoch, oseq from offline_orders"
_PROOFS: Final = "select digest, terminal_id, order_no, type, raw from offline_proofs"
_CANCELLED: Final = "select terminal_id, epoch, oseq from offline_cancelled"
_STANDINGS: Final = "select terminal_id, epoch, frozen_ms, revoked_ms from terminals"
_CASH: Final = "select payment_no, sale_id, amount_fen, returned_ms from cash_tenders where terminal_id = ?"
_TOLD: Final = (
    "select 1 from journal_entries where terminal_id = ? and kind = 'payment.cancel_intended' and instr(body, ?) > 0"
)
_IN_CASH: Final = "select distinct terminal_id, sale_id from cash_tenders where returned_ms is null"
_NOTICES: Final = (
    "select coalesce(sum(outcome in ('accepted', 'repeat', 'nothing', 'unknown_refund')), 0), count(*) "
    "from callbacks where account_id = ?"
)
_HELD: Final = (
    "select seq, hash from journal_entries where terminal_id = ?1 "
    "union select seq, hash from journal_branches where terminal_id = ?1"
)
_PAID: Final = 0x21


def _side_rows(
    seen: list[tuple[Any, ...]],
    proofs: list[tuple[Any, ...]],
    cancelled: list[tuple[Any, ...]],
    standings: list[tuple[Any, ...]],
) -> SideRows:
    """From the rows of the selects above."""
    return SideRows(
        seen={r[1]: SeenRow(terminal_id=r[0], order_no=r[1], digest=r[2], epoch=r[3], oseq=r[4]) for r in seen},
        proofs={
            r[0]: ProofRow(digest=r[0], terminal_id=r[1], order_no=r[2], paid=r[3] == _PAID, raw=r[4]) for r in proofs
        },
        cancelled=frozenset((r[0], r[1], r[2]) for r in cancelled),
        standings={r[0]: StandingRow(epoch=r[1], frozen=r[2] is not None, revoked=r[3] is not None) for r in standings},
    )


class SideFile:
    """The gateway's tables of offline orders, cash and standings."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)
        self._found: list[list[tuple[Any, ...]]] = []
        self._rows = SideRows()

    def close(self) -> None:
        self._db.close()

    def rows(self) -> SideRows:
        """What is unchanged is the same value as before."""
        found = [self._db.execute(select).fetchall() for select in (_SEEN, _PROOFS, _CANCELLED, _STANDINGS)]
        if found != self._found:
            self._found, self._rows = found, _side_rows(*found)
        return self._rows

    def cash(self, terminal_id: str) -> dict[str, tuple[str, int, bool]]:
        """By number: sale, amount, whether it went back."""
        found = self._db.execute(_CASH, (terminal_id,))
        return {r[0]: (r[1], r[2], r[3] is not None) for r in found}

    def sales_in_cash(self) -> set[tuple[str, str]]:
        """The sales that cash pays for, each with its terminal."""
        return set(self._db.execute(_IN_CASH).fetchall())

    def notices(self, account_id: str) -> tuple[int, int]:
        """How many notifications are kept as taken, and how many at all."""
        found: tuple[int, int] = self._db.execute(_NOTICES, (account_id,)).fetchone()
        return found

    def held_entries(self, terminal_id: str) -> set[tuple[int, str]]:
        """Of every journal that ever was this terminal's."""
        return set(self._db.execute(_HELD, (terminal_id,)).fetchall())

    def restorations(self) -> int:
        """How often this database was found to be an older one."""
        count: int = self._db.execute("select count(*) from restorations").fetchone()[0]
        return count

    def cancel_was_told(self, terminal_id: str, payment_no: str) -> bool:
        """By the till's journal, as far as the gateway holds it."""
        return self._db.execute(_TOLD, (terminal_id, payment_no)).fetchone() is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderShown:
    """An ORDER that was on a till's screen."""

    till: str
    payment_no: str
    signed: SignedOrder


@dataclass(kw_only=True)
class SideEvidence:
    """`shown`: every ORDER that was on a screen, by its digest; `goes_on`: which machine the owner chose of two that
    have one identity. `seen_since_ms`: when the gateway took an order first, by the true time;
    `cancelled_since_ms`: when it heard that one was cancelled; `payers`: by
    out_trade_no, whose wallet was handed that payment; `typed_of`: by order, the digits that a page showed for it.
    `notices`: by account, how many notifications were answered as received.
    `keys`: every key that signs proofs, by its number; `bad_keys`: of those, what others have too, or what is too
    old."""

    file: SideFile | None = None
    rows: SideRows = field(default_factory=SideRows)
    shown: dict[str, OrderShown] = field(default_factory=dict[str, OrderShown])
    goes_on: dict[str, str] = field(default_factory=dict[str, str])
    seen_since_ms: dict[str, int] = field(default_factory=dict[str, int])
    cancelled_since_ms: dict[tuple[str, int, int], int] = field(default_factory=dict[tuple[str, int, int], int])
    payers: dict[str, Payer] = field(default_factory=dict[str, Payer])
    typed_of: dict[str, str] = field(default_factory=dict[str, str])
    notices: Counter[str] = field(default_factory=Counter[str])
    keys: dict[int, Ed25519PublicKey] = field(default_factory=dict[int, Ed25519PublicKey])
    bad_keys: set[int] = field(default_factory=set[int])

    def close(self) -> None:
        if self.file is not None:
            self.file.close()
