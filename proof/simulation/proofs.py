"""What must have happened before a row may say what it says: table P, read from the lines instead of from the rows.

A proof that is true by luck is a defect all the same. These rules ask of each end of a channel order whether the wallet
truly said it, and whether the waiting times of the table had passed on a clock that nobody can set. One function per
rule; see `proof.simulation.invariants` for the rest.
"""

from __future__ import annotations

from typing import Final

from proof.asked import Verb
from proof.simulation.calls import Call, Ended
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import ChannelOrderRow, Evidence
from protocol.messages import LateMoneyState
from protocol.states import ProofKind, RefundState

#: Table P, ABSENT.
QUIET_MS: Final = 30_000
UNDO_AFTER_MS: Final = 15_000
BETWEEN_MS: Final = 5_000
#: A gateway whose clock is being set takes the difference up slowly: a second of its own is within a twentieth of one.
_CLOCK_SHARE: Final = 0.93

_OPENING: Final = (Verb.PAY, Verb.CREATE)
_UNDOING: Final = (Verb.CANCEL, Verb.CLOSE)


def an_end_was_seen(e: Evidence, before: ChannelOrderRow | None, after: ChannelOrderRow) -> Complaints:
    """Each end of an order has the wallet's own words behind it, in the order and after the time that table P asks."""
    if after.ended is None or (before is not None and before.ended is after.ended):
        return
    calls = e.calls.of(after.out_trade_no)
    match after.ended:
        case ProofKind.ABSENT:
            yield from _absent(e, after, calls)
        case ProofKind.CLOSED:
            undone_ms = max((call.sent_ms for call in calls if call.verb in _UNDOING), default=0)
            if not any(c.verb is Verb.QUERY and c.how is Ended.TRUE and c.sent_ms >= undone_ms for c in calls):
                yield after.payment_no, "CLOSED, and no query was answered since the last undo was sent"
            elif after.account_id.split("-")[1] == "unionpay" and not any(
                c.verb is Verb.CANCEL and c.how is Ended.TRUE for c in calls
            ):
                yield after.payment_no, "CLOSED at UnionPay, and no reversal was accepted"
        case ProofKind.DECLINED:
            opening = [c for c in calls if c.verb in _OPENING]
            if not any(c.how is Ended.TRUE for c in opening):
                yield after.payment_no, "DECLINED, and no request to pay was answered by the wallet"
            elif any(c.how not in (Ended.TRUE, Ended.UNSENT) for c in opening):
                yield after.payment_no, "DECLINED, and another request to pay may have arrived"
        case ProofKind.NOT_SENT:
            reached = [c for c in calls if c.verb in _OPENING and c.how is not Ended.UNSENT]
            if reached:
                yield after.payment_no, f"NOT_SENT, and a {reached[0].verb} may have arrived ({reached[0].how})"
        case ProofKind.REFUNDED:
            if not any(_refund_was_seen(e, after, number) for number in _refunds_of(e, after.out_trade_no)):
                yield after.payment_no, "REFUNDED, and no wallet said that a refund is done"
        case ProofKind.NEVER_OPENED if e.restored.at_ms is not None:
            return  # taken up by a person who then took up another number in its place
        case _:
            yield after.payment_no, f"an order that exists ended as {after.ended}"


def _absent(e: Evidence, order: ChannelOrderRow, calls: list[Call]) -> Complaints:
    opening = [c for c in calls if c.verb in _OPENING]
    if any(c.ended_ms is None for c in opening):
        yield order.payment_no, "ABSENT while the call that pays is open"
        return
    # A gateway that died between its row and its call has opened nothing, and cannot know it.
    closed_ms = max((c.ended_ms or 0 for c in opening), default=0)
    sent_ms = min((c.sent_ms for c in opening), default=e.opened_ms[order.out_trade_no])
    undone = [
        c.sent_ms
        for c in calls
        if c.verb in _UNDOING and c.how is Ended.TRUE and c.sent_ms - sent_ms >= UNDO_AFTER_MS * _CLOCK_SHARE
    ]
    if not undone:
        yield order.payment_no, "ABSENT without an undo that was acknowledged at least 15 s after the send"
        return
    seen = [c.sent_ms for c in calls if c.verb is Verb.QUERY and c.how is Ended.TRUE and c.sent_ms >= min(undone)]
    if len(seen) < 2 or max(seen) - min(seen) < BETWEEN_MS * _CLOCK_SHARE:
        yield order.payment_no, f"ABSENT after {len(seen)} answers since the undo, within {_span(seen)} ms"
        return
    quiet = [at for at in seen if at - closed_ms >= QUIET_MS * _CLOCK_SHARE]
    if _span(quiet) < BETWEEN_MS * _CLOCK_SHARE:
        late = [at - closed_ms for at in seen]
        yield order.payment_no, f"ABSENT, asked {late} ms after the pay call was closed: both count from 30 s on"


def _span(moments: list[int]) -> int:
    return max(moments) - min(moments) if moments else 0


def _refunds_of(e: Evidence, out_trade_no: str) -> list[str]:
    known = e.restored.every_refund(e.gateway.refunds())
    return [r.refund_no for r in known.values() if r.out_trade_no == out_trade_no]


def _refund_was_seen(e: Evidence, order: ChannelOrderRow, refund_no: str) -> bool:
    """By an answer about it, or by a notification of its wallet that came after it was asked for."""
    row, calls = e.restored.every_refund(e.gateway.refunds()).get(refund_no), e.calls.of(refund_no)
    if row is None or row.state is not RefundState.DONE or not calls:
        return False
    told_ms = e.notified_ms.get(order.account_id.split("-")[1], 0)
    return told_ms >= calls[0].sent_ms or any(c.how is Ended.TRUE for c in calls)


def one_open_order_per_payment(e: Evidence, before: ChannelOrderRow | None, after: ChannelOrderRow) -> Complaints:
    """No second channel order, whoever wants to pay it, before the first is proven over; an end is for ever."""
    if before is None:
        open_ones = [o.out_trade_no for o in e.gateway.orders_of(after.payment_no) if o.ended is None]
        if len(open_ones) > 1:
            yield after.payment_no, f"open at once: {', '.join(open_ones)}"
    elif before.ended is not None and after.ended is not before.ended:
        yield after.payment_no, f"an order that ended as {before.ended} is {after.ended or 'open'} again"
    elif before.account_id != after.account_id:
        yield after.payment_no, "an order moved to another account"


def no_order_over_late_money(e: Evidence, before: ChannelOrderRow | None, after: ChannelOrderRow) -> Complaints:
    """On the page nobody is asked to pay while what an earlier order took too late is still here."""
    for order in e.gateway.orders_of(after.payment_no) if before is None else ():
        if order.late is LateMoneyState.FOUND:
            yield (
                after.payment_no,
                f"{after.out_trade_no} is opened, and {order.out_trade_no} holds money that came late",
            )


ON_ORDER: Final = (an_end_was_seen, one_open_order_per_payment, no_order_over_late_money)
