"""The gateway's machine clock is put back by a day while money is under way: nothing waits for tomorrow. Times of tills
and wallets stay as they are."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

import pytest

from gateway.store.units import Tx
from gateway.system import SystemClock
from protocol.messages import RefundRequest, RefundStatus, decode, encode
from protocol.numbers import new_number
from protocol.states import GatewayState, ProofKind, RefundState
from tests.contract.gateway.gateway_world import Fault, Till, World, in_world, status_of
from tests.contract.gateway.page_world import PageWorld, in_page_world

DAY_MS = 86_400_000


T = TypeVar("T")


class UndoneError(Exception):
    """The disk was full."""


class Machine:
    """The gateway's, whose clock somebody sets while it runs, or while it is down."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._off_ms = 0
        world.gateway_clock = self._clock()

    def _clock(self) -> SystemClock:
        now_ms = self._world.clock.now_ms
        return SystemClock(
            wall_ns=lambda: (now_ms() + self._off_ms) * 1_000_000, steady_ns=lambda: now_ms() * 1_000_000
        )

    async def put_back(self, till: Till, how: str) -> None:
        await self.set_by(till, -DAY_MS, restart=how == "while it is down")

    async def set_by(self, till: Till, ms: int, *, restart: bool = False) -> None:
        self._off_ms += ms
        if restart:
            self._world.gateway_clock = self._clock()
            await self._world.restart()
        else:
            self._world.gateway_clock.now_ms()
            self._world.gateway.scheduler.wake()
        till.skew_s = self._off_ms // 1000


HOW = ["while it runs", "while it is down"]


@pytest.mark.parametrize("how", HOW)
def test_money_goes_back_today(how: str) -> None:
    async def story(world: World) -> None:
        machine = Machine(world)
        await world.restart()
        till = await world.till()
        request = till.payment(world.show_code("refund_processing:40"))
        await till.pay(request)
        await till.final(request.payment_no)
        number = new_number(world.entropy.bytes(15))
        refund = RefundRequest(refund_no=number, amount_fen=500, currency="CNY", note="", operator="01")
        await till.send(till.signed("POST", f"/v1/payments/{request.payment_no}/refunds", encode(refund)))
        await asyncio.sleep(5)
        await machine.put_back(till, how)
        await asyncio.sleep(120)
        answer = await till.send(till.signed("GET", f"/v1/refunds/{number}"))
        assert decode(RefundStatus, answer.body).state is RefundState.DONE
        world.ledger_agrees()

    in_world(story)


def test_a_leap_is_planned_anew_also_when_that_transaction_is_undone_and_run_again() -> None:
    """As on a full disk, whose ballast then makes room: everything is run once and undone before it counts."""

    async def story(world: World) -> None:
        till = await world.till()
        await world.restart()
        machine = Machine(world)
        await world.restart()
        once = world.store.run_now

        def undone_at_first(unit: Callable[[Tx], T]) -> T:
            def undone(tx: Tx) -> None:
                unit(tx)
                raise UndoneError

            with suppress(UndoneError):
                once(undone)
            return once(unit)

        request = till.payment(world.show_code("ask_password:30"))
        await till.pay(request)
        await asyncio.sleep(5)
        setattr(world.store, "run_now", undone_at_first)  # noqa: B010 - the store's own, as it runs for everybody
        await machine.put_back(till, "while it runs")
        status, _ = await till.final(request.payment_no)
        assert status.state is GatewayState.PAID

    in_world(story)


@pytest.mark.parametrize("how", HOW)
def test_paid_and_unnoticed_is_an_alarm_today(how: str) -> None:
    async def story(world: World) -> None:
        machine = Machine(world)
        await world.restart()
        till = await world.till()
        request = till.payment(world.show_code("pay"))
        await till.pay(request)
        await till.final(request.payment_no)
        await asyncio.sleep(60)
        await machine.put_back(till, how)
        await asyncio.sleep(100)
        assert world.alarms() == {}, "120 s are counted from the leap"
        await asyncio.sleep(30)
        assert world.alarms() == {"paid_unnoticed": 1}

    in_world(story)


@pytest.mark.parametrize("how", HOW)
def test_a_page_ends_today(how: str) -> None:
    async def story(world: PageWorld) -> None:
        machine = Machine(world)
        await world.restart()
        till = await world.till()
        status = await world.shown_page(till)
        await asyncio.sleep(30)
        await machine.put_back(till, how)
        await asyncio.sleep(10)
        shown = status_of(await till.ask(status.payment_no))
        assert shown.state is GatewayState.CREATED
        assert shown.state_seq > status.state_seq, "the till is told until when it is shown"
        assert shown.qr_expires_ms is not None
        assert 0 < shown.qr_expires_ms - world.gateway_clock.now_ms() <= 120_000
        await asyncio.sleep(115)
        over = status_of(await till.ask(status.payment_no))
        assert over.state is GatewayState.NOT_PAID
        assert over.proof is not None
        assert over.proof.kind is ProofKind.NEVER_OPENED

    in_page_world(story)


def test_a_qr_that_came_while_the_clock_was_ahead_ends_today() -> None:
    """Its order was made at the right time, and its end is counted by a wrong one."""

    async def story(world: World) -> None:
        machine = Machine(world)
        await world.restart()
        till = await world.till()
        world.line.faults["create"] = [Fault(lose="before")]
        request = till.payment(None)
        await till.pay(request)
        await asyncio.sleep(1)
        await machine.set_by(till, DAY_MS)
        await asyncio.sleep(6)
        shown = status_of(await till.ask(request.payment_no))
        assert shown.qr_expires_ms is not None
        assert shown.qr_expires_ms > world.clock.now_ms() + DAY_MS
        await machine.set_by(till, -DAY_MS)
        await asyncio.sleep(400)
        assert status_of(await till.ask(request.payment_no)).state is GatewayState.NOT_PAID

    in_world(story)


def test_a_start_ends_no_page_before_its_time() -> None:
    """Every task is looked at after a start; what is not due is only planned anew."""

    async def story(world: PageWorld) -> None:
        till = await world.till()
        status = await world.shown_page(till)
        await asyncio.sleep(30)
        await world.restart()
        await asyncio.sleep(60)
        assert status_of(await till.ask(status.payment_no)).state is GatewayState.CREATED
        await asyncio.sleep(35)
        assert status_of(await till.ask(status.payment_no)).state is GatewayState.NOT_PAID

    in_page_world(story)
