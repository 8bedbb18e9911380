"""The choice of an account: what is never a candidate, what rules narrow, what decides, and that the reasons say so."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from gateway.channels.port import LineFault, NoAnswer, NotSent
from gateway.payments.admit import Admitted, Refused, admit
from gateway.payments.answers import answer_pay
from gateway.routing.choose import Standing, Why
from gateway.routing.health import HealthState
from gateway.routing.moments import Moment, moment_of, read_window
from gateway.routing.router import BEIJING
from gateway.routing.rules import Mode, RuleOrder, matches
from protocol.messages import PaymentRequest, Presented
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import GatewayState, ProofKind
from tests.unit.gateway.payment_rows import ORDER_NO, order, payment
from tests.unit.gateway.routing_shop import chosen, decide, request, rule, said, standing, terms

OPEN, HALF_OPEN = HealthState.OPEN, HealthState.HALF_OPEN


def test_an_account_of_another_wallet_is_never_chosen():
    """Not even when it is the only healthy one, or a rule names it."""
    wechat = standing("w1", channel="wechat")
    sick = standing("a1", state=OPEN)
    assert chosen(decide(request(), [wechat, sick], rule("w1", "a1"))) == "a1"
    nobody = decide(request(), [wechat], rule("w1"))
    assert chosen(nobody) is None
    assert said(nobody) == [(Why.OTHER_WALLET, "w1"), (Why.RULE_HAS_NONE, "r1"), (Why.NOTHING_FITS, "")]


def test_without_rules_the_cheapest_is_chosen():
    """By the exact cost, fixed part included: at 1 yuan the rate wins, at 100 yuan the fixed sum."""
    by_rate, by_piece = standing("rate", terms=terms(6_000)), standing("piece", terms=terms(0, 10))
    small = decide(request(amount_fen=100), [by_piece, by_rate])
    assert (chosen(small), small.cost_fen, small.reasons[-1].why) == ("rate", 1, Why.CHEAPEST)
    large = decide(request(amount_fen=10_000), [by_rate, by_piece])
    assert (chosen(large), large.cost_fen) == ("piece", 10)


def test_costs_that_round_alike_are_still_compared_exactly():
    dear, cheap = standing("dear", terms=terms(6_000)), standing("cheap", terms=terms(5_900))
    assert chosen(decide(request(amount_fen=100), [dear, cheap])) == "cheap"


@pytest.mark.parametrize(
    ("first", "second", "wins", "why"),
    [
        ({"terms": terms(1), "unsteady": 9}, {"terms": terms(2)}, "a", Why.CHEAPEST),
        ({"unsteady": 2}, {"unsteady": 1, "terms": terms(0, 0, "08:00-12:01")}, "b", Why.STEADIEST),
        ({"terms": terms(0, 0, "08:00-13:00")}, {"terms": terms(0, 0, "08:00-14:00")}, "b", Why.SERVES_LONGEST),
        ({"terms": terms(0, 0, "08:00-13:00")}, {}, "b", Why.SERVES_LONGEST),
        ({}, {}, "a", Why.LISTED_FIRST),
    ],
)
def test_cost_decides_before_stability_before_service_hours(
    first: dict[str, Any], second: dict[str, Any], wins: str, why: Why
):
    decision = decide(request(), [standing("a", **first), standing("b", **second)])
    assert said(decision) == [(why, wins)]


@pytest.mark.parametrize(
    ("worse", "why"),
    [
        ({"terms": terms(0, 0, "13:00-24:00")}, Why.OUT_OF_HOURS),
        ({"state": OPEN}, Why.BROKEN),
        ({"state": HALF_OPEN, "probing": True}, Why.BEING_PROBED),
    ],
)
def test_what_does_not_serve_is_passed_over_however_cheap(worse: dict[str, Any], why: Why):
    decision = decide(request(), [standing("free", **worse), standing("dear", terms=terms(9_000))])
    assert said(decision) == [(why, "free"), (Why.ONLY_ONE, "dear")]


def test_a_half_open_account_takes_one_payment_as_a_probe():
    decision = decide(request(), [standing("free", state=HALF_OPEN), standing("dear", terms=terms(9_000))])
    assert said(decision) == [(Why.CHEAPEST, "free"), (Why.PROBE, "free")]
    assert decision.probe


def test_when_nothing_is_healthy_the_least_bad_still_sells():
    """A shop must sell, and the reason says that it was the last resort."""
    decision = decide(request(), [standing("broken", state=OPEN), standing("probed", state=HALF_OPEN, probing=True)])
    assert said(decision) == [
        (Why.BROKEN, "broken"),
        (Why.BEING_PROBED, "probed"),
        (Why.LEAST_BAD, "probed"),
        (Why.PROBE, "probed"),
    ]


def test_the_first_rule_that_matches_narrows_and_the_next_ones_are_not_asked():
    accounts = [standing("a"), standing("b", terms=terms(9_000)), standing("c", terms=terms(8_000))]
    rules = [rule("b", "c", priority=1), rule("a", id="r0", priority=2)]
    decision = decide(request(), accounts, *rules)
    assert said(decision) == [(Why.RULE, "r1"), (Why.NOT_IN_RULE, "a"), (Why.CHEAPEST, "c")]


def test_a_rule_may_keep_its_own_order():
    accounts = [standing("a"), standing("b", terms=terms(9_000))]
    assert chosen(decide(request(), accounts, rule("b", "a", order=RuleOrder.LISTED))) == "b"
    accounts[1] = replace(accounts[1], state=OPEN)
    assert chosen(decide(request(), accounts, rule("b", "a", order=RuleOrder.LISTED))) == "a"


def test_a_broken_account_is_not_replaced_by_one_that_the_rule_does_not_name():
    decision = decide(request(), [standing("a"), standing("b", state=OPEN)], rule("b"))
    assert (chosen(decision), decision.reasons[-1].why) == ("b", Why.LEAST_BAD)


@pytest.mark.parametrize(
    ("limits", "facts", "fits"),
    [
        ({}, {}, True),
        ({"wallets": ("alipay",)}, {}, True),
        ({"wallets": ("wechat",)}, {}, False),
        ({"modes": (Mode.PAGE, Mode.CUSTOMER)}, {}, True),
        ({"modes": (Mode.PAGE,)}, {}, False),
        ({"min_fen": 10_000, "max_fen": 10_000}, {}, True),
        ({"min_fen": 10_001}, {}, False),
        ({"max_fen": 9_999}, {}, False),
        ({"weekdays": (6, 7)}, {}, True),
        ({"weekdays": (1,)}, {}, False),
        ({"hours": terms(0, 0, "12:00-12:01").hours}, {}, True),
        ({"hours": terms(0, 0, "08:00-12:00").hours}, {}, False),
        ({"hours": terms(0, 0, "22:00-02:00").hours}, {"moment": Moment(weekday=6, minute=119)}, True),
        ({"enabled": False}, {}, False),
        ({}, {"merchant_id": "m2"}, False),
    ],
)
def test_a_rule_speaks_of_wallet_mode_amount_and_time(limits: dict[str, Any], facts: dict[str, Any], fits: bool):
    assert matches(rule("a", **limits), request(**facts)) is fits


def test_a_wallets_own_qr_is_made_by_the_marked_account_unless_a_rule_says_otherwise():
    qr = request(wallet=None, mode=Mode.MERCHANT)
    accounts = [standing("a"), standing("w", channel="wechat", marked=True, terms=terms(9_000))]
    assert said(decide(qr, accounts)) == [(Why.NOT_MARKED, "a"), (Why.MARKED, "w"), (Why.ONLY_ONE, "w")]
    assert chosen(decide(qr, accounts, rule("a", modes=(Mode.MERCHANT,)))) == "a"
    assert chosen(decide(qr, accounts, rule("a", "w", wallets=("wechat",)))) == "w"
    assert chosen(decide(qr, [standing("a"), standing("b")])) == "a"


def test_the_page_needs_an_account_that_can_do_pages():
    page = request(mode=Mode.PAGE)
    decision = decide(page, [standing("a"), standing("b", pages=True, terms=terms(9_000))])
    assert said(decision) == [(Why.NO_PAGE, "a"), (Why.ONLY_ONE, "b")]


def asked(n: int) -> PaymentRequest:
    return PaymentRequest(
        payment_no=f"{ORDER_NO}-{n}",
        sale_id=payment().sale_id or "",
        amount_fen=1250,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="x",
        operator="01",
        expires=15_000,
        auth_code=Secret("28763443825664394"),
    )


def test_a_second_account_is_tried_only_after_the_first_request_provably_never_left():
    """NotSent ends the payment, and payment 2 goes to the other account; it returns to the first when it is alone."""
    step = answer_pay(payment(), order(), NotSent(LineFault.CONNECT_FAILED), said_by="alipay", now_ms=1_000)
    ended = step.payment
    assert (ended.state, ended.proof_kind) == (GatewayState.NOT_PAID, ProofKind.NOT_SENT)
    assert admit(asked(2), 2, [ended], now_ms=1_100) == Admitted(expired=False, missing=())
    again = request(not_sent=("a1",))
    decision = decide(again, [standing("a1"), standing("a2", terms=terms(9_000))])
    assert said(decision) == [(Why.NEVER_LEFT, "a1"), (Why.ONLY_ONE, "a2")]
    assert chosen(decide(again, [standing("a1")])) == "a1"


@pytest.mark.parametrize("fault", list(LineFault))
def test_after_a_request_that_may_have_arrived_nothing_is_routed_again(fault: LineFault):
    """The payment stays open, and another payment of its order is not admitted: no choice is made at all."""
    step = answer_pay(payment(), order(), NoAnswer(fault), said_by="alipay", now_ms=1_000)
    assert not step.payment.state.final
    assert step.payment.account_id == "a1"
    assert admit(asked(2), 2, [step.payment], now_ms=1_100) == Refused(reason=Reason.ORDER_OPEN)


STANDINGS = st.builds(
    Standing,
    account_id=st.sampled_from(["a", "b", "c", "d"]),
    channel=st.sampled_from(["alipay", "wechat"]),
    marked=st.booleans(),
    pages=st.booleans(),
    terms=st.builds(terms, st.integers(0, 9_000), st.integers(0, 50)),
    state=st.sampled_from(list(HealthState)),
    probing=st.booleans(),
    unsteady=st.integers(0, 10),
)


@given(
    st.lists(STANDINGS, max_size=4, unique_by=lambda s: s.account_id),
    st.sampled_from(list(Mode)),
    st.lists(st.sampled_from(["a", "b", "c", "d"]), min_size=1, max_size=4, unique=True),
)
def test_whatever_stands_the_wallet_matches_and_a_shop_sells_if_it_can(
    accounts: list[Standing], mode: Mode, named: list[str]
):
    """Any account of the wallet that fits is enough to sell; each account that is passed over has one reason."""
    decision = decide(request(mode=mode), accounts, rule(*named))
    fit = [s for s in accounts if s.channel == "alipay" and (s.pages or mode is not Mode.PAGE)]
    assert (decision.chosen is None) == (not fit)
    assert decision.chosen is None or decision.chosen in fit
    passed = [reason.about for reason in decision.reasons if reason.why in list(Why)[:8]]
    assert len(passed) == len(set(passed))
    assert set(passed) <= {s.account_id for s in accounts}


def test_a_moment_is_that_of_the_stores_own_wall_clock():
    at_ms = 1_800_000_000_000  # 2027-01-15T08:00:00Z, a Friday
    assert moment_of(at_ms, BEIJING) == Moment(weekday=5, minute=16 * 60)


@pytest.mark.parametrize("text", ["8:00-9:00", "24:00-25:00", "24:00-01:00", "12:60-13:00", "00:00-24:01", "", "12:00"])
def test_what_is_no_window_is_refused(text: str):
    assert read_window(text) is None


@pytest.mark.parametrize(
    ("text", "minute", "left"),
    [
        ("08:00-22:00", 479, 0),
        ("08:00-22:00", 480, 840),
        ("08:00-22:00", 1_319, 1),
        ("08:00-22:00", 1_320, 0),
        ("22:00-02:00", 1_439, 121),
        ("22:00-02:00", 119, 1),
        ("22:00-02:00", 120, 0),
        ("00:00-24:00", 0, 1_440),
        ("08:00-08:00", 479, 1),
    ],
)
def test_a_windows_last_minute_is_not_in_it(text: str, minute: int, left: int):
    window = read_window(text)
    assert window is not None
    assert (window.minutes_left(minute), window.text) == (left, text)
