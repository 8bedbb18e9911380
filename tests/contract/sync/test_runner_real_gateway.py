"""The real runner against the real gateway and the simulated wallets, in one process and in virtual time: what the till
says of a refund is what the wallet's books say."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from gateway.payments.values import AlarmKind
from proof.virtual_time import VirtualClock
from protocol.messages import Presented
from protocol.money import Money
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts
from protocol.states import RefundState, TerminalState
from sync.engine.model import (
    Line,
    LinkView,
    ListenToStore,
    PaymentView,
    Published,
    RefundView,
    StartPayment,
    StartRefund,
    StorePaidView,
)
from sync.journal.journal import Journal
from sync.journal.read import JournalReader
from sync.link.calls import Credentials
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from sync.runner import Runner
from tests.contract.gateway.gateway_world import HOST, START_MS, World, in_world
from tests.contract.gateway.page_world import PageWorld, in_page_world
from tests.contract.sync.counter import PlentyOfRoom

WALLETS = ("alipay", "wechat", "unionpay")


@dataclass
class RealCounter:
    """A till whose line ends in the gateway of a `World`. `lost`: so many answers to a refund's request are lost."""

    world: World
    path: Path
    heard: list[Published] = field(default_factory=list[Published])
    lost: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def open(self) -> None:
        if not hasattr(self, "who"):
            identity = await self.world.till()
            self.who = Credentials(
                terminal_id=identity.keyid,
                gateway_url=f"http://{HOST}",
                key=identity.key,
                gateway_keys=identity.trusted,
            )
        self.journal = Journal.open(self.path, terminal_id=self.who.terminal_id)
        self.runner = Runner(
            journal=self.journal,
            room=PlentyOfRoom(),
            exchange=self._exchange,
            credentials=self.who,
            clock=VirtualClock(self.world.loop, wall_start_ms=START_MS),
            entropy=Random(len(self.heard)).randbytes,
            publish=self._hear,
        )
        self._running = asyncio.create_task(self.runner.run())

    async def crash(self) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self.journal.close()

    async def _exchange(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        del base_url
        await asyncio.sleep(0.01)
        response = await self.world.gateway.service.handle(request, "127.0.0.1")
        if request.path.endswith("/refunds") and self.lost:
            self.lost -= 1
            await asyncio.sleep(timeouts.read_ms / 1000)
            return NoAnswer(detail="timeout")
        return response

    def _hear(self, view: Published) -> None:
        self.heard.append(view)
        self._news.set()

    async def until(self, found: Callable[[], bool], within_s: float = 600) -> None:
        async with asyncio.timeout(within_s):
            while not found():
                self._news.clear()
                await self._news.wait()

    async def sell(self, script: str, fen: int = 1250) -> PaymentView:
        """One payment by a fresh code; its paid picture."""
        await self.until(lambda: any(isinstance(v, LinkView) and v.line is Line.UP for v in self.heard))
        self.runner.submit(
            StartPayment(
                request_id="sale", sale_id=None, order_no=None, amount=Money(fen), presented=Presented.CUSTOMER,
                auth_code=Secret(self.world.show_code(script)), subject="tea", operator="01", scanned_at_ms=0,
            )
        )  # fmt: skip
        await self.until(lambda: bool(self.paid))
        return self.paid[-1]

    async def give_back(self, order_no: str, fen: int) -> RefundView:
        """One refund to its end."""
        name = f"refund {len(self.heard)}"
        self.runner.submit(
            StartRefund(request_id=name, order_no=order_no, amount=Money(fen), note="sour", operator="01")
        )
        await self.until(lambda: any(view.request_id == name and view.state.final for view in self.refunds))
        return self.refunds[-1]

    @property
    def paid(self) -> list[PaymentView]:
        return [v for v in self.heard if isinstance(v, PaymentView) and v.state is TerminalState.PAID]

    @property
    def refunds(self) -> list[RefundView]:
        return [v for v in self.heard if isinstance(v, RefundView)]

    @property
    def rings(self) -> list[StorePaidView]:
        return [v for v in self.heard if isinstance(v, StorePaidView)]

    def wallet_says(self, order_no: str) -> tuple[int, int]:
        """(captured, refunded) at the wallet."""
        orders = [one for one in self.world.wallets.orders() if one.out_trade_no.startswith(order_no)]
        return sum(one.captured_fen for one in orders), sum(one.refunded_fen for one in orders)


@pytest.mark.parametrize("wallet", WALLETS)
def test_partial_refunds_until_nothing_is_left(tmp_path: Path, wallet: str) -> None:
    async def story(world: World) -> None:
        counter = RealCounter(world, tmp_path / "journal.db")
        await counter.open()
        order_no = (await counter.sell("pay")).order_no
        first = await counter.give_back(order_no, 250)
        assert (first.state, first.refundable_fen) == (RefundState.DONE, 1000)
        second = await counter.give_back(order_no, 1000)
        assert (second.state, second.refundable_fen) == (RefundState.DONE, 0)
        assert counter.wallet_says(order_no) == (1250, 1250)
        await counter.crash()
        with JournalReader(counter.path) as journal:
            assert journal.verify().broken is None
            (payment,) = journal.settled(since_ms=0, until_ms=1 << 60)
            assert (payment.refunded_fen, payment.refunding_fen) == (1250, 0)

    in_world(story, wallet=wallet)


@pytest.mark.parametrize("wallet", WALLETS)
def test_a_lost_answer_and_a_crash_are_still_one_refund(tmp_path: Path, wallet: str) -> None:
    async def story(world: World) -> None:
        counter = RealCounter(world, tmp_path / "journal.db", lost=3)
        await counter.open()
        order_no = (await counter.sell("pay")).order_no
        counter.runner.submit(StartRefund(request_id="R", order_no=order_no, amount=Money(100), note="", operator="01"))
        await counter.until(lambda: bool(counter.refunds) and counter.lost < 3)
        await counter.crash()
        await counter.open()
        await counter.until(lambda: counter.refunds[-1].state.final)
        assert counter.refunds[-1].state is RefundState.DONE
        assert len({view.refund_no for view in counter.refunds}) == 1
        assert counter.wallet_says(order_no) == (1250, 100)
        await counter.crash()

    in_world(story, wallet=wallet)


def test_a_refund_that_the_channel_takes_its_time_for_is_followed_to_its_end(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        counter = RealCounter(world, tmp_path / "journal.db")
        await counter.open()
        order_no = (await counter.sell("refund_processing:20")).order_no
        assert (await counter.give_back(order_no, 100)).state is RefundState.DONE
        assert counter.wallet_says(order_no) == (1250, 100)
        await counter.crash()

    in_world(story, wallet="wechat")


@pytest.mark.parametrize("wallet", WALLETS)
def test_the_static_qr_rings_once_and_the_gateway_knows_that_it_did(tmp_path: Path, wallet: str) -> None:
    async def story(world: PageWorld) -> None:
        counter = RealCounter(world, tmp_path / "journal.db")
        await counter.open()
        counter.runner.submit(ListenToStore())
        await world.phone(wallet).follow(world.static_qr(), amount_fen=880)
        await counter.until(lambda: bool(counter.rings))
        (ring,) = counter.rings
        assert (ring.amount.fen, ring.channel) == (880, wallet)
        await asyncio.sleep(200)
        assert AlarmKind.PAID_UNNOTICED.value not in world.alarms()
        await counter.crash()
        await counter.open()
        counter.runner.submit(ListenToStore())
        await asyncio.sleep(60)
        assert len(counter.rings) == 1, "a restart does not ring again"
        await counter.crash()

    in_page_world(story)


def test_listening_to_the_store_never_stands_in_a_sales_way(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        counter = RealCounter(world, tmp_path / "journal.db")
        await counter.open()
        counter.runner.submit(ListenToStore())
        assert (await counter.sell("pay")).state is TerminalState.PAID
        await counter.crash()

    in_world(story)
