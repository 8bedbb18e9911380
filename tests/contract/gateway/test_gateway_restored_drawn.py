"""Drawn days of a shop whose gateway is restored from a backup in the middle: no green light over money that a wallet
took, and once a person looked into the wallets' books, books, till and rows agree.

Four days by default, sixty with GUITAI_SLOW_TESTS=1.
"""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from random import Random

import pytest

from gateway.configure.words import RestoredAction
from gateway.store import ledger, payments
from proof.power.shop import Shop, in_shop
from protocol.states import TerminalState
from sandbox.wallet import OrderMoney
from sync.engine.model import Line, PaymentView
from tests.contract.gateway.test_gateway_restored import back_up, owner, restore, seconds

SEEDS = range(1, 61 if os.environ.get("GUITAI_SLOW_TESTS") == "1" else 5)
SCRIPTS = (
    *("pay", "pay", "ask_password:12", "ask_password:25"),
    *("balance_low", "drop_after_charge", "never", "callback_late:20"),
)
WALLETS = ("alipay", "wechat", "unionpay")
#: A wallet's clock starts when the request arrives; UnionPay names the order by when it left.
ON_ITS_WAY_MS = 30


class Day:
    def __init__(self, shop: Shop, chance: Random) -> None:
        self.shop = shop
        self.chance = chance
        self.complaints: list[str] = []

    def kept_fen(self, view: PaymentView) -> int:
        mine = [one for one in self.shop.wallets.orders() if one.out_trade_no.startswith(view.order_no)]
        return sum(one.captured_fen - one.refunded_fen for one in mine)

    async def watch(self) -> None:
        """What the till's screen says, against the wallets' books."""
        while True:
            await asyncio.sleep(0.5)
            self.shop.wallets.look()
            for view in tuple(self.shop.sight.payments.values()):
                if view.safe_to_rescan and self.kept_fen(view):
                    self.complaints.append(f"{view.payment_no} is green, and {self.kept_fen(view)} fen are kept")

    async def sell_some(self, most: int) -> None:
        for _ in range(self.chance.randint(1, most)):
            shows_qr = self.chance.random() < 0.4
            script, wallet = self.chance.choice(SCRIPTS), self.chance.choice(WALLETS)
            await self.shop.until(self.line_is_up)
            view = await self.shop.sell(script, wallet=wallet, shows_qr=shows_qr)
            self.shop.till_line_is_cut = self.chance.random() < 0.2
            qr = self.shop.sight.payments[view.payment_no].qr
            if shows_qr and qr is not None and self.chance.random() < 0.7:
                await self.shop.phone_pays(qr, wallet=wallet)
            await seconds(self.shop, self.chance.choice((0.0, 0.3, 4.0, 17.0)))
            self.shop.till_line_is_cut = False
            if self.chance.random() < 0.2:
                self.shop.cancel(view)

    def line_is_up(self) -> bool:
        link = self.shop.sight.link
        return link is not None and link.line is Line.UP

    async def look_into_the_books(self) -> None:
        """What a person does: takes up every order that a wallet has and the gateway does not."""
        for wallet in WALLETS:
            for order in self.shop.wallets.by_name[wallet].orders(self.shop.clock.now_ms()):
                if order.captured_fen > order.refunded_fen and not self.is_known(order):
                    await owner(
                        self.shop,
                        RestoredAction.TAKE_UP,
                        out_trade_no=order.out_trade_no,
                        account=wallet,
                        sent_ms=order.created_ms - ON_ITS_WAY_MS,
                    )

    def is_known(self, order: OrderMoney) -> bool:
        return self.shop.store.run_now(lambda tx: payments.order(tx, order.out_trade_no)) is not None


@pytest.mark.parametrize("seed", SEEDS)
def test_no_green_light_over_money_and_everything_agrees_once_a_person_looked(seed: int, tmp_path: Path) -> None:
    async def story(shop: Shop) -> None:
        day = Day(shop, Random(f"restored {seed}"))
        watching = asyncio.create_task(day.watch())
        shop.wallets_notify = day.chance.random() < 0.5
        await day.sell_some(3)
        kept = back_up(shop)
        await day.sell_some(4)
        await restore(shop, kept)
        await day.sell_some(3)
        await seconds(shop, 120.0)
        await day.look_into_the_books()
        await seconds(shop, 120.0)
        await owner(shop, RestoredAction.DONE)
        for view in tuple(shop.sight.payments.values()):
            await shop.settled(view)
        await seconds(shop, 300.0)
        watching.cancel()
        assert day.complaints == []
        for view in shop.sight.payments.values():
            due_fen = view.amount.fen if view.state is TerminalState.PAID else 0
            assert day.kept_fen(view) == due_fen, view
        assert shop.store.run_now(ledger.unbalanced) == []

    in_shop(story, tmp_path, seed=seed)
