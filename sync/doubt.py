"""A command whose commit nobody could read back: neither taken nor refused until the file can be read again.

"Nothing was begun" must be true when it is said: a refund that was refused aloud and found in the journal later would
go out beside the one that was asked for anew. What is found is answered as begun; what is not there is refused then.
While the file cannot be read every other command is refused at once, so that one is in doubt at a time. The same press
that comes again, because a key bounced, is no other command: it is answered by what becomes of the first.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from msgspec import Struct
from msgspec.structs import replace

from protocol.reasons import Reason
from sync.engine.model import CommandRefused, PaymentView, ProofView
from sync.engine.offline_events import CodeChecked
from sync.engine.statements import (
    CashReturned,
    CashTaken,
    OfflineParked,
    OfflineShown,
    PaymentStarted,
    ProofTaken,
    RefundStarted,
    StatusShown,
)
from sync.engine.views import cash_view
from sync.offline_desk import Asked, refusal_of

if TYPE_CHECKING:
    from sync.engine.state import EngineState
    from sync.errors import CommitUnknownError
    from sync.journal.journal import Journal


#: Each is answered by the picture of its payment or refund.
_PICTURED: Final = (PaymentStarted, OfflineShown, StatusShown, OfflineParked, RefundStarted)


class InDoubt(Struct, frozen=True, kw_only=True):
    """The command, and what the disk said of its commit."""

    event: Asked | CodeChecked
    commit: CommitUnknownError

    def begun(self, journal: Journal) -> bool:
        """Whether it is in the journal. SyncError while the disk still refuses."""
        return journal.hash_at(self.commit.seq) == self.commit.digest

    def refusal(self) -> list[CommandRefused | ProofView | PaymentView]:
        """It is not there. A code that was compared is not asked for again: what it was worth is still to be said."""
        return [] if isinstance(self.event, CodeChecked) else [refusal_of(self.event, self.commit.reason)]

    def shown(self) -> Mapping[str, str]:
        """Orders without the line that it began, each with the command's request id: their pictures answer it."""
        return {said.payment_no: self.request_id for said in self.commit.statements if isinstance(said, OfflineShown)}

    @property
    def request_id(self) -> str:
        """Of the press."""
        if isinstance(self.event, CodeChecked):
            return self.event.request_id
        return refusal_of(self.event, self.commit.reason).request_id

    def answers(self, journal: Journal) -> list[CommandRefused | ProofView | PaymentView]:
        """It is there: what no picture of a payment or a refund answers."""
        if any(isinstance(said, _PICTURED) for said in self.commit.statements):
            return []
        told: list[CommandRefused | ProofView | PaymentView] = []
        for said in self.commit.statements:
            if isinstance(said, (CashTaken, CashReturned)):
                tender = journal.cash(said.payment_no)
                assert tender is not None, "it was found in the chain"
                told.append(replace(cash_view(tender), request_id=self.request_id))
            elif isinstance(said, ProofTaken):
                told.append(_worth(said, self.request_id, journal))
        # A typed code's try counts; it was not compared.
        return told or self.refusal()


def came_before(event: Asked, state: EngineState, doubt: InDoubt | None, perhaps: Mapping[str, str]) -> bool:
    """Whether this very press has begun something, or may have: `perhaps` are the requests by what they may have begun.
    What is refused of it then would be heard of the first."""
    request_id = refusal_of(event, Reason.INTERNAL).request_id
    begun = {known for known, _ in state.pressed} | {held.command.request_id for held in state.held}
    in_doubt = doubt is not None and doubt.request_id == request_id
    return in_doubt or request_id in begun or request_id in perhaps.values()


def _worth(said: ProofTaken, request_id: str, journal: Journal) -> ProofView:
    record = journal.payment(said.payment_no)
    assert record is not None, "it was found in the chain"
    return ProofView(
        request_id=request_id,
        accepted=True,
        reason=Reason.PAID if said.paid else Reason.EXPIRED,
        typed=said.kid is None,
        payment_no=record.payment_no,
        amount=record.amount,
        started_at_ms=record.started_at_ms,
        at_ms=record.settled_at_ms,
    )
