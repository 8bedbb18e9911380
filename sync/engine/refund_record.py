"""What the journal knows about one refund: the fold of its statements, for the engine's memory and the journal's table.

A refund begins SENT: its intent is durable before the first byte, and from that moment the gateway may have it.
"""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import RefundEvent, RefundState, refund_next
from sync.engine.statements import RefundObserved, RefundRefused, RefundSettled, RefundStarted, RefundStatement


class RefundRecord(Struct, frozen=True, kw_only=True):
    """The durable part of a refund. `refundable_fen` is what the gateway said may still be asked back."""

    refund_no: str
    payment_no: str
    amount: Money
    note: str
    operator: str
    started_at_ms: int
    state: RefundState
    state_seq: int = -1
    reason: Reason | None = None
    channel: str | None = None
    refundable_fen: int | None = None
    settled_at_ms: int | None = None

    @property
    def order_no(self) -> str:
        return self.payment_no.rpartition("-")[0]


def refund_may_follow(record: RefundRecord | None, statement: RefundStatement) -> bool:
    """Whether a till can have said this then: a refund starts once, and before anything else is said about it."""
    return (record is None) is isinstance(statement, RefundStarted)


def fold_refund(record: RefundRecord | None, statement: RefundStatement, *, at_ms: int) -> RefundRecord:
    """The refund after one more statement; `at_ms` is the entry's time. Only the total table moves the state."""
    assert refund_may_follow(record, statement), f"nobody can say {type(statement).__name__} now"
    if isinstance(statement, RefundStarted):
        return _started(statement, at_ms)
    assert record is not None, "whatever does not begin it follows something"
    match statement:
        case RefundObserved():
            return replace(
                record,
                state_seq=statement.state_seq,
                channel=statement.channel,
                refundable_fen=statement.refundable_fen,
            )
        case RefundRefused():
            state = _next(record.state, RefundEvent.REFUSED)
            left_fen = record.refundable_fen if statement.refundable_fen is None else statement.refundable_fen
            return replace(record, state=state, reason=statement.reason, refundable_fen=left_fen, settled_at_ms=at_ms)
        case RefundSettled():
            event = RefundEvent.DONE if statement.done else RefundEvent.REFUSED
            return replace(
                record,
                state=_next(record.state, event),
                state_seq=max(record.state_seq, statement.state_seq),
                reason=statement.reason,
                channel=statement.channel,
                refundable_fen=statement.refundable_fen,
                settled_at_ms=at_ms,
            )
        case _:
            assert_never(statement)


def _started(statement: RefundStarted, at_ms: int) -> RefundRecord:
    return RefundRecord(
        refund_no=statement.refund_no,
        payment_no=statement.payment_no,
        amount=Money(statement.amount_fen, statement.currency),
        note=statement.note,
        operator=statement.operator,
        started_at_ms=at_ms,
        state=_next(RefundState.CREATED, RefundEvent.SEND),
    )


def _next(state: RefundState, event: RefundEvent) -> RefundState:
    after = refund_next(state, event)
    return after if isinstance(after, RefundState) else state
