"""Two schedules on one store: a lease keeps them from asking twice, and ends with its time when its owner is gone."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from itertools import pairwise

from gateway.channels.port import ChannelRequest, ChannelResponse, NoAnswer, NotSent
from gateway.core import Gateway
from gateway.jobs.scheduler import LEASE_MS
from proof.asked import asked
from proof.wallets import opened_once
from protocol.states import GatewayState
from tests.contract.gateway.gateway_world import Fault, World, in_world

#: How long each answer takes: long enough that the other schedule looks many times meanwhile.
SLOW_S = 4.0


class NotedLine:
    """The world's line, as one gateway uses it: notes when each call began and ended, by order."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.calls: dict[str, list[tuple[int, int]]] = defaultdict(list)

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        began_ms = self._world.clock.now_ms()
        try:
            return await self._world.line(
                request, connect_timeout_ms=connect_timeout_ms, read_timeout_ms=read_timeout_ms
            )
        finally:
            self.calls[asked(request).number].append((began_ms, self._world.clock.now_ms()))


def another_gateway(world: World, line: NotedLine, *, owner: str) -> Gateway:
    return Gateway(
        store=world.store,
        clock=world.clock,
        entropy=world.entropy,
        keys=world.keys,
        exchange_for=lambda _account: line,
        qr_shown_ms=world.qr_shown_ms,
        longest_sleep_ms=250,
        owner=owner,
        opener=opened_once,
    )


def test_two_schedules_on_one_store_never_ask_twice() -> None:
    """160 open payments, more than one schedule takes at once, and slow answers: never two calls about one order."""

    async def story(world: World) -> None:
        till = await world.till()
        lines = [NotedLine(world), NotedLine(world)]
        both = [another_gateway(world, line, owner=f"gateway-{at}") for at, line in enumerate(lines)]
        await asyncio.gather(*(one.start() for one in both))
        requests = [till.payment(world.show_code("ask_password:50")) for _ in range(160)]
        for request in requests:
            await till.pay(request)
        await asyncio.sleep(1)
        await world.gateway.aclose()  # it made the pay calls; from here on the two are alone
        world.line.always = Fault(answer_late_s=SLOW_S)
        await asyncio.sleep(20)
        for one in both:
            await one.aclose()

        assert all(len(line.calls) >= 10 for line in lines), "only one of them worked"
        asked_of: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for line in lines:
            for number, calls in line.calls.items():
                asked_of[number] += calls
        assert len(asked_of) == len(requests)
        for calls in map(sorted, asked_of.values()):
            assert len(calls) >= 3
            for (_, ended_ms), (began_ms, _) in pairwise(calls):
                assert began_ms >= ended_ms, "two calls about one order at a time"

    in_world(story)


def test_work_of_a_schedule_that_is_gone_is_taken_up_when_its_lease_ends() -> None:
    """Not before: until then nobody can know that the call is not still under way."""

    async def story(world: World) -> None:
        till = await world.till()
        lost, kept = NotedLine(world), NotedLine(world)
        gone, stays = (another_gateway(world, line, owner=name) for line, name in ((lost, "gone"), (kept, "stays")))
        await gone.start()
        request = till.payment(world.show_code("ask_password:2"))
        await till.pay(request)
        await asyncio.sleep(1)
        await world.gateway.aclose()  # it made the pay call
        world.line.always = Fault(answer_late_s=SLOW_S)
        await asyncio.sleep(3)
        leased_ms, verb, _ = world.line.sent[-1]
        assert verb == "query", "the first question is under way"
        await gone.aclose()
        await stays.load_accounts()  # without `start`: that is for a process which knows that it is alone
        world.line.always = None
        while not kept.calls and world.clock.now_ms() < leased_ms + 2 * LEASE_MS:
            await asyncio.sleep(0.25)
            await stays.scheduler.tick()
        first_ms = min(began_ms for calls in kept.calls.values() for began_ms, _ in calls)
        assert leased_ms + LEASE_MS <= first_ms <= leased_ms + LEASE_MS + 1_000
        world.gateway = stays
        status, _ = await till.final(request.payment_no, seconds=5)
        assert status.state is GatewayState.PAID

    in_world(story)
