"""A person's word about late money: kept for the sale, sent back, or given back by other means.

Rules (SAFETY.md section 2)
- Kept only while no other payment and no cash covers the sale and no refund has begun; a duplicate is always refunded.
- Given back by other means only while no refund of it may still work at its wallet: what is in doubt there is not to go
  back twice. From then on nothing is sent, and what the wallet took is the shop's.
- What a till keeps to itself of its journal may be that cash: a person looks there first.
- The payment stays NOT_PAID: what was said stands. Its light is out, so that nobody charges the sale again.
It must not know tables.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from msgspec import Struct
from msgspec.structs import replace

from gateway.payments.moves import bump
from gateway.payments.refunds import given_up, owed
from gateway.payments.values import ChannelOrder, Payment, Refund, RefundHeard, RefundStep, Said, Step
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState


class LateRefusal(StrEnum):
    """Why a person's word is not taken."""

    NOT_LATE = "not_late"  # there is no late money on this order, or its case is closed
    GOING_BACK = "going_back"  # a refund has begun
    COVERED = "covered"  # the sale has been paid otherwise: a duplicate always goes back
    OPEN = "open"  # a payment of the sale is not settled: it may be paid yet
    WITHHELD = "withheld"  # its till keeps the content of an entry, which may be cash for this sale
    ON_ITS_WAY = "on_its_way"  # a refund may still work at its wallet, or was not refused for good
    UNDOING = "undoing"  # its payment is being undone: that it is not paid is proven by table P and by nobody's word


class LateWord(Struct, frozen=True, kw_only=True):
    """Who said it, and why."""

    person: str
    reason: str


def accept_late(
    payment: Payment,
    order: ChannelOrder,
    *,
    of_sale: Sequence[Payment],
    cash_covers: bool,
    entry_withheld: bool,
    refund_begun: bool,
    word: LateWord,
) -> Step | LateRefusal:
    """`of_sale`: every payment of the same sale, this one too. `cash_covers`: the till's journal says that the sale was
    paid in cash. `entry_withheld`: not all of that journal is here, and no person has looked yet."""
    if order.late_state is not LateMoneyState.FOUND:
        return LateRefusal.NOT_LATE
    if refund_begun:
        return LateRefusal.GOING_BACK
    if cash_covers or any(covers(other) for other in of_sale):
        return LateRefusal.COVERED
    if any(other.state is not GatewayState.NOT_PAID for other in of_sale):
        return LateRefusal.OPEN
    if entry_withheld:
        return LateRefusal.WITHHELD
    kept = replace(order, late_state=LateMoneyState.ACCEPTED)
    told = replace(bump(payment), late_state=LateMoneyState.ACCEPTED)
    said = Said(what="late_money_accepted", said_by=word.person, detail=word.reason)
    return Step(payment=told, order=kept, said=(said,))


def given_back_by_hand(
    payment: Payment, order: ChannelOrder, refunds: Sequence[Refund], *, word: LateWord, now_ms: int
) -> tuple[Step, tuple[RefundStep, ...]] | LateRefusal:
    """`refunds`: all of the order. Those that its wallet refused for good end with it, as refused."""
    if order.late_state is not LateMoneyState.FOUND:
        return LateRefusal.UNDOING if owed(payment, order) else LateRefusal.NOT_LATE
    begun = [refund for refund in refunds if refund.state is not RefundState.FAILED]
    if any(refund.state is not RefundState.SENT or refund.heard is not RefundHeard.NEVER for refund in begun):
        return LateRefusal.ON_ITS_WAY
    ended = tuple(given_up(refund, said_by=word.person, now_ms=now_ms) for refund in begun)
    said = Said(what="late_money_by_hand", said_by=word.person, detail=word.reason)
    by_hand = replace(order, late_state=LateMoneyState.UNDONE, late_by_hand=True, late_closed_ms=None)
    told = replace(bump(payment), late_state=LateMoneyState.UNDONE)
    return Step(payment=told, order=by_hand, said=(said,)), ended


def covers(payment: Payment) -> bool:
    """Whether this payment's money is kept for its sale."""
    return payment.state is GatewayState.PAID or payment.late_state is LateMoneyState.ACCEPTED
