"""Rule: a notification is a hint. PAID moves what nobody began to undo; everything else leads to a query."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.callbacks.letter import Letter, unpacked
from gateway.callbacks.outcomes import RECEIVED, Outcome, believed_not
from gateway.channels.port import (
    ChannelReason,
    Closed,
    Failed,
    Forgery,
    Paid,
    PaymentNotified,
    Pending,
    RefundDone,
    RefundNotified,
    RefundOpen,
    RefundRefused,
    Unknown,
)
from gateway.jobs.schedule import ActionKind, Pace, next_action
from gateway.jobs.schedule_refunds import RefundActionKind, next_refund_action
from gateway.payments.answers import answer_query
from gateway.payments.notified import (
    Notified,
    answer_notification,
    ask_about_refund,
    payment_differs,
    proves_refund,
    refund_differs,
)
from gateway.payments.refunds import own_refund
from gateway.payments.values import AlarmKind, Refund, RefundCause, RefundHeard
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, ProofKind, RefundState
from tests.unit.gateway.payment_rows import PAID_VERDICT, ended_order, order, payment, undone_order

S = GatewayState
PACE = Pace(query_interval_ms=3_000)
#: After every moment of these stories.
LATER_MS = 10**12
FAILED = Failed(
    code="42", reason=ChannelReason.PAYMENT_FAILED, money_taken=True, closed_once_undone=False, transaction_id="t1"
)
HINTS: list[Notified] = [
    Closed(code="TRADE_CLOSED"),
    FAILED,
    Unknown(reason=ChannelReason.ASK_AGAIN),
]


def test_paid_moves_an_open_payment_and_cancels_its_next_query() -> None:
    step = answer_notification(payment(), order(), PAID_VERDICT, said_by="alipay", received_ms=2_000)
    assert step.payment.state is S.PAID
    assert step.order is not None
    assert next_action(step.payment, step.order, PACE, now_ms=LATER_MS) is None


def test_paid_after_a_cancel_intent_goes_back_as_a_refund() -> None:
    row = payment(cancel_requested_ms=1_500)
    step = answer_notification(row, order(), PAID_VERDICT, said_by="alipay", received_ms=2_000)
    assert step.payment.state is S.UNDO_BY_REFUND


@pytest.mark.parametrize("state", [S.PAID, S.REVERSING, S.UNDO_BY_REFUND])
def test_paid_moves_nothing_that_is_settled_or_being_undone(state: GatewayState) -> None:
    """It may have been said before the reverse, which gave the money back."""
    row, before = payment(state), undone_order(absent_since_ms=47_000)
    step = answer_notification(row, before, PAID_VERDICT, said_by="alipay", received_ms=48_000)
    assert step.payment == row
    assert step.order is not None
    assert step.order.paid_seen == before.paid_seen
    assert step.order.undo_found is before.undo_found
    assert step.order.absent_since_ms is None, "not found is counted anew: the wallet knows the order"


@pytest.mark.parametrize("hint", HINTS)
@pytest.mark.parametrize("state", [S.SENT, S.REVERSING, S.UNDO_BY_REFUND, S.PAID])
def test_whatever_else_is_said_moves_nothing(state: GatewayState, hint: Notified) -> None:
    row, before = payment(state), order()
    step = answer_notification(row, before, hint, said_by="alipay", received_ms=2_000)
    assert (step.payment, step.order, step.alarms) == (row, before, ())


def test_an_open_trade_tells_that_the_payer_is_asked() -> None:
    pending = Pending(payer_prompted=True)
    assert answer_notification(payment(), order(), pending, said_by="x", received_ms=2_000).payment.payer_prompted
    settled = answer_notification(payment(S.PAID), order(), pending, said_by="x", received_ms=2_000)
    assert settled.payment == payment(S.PAID)


@pytest.mark.parametrize("kind", [ProofKind.CLOSED, ProofKind.ABSENT, ProofKind.DECLINED, ProofKind.NEVER_OPENED])
@pytest.mark.parametrize("verdict", [PAID_VERDICT, FAILED])
@pytest.mark.parametrize("watch_step", range(8))
def test_money_on_an_order_that_ended_is_asked_about_at_once_and_once(
    kind: ProofKind, verdict: Notified, watch_step: int
) -> None:
    """Whatever step the late-money watch had reached: one query is due, and after it the watch goes on."""
    row = payment(S.NOT_PAID, proof_kind=kind)
    ended = ended_order(kind, watch_step=watch_step)
    received_ms = 50_000 + 2 * 86_400_000
    step = answer_notification(row, ended, verdict, said_by="alipay", received_ms=received_ms)
    assert step.payment == row
    assert step.order is not None
    assert step.order.late_state is None
    action = next_action(row, step.order, PACE, now_ms=LATER_MS)
    assert action is not None
    assert (action.kind, action.due_ms <= received_ms) == (ActionKind.QUERY, True)
    assert watch_step - 1 <= step.order.watch_step <= watch_step


@pytest.mark.parametrize("verdict", [PAID_VERDICT, FAILED])
def test_money_on_an_order_that_was_never_sent_is_late_money(verdict: Notified) -> None:
    """No undo can have given it back, so the statement is news whenever it was made."""
    row = payment(S.NOT_PAID, proof_kind=ProofKind.NOT_SENT)
    step = answer_notification(row, ended_order(ProofKind.NOT_SENT), verdict, said_by="alipay", received_ms=60_000)
    assert step.order is not None
    assert step.order.late_state is LateMoneyState.FOUND
    assert [alarm.kind for alarm in step.alarms] == [AlarmKind.LATE_MONEY]


def test_another_amount_differs() -> None:
    paid = Paid(transaction_id="t", amount_fen=1251, paid_at_ms=None, payer_tail="")
    for verdict, fields in ((paid, ("amount",)), (PAID_VERDICT, ()), (FAILED, ())):
        notified = PaymentNotified(event_id="e", out_trade_no=order().out_trade_no, verdict=verdict)
        assert payment_differs(notified, order()) == fields


def _refund(state: RefundState = RefundState.SENT) -> Refund:
    made = own_refund(order(), RefundCause.UNDO, now_ms=0)
    return replace(made, state=state, sent_ms=1_000, asked_ms=600_000, asks=11, heard=RefundHeard.OPEN)


def _refund_notified(verdict: RefundDone | RefundOpen | RefundRefused, **changes: str | None) -> RefundNotified:
    named = {"out_trade_no": order().out_trade_no, "refund_no": _refund().refund_no, **changes}
    return RefundNotified(
        event_id="e", out_trade_no=named["out_trade_no"] or "", refund_no=named["refund_no"], verdict=verdict
    )


def test_a_refund_of_another_amount_or_order_differs() -> None:
    done = RefundDone(amount_fen=1250, channel_refund_id="r", done_at_ms=None)
    less = RefundDone(amount_fen=1249, channel_refund_id="r", done_at_ms=None)
    assert refund_differs(_refund_notified(done), _refund()) == ()
    assert refund_differs(_refund_notified(done, out_trade_no=""), _refund()) == ()
    assert refund_differs(_refund_notified(less, out_trade_no="other"), _refund()) == ("order", "amount")


def test_only_done_is_believed_of_a_refund_that_was_sent() -> None:
    done = _refund_notified(RefundDone(amount_fen=1250, channel_refund_id="r", done_at_ms=None))
    refused = RefundRefused(code="CLOSED", reason=ChannelReason.REFUND_REFUSED, final=True)
    assert proves_refund(done, _refund())
    assert not proves_refund(done, _refund(RefundState.CREATED))
    assert not proves_refund(_refund_notified(refused), _refund())
    assert not proves_refund(_refund_notified(RefundOpen(code="x")), _refund())


def test_news_of_a_refund_are_asked_about_soon() -> None:
    """However long nobody had asked; and never sent again on a hint."""
    asked = ask_about_refund(_refund()).refund
    action = next_refund_action(asked, even_since_ms=0, now_ms=10**12)
    assert action is not None
    assert (action.kind, action.due_ms) == (RefundActionKind.QUERY, 601_000)
    for state in (RefundState.CREATED, RefundState.DONE, RefundState.FAILED):
        assert ask_about_refund(_refund(state)).refund == _refund(state)


def test_every_forgery_has_its_outcome_and_none_is_received() -> None:
    for why in Forgery:
        assert not believed_not(why).received
    assert RECEIVED.isdisjoint({Outcome.DIFFERS, Outcome.UNKNOWN_ORDER, Outcome.UNKNOWN_ACCOUNT, Outcome.DEFECT})


def test_what_is_kept_comes_back_and_is_bound_to_its_row() -> None:
    headers = {"content-type": "application/json", "wechatpay-serial": "PUB", "authorization": "never kept"}
    letter = Letter(channel="a/b", account_id="a1", headers=headers, body=b"x" * 9_000, remote="", received_ms=5)
    kept, body = unpacked(letter.packed(whole=True))
    assert kept == {"content-type": "application/json", "wechatpay-serial": "PUB"}
    assert body == letter.body
    assert len(unpacked(letter.packed(whole=False))[1]) == 8_192
    assert letter.about == "callback ? a1 5"


_SAID = st.sampled_from(["paid notified", "open notified", "closed notified", "paid found", "open found", "unsettled"])


@given(st.lists(_SAID, max_size=12), st.integers(0, 12))
def test_none_one_or_many_early_or_late_the_end_is_the_same(before: list[str], at: int) -> None:
    """A customer paid: however it is told, asked and repeated, it ends PAID once, with the same transaction."""
    story = [*before[:at], "paid found", *before[at:]]
    row, sent = payment(), order()
    seen: list[GatewayState] = []
    for second, said in enumerate(story, start=1):
        now_ms = second * 1_000
        if said.endswith("notified"):
            heard: dict[str, Notified] = {
                "paid notified": PAID_VERDICT,
                "open notified": Pending(payer_prompted=True),
                "closed notified": Closed(code="TRADE_CLOSED"),
            }
            step = answer_notification(row, sent, heard[said], said_by="x", received_ms=now_ms)
        else:
            found: dict[str, Paid | Pending | Unknown] = {
                "paid found": PAID_VERDICT,
                "open found": Pending(payer_prompted=False),
                "unsettled": Unknown(reason=ChannelReason.CHANNEL_ERROR),
            }
            step = answer_query(row, sent, found[said], said_by="x", asked_ms=now_ms, now_ms=now_ms, even_since_ms=0)
        assert step.order is not None
        assert not step.alarms
        row, sent = step.payment, step.order
        seen.append(row.state)
    assert row.state is S.PAID
    assert row.transaction_id == sent.transaction_id == PAID_VERDICT.transaction_id
    first = seen.index(S.PAID)
    assert set(seen[first:]) == {S.PAID}
    assert set(seen[:first]) <= {S.SENT}
