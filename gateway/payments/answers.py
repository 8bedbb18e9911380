"""What each answer of a channel does to a payment. Timeouts, cuts, 5xx, unreadable or mismatching answers move nothing.

Table P of SAFETY.md section 2 is applied here and nowhere else. `asked_ms` is when the request was sent, `now_ms` when
its answer was read, `even_since_ms` since when the clock has not leapt (`gateway.ports.Clock`).
"""

from __future__ import annotations

from functools import partial
from typing import Final, assert_never

from msgspec.structs import replace

from gateway.channels.port import (
    Closed,
    CreateVerdict,
    Declined,
    Failed,
    Mismatch,
    NoAnswer,
    NotFound,
    NotSent,
    PageReady,
    Paid,
    PayVerdict,
    Pending,
    PrecreateVerdict,
    QrReady,
    QueryVerdict,
    Unknown,
)
from gateway.payments.moves import bump, declined_reason, ended_reason, late_closed, to_failed, to_not_paid, to_paid
from gateway.payments.values import (
    GATEWAY,
    Alarm,
    AlarmKind,
    ChannelOrder,
    Payment,
    Said,
    Step,
    UndoFound,
)
from protocol.messages import LateMoneyState
from protocol.reasons import Reason
from protocol.states import GatewayEvent, GatewayState, ProofKind

#: Table P, ABSENT.
ABSENT_AFTER_CALL_CLOSED_MS: Final = 30_000
ABSENT_UNDO_AFTER_SENT_MS: Final = 15_000
ABSENT_BETWEEN_MS: Final = 5_000


def answer_pay(
    payment: Payment, order: ChannelOrder, verdict: PayVerdict | NotSent | NoAnswer, *, said_by: str, now_ms: int
) -> Step:
    """The pay call has ended, with or without an answer."""
    order = _call_ended(order, now_ms)
    match verdict:
        case Paid():
            return to_paid(payment, order, verdict, fresh=False, said_by=said_by, now_ms=now_ms)
        case Declined():
            return _declined(payment, order, verdict, said_by=said_by, now_ms=now_ms)
        case Pending():
            return _pending(payment, order, verdict, said_by=said_by)
        case NotSent():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case NoAnswer() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="pay_unsettled", said_by=said_by)
        case _:
            assert_never(verdict)


def answer_precreate(
    payment: Payment,
    order: ChannelOrder,
    verdict: PrecreateVerdict | NotSent | NoAnswer,
    *,
    shown_for_ms: int,
    said_by: str,
    now_ms: int,
) -> Step:
    """The call that asks for a QR has ended. The QR is shown from now on for `shown_for_ms`."""
    order = _call_ended(order, now_ms)
    match verdict:
        case QrReady():
            said = Said(what="qr_ready", said_by=said_by)
            if order.ended_kind is not None or payment.qr is not None or not _wanted(payment):
                return Step(payment=payment, order=order, said=(said,))
            until = now_ms + shown_for_ms
            shown = replace(bump(payment), qr=verdict.qr, qr_expires_ms=until)
            return Step(payment=shown, order=replace(order, deadline_ms=until), said=(said,))
        case Declined():
            return _declined(payment, order, verdict, said_by=said_by, now_ms=now_ms)
        case NotSent():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case NoAnswer() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="qr_unsettled", said_by=said_by)
        case _:
            assert_never(verdict)


def answer_create(
    payment: Payment, order: ChannelOrder, verdict: CreateVerdict | NotSent | NoAnswer, *, said_by: str, now_ms: int
) -> Step:
    """The call that makes an order for the page has ended."""
    order = _call_ended(order, now_ms)
    match verdict:
        case PageReady():
            said = Said(what="page_ready", said_by=said_by)
            if order.ended_kind is not None or payment.payer_prompted or not _wanted(payment):
                return Step(payment=payment, order=order, said=(said,))
            return Step(payment=replace(bump(payment), payer_prompted=True), order=order, said=(said,))
        case Declined():
            return _declined(payment, order, verdict, said_by=said_by, now_ms=now_ms)
        case NotSent():
            return _not_sent(payment, order, verdict, now_ms=now_ms)
        case NoAnswer() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="page_unsettled", said_by=said_by)
        case _:
            assert_never(verdict)


