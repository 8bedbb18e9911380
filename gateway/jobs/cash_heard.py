"""What cash in a till's journal does to the wallet money of its sale. A unit of work.

Late money that waits for a person's word is a duplicate from now on, and goes back. A wallet payment that is kept for
the same sale is an alarm: one of the two has to be given back, by a person who looks.
"""

from __future__ import annotations

from gateway.jobs.keeping import PAID_TWICE, PaceOf, send_duplicates_back
from gateway.payments.late import covers
from gateway.payments.values import AlarmKind, key_ref
from gateway.store import alarms, cash, payments
from gateway.store.units import Tx
from protocol.cash import CASH_TAKEN, CashEntry


def cash_heard(tx: Tx, terminal_id: str, kind: str, tender: CashEntry, pace_of: PaceOf, *, now_ms: int) -> None:
    """One entry about cash, whose place in the chain was checked."""
    of_sale = payments.of_sale_id(tx, terminal_id, tender.sale_id)
    if kind != CASH_TAKEN:
        cash.returned(tx, terminal_id, tender, now_ms=now_ms)
        for payment in of_sale:
            alarms.close_alarm(tx, AlarmKind.PAID_TWICE, about=key_ref(payment.key), now_ms=now_ms)
        return
    cash.taken(tx, terminal_id, tender, now_ms=now_ms)
    send_duplicates_back(tx, of_sale, pace_of, now_ms=now_ms)
    for payment in of_sale:
        if covers(payment):
            alarms.raise_alarm(tx, PAID_TWICE, about=key_ref(payment.key), now_ms=now_ms)
