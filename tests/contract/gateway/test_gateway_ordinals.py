"""A channel order's number is above all that its order ever had here, and is never given twice."""

from __future__ import annotations

from sqlalchemy import delete, update

from gateway.store.tables import CHANNEL_ORDERS, PAYMENTS, TASKS
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
