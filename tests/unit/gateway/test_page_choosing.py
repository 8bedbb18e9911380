"""A payer who signed in to an account stays with it; an account that is gone asks for another sign-in."""

from __future__ import annotations

from gateway.cashier_page.choosing import bound
from gateway.routing.choose import Decision, RouteReason, Standing, Why, choose
from gateway.routing.rules import Mode, RouteRequest
from tests.unit.gateway.routing_shop import request, standing


def decided(*standings: Standing) -> Decision:
    asked: RouteRequest = request(wallet="alipay", mode=Mode.PAGE)
    return choose(asked, standings, ())


def test_the_account_of_the_sign_in_is_kept_and_said() -> None:
    decision = decided(standing("w1", pages=True), standing("w2", pages=True))
    assert bound(decision, "w1") == decision
    kept = bound(decision, "w2")
    assert kept is not None
    assert kept.chosen is not None
    assert kept.chosen.account_id == "w2"
    assert kept.reasons[-1] == RouteReason(why=Why.PAYER_KNOWN, about="w2")


def test_an_account_that_takes_no_pages_any_more_is_none() -> None:
    decision = decided(standing("w1", pages=True), standing("w2", pages=False))
    assert bound(decision, "w2") is None
    assert bound(decision, "w3") is None
