"""What the journal knows about one payment: the fold of its statements. The engine and the journal's tables both use
`fold`, so what is in memory is what a restart would read."""

from __future__ import annotations

from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from protocol.messages import LateMoney, LateMoneyState, Light, Presented, Proof
from protocol.money import Money
from protocol.reasons import Reason
from protocol.states import ProofKind, TerminalEvent, TerminalState, terminal_next
from sync.engine.offline_record import OfflinePart, fold_part, part_may_follow, shown
from sync.engine.statements import (
    TILL,
    CancelIntended,
    CodeTried,
    LateMoneySeen,
    LineLost,
    OfflineParked,
    OfflineShown,
    PaymentAcked,
    PaymentConflict,
    PaymentObserved,
    PaymentRefused,
    PaymentSettled,
    PaymentSilent,
    PaymentStarted,
    PaymentStatement,
    ProofTaken,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    RefundStatement,
    StatusShown,
)


class PaymentRecord(Struct, frozen=True, kw_only=True):
    """The durable part of a payment. `refused` is the gateway's reason for refusing the request, `conflict` that two
    verified statements disagree; `ack_due_seq` is the state_seq to acknowledge, `acked_seq` the one acknowledged.
    `refunded_fen` went back by this till's refunds, `refunding_fen` is under way in refunds whose outcome is open."""

    payment_no: str
    order_no: str
    n: int
    sale_id: str
    amount: Money
    presented: Presented
    subject: str
    operator: str
    started_at_ms: int
    state: TerminalState = TerminalState.SENDING
    state_seq: int = -1
    reason: Reason | None = None
    refused: Reason | None = None
    proof: Proof | None = None
    light: Light | None = None
    channel: str | None = None
    transaction_tail: str | None = None
    qr: str | None = None
    qr_expires_ms: int | None = None
    payer_prompted: bool = False
    cancel_intended: bool = False
    cancel_operator: str | None = None
    cancel_requested: bool = False
    late_money: LateMoney | None = None
    conflict: bool = False
    paid_at_ms: int | None = None
    settled_at_ms: int | None = None
    ack_due_seq: int = -1
    acked_seq: int = -1
    refunded_fen: int = 0
    refunding_fen: int = 0
    offline: OfflinePart | None = None

    @property
    def confirmation_owed(self) -> bool:
        """A proof settled it; the gateway has not said so over the line yet."""
        part = self.offline
        return part is not None and part.proof is not None and not part.confirmed and not self.conflict

    @property
    def late_here(self) -> bool:
        """It was given up, and its money came after all: that waits, or was kept for the sale."""
        return self.late_money is not None and self.late_money.state is not LateMoneyState.UNDONE

    @property
    def may_go_back(self) -> bool:
        """A paid offline order that was cancelled here: the gateway gives it back, unless a person did."""
        part = self.offline
        mine = part is not None and not part.status and self.cancel_intended and self.late_money is None
        return mine and self.state is TerminalState.PAID and self.refunded_fen < self.amount.fen

    @property
    def sale_has_money(self) -> Reason | None:
        """The gateway refused this try for another one of its sale, which took money or may have: why."""
        return self.refused if self.refused in (Reason.ORDER_OPEN, Reason.ORDER_PAID) else None

    @property
    def ack_owed(self) -> bool:
        return self.ack_due_seq > self.acked_seq


def may_follow(record: PaymentRecord | None, statement: PaymentStatement) -> bool:
    """Whether a till can have said this then: a payment starts once, and before anything else is said about it."""
    if isinstance(statement, (PaymentStarted, OfflineShown)):
        return record is None
    if record is None:
        return False
    if isinstance(statement, (OfflineParked, CodeTried, ProofTaken)):
        return part_may_follow(record.offline, statement)
    return True


def fold(record: PaymentRecord | None, statement: PaymentStatement, *, at_ms: int) -> PaymentRecord:
    """The payment after one more statement; `at_ms` is the entry's time. Only the total table moves the state."""
    assert may_follow(record, statement), f"nobody can say {type(statement).__name__} now"
    if isinstance(statement, PaymentStarted):
        return _started(statement, at_ms)
    if isinstance(statement, OfflineShown):
        return _shown(statement, at_ms)
    assert record is not None, "whatever does not begin it follows something"
    match statement:
        case PaymentObserved():
            return replace(
                record,
                state=_next(record, TerminalEvent.OPEN),
                state_seq=statement.state_seq,
                channel=statement.channel,
                qr=statement.qr,
                qr_expires_ms=statement.qr_expires_ms,
                payer_prompted=statement.payer_prompted,
                cancel_requested=statement.cancel_requested,
                reason=statement.reason,
                light=statement.light,
            )
        case PaymentSilent():
            return replace(record, state=_next(record, TerminalEvent.SILENCE))
        case PaymentRefused():
            return replace(record, refused=statement.reason)
        case CancelIntended():
            return replace(
                record,
                state=_next(record, TerminalEvent.CANCEL),
                cancel_intended=True,
                cancel_operator=statement.operator,
                offline=_handed(record.offline, statement.goods_handed),
            )
        case PaymentSettled():
            return _settled(record, statement, at_ms)
        case LateMoneySeen():
            return replace(
                record,
                late_money=statement.late_money,
                state_seq=statement.state_seq,
                ack_due_seq=statement.state_seq,
            )
        case PaymentConflict():
            return replace(record, conflict=True, state_seq=statement.state_seq)
        case PaymentAcked():
            return replace(record, acked_seq=max(record.acked_seq, statement.state_seq))
        case StatusShown() | OfflineParked() | CodeTried() | ProofTaken() | LineLost():
            return _without_line(record, statement, at_ms)
        case RefundStarted() | RefundObserved() | RefundRefused() | RefundSettled():
            return _refund(record, statement)
        case _:
            assert_never(statement)


