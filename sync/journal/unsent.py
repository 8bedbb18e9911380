"""The money of the entries that the gateway does not hold yet: kept in memory, read from the file at every open.

The figures stand on the screen after every event, so they must not cost a walk over a long queue.
"""

from __future__ import annotations

import sqlite3
from collections import deque
from typing import Final

from protocol.cash import CASH_RETURNED, CASH_TAKEN
from sync.engine.statements import AnyStatement, CashReturned, CashTaken, PaymentSettled, ProofTaken
from sync.journal import rows

#: Each undelivered entry by which money came in or went back over the counter. What a proof showed came in by it, and
#: not once more by the gateway's own word. An entry without its row was forged and is worth nothing: `verify` names it.
MONEY: Final = (
    f"select e.seq, coalesce(case e.kind when '{CASH_TAKEN}' then c.amount_fen "  # noqa: S608 - our own names
    f"when '{CASH_RETURNED}' then -c.amount_fen else p.amount_fen end, 0) from entry e "
    "left join payment p on p.payment_no = e.about "
    "left join cash c on c.payment_no = e.about where e.seq > ? "
    f"and (e.kind in ('{CASH_TAKEN}', '{CASH_RETURNED}') or (p.state = 'PAID' and (e.kind = 'offline.proof' or "
    "(e.kind = 'payment.settled' and not exists "
    "(select 1 from entry x where x.about = e.about and x.kind = 'offline.proof'))))) order by e.seq"
)


class UnsentMoney:
    """The sum, entry by entry, so that a delivery takes off exactly what it delivered."""

    def __init__(self) -> None:
        self._entries: deque[tuple[int, int]] = deque()
        self.fen = 0

    def read(self, connection: sqlite3.Connection, delivered: int) -> None:
        """Begins anew with what the file holds."""
        found = [(int(row[0]), int(row[1])) for row in connection.execute(MONEY, (delivered,))]
        self._entries = deque(found)
        self.fen = sum(fen for _, fen in found)

    def add(self, seq: int, fen: int) -> None:
        if fen:
            self._entries.append((seq, fen))
            self.fen += fen

    def delivered(self, through: int) -> None:
        while self._entries and self._entries[0][0] <= through:
            self.fen -= self._entries.popleft()[1]


def money_of(connection: sqlite3.Connection, statement: AnyStatement) -> int:
    """What came in by this statement, which is in the tables already."""
    match statement:
        case CashTaken(amount_fen=fen):
            return fen
        case CashReturned(amount_fen=fen):
            return -fen
        case ProofTaken(payment_no=payment_no, paid=True):
            record = rows.find(connection, payment_no)
            return 0 if record is None else record.amount.fen
        case PaymentSettled(payment_no=payment_no, paid=True):
            record = rows.find(connection, payment_no)
            proven = record is not None and record.offline is not None and record.offline.proof is not None
            return 0 if record is None or proven else record.amount.fen
        case _:
            return 0
