"""Routing in the whole gateway: accounts of one wallet, health from live results, decisions kept with their orders."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from gateway.api.operations import health_metrics
from gateway.payments.values import PaymentKey
from gateway.routing.choose import Why
from gateway.routing.health import HealthState
from gateway.routing.moments import read_window
from gateway.routing.replay import Recorded
from gateway.routing.rules import AccountTerms, Mode, Rule
from gateway.store import payments, routes
from gateway.store.tables import CHANNEL_ACCOUNTS, STORES
from gateway.store.tables_routes import ROUTE_DECISIONS, ROUTE_RULES
from gateway.store.units import Tx
from protocol.messages import PaymentStatus
from protocol.reasons import Reason
from protocol.states import GatewayState, ProofKind
from tests.contract.gateway.gateway_world import Fault, World, in_world, number_of, problem_of, status_of


async def second_account(world: World, *rules: Rule, **terms: AccountTerms) -> None:
    """Another account of the merchant at the same wallet, `a2`; and what its owner says."""

    def unit(tx: Tx) -> None:
        first = tx.connection.execute(select(CHANNEL_ACCOUNTS).where(CHANNEL_ACCOUNTS.c.account_id == "a1")).one()
        settings = json.dumps({**json.loads(first.settings), "id": "a2"})
        row = {"account_id": "a2", "merchant_id": "m1", "channel": "alipay", "shown_default": 0, "settings": settings}
        tx.connection.execute(insert(CHANNEL_ACCOUNTS), row)
        for rule in rules:
            row = {"route_id": rule.id, "merchant_id": rule.merchant, "body": routes.write_rule(rule)}
            tx.connection.execute(insert(ROUTE_RULES), row)
        for account_id, said in terms.items():
            routes.keep_terms(tx, account_id, said)

    world.store.run_now(unit)
    await world.gateway.load_accounts()


async def until(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("not within a minute")


def decisions(world: World, status: PaymentStatus) -> list[Recorded]:
    key = PaymentKey(terminal_id=status.terminal_id, order_no=status.order_no, n=status.n)

    def unit(tx: Tx) -> list[Recorded]:
        found = [routes.find(tx, order.out_trade_no) for order in payments.orders_of(tx, key)]
        return [one for one in found if one is not None]

    return world.store.run_now(unit)


def test_the_cheaper_account_takes_the_payment_and_the_decision_says_why():
    async def story(world: World) -> None:
        await second_account(world, a1=AccountTerms(cost_ppm=6_000), a2=AccountTerms(cost_ppm=3_800))
        till = await world.till()
        status = status_of(await till.pay(till.payment(world.show_code("pay"), amount_fen=10_000)))
        (kept,) = decisions(world, status)
        assert (kept.account_id, kept.cost_fen, kept.reasons[-1].why) == ("a2", 38, Why.CHEAPEST)
        assert (kept.facts.request.mode, kept.facts.request.wallet) == (Mode.CUSTOMER, "alipay")
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.PAID

    in_world(story)


def test_a_decision_names_nobody_and_no_code():
    async def story(world: World) -> None:
        till = await world.till()
        code = world.show_code("pay")
        await till.pay(till.payment(code))
        row = world.store.run_now(lambda tx: tx.connection.execute(select(ROUTE_DECISIONS)).one())
        text = row.facts + row.reasons
        assert code not in text
        assert "早餐" not in text
        assert "private_key" not in text

    in_world(story)


def test_an_order_is_never_routed_twice():
    """The guard is the table's key, and the first decision stays."""

    async def story(world: World) -> None:
        await second_account(world)
        till = await world.till()
        status = status_of(await till.pay(till.payment(world.show_code("pay"))))
        (kept,) = decisions(world, status)
        order = world.store.run_now(lambda tx: payments.order(tx, kept.out_trade_no))
        assert order is not None
        decision = world.gateway.router.for_qr(
            merchant_id="m1", store_id="s1", amount_fen=1250, not_sent=(), now_ms=world.clock.now_ms()
        )
        with pytest.raises(IntegrityError):
            world.store.run_now(lambda tx: routes.add(tx, decision, order))
        assert decisions(world, status) == [kept]

    in_world(story)


def test_rules_are_followed_and_a_shown_qr_is_routed_too():
    rule = Rule(id="qr", merchant="m1", accounts=("a2",), modes=(Mode.MERCHANT,))

    async def story(world: World) -> None:
        await second_account(world, rule)
        till = await world.till()
        shown = await till.shown(till.payment(None))
        (kept,) = decisions(world, shown)
        assert (kept.account_id, kept.reasons[0].why, kept.reasons[0].about) == ("a2", Why.RULE, "qr")
        scanned = status_of(await till.pay(till.payment(world.show_code("pay"))))
        assert [one.account_id for one in decisions(world, scanned)] == ["a1"]

    in_world(story)


