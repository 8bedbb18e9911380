"""A refund: reserved before the channel is called, one number for ever, driven to the end.

Rules
- The reservation is a row's CHECK (gateway/store/refunds.py); nothing here compares sums.
- DONE only from a verified statement that repeats this refund and its amount. FAILED only from the channel's final
  word, and only where nothing is owed: of a sale that stays paid (its till asked, or had cancelled it) a person then
  decides. Money that must go back has no final "no": a person is told of the wallet's, and it is sent again ever more
  rarely.
- Whatever is not settled is asked about, or sent again under the same number.
It must not know tables, wires or wallets' codes.
"""

from __future__ import annotations

from typing import Final, assert_never

from msgspec.structs import replace

from gateway.channels.port import (
    ChannelReason,
    Mismatch,
    NoAnswer,
    NotSent,
    RefundAbsent,
    RefundDone,
    RefundOpen,
    RefundQueryVerdict,
    RefundRefused,
    RefundVerdict,
    Unknown,
)
from gateway.payments.values import (
    GATEWAY,
    Alarm,
    AlarmKind,
    ChannelOrder,
    Payment,
    Refund,
    RefundCause,
    RefundHeard,
    RefundStep,
    Said,
)
from protocol.messages import LateMoneyState, RefundRequest
from protocol.reasons import Reason
from protocol.states import GatewayState, RefundEvent, RefundState, Verdict, refund_next

#: The gateway's own refunds are named after the order that they give back: one at a time, so that whoever asks again
#: gets the same.
_OWN_SUFFIX: Final = {RefundCause.UNDO: "RU", RefundCause.LATE: "RL", RefundCause.CANCELLED: "RC"}


def refund_asked(request: RefundRequest, order: ChannelOrder, *, now_ms: int) -> Refund:
    """What the till asked for, before anything is sent."""
    return _new(
        order,
        refund_no=request.refund_no,
        cause=RefundCause.TILL,
        amount_fen=request.amount_fen,
        note=request.note,
        operator=request.operator,
        now_ms=now_ms,
    )


def own_refund(order: ChannelOrder, cause: RefundCause, *, failed: int = 0, now_ms: int) -> Refund:
    """What the gateway gives back by itself: the whole order. `failed`: how many of its own for this cause ended so; a
    number that ended gives nothing back any more."""
    return _new(
        order,
        refund_no=f"{order.out_trade_no}{_OWN_SUFFIX[cause]}{failed or ''}",
        cause=cause,
        amount_fen=order.amount_fen,
        note="",
        operator=GATEWAY,
        now_ms=now_ms,
    )


def given_up(refund: Refund, *, said_by: str, now_ms: int) -> RefundStep:
    """Its wallet refused it for good, and a person gave the money back by other means: it is not sent any more."""
    assert refund.heard is RefundHeard.NEVER, "its wallet may still give it back"
    said = Said(what="refund_given_up", said_by=said_by, detail=f"{refund.refund_no} {refund.code or ''}".rstrip())
    return _failed(refund, said, now_ms=now_ms)


def owed(payment: Payment, order: ChannelOrder) -> bool:
    """Whether the order still holds money that is not ours to keep."""
    undoing = payment.state is GatewayState.UNDO_BY_REFUND and order.ended_kind is None
    return undoing or order.late_state is LateMoneyState.FOUND


def _new(
    order: ChannelOrder, *, refund_no: str, cause: RefundCause, amount_fen: int, note: str, operator: str, now_ms: int
) -> Refund:
    return Refund(
        refund_no=refund_no,
        key=order.key,
        out_trade_no=order.out_trade_no,
        account_id=order.account_id,
        channel=order.channel,
        cause=cause,
        amount_fen=amount_fen,
        note=note,
        operator=operator,
        state=RefundState.CREATED,
        state_seq=1,
        created_ms=now_ms,
    )


def same_refund(refund: Refund, request: RefundRequest, payment: Payment) -> bool:
    """Same number, same content: the first answer again."""
    return (
        refund.key == payment.key
        and refund.amount_fen == request.amount_fen
        and refund.note == request.note
        and refund.operator == request.operator
    )


def sending_refund(refund: Refund, *, now_ms: int) -> RefundStep:
    """It is about to be sent: durable first."""
    move = refund_next(refund.state, RefundEvent.SEND)
    if refund.state.final:
        return RefundStep(refund=refund)
    assert move in (RefundState.SENT, Verdict.STAY), f"{refund.state} + send = {move}"
    sent = replace(refund, tries=refund.tries + 1, sent_ms=now_ms, heard=RefundHeard.NOTHING, asks=0)
    if isinstance(move, RefundState):
        sent = _bump(replace(sent, state=move))
    said = Said(what="refund_sent", said_by=GATEWAY, detail=f"{refund.refund_no} try {sent.tries}")
    return RefundStep(refund=sent, said=(said,))


