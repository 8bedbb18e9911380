"""A decision made again by other rules, on the facts of its own moment."""

from __future__ import annotations

from gateway.routing.health import HealthState
from gateway.routing.replay import Facts, Recorded, Totals, replay, totals
from gateway.routing.rules import Rule
from tests.unit.gateway.routing_shop import decide, request, rule, standing, terms

ACCOUNTS = [standing("a", terms=terms(6_000)), standing("b", terms=terms(3_000), state=HealthState.OPEN)]


def recorded(*rules: Rule, amount_fen: int = 10_000) -> Recorded:
    decision = decide(request(amount_fen=amount_fen), ACCOUNTS, *rules)
    assert decision.chosen is not None
    return Recorded(
        out_trade_no="o",
        terminal_id="t",
        order_no="n",
        n=1,
        at_ms=0,
        account_id=decision.chosen.account_id,
        cost_fen=decision.cost_fen,
        facts=Facts(request=decision.request, standings=decision.standings),
        reasons=decision.reasons,
    )


def test_the_same_rules_choose_the_same():
    then = recorded(rule("a", "b"))
    again = replay(then, [rule("a", "b")], {})
    assert not again.moved
    assert (again.now.reasons, again.now.cost_fen) == (then.reasons, then.cost_fen)


def test_other_rules_move_a_payment_and_its_cost():
    again = replay(recorded(), [rule("b")], {})
    assert (again.moved, again.then.cost_fen, again.now.cost_fen) == (True, 60, 30)


def test_health_is_that_of_the_moment():
    """What was broken then is broken in the replay, however cheap."""
    assert not replay(recorded(), [], {"b": terms(0)}).moved


def test_other_terms_change_the_cost_without_moving_anything():
    again = replay(recorded(), [], {"a": terms(10_000, 5)})
    assert (again.moved, again.now.cost_fen) == (False, 105)


def test_totals_add_up():
    replayed = [replay(recorded(amount_fen=amount), [rule("b")], {}) for amount in (10_000, 20_000)]
    assert totals(replayed) == Totals(decisions=2, moved=2, unserved=0, cost_then_fen=180, cost_now_fen=90)
    assert totals([]) == Totals(decisions=0, moved=0, unserved=0, cost_then_fen=0, cost_now_fen=0)
