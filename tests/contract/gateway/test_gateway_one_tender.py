"""A sale is paid once: money that a person kept, or that came late, lets no other payment of its sale begin."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import update

from gateway.payments.values import AlarmKind
from gateway.store.tables import MERCHANTS
from protocol.cash import CASH_RETURNED, CASH_TAKEN
from protocol.messages import CancelRequest, LateMoneyState, encode
from protocol.reasons import Reason
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Fault, World, in_world, problem_of, read, status_of
from tests.contract.gateway.offline_world import offline_till, pays, url_of
from tests.contract.gateway.page_world import PageWorld, in_page_world
from tests.contract.gateway.test_gateway_alarms import give_back
from tests.contract.gateway.test_gateway_cash import Chain, kept_by_a_person, late_state, pay_behind, unpaid


def test_a_sale_whose_late_money_a_person_kept_is_not_charged_again_under_a_new_order() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        request, status = await unpaid(world, till)
        pay_behind(world, status.order_no)
        status = await late_state(till, status, LateMoneyState.FOUND)
        kept_by_a_person(world, status)
        again = till.payment(world.show_code("pay"), sale_id=request.sale_id)
        assert problem_of(await till.pay(again)).reason is Reason.ORDER_PAID
        other = till.payment(world.show_code("pay"))
        await till.pay(other)
        assert (await till.final(other.payment_no))[0].state is GatewayState.PAID

    in_world(story)


def test_nobody_else_pays_on_a_page_whose_late_money_waits_for_a_person() -> None:
    """A call that never left, says the line; and the wallet was paid all the same."""

    async def story(world: PageWorld) -> None:
        world.store.run_now(lambda tx: tx.connection.execute(update(MERCHANTS).values(late_money="hold")))
        till = await world.till()
        status = await world.shown_page(till)
        assert status.qr is not None
        first, second = world.phone("alipay"), world.phone("wechat")
        page, beside = await first.open(status.qr), await second.open(status.qr)
        world.line.faults["create"] = [Fault(lose="not_sent")]
        await first.press(page)
        world.wallet = "alipay"
        pay_behind(world, status.order_no)
        await world.deliver()
        told = status_of(await till.ask(status.payment_no))
        assert not told.state.final
        assert world.payment_of(status).late_state is LateMoneyState.FOUND
        for phone, here in ((second, beside), (first, page)):
            assert (await phone.press(here))["result"] == "wait"
        assert len(world.orders_of(world.payment_of(status).key)) == 1
        final, _ = await till.final(status.payment_no)
        assert final.state is GatewayState.NOT_PAID
        assert final.light is None
        kept_by_a_person(world, final)
        assert world.money(final)[:2] == (1250, 0)

    in_page_world(story)


@pytest.mark.parametrize("told_before", [False, True])
@pytest.mark.parametrize("back", ["late", "offline"])
def test_late_money_that_was_kept_beside_an_offline_order_of_its_sale_is_an_alarm_until_one_of_them_is_back(
    told_before: bool, back: str
) -> None:
    """Which sale an ORDER is for the till's journal tells, perhaps after a person kept what came late for it."""

    async def story(world: PageWorld) -> None:
        world.wallet = "alipay"
        a = await offline_till(world)
        request, status = await unpaid(world, a.till)
        await a.till.ack(status)
        pay_behind(world, status.order_no)
        status = await late_state(a.till, status, LateMoneyState.FOUND)
        kept_by_a_person(world, status)
        signed = a.order()
        chain = Chain(a.till, terminal_id=a.terminal_id)
        names = chain.entry("x", f'{{"payment_no":"{signed.order.order_no}-1","sale_id":"{request.sale_id}"}}')
        if told_before:
            await chain.upload(names)
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(f"{signed.order.order_no}-1")
        await a.till.ack(final)
        if not told_before:
            assert world.alarms() == {}
            await chain.upload(names)
        assert world.alarms() == {AlarmKind.PAID_TWICE: 2}
        # Cash that came and went says nothing about the two wallets.
        await chain.upload(chain.cash(CASH_TAKEN, request.sale_id), chain.cash(CASH_RETURNED, request.sale_id))
        assert world.alarms() == {AlarmKind.PAID_TWICE: 2}
        one = status if back == "late" else final
        await give_back(a.till, one.payment_no, 1_000)
        assert world.alarms() == {AlarmKind.PAID_TWICE: 2}
        await give_back(a.till, one.payment_no, 250)
        assert world.alarms() == {}
        world.ledger_agrees()

    in_page_world(story)


def test_a_cancel_that_was_signed_long_ago_gives_no_paid_order_back() -> None:
    async def story(world: PageWorld) -> None:
        a = await offline_till(world)
        signed = a.order()
        number = f"{signed.order.order_no}-1"
        body = encode(CancelRequest(amount_fen=1250, operator="01"))
        kept_back = a.till.signed("POST", f"/v1/payments/{number}/cancel", body)
        await pays(world.phone("wechat"), url_of(world, signed))
        final, _ = await a.till.final(number)
        await asyncio.sleep(400)
        assert problem_of(read(await a.till.send(kept_back))).reason is Reason.CLOCK
        await asyncio.sleep(60)
        assert world.money(final)[:2] == (1250, 0)
        assert AlarmKind.CANCELLED_PAID not in world.alarms()
        # Signed anew it counts, once.
        assert status_of(await a.till.cancel(number)).state is GatewayState.PAID
        assert status_of(await a.till.cancel(number)).state is GatewayState.PAID
        await asyncio.sleep(60)
        assert world.money(final)[:2] == (1250, 1250)

    in_page_world(story)
