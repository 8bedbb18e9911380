"""Rules about what the gateway puts on its lines to the wallets: what must be durable before, and how often it may ask.
One function per rule, asked before the call leaves.
"""

from __future__ import annotations

from typing import Final

from proof.asked import Asked, Verb
from proof.simulation.calls import Ended
from proof.simulation.complaints import Complaints
from proof.simulation.evidence import Evidence
from proof.simulation.money_rules import refunds_stay_within_the_charge
from protocol.states import RefundState

#: So many queries after one another take at least this long, with the extra one before an undo, and over a restart.
_IN_A_ROW: Final = 3
_NOT_WITHIN_MS: Final = 1_200

_OPENING: Final = (Verb.PAY, Verb.CREATE)
_UNDOING: Final = (Verb.CANCEL, Verb.CLOSE)


def row_before_channel_call(e: Evidence, asked: Asked) -> Complaints:
    """The wallet is called only for an order or refund whose row is committed; undone only after the undo is."""
    if asked.verb is Verb.OTHER:
        return
    refund = e.gateway.refunds().get(asked.number)
    order = e.gateway.channel_orders().get(asked.number)
    if asked.verb in (Verb.REFUND, Verb.REFUND_QUERY) or (asked.verb is Verb.QUERY and order is None):
        if refund is None or refund.state is RefundState.CREATED:
            yield asked.number, f"{asked.verb} sent before its row was durable"
        else:
            yield from refunds_stay_within_the_charge(e, refund.out_trade_no)
    elif order is None:
        yield asked.number, f"{asked.verb} sent before its row was durable"
    elif asked.verb in (Verb.CANCEL, Verb.CLOSE) and not order.undo_sent:
        yield order.payment_no, f"{asked.verb} sent before its intent was durable"
    elif asked.verb is Verb.CANCEL and not order.reverse_sent:
        yield order.payment_no, "an undo sent before it was durable that there is no way back"


def one_call_at_a_time(e: Evidence, asked: Asked) -> Complaints:
    """Whoever works on an order holds its lease: no two calls about it at once, but that the pay call may be open."""
    if not asked.number or asked.verb in _OPENING:
        return
    under_way = [c for c in e.calls.of(asked.number) if c.how is Ended.OPEN and c.verb not in _OPENING]
    if under_way:
        yield asked.number, f"{asked.verb} sent while a {under_way[0].verb} is open"


def queries_keep_their_pace(e: Evidence, asked: Asked) -> Complaints:
    """A wallet is asked about one order at its account's interval. A query right before an undo comes in between."""
    if asked.verb is not Verb.QUERY:
        return
    sent = [c.sent_ms for c in e.calls.of(asked.number) if c.verb is Verb.QUERY and c.how is not Ended.DIED]
    if len(sent) >= _IN_A_ROW and e.now_ms() - sent[-_IN_A_ROW] < _NOT_WITHIN_MS:
        yield asked.number, f"{_IN_A_ROW + 1} queries within {e.now_ms() - sent[-_IN_A_ROW]} ms"


def one_pay_request_per_order(e: Evidence, asked: Asked) -> Complaints:
    """A scanned code is sent to the wallet once under one number: what comes after is a query."""
    if asked.verb is Verb.PAY and any(
        c.verb is Verb.PAY and c.how is not Ended.UNSENT for c in e.calls.of(asked.number)
    ):
        yield asked.number, "the code was sent to the wallet a second time"


def one_code_one_payment(e: Evidence, asked: Asked) -> Complaints:
    """A code that is under two guns is sent to the wallet for one payment only."""
    if asked.verb is not Verb.PAY:
        return
    order = e.gateway.channel_orders().get(asked.number)
    mark = None if order is None else e.code_of.get(order.payment_no)
    if order is None or mark is None:
        return
    first = e.charged_with.setdefault(mark, order.payment_no)
    if first != order.payment_no:
        yield order.payment_no, f"charges the code that {first} was charged with"


ON_CHANNEL_CALL: Final = (
    row_before_channel_call,
    one_call_at_a_time,
    queries_keep_their_pace,
    one_pay_request_per_order,
    one_code_one_payment,
)
