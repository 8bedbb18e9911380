"""Who carries the notifications: each delivery made once, those before an answer waited for, every ending told."""

import asyncio

from sandbox.courier import Courier
from sandbox.line import LineAnswer, LineRequest
from sandbox.wallet import Outgoing
from tests.unit.sandbox.phone_fakes import FakeLine, FakeWallet, answer

URL = "http://127.0.0.1:8700/notify/fake/a"


def outgoing(name: str, *, before_answer: bool = False) -> Outgoing:
    return Outgoing(id=name, url=URL, headers={"x-sign": name}, body=name.encode(), before_answer=before_answer)


def wallet_with(*due: Outgoing) -> FakeWallet:
    wallet = FakeWallet()
    wallet.due, wallet.next_ms = list(due), 0
    return wallet


async def turns(count: int) -> None:
    """So many turns of the loop: enough for what waits for nothing but other tasks."""
    for _ in range(count):
        await asyncio.sleep(0)


class HeldLine:
    """Answers only once it is let go."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.asked: list[LineRequest] = []

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        self.asked.append(request)
        await self.go.wait()
        return answer(200, "success")


def test_a_delivery_before_the_answer_is_waited_for_and_another_is_not() -> None:
    async def run() -> tuple[bool, bool]:
        line = HeldLine()
        hurried, plain = wallet_with(outgoing("n1", before_answer=True)), wallet_with(outgoing("n2"))
        courier = Courier(wallets={}, line=line, clock=lambda: 1)
        await asyncio.wait_for(courier.after_call(plain), 5)
        waiting = asyncio.ensure_future(courier.after_call(hurried))
        await turns(20)
        held = not waiting.done()
        line.go.set()
        await waiting
        return held, hurried.heard == [("n1", 200, b"success")]

    assert asyncio.run(run()) == (True, True)


def test_what_time_makes_due_is_sent_once_and_every_ending_is_told() -> None:
    async def run() -> tuple[FakeWallet, FakeLine]:
        line = FakeLine({f"POST {URL}": [answer(200, "success"), answer(500, "oops"), None]})
        wallet = wallet_with(outgoing("n1"), outgoing("n2"), outgoing("n3"))
        running = asyncio.ensure_future(Courier(wallets={"fake": wallet}, line=line, clock=lambda: 1).run())
        await turns(50)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return wallet, line

    wallet, line = asyncio.run(run())
    assert wallet.heard == [("n1", 200, b"success"), ("n2", 500, b"oops"), ("n3", None, b"")]
    assert [(request.method, request.body, request.headers["x-sign"]) for request in line.asked] == [
        ("POST", name.encode(), name) for name in ("n1", "n2", "n3")
    ]


def test_nothing_is_asked_of_a_wallet_before_its_time() -> None:
    wallet = wallet_with(outgoing("n1"))
    wallet.next_ms = 2
    asyncio.run(Courier(wallets={}, line=FakeLine({}), clock=lambda: 1).after_call(wallet))
    assert [one.id for one in wallet.due] == ["n1"]


def test_a_call_wakes_the_courier_whose_next_event_was_far_away() -> None:
    async def run() -> list[str]:
        line = FakeLine({f"POST {URL}": [answer(200)]})
        sleeping, called = FakeWallet(), FakeWallet()
        sleeping.next_ms = 10_000_000
        courier = Courier(wallets={"a": sleeping, "b": called}, line=line, clock=lambda: 1)
        running = asyncio.ensure_future(courier.run())
        await asyncio.sleep(0)
        sleeping.due, sleeping.next_ms = [outgoing("n1")], 0
        await courier.after_call(called)
        await turns(50)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        return [name for name, _, _ in sleeping.heard]

    assert asyncio.run(run()) == ["n1"]