def _without_line(
    record: PaymentRecord, statement: StatusShown | OfflineParked | CodeTried | ProofTaken | LineLost, at_ms: int
) -> PaymentRecord:
    match statement:
        case StatusShown():
            return replace(record, offline=shown(statement, at_ms=at_ms))
        case OfflineParked() | CodeTried():
            return replace(record, offline=fold_part(record.offline, statement, at_ms=at_ms))
        case ProofTaken():
            return _proven(record, statement, at_ms)
        case LineLost():
            return record
        case _:
            assert_never(statement)


def _refund(record: PaymentRecord, statement: RefundStatement) -> PaymentRecord:
    match statement:
        case RefundStarted():
            return replace(record, refunding_fen=record.refunding_fen + statement.amount_fen)
        case RefundObserved():
            return record
        case RefundRefused():
            return _refund_over(record, statement.amount_fen, back_fen=0)
        case RefundSettled():
            return _refund_over(record, statement.amount_fen, back_fen=statement.amount_fen if statement.done else 0)
        case _:
            assert_never(statement)


def _refund_over(record: PaymentRecord, amount_fen: int, *, back_fen: int) -> PaymentRecord:
    """A refund of `amount_fen` is no longer open, and so much of it went back."""
    return replace(
        record,
        refunding_fen=record.refunding_fen - amount_fen,
        refunded_fen=record.refunded_fen + back_fen,
    )


def _started(statement: PaymentStarted, at_ms: int) -> PaymentRecord:
    return PaymentRecord(
        payment_no=statement.payment_no,
        order_no=statement.order_no,
        n=statement.n,
        sale_id=statement.sale_id,
        amount=Money(statement.amount_fen, statement.currency),
        presented=statement.presented,
        subject=statement.subject,
        operator=statement.operator,
        started_at_ms=at_ms,
    )


def _shown(statement: OfflineShown, at_ms: int) -> PaymentRecord:
    """An order that begins at the counter and not over the line."""
    return PaymentRecord(
        payment_no=statement.payment_no,
        order_no=statement.order_no,
        n=1,
        sale_id=statement.sale_id,
        amount=Money(statement.amount_fen, statement.currency),
        presented=Presented.MERCHANT,
        subject=statement.subject,
        operator=statement.operator,
        started_at_ms=at_ms,
        state=TerminalState.AWAITING_PROOF,
        offline=shown(statement, at_ms=at_ms),
    )


def _handed(part: OfflinePart | None, goods_handed: bool | None) -> OfflinePart | None:
    return part if part is None or goods_handed is None else replace(part, goods_handed=goods_handed)


def _proven(record: PaymentRecord, statement: ProofTaken, at_ms: int) -> PaymentRecord:
    """The gateway's acknowledgement waits for its own word over the line: a proof carries no state_seq."""
    said_ms = at_ms if statement.at_s is None else statement.at_s * 1000
    closed = Proof(kind=ProofKind.CLOSED, said_by=statement.said_by, at_ms=said_ms)
    return replace(
        record,
        state=_next(record, TerminalEvent.PAID if statement.paid else TerminalEvent.NOT_PAID),
        reason=Reason.PAID if statement.paid else Reason.EXPIRED,
        proof=None if statement.paid else closed,
        light=None if statement.paid else Light.GREEN,
        channel=statement.channel or record.channel,
        transaction_tail=statement.transaction_tail,
        paid_at_ms=said_ms if statement.paid else None,
        qr=None,
        payer_prompted=False,
        settled_at_ms=at_ms,
        offline=fold_part(record.offline, statement, at_ms=at_ms),
    )


def _settled(record: PaymentRecord, statement: PaymentSettled, at_ms: int) -> PaymentRecord:
    event = TerminalEvent.PAID if statement.paid else TerminalEvent.NOT_PAID
    # What a proof settled stays settled then; the gateway's own word adds what a proof cannot carry.
    proven = record.offline is not None and record.offline.proof is not None
    return replace(
        record,
        offline=None if record.offline is None else replace(record.offline, confirmed=True),
        state=_next(record, event),
        state_seq=max(record.state_seq, statement.state_seq),
        reason=statement.reason,
        proof=statement.proof,
        light=statement.light,
        channel=statement.channel,
        transaction_tail=statement.transaction_tail,
        paid_at_ms=statement.paid_at_ms,
        cancel_requested=statement.cancel_requested,
        qr=None,
        payer_prompted=False,
        settled_at_ms=record.settled_at_ms if proven else at_ms,
        # The till's own NOT_SENT is no statement of the gateway: there is nothing to acknowledge.
        ack_due_seq=-1 if statement.said_by == TILL else statement.state_seq,
    )


def _next(record: PaymentRecord, event: TerminalEvent) -> TerminalState:
    after = terminal_next(record.state, event)
    return after if isinstance(after, TerminalState) else record.state