def test_what_never_left_may_go_to_the_other_account_under_the_next_number():
    async def story(world: World) -> None:
        await second_account(world)
        till = await world.till()
        world.line.faults["pay"] = [Fault(lose="not_sent")]
        code, first = world.show_code("pay"), None
        first = till.payment(code)
        failed, _ = await till.final(status_of(await till.pay(first)).payment_no)
        assert failed.proof is not None
        assert failed.proof.kind is ProofKind.NOT_SENT
        assert [one.account_id for one in decisions(world, failed)] == ["a1"]
        second = till.payment(code, order_no=number_of(first), sale_id=first.sale_id, n=2)
        paid, _ = await till.final(status_of(await till.pay(second)).payment_no)
        assert paid.state is GatewayState.PAID
        (kept,) = decisions(world, paid)
        assert kept.account_id == "a2"
        assert (Why.NEVER_LEFT, "a1") in [(reason.why, reason.about) for reason in kept.reasons]
        assert world.money(paid)[:2] == (1250, 0)

    in_world(story)


def test_what_may_have_arrived_is_never_routed_again():
    """However the line failed: the order stays at its account, and a next number is refused until it is proven dead."""

    async def story(world: World) -> None:
        await second_account(world)
        till = await world.till()
        world.line.faults["pay"] = [Fault(lose="before")]
        world.line.faults["query"] = [Fault(lose="before")] * 3
        first = till.payment(world.show_code("pay"))
        status = status_of(await till.pay(first))
        await asyncio.sleep(3)
        second = till.payment(world.show_code("pay"), order_no=number_of(first), sale_id=first.sale_id, n=2)
        assert problem_of(await till.pay(second)).reason == Reason.ORDER_OPEN
        final, _ = await till.final(status.payment_no)
        assert [one.account_id for one in decisions(world, final)] == ["a1"]

    in_world(story)


def test_an_account_that_does_not_answer_is_left_alone_then_probed_and_taken_back():
    """Learned from the live results: faults break it, the other sells meanwhile, one probe brings it back."""

    async def story(world: World) -> None:
        await second_account(world)
        till = await world.till()

        def health() -> HealthState:
            return world.gateway.router.states(now_ms=world.clock.now_ms())["a1"]

        async def routed() -> tuple[str, bool]:
            status = status_of(await till.pay(till.payment(world.show_code("pay"))))
            (kept,) = decisions(world, status)
            await till.final(status.payment_no)
            return kept.account_id, any(reason.why is Why.PROBE for reason in kept.reasons)

        world.line.always = Fault(lose="before")
        await till.pay(till.payment(world.show_code("pay")))
        await until(lambda: health() is not HealthState.CLOSED)
        world.line.always = None
        assert 'guitai_account_health{account="a1"} 0' in health_metrics({"a1": health()})
        assert await routed() == ("a2", False)
        await until(lambda: health() is HealthState.HALF_OPEN)
        assert await routed() == ("a1", True)
        assert health() is HealthState.CLOSED

    in_world(story)


def test_routing_that_the_owner_changes_is_followed_at_once():
    async def story(world: World) -> None:
        await second_account(world, Rule(id="r", merchant="m1", accounts=("a2",)))
        till = await world.till()
        before = status_of(await till.pay(till.payment(world.show_code("pay"))))
        ended = Rule(id="r", merchant="m1", accounts=("a2",), enabled=False)
        body = routes.write_rule(ended)
        world.store.run_now(lambda tx: tx.connection.execute(update(ROUTE_RULES).values(body=body)))
        await world.gateway.load_accounts()
        after = status_of(await till.pay(till.payment(world.show_code("pay"))))
        assert [one.account_id for status in (before, after) for one in decisions(world, status)] == ["a2", "a1"]

    in_world(story)


def test_the_page_is_routed_to_an_account_of_the_phones_wallet():
    """For each wallet its own accounts only, and only those that can do pages."""

    async def story(world: World) -> None:
        await second_account(world, a2=AccountTerms(cost_ppm=1), a1=AccountTerms(cost_ppm=2))
        now_ms = world.clock.now_ms()

        def chosen(channel: str, store_id: str = "s1") -> str | None:
            decision = world.gateway.router.for_page(
                merchant_id="m1", store_id=store_id, channel=channel, amount_fen=1250, now_ms=now_ms
            )
            assert {standing.channel for standing in decision.standings} <= {channel}
            return None if decision.chosen is None else decision.chosen.account_id

        assert chosen("alipay") == "a2"
        assert chosen("alipay", store_id="a store nobody knows") == "a2"
        assert chosen("bank") is None

    in_world(story)


def test_service_hours_are_the_stores_own_clock():
    """A store in Tokyo is an hour ahead of one in Shanghai."""
    early = AccountTerms(hours=tuple(window for window in [read_window("16:00-17:00")] if window is not None))

    async def story(world: World) -> None:
        await second_account(world, a2=early)
        zone = update(STORES).where(STORES.c.store_id == "s1").values(time_zone="Asia/Tokyo")

        def states() -> list[Why]:
            decision = world.gateway.router.for_page(
                merchant_id="m1", store_id="s1", channel="alipay", amount_fen=1, now_ms=world.clock.now_ms()
            )
            return [reason.why for reason in decision.reasons]

        assert Why.OUT_OF_HOURS not in states()
        world.store.run_now(lambda tx: tx.connection.execute(zone))
        await world.gateway.load_accounts()
        assert Why.OUT_OF_HOURS in states()

    in_world(story)
