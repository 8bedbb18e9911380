"""One poisoned row never stops the queue: not those that are taken up together with it, and not the schedule."""

from __future__ import annotations

import asyncio

from sqlalchemy import select, update

from gateway.store.tables import CHANNEL_ORDERS, TASKS
from gateway.store.units import Tx
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import World, in_world, status_of


def _poison(tx: Tx, order_no: str) -> str:
    """A word that this program does not know, as a newer one may have written it."""
    tx.connection.execute(update(CHANNEL_ORDERS).where(CHANNEL_ORDERS.c.order_no == order_no).values(undo_heard="?"))
    return tx.connection.execute(
        select(CHANNEL_ORDERS.c.out_trade_no).where(CHANNEL_ORDERS.c.order_no == order_no)
    ).scalar_one()


def test_a_row_that_cannot_be_read_stays_and_the_others_go_on() -> None:
    async def story(world: World) -> None:
        till = await world.till()
        requests = [till.payment(world.show_code("ask_password:10")) for _ in range(5)]
        for request in requests:
            await till.pay(request)
        await asyncio.sleep(1)
        poisoned, *well = requests
        number = world.store.run_now(lambda tx: _poison(tx, poisoned.payment_no.partition("-")[0]))
        for request in well:
            status, _ = await till.final(request.payment_no)
            assert status.state is GatewayState.PAID
        status = status_of(await till.ask(poisoned.payment_no))
        assert status.state is GatewayState.SENT, "nothing is known of it, and nothing is said"
        tasks = world.store.run_now(lambda tx: tx.connection.execute(select(TASKS.c.ref)).scalars().all())
        assert number in tasks, "it is not given up"

    in_world(story)
