"""What must hold at every moment, by the moment at which it is asked; `proof.simulation.calm` has what must hold when
everything has become calm.
"""

from __future__ import annotations

from typing import Final

from proof.simulation import restored_rules, standing_rules, tender_rules
from proof.simulation.call_rules import ON_CHANNEL_CALL as CALLS
from proof.simulation.complaints import Complaint, Complaints, Shown
from proof.simulation.gateway_rules import ON_COMMITTED as COMMITS
from proof.simulation.invariants_begun import ON_TIME as ON_TIME_BEGUN
from proof.simulation.money_rules import ON_MONEY, ON_REFUND
from proof.simulation.proofs import ON_ORDER as ORDERS
from proof.simulation.said_rules import ON_TIME as ON_TIME_SAID
from proof.simulation.till_rules import ON_REFUND_SHOWN, ON_SENT, ON_SHOWN
from proof.simulation.timed import ON_TIME as ON_TIME_PAID

__all__ = [
    "ON_CHANNEL_CALL",
    "ON_COMMITTED",
    "ON_MONEY",
    "ON_ORDER",
    "ON_REFUND",
    "ON_REFUND_SHOWN",
    "ON_SENT",
    "ON_SHOWN",
    "ON_TIME",
    "Complaint",
    "Complaints",
    "Shown",
]

ON_CHANNEL_CALL: Final = (*CALLS, *restored_rules.ON_CHANNEL_CALL)
ON_ORDER: Final = (*ORDERS, *restored_rules.ON_ORDER, *tender_rules.ON_ORDER)
ON_COMMITTED: Final = (*COMMITS, *restored_rules.ON_COMMITTED)
ON_TIME: Final = (
    *(*ON_TIME_PAID, *ON_TIME_BEGUN, *ON_TIME_SAID),
    *(*restored_rules.ON_TIME, *standing_rules.ON_TIME, *tender_rules.ON_TIME),
)
