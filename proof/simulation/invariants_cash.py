"""What must hold of cash at the moment in which a till shows that it took it: one function per rule.

SAFETY.md section 2; the owner's limits are what the cashier's command says. See `proof.simulation.invariants`.
"""

from __future__ import annotations

from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from proof.simulation.till_evidence import TillSight
from protocol.messages import LateMoneyState
from sync.engine.model import Line, PaymentView

_ZONE_MS: Final = 8 * 3_600_000
_DAY_MS: Final = 86_400_000


def cash_keeps_its_limits(_e: Evidence, till: TillSight, view: PaymentView) -> Complaints:
    """So much for one sale, and so much in a day while the gateway cannot be reached: what went back does not count."""
    limits = None if view.request_id is None else till.cash_limits.get(view.request_id)
    taken = till.file.cash().get(view.payment_no)
    if limits is None or taken is None or taken.returned_at_ms is not None:
        return
    if taken.amount.fen > limits.sale_fen:
        yield view.payment_no, f"{taken.amount.fen} fen in cash for one sale"
    kept = [one for one in till.file.cash().values() if one.offline and one.returned_at_ms is None]
    today_fen = sum(one.amount.fen for one in kept if _day(one.taken_at_ms) == _day(taken.taken_at_ms))
    if taken.offline and today_fen > limits.offline_day_fen:
        yield view.payment_no, f"{today_fen} fen in cash in one day without the line"


def cash_without_the_line_is_counted(_e: Evidence, till: TillSight, view: PaymentView) -> Complaints:
    """The owner's limit of a day is about cash that was taken while the gateway could not be reached: by what the till
    itself showed of its line then."""
    taken = till.file.cash().get(view.payment_no)
    if taken is None or view.request_id is None or taken.returned_at_ms is not None:
        return
    # When it was pressed, or when it is shown: a commit in doubt is shown later.
    lines = {till.cash_line.get(view.request_id), till.line}
    if None not in lines and all(taken.offline is not (line is not Line.UP) for line in lines):
        yield view.payment_no, f"taken while the line is shown as {till.line}, and noted as offline={taken.offline}"


def no_cash_over_late_money(_e: Evidence, till: TillSight, view: PaymentView) -> Complaints:
    """What came late for a sale, and has not gone back as far as its till knows, pays for it or is about to go back:
    the customer is not asked a second time."""
    taken = till.file.cash().get(view.payment_no)
    if taken is None or taken.returned_at_ms is not None or view.request_id is None:
        return
    for number, record in till.file.payments().items():
        late = record.late_money
        if record.sale_id == taken.sale_id and late is not None and late.state is not LateMoneyState.UNDONE:
            yield view.payment_no, f"cash for a sale of which {number} holds money that came late"


def cash_pays_once(_e: Evidence, till: TillSight, view: PaymentView) -> Complaints:
    """One sale is paid in cash once: who pays it again has paid twice."""
    kept = [n for n, one in till.file.cash().items() if one.sale_id == view.sale_id and one.returned_at_ms is None]
    if len(kept) > 1:
        yield view.payment_no, f"one sale has the cash of {', '.join(kept)}"


def the_change_is_right(_e: Evidence, till: TillSight, view: PaymentView) -> Complaints:
    """The till counts the change for the cashier: what was handed over, without what was to be paid."""
    tender, asked = view.cash, None if view.request_id is None else till.cash_asked.get(view.request_id)
    if tender is None or asked is None:
        return
    received_fen, amount_fen = asked
    said = (view.amount.fen, tender.received_fen, tender.change_fen)
    if said != (amount_fen, received_fen, received_fen - amount_fen):
        yield view.payment_no, f"{received_fen} fen for {amount_fen}, and the till says {tender}"


def _day(at_ms: int) -> int:
    """A day of the one zone that China has, by the till's own clock."""
    return (at_ms + _ZONE_MS) // _DAY_MS


ON_CASH: Final = (
    cash_keeps_its_limits,
    cash_without_the_line_is_counted,
    no_cash_over_late_money,
    cash_pays_once,
    the_change_is_right,
)
