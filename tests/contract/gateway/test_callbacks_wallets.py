"""Notifications of the simulated wallets through the whole gateway: what each script leaves in the rows and alarms, and
how soon money that came after the end is found."""

from __future__ import annotations

import asyncio

import pytest

from gateway.channels.registry import CHANNELS
from gateway.store import callbacks
from protocol.messages import LateMoneyState
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import ACCOUNT_IDS, World, in_world, status_of

WALLETS = [name for name in ("alipay", "wechat", "unionpay") if name in CHANNELS]
#: What a script's first delivery is found to be, and which alarm it leaves.
FOUND = {
    "pay": ("accepted", None),
    "callback_twice": ("accepted", None),
    "callback_before_answer": ("accepted", None),
    "callback_late:20": ("accepted", None),
    "callback_wrong_amount": ("differs", "mismatch"),
    "callback_bad_signature": ("bad_signature", "forged_callback"),
    "callback_other_merchant": ("foreign", None),
}


#: A customer whose money comes two seconds after the order's end.
LATE_PAYER = {"alipay": "pay_after_time_expire", "wechat": "pay_after_time_expire", "unionpay": "pay_after_reverse"}


def _outcomes(world: World) -> list[str]:
    account = ACCOUNT_IDS[world.wallet]
    rows = world.store.run_now(lambda tx: callbacks.of_account(tx, account))
    return [row.outcome for row in rows if row.outcome != "probe"]


@pytest.mark.parametrize("script", FOUND)
@pytest.mark.parametrize("wallet", WALLETS)
def test_each_delivery_is_kept_as_what_it_was(wallet: str, script: str) -> None:
    """Whatever comes, the customer who paid has paid, once; the till hears of it by a query where it must."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        world.scan(shown.qr, script)
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.PAID
        await till.ack(status)
        await asyncio.sleep(30)
        outcome, alarm = FOUND[script]
        found = _outcomes(world)
        assert found[0] == outcome
        assert ("repeat" in found) == (script == "callback_twice")
        assert world.alarms() == ({} if alarm is None else {alarm: 1})
        assert world.money(status)[:2] == (status.amount_fen, 0)

    in_world(story, interval_ms=5_000, wallet=wallet, notify=True)


@pytest.mark.parametrize("wallet", WALLETS)
def test_money_after_the_end_is_found_by_its_notification_in_seconds(wallet: str) -> None:
    """The late-money watch would have looked a minute after the end: the notification makes it look at once."""

    async def story(world: World) -> None:
        till = await world.till()
        request = till.payment(None)
        shown = await till.shown(request)
        assert shown.qr is not None
        world.scan(shown.qr, LATE_PAYER[wallet])
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.NOT_PAID
        ended_s = world.loop.time()
        while (status := status_of(await till.ask(request.payment_no))).late_money is None:
            await asyncio.sleep(0.5)
            assert world.loop.time() - ended_s < 10, world.timeline(status)
        await asyncio.sleep(120)
        status = status_of(await till.ask(request.payment_no))
        assert status.late_money is not None
        assert status.late_money.state is LateMoneyState.UNDONE
        captured, refunded, _ = world.money(status)
        assert captured == refunded == status.amount_fen

    in_world(story, interval_ms=1_000, wallet=wallet, notify=True)
