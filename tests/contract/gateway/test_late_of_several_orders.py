"""A payment on the page may have had several orders, and more than one may be paid too late."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from gateway.jobs.keeping import keep
from gateway.jobs.schedule import DEFAULT_PACE
from gateway.payments.moves import late_undone
from gateway.payments.values import Said
from gateway.store import payments
from gateway.store.units import Tx
from protocol.messages import LateMoneyState
from protocol.states import GatewayState
from tests.contract.gateway.callback_world import NOW_MS, CallbackWorld, in_callback_world
from tests.unit.gateway.payment_rows import KEY, ended_order, payment


def test_money_that_went_back_does_not_silence_money_that_waits() -> None:
    async def story(world: CallbackWorld) -> None:
        late: dict[str, Any] = {"late_state": LateMoneyState.FOUND, "late_found_ms": NOW_MS - 60_000}
        first = ended_order(**late)
        second = replace(first, out_trade_no=f"{first.out_trade_no[:-1]}1", payer_mark="another")
        world.put(payment(GatewayState.NOT_PAID, page=True, **late), first)
        world.store.run_now(lambda tx: payments.add_channel_order(tx, second))

        def goes_back(tx: Tx, number: str) -> None:
            before, order = payments.find(tx, KEY), payments.order(tx, number)
            assert before is not None
            assert order is not None
            step = late_undone(before, order, Said(what="refunded", said_by="alipay"))
            keep(tx, before, step, lambda _: DEFAULT_PACE, now_ms=NOW_MS, order_before=order)

        world.store.run_now(lambda tx: goes_back(tx, first.out_trade_no))
        assert world.payment().late_state is LateMoneyState.FOUND
        world.store.run_now(lambda tx: goes_back(tx, second.out_trade_no))
        assert world.payment().late_state is LateMoneyState.UNDONE

    in_callback_world(story)
