"""No head-of-line block: a wallet account that hangs costs its own merchant time and nobody else a second."""

from __future__ import annotations

import asyncio
import json

from sqlalchemy import insert

from gateway.channels.port import ChannelRequest, ChannelResponse, LineFault, NoAnswer, NotSent
from gateway.store.tables import CHANNEL_ACCOUNTS
from gateway.store.units import Tx
from proof.wallets import account_settings
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Line, World, in_world


class HangingLine(Line):
    """Takes every request and never answers."""

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        await asyncio.sleep(read_timeout_ms / 1000)
        return NoAnswer(LineFault.READ_TIMEOUT)


def _other_merchants_account(tx: Tx, settings: dict[str, object]) -> None:
    row = {"account_id": "a2", "merchant_id": "m2", "channel": "alipay", "shown_default": 1}
    tx.connection.execute(insert(CHANNEL_ACCOUNTS), {**row, "settings": json.dumps(settings)})


def test_a_wallet_that_hangs_delays_nobody_elses_payments() -> None:
    async def story(world: World) -> None:
        answering = world.line
        world.line = HangingLine(clock=world.clock, wallets=world.wallets)
        settings = account_settings(world.wallets.by_name["alipay"], account_id="a2", interval_ms=3_000)
        world.store.run_now(lambda tx: _other_merchants_account(tx, settings))
        await world.gateway.load_accounts()
        world.line = answering
        hung, well = await world.till("s2"), await world.till("s1")
        for _ in range(150):
            await hung.pay(hung.payment(world.show_code("never")))
        await asyncio.sleep(10)
        for script in ("ask_password:4", "drop_after_charge"):
            request = well.payment(world.show_code(script))
            await well.pay(request)
            status, seconds = await well.final(request.payment_no)
            assert status.state is GatewayState.PAID
            assert seconds <= 10

    in_world(story)
