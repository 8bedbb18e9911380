"""A channel order's number is above all that its order ever had here, and is never given twice."""

from __future__ import annotations

from sqlalchemy import delete, update

from gateway.store import restorations
from gateway.store.tables import CHANNEL_ORDERS, PAYMENTS, TASKS, TERMINALS
from gateway.store.tables_routes import ROUTE_DECISIONS
from gateway.store.units import Tx
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import World, in_world, number_of


def test_an_order_whose_first_tries_are_lost_goes_on_above_what_is_here() -> None:
    """A backup was restored, and a later try was taken up under the number that its wallet's books show."""

    async def story(world: World) -> None:
        till = await world.till()
        first = till.payment(world.show_code("expired"))
        await till.pay(first)
        assert (await till.final(first.payment_no))[0].state is GatewayState.NOT_PAID
        order_no = number_of(first)

        def taken_up(tx: Tx) -> None:
            for gone in (TASKS, ROUTE_DECISIONS):
                tx.connection.execute(delete(gone))
            tx.connection.execute(update(CHANNEL_ORDERS).values(out_trade_no=f"{order_no}01"))
            tx.connection.execute(update(PAYMENTS).values(out_trade_no=f"{order_no}01"))

        world.store.run_now(taken_up)
        for n in (2, 3):
            again = till.payment(world.show_code("expired"), order_no=order_no, sale_id=first.sale_id, n=n)
            await till.pay(again)
            assert (await till.final(again.payment_no))[0].state is GatewayState.NOT_PAID
        assert [number[-2:] for _, verb, number in world.line.sent if verb == "pay"] == ["00", "02", "03"]

    in_world(story)


def test_what_begins_after_a_restored_backup_takes_no_number_that_the_lost_part_may_have_given() -> None:
    """Another wallet may have that number, and its late money could not be taken up."""

    async def story(world: World) -> None:
        till = await world.till()
        now_ms = world.clock.now_ms()
        world.store.run_now(lambda tx: restorations.found(tx, "a test", now_ms=now_ms - 3_600_000))
        world.store.run_now(lambda tx: tx.connection.execute(update(TERMINALS).values(lost_through=0)))
        world.store.run_now(lambda tx: restorations.looked(tx, person="owner", reason="books", now_ms=now_ms))
        first = till.payment(world.show_code("expired"))
        await till.pay(first)
        assert (await till.final(first.payment_no))[0].state is GatewayState.NOT_PAID
        again = till.payment(world.show_code("expired"), order_no=number_of(first), sale_id=first.sale_id, n=2)
        await till.pay(again)
        assert (await till.final(again.payment_no))[0].state is GatewayState.NOT_PAID
        assert [number[-2:] for _, verb, number in world.line.sent if verb == "pay"] == ["10", "11"]

    in_world(story)