def answer_refund(
    refund: Refund,
    verdict: RefundVerdict | RefundQueryVerdict | NotSent | NoAnswer,
    *,
    said_by: str,
    asked_ms: int | None,
    must_go_back: bool,
    now_ms: int,
) -> RefundStep:
    """The refund call, a query about it (`asked_ms`) or a notification has spoken. `must_go_back`: the order still
    holds money that is not ours to keep."""
    if asked_ms is not None:
        refund = replace(refund, asked_ms=asked_ms, asks=refund.asks + 1)
    match verdict:
        case RefundDone():
            return _done(refund, verdict, said_by=said_by, now_ms=now_ms)
        case RefundOpen():
            return RefundStep(refund=_heard(_untroubled(refund), RefundHeard.OPEN))
        case RefundAbsent() if refund.state.final:
            # Asked before it was over: a notification was quicker than the answer.
            return RefundStep(refund=refund)
        case RefundAbsent() if refund.heard is RefundHeard.DENIED and not must_go_back:
            said = Said(
                what="refund_refused", said_by=said_by, detail=f"{refund.refund_no} {refund.code or ''}".rstrip()
            )
            return _failed(refund, said, now_ms=now_ms)
        case RefundAbsent() if refund.heard is RefundHeard.DENIED:
            return RefundStep(refund=_heard(refund, RefundHeard.NEVER))
        case RefundAbsent():
            return RefundStep(refund=_heard(refund, RefundHeard.ABSENT))
        case RefundRefused():
            in_doubt = asked_ms is None and refund.tries > 1
            return _refused(
                refund, verdict, said_by=said_by, must_go_back=must_go_back, in_doubt=in_doubt, now_ms=now_ms
            )
        case NotSent():
            heard = RefundHeard.REFUSED if asked_ms is None and refund.tries <= 1 else RefundHeard.UNSETTLED
            return RefundStep(refund=_unsettled(refund, heard))
        case NoAnswer() | Unknown():
            return RefundStep(refund=_unsettled(refund, RefundHeard.UNSETTLED))
        case Mismatch():
            detail = f"refund {refund.refund_no} differs: " + ", ".join(verdict.fields)
            alarm = Alarm(kind=AlarmKind.MISMATCH, detail=detail)
            said = Said(what="refund_unsettled", said_by=said_by, detail=detail)
            return RefundStep(refund=_heard(refund, RefundHeard.UNSETTLED), said=(said,), alarms=(alarm,))
        case _:
            assert_never(verdict)


def _done(refund: Refund, done: RefundDone, *, said_by: str, now_ms: int) -> RefundStep:
    said = Said(what="refund_done", said_by=said_by, detail=refund.refund_no)
    if done.amount_fen != refund.amount_fen:
        detail = f"refund {refund.refund_no}: {done.amount_fen} fen instead of {refund.amount_fen}"
        alarm = Alarm(kind=AlarmKind.MISMATCH, detail=detail)
        return RefundStep(refund=_heard(refund, RefundHeard.UNSETTLED), said=(said,), alarms=(alarm,))
    match refund_next(refund.state, RefundEvent.DONE):
        case RefundState.DONE:
            settled = replace(
                _bump(refund),
                state=RefundState.DONE,
                reason=Reason.REFUNDED,
                code=None,
                settled_ms=now_ms,
                channel_refund_id=done.channel_refund_id or None,
            )
            return RefundStep(refund=settled, said=(said,))
        case Verdict.STAY:
            return RefundStep(refund=refund)
        case Verdict.CONFLICT:
            alarm = Alarm(kind=AlarmKind.CONFLICT, detail=f"refund {refund.refund_no} failed, and now it is done")
            return RefundStep(refund=refund, said=(said,), alarms=(alarm,))
        case move:
            raise AssertionError(f"{refund.state} + done = {move}")


def _refused(
    refund: Refund, refused: RefundRefused, *, said_by: str, must_go_back: bool, in_doubt: bool, now_ms: int
) -> RefundStep:
    """`in_doubt`: an earlier send of this number went unanswered and may have worked; a query decides then."""
    said = Said(what="refund_refused", said_by=said_by, detail=f"{refund.refund_no} {refused.code}")
    alarm = Alarm(kind=AlarmKind.REFUND_REFUSED, detail=f"{refund.refund_no} {refused.code}")
    low = refused.reason is ChannelReason.SELLER_BALANCE_LOW
    reason = Reason.SELLER_BALANCE_LOW if low else Reason.REFUND_REFUSED
    if refund.state is not RefundState.SENT:
        return RefundStep(refund=refund, said=(said,))
    if not refused.final or must_go_back:
        told = refund if refund.reason is reason else _bump(replace(refund, reason=reason))
        heard = RefundHeard.REFUSED
        if refused.final:
            heard = RefundHeard.DENIED if in_doubt else RefundHeard.NEVER
            alarm = replace(alarm, kind=AlarmKind.REFUND_NEVER)
        return RefundStep(refund=replace(_heard(told, heard), code=refused.code), said=(said,), alarms=(alarm,))
    told = replace(refund, reason=reason, code=refused.code)
    if in_doubt:
        return RefundStep(refund=replace(told, heard=RefundHeard.DENIED), said=(said,))
    return replace(_failed(told, said, now_ms=now_ms), alarms=(alarm,))


def _failed(refund: Refund, said: Said, *, now_ms: int) -> RefundStep:
    """The channel's final word: nothing moved under this number, and nothing will."""
    assert refund_next(refund.state, RefundEvent.REFUSED) is RefundState.FAILED
    reason = refund.reason or Reason.REFUND_REFUSED
    failed = replace(_bump(refund), state=RefundState.FAILED, reason=reason, settled_ms=now_ms)
    return RefundStep(refund=failed, said=(said,))


def _untroubled(refund: Refund) -> Refund:
    """It goes on: what stood in its way before does so no more."""
    return refund if refund.reason is None or refund.state.final else _bump(replace(refund, reason=None))


def _unsettled(refund: Refund, heard: RefundHeard) -> Refund:
    """Doubt about a query changes nothing of what was heard before it."""
    return refund if refund.heard is RefundHeard.DENIED else _heard(refund, heard)


def _heard(refund: Refund, heard: RefundHeard) -> Refund:
    return refund if refund.state.final else replace(refund, heard=heard)


def _bump(refund: Refund) -> Refund:
    return replace(refund, state_seq=refund.state_seq + 1)
