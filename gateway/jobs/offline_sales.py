"""Which sale an offline order was for: an ORDER does not say, the till's journal does.

Entries are the till's own words and may be anything: what is not understood names nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec
from msgspec import Struct

from gateway.jobs.cash_heard import follow_cash
from gateway.jobs.keeping import PaceOf, send_duplicates_back, tell_of_two
from gateway.payments.late import covers
from gateway.payments.values import (
    PaymentKey,
)
from gateway.store import journal, offline, payments
from gateway.store.units import Tx
from protocol.messages import JournalEntry
from protocol.numbers import is_number, read_payment_no
from protocol.offline.order import CANCEL_INTENDED, ClockQuality, OfflineOrder

#: In how many of the latest entries a sale is looked for when an order begins after its journal came: a till writes
#: fewer than the first while its order is young enough to begin. One without a clock has orders of any age.
_LATEST_ENTRIES: Final = 500
_LATEST_UNDATED: Final = 5_000


def name_sales(tx: Tx, terminal_id: str, entries: list[JournalEntry], pace_of: PaceOf, *, now_ms: int) -> None:
    """Entries tell which sales offline orders were for: money for a sale that is paid otherwise goes back."""
    unnamed = offline.unnamed(tx, terminal_id)
    if not unnamed:
        return
    for entry in entries:
        told = _told(entry.body)
        if told is None or told[0] not in unnamed:
            continue
        order_no, sale_id = told
        unnamed.discard(order_no)  # the first word about it stays
        offline.name_sale(tx, terminal_id, order_no, sale_id)
        payment = payments.find(tx, PaymentKey(terminal_id=terminal_id, order_no=order_no, n=1))
        assert payment is not None, "it was just named"
        of_sale = payments.of_sale(tx, payment)
        if any(covers(other) for other in of_sale):
            send_duplicates_back(tx, of_sale, pace_of, now_ms=now_ms)
            tell_of_two(tx, of_sale, now_ms=now_ms)
        follow_cash(tx, terminal_id, sale_id, pace_of, now_ms=now_ms)


def sale_told(tx: Tx, order: OfflineOrder) -> str | None:
    """The sale that the till's latest entries name, when its journal came before the press."""
    bodies = journal.mentions(tx, order.terminal_id, order.order_no, last=_latest(order))
    told = (_told(body) for body in bodies)
    return next((one[1] for one in told if one is not None and one[0] == order.order_no), None)


def cancel_told(tx: Tx, order: OfflineOrder) -> bool:
    """Whether the till's latest entries say that it cancelled this order, whose cancel may still be on its way."""
    number = f"{order.order_no}-1"
    return bool(journal.mentions(tx, order.terminal_id, number, last=_latest(order), kind=CANCEL_INTENDED))


def _latest(order: OfflineOrder) -> int:
    return _LATEST_ENTRIES if order.clock is ClockQuality.GATEWAY else _LATEST_UNDATED


class _Sale(Struct, frozen=True):
    payment_no: str = ""
    sale_id: str = ""


def _told(body: str) -> tuple[str, str] | None:
    """(order_no, sale_id) that an entry names; entries are the till's own words and may be anything."""
    if '"sale_id"' not in body:
        return None
    try:
        sale = msgspec.json.decode(body, type=_Sale)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    number = read_payment_no(sale.payment_no)
    return None if number is None or not is_number(sale.sale_id) else (number.order_no, sale.sale_id)
