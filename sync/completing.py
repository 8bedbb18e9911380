"""A command's event with what only the journal knows: the order's last payment, its sale, cash, what was begun before.

Read at the moment at which the engine decides; nothing of it is kept. Decides nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from msgspec.structs import replace

from sync.engine.cash import day_start_ms
from sync.engine.events import CancelAsked, CashAsked, CashBackAsked, Event, RefundAsked, StartAsked

if TYPE_CHECKING:
    from sync.journal.journal import Journal
    from sync.offline_desk import OfflineDesk


def completed(event: Event, journal: Journal, desk: OfflineDesk | None, at_ms: Callable[[], int]) -> Event:
    """The event as the engine takes it; `at_ms` is the till's clock. SyncError when the journal cannot be read."""
    if isinstance(event, StartAsked):
        return _with_sale(event, journal)
    if isinstance(event, RefundAsked):
        known = None if event.command.refund_no is None else journal.refund(event.command.refund_no)
        return replace(event, last=journal.last_of_order(event.command.order_no), known=known)
    if isinstance(event, CashAsked):
        return _with_cash(event, journal, at_ms())
    if isinstance(event, CashBackAsked):
        return replace(event, known=journal.cash(event.command.payment_no))
    if isinstance(event, CancelAsked):
        return replace(event, known=journal.payment(event.command.payment_no))
    return event if desk is None else desk.completed(event)


def _with_sale(event: StartAsked, journal: Journal) -> StartAsked:
    order_no, sale_id = event.command.order_no, event.command.sale_id
    last = None if order_no is None else journal.last_of_order(order_no)
    sale_id = sale_id if last is None else last.sale_id
    if sale_id is None:
        return replace(event, last=last)
    of_sale = journal.of_sale(sale_id)
    return replace(
        event,
        last=last,
        cash_covers=journal.cash_covers(sale_id),
        late_here=any(record.late_here for record in of_sale),
        of_sale=of_sale if order_no is None else (),
    )


def _with_cash(event: CashAsked, journal: Journal, at_ms: int) -> CashAsked:
    order_no = event.command.order_no
    last = None if order_no is None else journal.last_of_order(order_no)
    return replace(
        event,
        of_sale=() if last is None else journal.of_sale(last.sale_id),
        covered=last is not None and journal.cash_covers(last.sale_id),
        offline_fen=journal.cash_offline_fen(since_ms=day_start_ms(at_ms)),
    )
