"""Late money and a person's word about it: kept once, and only while nothing else covers the sale."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from gateway.payments.late import LateRefusal, LateWord, accept_late, given_back_by_hand
from gateway.payments.paging import PagePress, press
from gateway.payments.refunds import own_refund
from gateway.payments.values import Payment, Refund, RefundCause, RefundHeard, Step
from protocol.messages import LateMoneyState
from protocol.states import GatewayState, RefundState
from tests.unit.gateway.payment_rows import ended_order, payment

S = GatewayState
WORD = LateWord(person="老板", reason="顾客已拿走")
FOUND = ended_order(late_state=LateMoneyState.FOUND, late_found_ms=60_000)
LATE = payment(S.NOT_PAID, late_state=LateMoneyState.FOUND, late_found_ms=60_000)


def test_late_money_is_kept_by_a_persons_word() -> None:
    step = accept_late(
        LATE, FOUND, of_sale=[LATE], cash_covers=False, entry_withheld=False, refund_begun=False, word=WORD
    )
    assert isinstance(step, Step)
    assert step.payment.state is S.NOT_PAID
    assert step.payment.late_state is LateMoneyState.ACCEPTED
    assert (step.said[0].said_by, step.said[0].detail) == (WORD.person, WORD.reason)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        (payment(S.PAID), LateRefusal.COVERED),
        (payment(S.NOT_PAID, late_state=LateMoneyState.ACCEPTED), LateRefusal.COVERED),
        (payment(S.CREATED), LateRefusal.OPEN),
        (payment(S.SENT), LateRefusal.OPEN),
        (payment(S.REVERSING), LateRefusal.OPEN),
        (payment(S.UNDO_BY_REFUND), LateRefusal.OPEN),
    ],
)
def test_it_is_not_kept_beside_a_payment_that_covers_the_sale_or_may_yet(other: Payment, why: LateRefusal) -> None:
    assert (
        accept_late(
            LATE, FOUND, of_sale=[LATE, other], cash_covers=False, entry_withheld=False, refund_begun=False, word=WORD
        )
        is why
    )


def _refund(state: RefundState, heard: RefundHeard) -> Refund:
    row = own_refund(FOUND, RefundCause.LATE, now_ms=1)
    return replace(row, state=state, heard=heard, tries=1, sent_ms=1)


@pytest.mark.parametrize("state", list(RefundState))
@pytest.mark.parametrize("heard", list(RefundHeard))
def test_what_may_still_go_back_at_its_wallet_is_not_given_back_by_hand(state: RefundState, heard: RefundHeard) -> None:
    """Only a refund that was refused for good, and of which nothing is in doubt, ends by a person's word."""
    refund = _refund(state, heard)
    given = given_back_by_hand(LATE, FOUND, [refund], word=WORD, now_ms=70_000)
    if state is RefundState.FAILED:
        assert isinstance(given, tuple)
        assert given[1] == ()
    elif state is RefundState.SENT and heard is RefundHeard.NEVER:
        assert isinstance(given, tuple)
        step, (ended,) = given
        assert (ended.refund.state, ended.refund.settled_ms) == (RefundState.FAILED, 70_000)
        assert step.order is not None
        assert (step.order.late_state, step.order.late_by_hand) == (LateMoneyState.UNDONE, True)
        assert (step.payment.state, step.payment.late_state) == (S.NOT_PAID, LateMoneyState.UNDONE)
        assert step.payment.state_seq == LATE.state_seq + 1
        assert (step.said[0].said_by, step.said[0].detail) == (WORD.person, WORD.reason)
    else:
        assert given is LateRefusal.ON_ITS_WAY


@pytest.mark.parametrize("late", [None, LateMoneyState.UNDONE, LateMoneyState.ACCEPTED])
def test_what_is_not_late_any_more_is_not_given_back_by_hand(late: LateMoneyState | None) -> None:
    seen = ended_order(late_state=late)
    assert given_back_by_hand(LATE, seen, [], word=WORD, now_ms=1) is LateRefusal.NOT_LATE


def test_it_is_not_kept_once_it_goes_back_or_when_there_is_none() -> None:
    assert (
        accept_late(LATE, FOUND, of_sale=[LATE], cash_covers=False, entry_withheld=False, refund_begun=True, word=WORD)
        is LateRefusal.GOING_BACK
    )
    undone = ended_order(late_state=LateMoneyState.UNDONE)
    assert (
        accept_late(
            LATE, undone, of_sale=[LATE], cash_covers=False, entry_withheld=False, refund_begun=False, word=WORD
        )
        is LateRefusal.NOT_LATE
    )


def test_it_is_not_kept_for_a_sale_that_was_paid_in_cash() -> None:
    why = accept_late(
        LATE, FOUND, of_sale=[LATE], cash_covers=True, entry_withheld=False, refund_begun=False, word=WORD
    )
    assert why is LateRefusal.COVERED


def test_it_is_not_kept_while_its_till_withholds_an_entry() -> None:
    why = accept_late(
        LATE, FOUND, of_sale=[LATE], cash_covers=False, entry_withheld=True, refund_begun=False, word=WORD
    )
    assert why is LateRefusal.WITHHELD


@pytest.mark.parametrize(
    ("late", "what"),
    [
        (LateMoneyState.FOUND, PagePress.WAIT),
        (LateMoneyState.UNDONE, PagePress.OPEN),
        (None, PagePress.OPEN),
    ],
)
def test_on_the_page_nobody_pays_while_what_an_earlier_payer_paid_too_late_is_here(
    late: LateMoneyState | None, what: PagePress
) -> None:
    shown = payment(page=True, out_trade_no=None, qr_expires_ms=120_000, late_state=late)
    pressed = press(shown, None, channel="wechat", payer_mark="another", can_release=True, now_ms=30_000)
    assert pressed.what is what
