"""What cash in a till's journal does to the wallet money of its sale. A unit of work.

Late money that waits for a person's word is a duplicate from now on, and goes back. A wallet payment that is kept for
the same sale is an alarm: one of the two has to be given back, by a person who looks. A long queue carries thousands of
tenders, of which few have anything to do with a wallet: what is asked is asked once for all of them.
"""

from __future__ import annotations

from collections.abc import Sequence

from gateway.jobs.keeping import PAID_TWICE, PaceOf, all_is_back, paid_once, send_duplicates_back
from gateway.payments.late import covers
from gateway.payments.values import key_ref
from gateway.store import alarms, cash, payments
from gateway.store.units import Tx
from protocol.cash import CASH_TAKEN, CashEntry


def cash_heard(
    tx: Tx, terminal_id: str, tenders: Sequence[tuple[str, CashEntry]], pace_of: PaceOf, *, now_ms: int
) -> None:
    """Entries about cash (kind and content), whose places in the chain were checked."""
    cash.taken(tx, terminal_id, [tender for kind, tender in tenders if kind == CASH_TAKEN], now_ms=now_ms)
    for kind, tender in tenders:
        if kind != CASH_TAKEN:
            cash.returned(tx, terminal_id, tender, now_ms=now_ms)
    for sale_id in payments.sales_among(tx, terminal_id, sorted({tender.sale_id for _, tender in tenders})):
        follow_cash(tx, terminal_id, sale_id, pace_of, now_ms=now_ms)


def follow_cash(tx: Tx, terminal_id: str, sale_id: str, pace_of: PaceOf, *, now_ms: int) -> None:
    """A sale that has wallet payments too."""
    of_sale = payments.of_sale_id(tx, terminal_id, sale_id)
    if not cash.covers(tx, of_sale[0]):
        paid_once(tx, of_sale, now_ms=now_ms)
        return
    send_duplicates_back(tx, of_sale, pace_of, now_ms=now_ms)
    for payment in of_sale:
        if covers(payment) and not all_is_back(tx, payment):
            alarms.raise_alarm(tx, PAID_TWICE, about=key_ref(payment.key), now_ms=now_ms)
