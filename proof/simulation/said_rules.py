"""Rules about what a till says beside its payments: why it refuses a press, and how much money is to be delivered.
One function per rule, asked now and then; see `proof.simulation.invariants` for the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from protocol.reasons import Reason

#: Longer than a till's disk may keep a commit in doubt, and than a delivery takes.
TOLD_WITHIN_MS: Final = 30_000


def a_refusal_says_what_is_so(e: Evidence) -> Complaints:
    """ "Paid already" is said of a sale that something pays for, "late money" of one that money came late for: whoever
    hears it wrongly lets a customer go who paid nothing. What is refused was not begun: it is pressed anew."""
    for till in e.tills.values():
        for said in till.refusals:
            if said.reason is Reason.ORDER_PAID and not said.sale_was_paid:
                yield said.about, f"{till.name} refuses a press as {said.reason}, and nothing pays for that sale"
            if said.reason is Reason.LATE_MONEY and not said.sale_had_late_money:
                yield said.about, f"{till.name} refuses a press as {said.reason}, and none came"
            for number in said.begun:
                yield number, f"{till.name} refuses {said.about} as {said.reason}, and began it"
        till.refusals.clear()


def what_is_undelivered_is_counted(e: Evidence) -> Complaints:
    """The money of the entries that the gateway does not hold yet, each coin once: so much hangs on one disk."""
    for till in e.tills.values():
        told_fen = till.unsent_fen
        if till.up_since_ms is None or told_fen is None or (fen := till.file.unsent_fen()) == told_fen:
            till.miscounts_since_ms = None
            continue
        since_ms = max(till.miscounts_since_ms or e.now_ms(), till.up_since_ms)
        till.miscounts_since_ms = since_ms
        if e.now_ms() - since_ms > TOLD_WITHIN_MS:
            yield till.name, f"says that {told_fen} fen are to be delivered, and its journal has {fen}"


ON_TIME: Final[tuple[Callable[[Evidence], Complaints], ...]] = (
    a_refusal_says_what_is_so,
    what_is_undelivered_is_counted,
)