def answer_query(
    payment: Payment,
    order: ChannelOrder,
    verdict: QueryVerdict | NotSent | NoAnswer,
    *,
    said_by: str,
    asked_ms: int,
    now_ms: int,
    even_since_ms: int,
) -> Step:
    """A query has ended."""
    order = _asked(order, verdict, asked_ms, now_ms)
    match verdict:
        case Paid():
            order = replace(order, absent_since_ms=None)
            fresh = _fresh(order, asked_ms, now_ms)
            return to_paid(payment, order, verdict, fresh=fresh, said_by=said_by, now_ms=now_ms)
        case Closed():
            return _closed(payment, order, verdict, said_by=said_by, asked_ms=asked_ms, now_ms=now_ms)
        case Pending():
            return _pending(payment, order, verdict, said_by=said_by)
        case NotFound():
            order = _counted(order, even_since_ms, now_ms)
            return _not_found(payment, order, verdict, said_by=said_by, asked_ms=asked_ms, now_ms=now_ms)
        case Failed():
            order = replace(order, absent_since_ms=None)
            fresh = _fresh(order, asked_ms, now_ms)
            return to_failed(payment, order, verdict, fresh=fresh, said_by=said_by, now_ms=now_ms)
        case NoAnswer() | NotSent() | Unknown() | Mismatch():
            return _moves_nothing(payment, order, verdict, what="query_unsettled", said_by=said_by)
        case _:
            assert_never(verdict)


def _wanted(payment: Payment) -> bool:
    return payment.state is GatewayState.SENT and payment.cancel_requested_ms is None


def _fresh(order: ChannelOrder, asked_ms: int, now_ms: int) -> bool:
    """Asked after the order ended, and after its late money was called closed: what it says is news."""
    ends = (order.ended_ms, order.late_closed_ms)
    return all(end_ms is None or _asked_after(end_ms, asked_ms, now_ms) for end_ms in ends)


def _asked_after(at_ms: int, asked_ms: int, now_ms: int) -> bool:
    """A moment that lies in the future was before the clock's leap."""
    return asked_ms > at_ms or at_ms > now_ms


def _call_ended(order: ChannelOrder, now_ms: int) -> ChannelOrder:
    return replace(order, open_calls=max(0, order.open_calls - 1), call_closed_ms=now_ms)


def _asked(order: ChannelOrder, verdict: QueryVerdict | NotSent | NoAnswer, asked_ms: int, now_ms: int) -> ChannelOrder:
    """Notes the query, and what it found if it was asked after the latest cancel was sent."""
    unsettled = isinstance(verdict, Unknown | NoAnswer | NotSent | Mismatch)
    order = replace(order, asked_ms=asked_ms, unsettled_asks=order.unsettled_asks + 1 if unsettled else 0)
    if order.undo_sent_ms is None or asked_ms < order.undo_sent_ms <= now_ms:
        return order
    found = (
        UndoFound.UNSETTLED
        if unsettled
        else UndoFound.PAID
        if isinstance(verdict, Paid)
        else UndoFound.ABSENT
        if isinstance(verdict, NotFound)
        else UndoFound.FAILED
        if isinstance(verdict, Failed)
        else UndoFound.OPEN
    )
    return replace(order, undo_asked_ms=asked_ms, undo_found=found)


def _declined(payment: Payment, order: ChannelOrder, verdict: Declined, *, said_by: str, now_ms: int) -> Step:
    """A proof only when no other call for this order was made: an earlier one may have opened it, and may be paid."""
    if order.calls > 1:
        doubted = Unknown(reason=verdict.reason, code=verdict.code)
        return _moves_nothing(payment, order, doubted, what="declined_again", said_by=said_by)
    return to_not_paid(
        payment,
        order,
        GatewayEvent.PROVEN_NOT_PAID,
        kind=ProofKind.DECLINED,
        said_by=said_by,
        reason=declined_reason(verdict.reason),
        detail=verdict.code,
        now_ms=now_ms,
    )


def _not_sent(payment: Payment, order: ChannelOrder, verdict: NotSent, *, now_ms: int) -> Step:
    """A proof only when no other call for this order was made: an earlier one may have arrived."""
    if order.calls > 1:
        return _moves_nothing(payment, order, verdict, what="call_not_sent", said_by=GATEWAY)
    return to_not_paid(
        payment,
        order,
        GatewayEvent.PROVEN_NOT_PAID,
        kind=ProofKind.NOT_SENT,
        said_by=GATEWAY,
        reason=Reason.NOT_SENT,
        detail=verdict.reason.value,
        now_ms=now_ms,
    )


def _pending(payment: Payment, order: ChannelOrder, verdict: Pending, *, said_by: str) -> Step:
    order = replace(order, absent_since_ms=None)
    live = payment.state is GatewayState.SENT and order.ended_kind is None
    if live and verdict.payer_prompted and not payment.payer_prompted:
        prompted = replace(bump(payment), payer_prompted=True)
        return Step(payment=prompted, order=order, said=(Said(what="payer_prompted", said_by=said_by),))
    return Step(payment=payment, order=order)


def _closed(
    payment: Payment, order: ChannelOrder, verdict: Closed, *, said_by: str, asked_ms: int, now_ms: int
) -> Step:
    if order.late_state is LateMoneyState.FOUND:
        said = Said(what="closed", said_by=said_by, detail=verdict.code)
        if order.late_found_ms is not None and not _asked_after(order.late_found_ms, asked_ms, now_ms):
            # It was closed before its money came: that money has not gone back.
            return Step(payment=payment, order=order, said=(said,))
        return late_closed(payment, order, said, now_ms=now_ms)
    return to_not_paid(
        payment,
        order,
        GatewayEvent.PROVEN_NOT_PAID,
        kind=ProofKind.CLOSED,
        said_by=said_by,
        reason=ended_reason(payment),
        detail=verdict.code,
        now_ms=now_ms,
    )


