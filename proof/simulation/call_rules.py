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
from protocol.states import GatewayState, RefundState

#: So many queries after one another take at least this long, with those right before an undo or before a close for
#: another payer, after a time-out, and over a restart.
_IN_A_ROW: Final = 4
_NOT_WITHIN_MS: Final = 1_200

#: Three undos, or three sends of one refund, take at least two pauses of two seconds.
_UNDOS_NOT_WITHIN_MS: Final = 3_000
#: Between the row, by which the gateway counts, and the first byte of the call lie a few moments.
_WECHAT_REVERSE_FROM_MS: Final = 14_500

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
    elif order is None:
        yield asked.number, f"{asked.verb} sent before its row was durable"
    elif asked.verb in (Verb.CANCEL, Verb.CLOSE) and not order.undo_sent:
        yield order.payment_no, f"{asked.verb} sent before its intent was durable"
    elif asked.verb is Verb.CANCEL and not order.reverse_sent:
        yield order.payment_no, "an undo sent before it was durable that there is no way back"


def refunds_asked_fit_the_charge(e: Evidence, asked: Asked) -> Complaints:
    """Before a wallet is asked to give back: all that was accepted for the order fits what it took."""
    refund = e.gateway.refunds().get(asked.number) if asked.verb is Verb.REFUND else None
    if refund is not None:
        yield from refunds_stay_within_the_charge(e, refund.out_trade_no)


def calls_go_to_their_own_account(e: Evidence, asked: Asked) -> Complaints:
    """An order lives at one account of the shop: whatever is asked about it is asked there, refunds too."""
    if not asked.number:
        return
    order = e.gateway.channel_orders().get(asked.number)
    if order is None:
        refund = e.gateway.refunds().get(asked.number)
        order = None if refund is None else e.gateway.channel_orders().get(refund.out_trade_no)
    if order is not None and order.account_id != asked.account_id:
        yield asked.number, f"{asked.verb} sent to {asked.account_id}, and its account is {order.account_id}"


def the_first_undo_follows_a_question(e: Evidence, asked: Asked) -> Complaints:
    """Right before the first reverse the wallet is asked: what was paid meanwhile is a payment and not an undo."""
    if asked.verb is not Verb.CANCEL:
        return
    calls = [call for call in e.calls.of(asked.number) if call.verb not in _OPENING]
    if any(call.verb is Verb.CANCEL for call in calls):
        return
    if not calls or calls[-1].verb is not Verb.QUERY:
        yield asked.number, "the first undo, and no question right before it"


def what_is_over_is_not_undone(e: Evidence, asked: Asked) -> Complaints:
    """A reverse takes money back: it leaves for a payment that is being undone, and for nothing that was settled since
    somebody decided to send it."""
    order = e.gateway.channel_orders().get(asked.number) if asked.verb is Verb.CANCEL else None
    row = None if order is None else e.gateway.payments().get(order.payment_no)
    if row is not None and row.state is not GatewayState.REVERSING:
        yield row.payment_no, f"its order is reversed, and it is {row.state}"


def a_code_has_its_time_at_wechat(e: Evidence, asked: Asked) -> Complaints:
    """WeChat takes a reverse of a scanned code no sooner than 15 s after the code was sent (table S)."""
    if asked.verb is not Verb.CANCEL or asked.wallet != "wechat":
        return
    paid_ms = [call.sent_ms for call in e.calls.of(asked.number) if call.verb is Verb.PAY]
    if paid_ms and e.now_ms() - paid_ms[0] < _WECHAT_REVERSE_FROM_MS - e.skew_ms:
        yield asked.number, f"reversed {e.now_ms() - paid_ms[0]} ms after the code was sent"


def undos_keep_their_pace(e: Evidence, asked: Asked) -> Complaints:
    """An undo, or a refund, that got no answer is repeated in the steps of table S, never in a burst."""
    if asked.verb not in (*_UNDOING, Verb.REFUND) or e.skew_ms:
        return
    sent = [c.sent_ms for c in e.calls.of(asked.number) if c.verb is asked.verb and c.how is not Ended.DIED]
    if len(sent) >= 2 and e.now_ms() - sent[-2] < _UNDOS_NOT_WITHIN_MS and not e.leapt_since(sent[-2]):
        yield asked.number, f"3 times {asked.verb} within {e.now_ms() - sent[-2]} ms"


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
    if len(sent) < _IN_A_ROW or e.leapt_since(sent[-_IN_A_ROW]):
        return
    if e.now_ms() - sent[-_IN_A_ROW] < _NOT_WITHIN_MS:
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
    if e.leaps is not None and e.leaps.last_ms:
        return  # codes are known for a day, and for a gateway whose clock leapt a day may be over
    first = e.charged_with.setdefault(mark, order.payment_no)
    if first != order.payment_no:
        yield order.payment_no, f"charges the code that {first} was charged with"


ON_CHANNEL_CALL: Final = (
    row_before_channel_call,
    refunds_asked_fit_the_charge,
    calls_go_to_their_own_account,
    the_first_undo_follows_a_question,
    what_is_over_is_not_undone,
    a_code_has_its_time_at_wechat,
    undos_keep_their_pace,
    one_call_at_a_time,
    queries_keep_their_pace,
    one_pay_request_per_order,
    one_code_one_payment,
)
