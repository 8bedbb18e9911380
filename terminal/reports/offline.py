"""What an owner looks at when a cashier may cheat without the line: figures for each operator. Pure.

An old proof for a new sale cannot work (a proof names its order); what can be seen is a proof that comes late, an order
cancelled after its QR was shown, many typed codes, and a line that goes down again and again with a sale open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import median

from msgspec import Struct

from protocol.states import TerminalState
from sync.engine.record import PaymentRecord


class OperatorFigures(Struct, frozen=True, kw_only=True):
    """One operator's offline orders. `proven` by a proof at the counter, `typed` of them by a code; `late` paid, but
    only known when the line returned; `handed`: cancelled although the goods had been handed over. Delays run from the
    QR to the proof. `outages`: the line went down with a payment of this operator open."""

    operator: str
    shown: int = 0
    shown_fen: int = 0
    proven: int = 0
    typed: int = 0
    late: int = 0
    cancelled: int = 0
    handed: int = 0
    awaiting: int = 0
    delay_median_s: int | None = None
    delay_longest_s: int | None = None
    outages: int = 0

    @property
    def typed_percent(self) -> int | None:
        """Of what was proven; None when nothing was."""
        return round(self.typed * 100 / self.proven) if self.proven else None


def figures_of(orders: Iterable[PaymentRecord], lines_lost: Sequence[str]) -> tuple[OperatorFigures, ...]:
    """By operator, whoever has most offline orders first."""
    outages = Counter(lines_lost)
    of: dict[str, list[PaymentRecord]] = {operator: [] for operator in outages}
    for order in orders:
        of.setdefault(order.operator, []).append(order)
    found = (_of_operator(operator, shown, outages[operator]) for operator, shown in of.items())
    return tuple(sorted(found, key=lambda one: (-one.shown, -one.outages, one.operator)))


def _of_operator(operator: str, orders: Sequence[PaymentRecord], outages: int) -> OperatorFigures:
    paid = [order for order in orders if order.state is TerminalState.PAID]
    proven = [order for order in paid if order.offline is not None and order.offline.proof is not None]
    delays = [_delay_s(order) for order in proven]
    cancelled = [order for order in orders if order.cancel_intended]
    return OperatorFigures(
        operator=operator,
        shown=len(orders),
        shown_fen=sum(order.amount.fen for order in orders),
        proven=len(proven),
        typed=sum(_typed(order) for order in proven),
        late=len(paid) - len(proven),
        cancelled=len(cancelled),
        handed=sum(order.offline is not None and order.offline.goods_handed is True for order in cancelled),
        awaiting=sum(not order.state.final and not order.cancel_intended for order in orders),
        delay_median_s=round(median(delays)) if delays else None,
        delay_longest_s=max(delays, default=None),
        outages=outages,
    )


def _typed(order: PaymentRecord) -> bool:
    part = order.offline
    return part is not None and part.proof is not None and part.proof.kid is None


def _delay_s(order: PaymentRecord) -> int:
    part = order.offline
    assert part is not None, "a proven order was shown"
    assert part.proof is not None, "a proven order has its proof"
    return max(0, part.proof.taken_at_ms - part.shown_at_ms) // 1000
