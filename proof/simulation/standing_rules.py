"""Rules about tills that there are two of, or that seem so: who is told, what a frozen one may not do, what of its
journal is kept, and that nobody calls a database restored that was not. One function per rule; see
`proof.simulation.invariants`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence, RefundRow
from proof.simulation.evidence_side import SideRows

#: What tells an owner that there are two of a till.
_TWO_OF_IT: Final = frozenset({"journal_fork", "order_clone"})


def a_freeze_is_told(e: Evidence, before: SideRows, terminal_id: str) -> Complaints:
    """A till stops selling, and its owner hears why; when he chose which of the two goes on, he hears no more of it."""
    standing, was = e.side.rows.standings[terminal_id], before.standings.get(terminal_id)
    if was is None or was.frozen is standing.frozen:
        return
    told = [kind for kind, about in e.gateway.open_alarms() if about == terminal_id and kind in _TWO_OF_IT]
    if standing.frozen and not told:
        yield terminal_id, "frozen, and no alarm says so"
    elif not standing.frozen and told:
        yield terminal_id, f"goes on, and the alarm {told[0]} about it is open"


def a_stopped_till_gives_nothing_back(e: Evidence, before: SideRows, refund: RefundRow) -> Complaints:
    """Of two machines with one name neither takes money out of the drawer's accounts until the owner chose, and the one
    that he did not choose never again; nor does a till that he switched off."""
    if refund.cause != "till":
        return
    was, now = before.standings.get(refund.terminal_id), e.side.rows.standings.get(refund.terminal_id)
    if was is not None and now is not None and (was.frozen, now.frozen) == (True, True):
        yield refund.refund_no, "a refund is taken of a terminal that is frozen"
    if was is not None and now is not None and (was.revoked, now.revoked) == (True, True):
        yield refund.refund_no, "a refund is taken of a terminal that is switched off"
    mine = [till for till in e.tills.values() if till.terminal_id == refund.terminal_id]
    asked = [till for till in mine if refund.refund_no in till.file.refunds()]
    if asked and all(e.is_left(till) for till in asked):
        yield refund.refund_no, f"a refund is taken of {asked[0].name}, and the owner chose the other"


def only_what_was_put_back_is_in_question(e: Evidence) -> Complaints:
    """A strange machine's word does not make a gateway doubt its own rows: only a database that was put back does."""
    if e.restored.at_ms is None and e.side.file is not None and e.side.file.restorations():
        yield "the gateway's database", "is called restored, and nobody put it back"


def what_was_delivered_is_kept(e: Evidence) -> Complaints:
    """What a till was told is held of its journal is held: in its chain, or, where the owner chose the other of two, as
    the branch that was left."""
    for till in e.tills.values():
        through = till.file.delivered_through()
        if not through or e.side.file is None:
            continue
        held = e.side.file.held_entries(till.terminal_id)
        lost = [seq for seq, digest in till.file.chain() if seq <= through and (seq, digest) not in held]
        if lost:
            yield till.terminal_id, f"{till.name} was told that {through} entries are held, and {lost[0]} is not"


ON_STANDING: Final = (a_freeze_is_told,)
ON_REFUND: Final = (a_stopped_till_gives_nothing_back,)
ON_TIME: Final[tuple[Callable[[Evidence], Complaints], ...]] = (only_what_was_put_back_is_in_question,)
WHEN_CALM: Final[tuple[Callable[[Evidence], Complaints], ...]] = (what_was_delivered_is_kept,)
