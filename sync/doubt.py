"""A command whose commit nobody could read back: neither taken nor refused until the file can be read again.

"Nothing was begun" must be true when it is said: a refund that was refused aloud and found in the journal later would
go out beside the one that was asked for anew. What is found is answered as begun; what is not there is refused then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from protocol.reasons import Reason
from sync.engine.model import ProofView, Published
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
from sync.engine.views import cash_view, payment_view, refund_view
from sync.offline_desk import Asked, refusal_of

if TYPE_CHECKING:
    from sync.engine.state import EngineState
    from sync.errors import CommitUnknownError
    from sync.journal.journal import Journal


@dataclass(frozen=True, slots=True, kw_only=True)
class InDoubt:
    """The command, and what the disk said of its commit."""

    event: Asked
    commit: CommitUnknownError

    def begun(self, journal: Journal) -> bool:
        """Whether it is in the journal. SyncError while the disk still refuses."""
        return journal.hash_at(self.commit.seq) == self.commit.digest


def answered(doubt: InDoubt, state: EngineState, journal: Journal) -> tuple[EngineState, list[Published]]:
    """What was begun by it, as the command's own; `state` has read the journal again. SyncError: see `begun`."""
    told: list[Published] = []
    refusal = refusal_of(doubt.event, doubt.commit.reason)
    request_id = refusal.request_id
    for said in doubt.commit.statements:
        match said:
            case PaymentStarted() | OfflineShown() | StatusShown() | OfflineParked():
                live = replace(state.payments[said.payment_no], request_id=request_id)
                state = replace(state, payments={**state.payments, said.payment_no: live})
                told.append(payment_view(live))
            case RefundStarted():
                refund = replace(state.refunds[said.refund_no], request_id=request_id)
                state = replace(state, refunds={**state.refunds, said.refund_no: refund})
                told.append(refund_view(refund))
            case CashTaken() | CashReturned():
                tender = journal.cash(said.payment_no)
                assert tender is not None, "it was found in the chain"
                told.append(replace(cash_view(tender), request_id=request_id))
            case ProofTaken():
                told.append(_proof(said, request_id, state))
            case _:
                # A typed code's try counts; it was not compared.
                pass
    return state, told or [refusal]


def _proof(said: ProofTaken, request_id: str, state: EngineState) -> ProofView:
    record = state.payments[said.payment_no].record
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