def counted_from_ms(at_ms: int, even_since_ms: int, now_ms: int) -> int:
    """From when the time since `at_ms` may be counted, so that no more is counted than has passed in truth, whatever
    was done to the clock in between: a moment before its last leap counts as that leap. Right for one process over the
    store: a second one would not know of the first one's leaps."""
    return at_ms if even_since_ms <= at_ms <= now_ms else even_since_ms


def last_opened_ms(order: ChannelOrder) -> int | None:
    """Before when every request that opens it left: a call may wait for its line, so only its end says so. None: one is
    under way."""
    if order.open_calls or order.call_closed_ms is None:
        return None
    return max(order.sent_ms, order.call_closed_ms)


def brought_back_ms(at_ms: int, even_since_ms: int, now_ms: int) -> int:
    """The same where only waiting too long would be wrong: a moment that lies in the future, because the clock was put
    back, counts as that leap; what is past stays as it is, over restarts too."""
    return even_since_ms if at_ms > now_ms else at_ms


def counted_if_known(at_ms: int | None, even_since_ms: int, now_ms: int) -> int | None:
    """The same of a moment that may not have come yet."""
    return None if at_ms is None else counted_from_ms(at_ms, even_since_ms, now_ms)


def _counted(order: ChannelOrder, even_since_ms: int, now_ms: int) -> ChannelOrder:
    """Its moments that ABSENT counts from, in a time that has not leapt."""
    moved = partial(counted_if_known, even_since_ms=even_since_ms, now_ms=now_ms)
    return replace(
        order,
        call_closed_ms=moved(order.call_closed_ms),
        certain_undo_ms=moved(order.certain_undo_ms),
        absent_since_ms=moved(order.absent_since_ms),
    )


def _not_found(
    payment: Payment, order: ChannelOrder, verdict: NotFound, *, said_by: str, asked_ms: int, now_ms: int
) -> Step:
    """One verified "not found". Two of them, after all that ABSENT asks for, are its proof; not of an order whose
    number or account a person may have mistaken after a backup was restored."""
    certain = order.certain_undo_ms is not None and asked_ms >= order.certain_undo_ms
    if payment.state is not GatewayState.REVERSING or not certain:
        return Step(payment=payment, order=order)
    if payment.in_question:
        return Step(payment=payment, order=replace(order, absent_since_ms=None))
    # Both count only once no call can arrive any more.
    quiet = order.open_calls == 0 and order.call_closed_ms is not None
    quiet_ms = (order.call_closed_ms or 0) + ABSENT_AFTER_CALL_CLOSED_MS
    if not quiet or asked_ms < quiet_ms:
        return Step(payment=payment, order=replace(order, absent_since_ms=None))
    if order.absent_since_ms is None or order.absent_since_ms < quiet_ms:
        # When it was answered, not when it was asked: the question may have waited for its line.
        return Step(payment=payment, order=replace(order, absent_since_ms=now_ms))
    if asked_ms - order.absent_since_ms < ABSENT_BETWEEN_MS:
        return Step(payment=payment, order=order)
    return to_not_paid(
        payment,
        order,
        GatewayEvent.PROVEN_NOT_PAID,
        kind=ProofKind.ABSENT,
        said_by=said_by,
        reason=ended_reason(payment),
        detail=verdict.code,
        now_ms=now_ms,
    )


def _moves_nothing(
    payment: Payment, order: ChannelOrder, verdict: NoAnswer | NotSent | Unknown | Mismatch, *, what: str, said_by: str
) -> Step:
    match verdict:
        case Mismatch():
            detail = "differs: " + ", ".join(verdict.fields)
            alarm = Alarm(kind=AlarmKind.MISMATCH, detail=detail)
            said = Said(what=what, said_by=said_by, detail=detail)
            return Step(payment=payment, order=order, said=(said,), alarms=(alarm,))
        case Unknown():
            detail = f"{verdict.reason.value} {verdict.code}".strip()
            return Step(payment=payment, order=order, said=(Said(what=what, said_by=said_by, detail=detail),))
        case NoAnswer() | NotSent():
            said = Said(what=what, said_by=GATEWAY, detail=verdict.reason.value)
            return Step(payment=payment, order=order, said=(said,))
        case _:
            assert_never(verdict)


__all__ = [
    "ABSENT_AFTER_CALL_CLOSED_MS",
    "ABSENT_BETWEEN_MS",
    "ABSENT_UNDO_AFTER_SENT_MS",
    "answer_create",
    "answer_pay",
    "answer_precreate",
    "answer_query",
    "brought_back_ms",
    "counted_from_ms",
    "counted_if_known",
    "last_opened_ms",
]
