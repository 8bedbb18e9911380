"""An order's journal entries as its history: what happened, who said it, when. Pure.

Who said it: `gateway` for what carries its signature, `cashier` for what a person pressed, `till` for the rest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, assert_never

from protocol.messages import LateMoneyState, Presented
from protocol.money import Money
from protocol.numbers import read_payment_no
from protocol.reasons import Reason
from protocol.states import GatewayState
from sync.engine.statements import (
    TILL,
    AnyStatement,
    CancelCause,
    CancelIntended,
    CashReturned,
    CashStatement,
    CashTaken,
    CodeTried,
    KitStored,
    LateMoneySeen,
    LineLost,
    OfflineParked,
    OfflineShown,
    OfflineStatement,
    PaymentAcked,
    PaymentConflict,
    PaymentObserved,
    PaymentRefused,
    PaymentSettled,
    PaymentSilent,
    PaymentStarted,
    ProofTaken,
    RefundObserved,
    RefundRefused,
    RefundSettled,
    RefundStarted,
    RefundStatement,
    Silence,
    StandingChanged,
    StatusShown,
    StorePaidHeard,
    TillStatement,
)
from terminal.cashier.ports import HistoryEntry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sync.journal.read import TimelineEntry

GATEWAY = "gateway"
CASHIER = "cashier"
_LATE: Final = {
    LateMoneyState.FOUND: "late_money",
    LateMoneyState.UNDONE: "late_undone",
    LateMoneyState.ACCEPTED: "late_kept",
}
OFFLINE_STATEMENTS: Final = (
    OfflineShown, StatusShown, OfflineParked, CodeTried, ProofTaken, LineLost, KitStored, StandingChanged,
)  # fmt: skip
_UNDOING = frozenset({GatewayState.REVERSING, GatewayState.UNDO_BY_REFUND})


def history_of(entries: Iterable[TimelineEntry]) -> tuple[HistoryEntry, ...]:
    """The entries of one order, oldest first, as the screen shows them."""
    found: list[HistoryEntry] = []
    for entry in entries:
        told = _of_entry(entry)
        found.append(told)
        if entry.parked is not None:
            found.append(HistoryEntry(at_ms=entry.parked.at_ms, kind="parked", said_by=GATEWAY, n=told.n))
    return tuple(found)


def _of_entry(entry: TimelineEntry) -> HistoryEntry:
    statement = entry.statement
    if statement is None:
        # A later version of the program wrote it: its kind is all that can be said.
        return HistoryEntry(at_ms=entry.at_ms, kind=entry.kind, said_by=TILL)
    kind, said_by, reason, detail = _told(statement)
    number = read_payment_no(statement.payment_no)
    return HistoryEntry(
        at_ms=entry.at_ms, kind=kind, said_by=said_by, reason=reason, detail=detail, n=number.n if number else 1
    )


def _told(statement: AnyStatement) -> tuple[str, str, Reason | None, str]:
    """Kind, who said it, reason, detail."""
    if isinstance(statement, OFFLINE_STATEMENTS):
        return _without_line(statement)
    match statement:
        case PaymentStarted(presented=presented, operator=operator):
            return ("scan_accepted" if presented is Presented.CUSTOMER else "qr_asked"), TILL, None, operator
        case PaymentObserved():
            return _observed(statement)
        case PaymentSilent(why=Silence.RESTARTED):
            return "resumed", TILL, None, ""
        case PaymentSilent():
            return "unknown", TILL, Reason.NOT_CONFIRMED, ""
        case PaymentRefused(reason=reason):
            return "unknown", GATEWAY, reason, ""
        case CancelIntended():
            return _cancelled(statement)
        case PaymentSettled():
            return _settled(statement)
        case LateMoneySeen(late_money=late_money):
            return _LATE[late_money.state], GATEWAY, None, ""
        case PaymentConflict() | PaymentAcked():
            return ("conflict" if isinstance(statement, PaymentConflict) else "acknowledged"), GATEWAY, None, ""
        case CashTaken() | CashReturned():
            return _cash(statement)
        case StorePaidHeard(amount_fen=amount_fen):
            return "store_paid", GATEWAY, None, _yuan(amount_fen)
        case RefundStarted() | RefundObserved() | RefundRefused() | RefundSettled():
            return _refund(statement)
        case _:
            assert_never(statement)


def _cash(statement: CashStatement) -> tuple[str, str, Reason | None, str]:
    if isinstance(statement, CashReturned):
        return "cash_returned", CASHIER, None, statement.why.value
    sums = (statement.amount_fen, statement.received_fen, statement.change_fen)
    return "cash_taken", CASHIER, None, " ".join(Money(fen).yuan() for fen in sums)


def _cancelled(statement: CancelIntended) -> tuple[str, str, Reason | None, str]:
    """Of an offline order the cashier was asked about the goods."""
    kind = {None: "cancel_asked", True: "goods_handed", False: "goods_kept"}[statement.goods_handed]
    said_by = CASHIER if statement.cause is CancelCause.CASHIER else TILL
    return kind, said_by, None, statement.operator


def _without_line(statement: OfflineStatement | TillStatement) -> tuple[str, str, Reason | None, str]:
    match statement:
        case OfflineShown(operator=operator):
            return "offline_shown", TILL, None, operator
        case StatusShown(operator=operator):
            return "status_shown", TILL, None, operator
        case OfflineParked(operator=operator):
            return "offline_parked", CASHIER, None, operator
        case CodeTried(operator=operator):
            return "code_tried", CASHIER, None, operator
        case ProofTaken():
            tail = f"…{statement.transaction_tail}" if statement.transaction_tail else ""
            kind = "code_paid" if statement.kid is None else "proof_paid" if statement.paid else "proof_closed"
            return kind, CASHIER if statement.kid is None else GATEWAY, None, tail
        case LineLost(operator=operator):
            return "line_lost", TILL, None, operator
        case KitStored() | StandingChanged():
            # About no order: they stand in no order's history.
            return "other", TILL, None, ""
        case _:
            assert_never(statement)


def _refund(statement: RefundStatement) -> tuple[str, str, Reason | None, str]:
    amount = _yuan(statement.amount_fen)
    match statement:
        case RefundStarted(operator=operator):
            return "refund_asked", CASHIER, None, f"{amount} {operator}".rstrip()
        case RefundObserved():
            return "refund_taken", GATEWAY, None, amount
        case RefundRefused(reason=reason):
            return "refund_refused", GATEWAY, reason, amount
        case RefundSettled(done=done, reason=reason):
            return ("refunded" if done else "refund_refused"), GATEWAY, None if done else reason, amount
        case _:
            assert_never(statement)


def _yuan(amount_fen: int) -> str:
    return f"¥{Money(amount_fen).yuan()}"


def _observed(statement: PaymentObserved) -> tuple[str, str, Reason | None, str]:
    if statement.cancel_requested or statement.gateway_state in _UNDOING:
        return "cancelling", GATEWAY, None, ""
    return ("password" if statement.payer_prompted else "waiting"), GATEWAY, None, ""


def _settled(statement: PaymentSettled) -> tuple[str, str, Reason | None, str]:
    said_by = TILL if statement.said_by == TILL else GATEWAY
    if not statement.paid:
        return "not_paid", said_by, statement.reason, statement.proof.kind.value if statement.proof else ""
    tail = f"…{statement.transaction_tail}" if statement.transaction_tail else ""
    return "paid", said_by, None, " ".join(part for part in (statement.channel, tail) if part)
