"""A till's runner on a virtual clock, a real journal in a folder, and the fake gateway."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random

from proof.virtual_time import VirtualClock, VirtualTimeLoop, run_virtual
from protocol.messages import Presented
from protocol.money import Money
from protocol.reasons import Reason
from protocol.secret import Secret
from protocol.states import TerminalState
from sync.engine.model import (
    CancelPayment,
    CashLimits,
    CommandRefused,
    Line,
    LinkView,
    ListenToStore,
    PaymentView,
    Published,
    RefundView,
    ReturnCash,
    StartPayment,
    StartRefund,
    StorePaidView,
    TakeCash,
)
from sync.engine.statements import CashBack
from sync.journal.journal import Journal
from sync.link.calls import Credentials
from sync.offline_desk import OfflineMeans
from sync.runner import Runner
from tests.contract.sync.fake_gateway import GATEWAY_KEY, GATEWAY_KID, START_MS, TERMINAL_ID, TILL_KEY, FakeGateway

#: An owner who sets no limits.
PLENTY = CashLimits(sale_fen=10**9, offline_day_fen=10**9)
CODE = "280000000000012345"


class PlentyOfRoom:
    """A disk without limits, unless told otherwise."""

    def __init__(self) -> None:
        self.reason: Reason | None = None
        self.released = 0

    def refusing(self) -> Reason | None:
        return self.reason

    def fill(self) -> None:
        pass

    def release(self) -> bool:
        self.released += 1
        return False


class Counter:
    """One till; `restart` is a crash of its process: memory is gone, the folder and the gateway are not."""

    def __init__(self, folder: Path, loop: VirtualTimeLoop, *, wall_error_ms: int = 0) -> None:
        self.path = folder / "journal.db"
        self.loop = loop
        self.gateway_clock = VirtualClock(loop, wall_start_ms=START_MS)
        self.clock = VirtualClock(loop, wall_start_ms=START_MS + wall_error_ms)
        self.gateway = FakeGateway(now_ms=self.gateway_clock.wall_ms)
        self.room = PlentyOfRoom()
        self.heard: list[Published] = []
        self.random = Random(7)
        self._asked = 0
        self._pressed: StartPayment | StartRefund | None = None
        self._running: asyncio.Task[None] | None = None
        self._news = asyncio.Event()

    # --- life -----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        self.journal = self.open_journal()
        self.runner = Runner(
            journal=self.journal,
            room=self.room,
            exchange=self.gateway,
            credentials=Credentials(
                terminal_id=TERMINAL_ID,
                gateway_url="https://gateway.test",
                key=TILL_KEY,
                gateway_keys={GATEWAY_KID: GATEWAY_KEY.public_key()},
            ),
            clock=self.clock,
            entropy=self.random.randbytes,
            publish=self._hear,
            offline=self.offline_means(),
        )
        self._running = asyncio.create_task(self.runner.run())

    def offline_means(self) -> OfflineMeans | None:
        """This till sells over the line only."""
        return None

    def open_journal(self) -> Journal:
        return Journal.open(self.path, terminal_id=TERMINAL_ID)

    async def close(self) -> None:
        assert self._running is not None
        self.runner.stop()
        await self._running
        self.journal.close()

    async def crash(self) -> None:
        """Everything in memory is gone in the middle of whatever it was doing."""
        assert self._running is not None
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)
        self.journal.close()

    async def restart(self) -> None:
        await self.crash()
        await self.open()

    def _hear(self, view: Published) -> None:
        self.heard.append(view)
        self._news.set()

    # --- the cashier ----------------------------------------------------------------------------------------------

    def scan(
        self, fen: int = 1250, *, order_no: str | None = None, sale_id: str | None = None, qr: bool = False
    ) -> str:
        """Submits a payment; returns its request id."""
        self._asked += 1
        request_id = f"R{self._asked}"
        self._press(
            StartPayment(
                request_id=request_id,
                sale_id=sale_id,
                order_no=order_no,
                amount=Money(fen),
                presented=Presented.MERCHANT if qr else Presented.CUSTOMER,
                auth_code=None if qr else Secret(CODE),
                subject="tea",
                operator="01",
                scanned_at_ms=self.clock.mono_ms(),
            )
        )
        return request_id

    def cancel(self, payment_no: str) -> None:
        self.runner.submit(CancelPayment(payment_no=payment_no, operator="01"))

    def give_back(self, order_no: str, fen: int) -> str:
        """Submits a refund; returns its request id."""
        self._asked += 1
        request_id = f"R{self._asked}"
        self._press(StartRefund(request_id=request_id, order_no=order_no, amount=Money(fen), note="", operator="01"))
        return request_id

    def _press(self, command: StartPayment | StartRefund) -> None:
        self._pressed = command
        self.runner.submit(command)

    def press_again(self) -> None:
        """A key bounces: the latest payment or refund comes once more, as the same press."""
        assert self._pressed is not None
        self.runner.submit(self._pressed)

    def take_cash(
        self,
        fen: int = 1250,
        *,
        received: int | None = None,
        order_no: str | None = None,
        limits: CashLimits = PLENTY,
    ) -> str:
        """Submits a tender in cash; returns its request id."""
        self._asked += 1
        request_id = f"R{self._asked}"
        self.runner.submit(
            TakeCash(
                request_id=request_id,
                order_no=order_no,
                amount=Money(fen),
                received_fen=fen if received is None else received,
                limits=limits,
                operator="01",
            )
        )
        return request_id

    def return_cash(self, payment_no: str) -> str:
        self._asked += 1
        request_id = f"R{self._asked}"
        self.runner.submit(
            ReturnCash(request_id=request_id, payment_no=payment_no, why=CashBack.WRONG_AMOUNT, operator="01")
        )
        return request_id

    def listen(self) -> None:
        self.runner.submit(ListenToStore())

    async def until(self, found: Callable[[], bool], *, within_s: float = 120) -> None:
        async with asyncio.timeout(within_s):
            while not found():
                self._news.clear()
                await self._news.wait()

    async def view(self, request_id: str, *states: TerminalState, within_s: float = 120) -> PaymentView:
        """The payment's picture once it is in one of the states (any when none is named)."""

        def found() -> bool:
            seen = self.last(request_id)
            return seen is not None and (not states or seen.state in states)

        await self.until(found, within_s=within_s)
        seen = self.last(request_id)
        assert seen is not None
        return seen

    async def refused(self, request_id: str) -> Reason:
        await self.until(lambda: bool(self.refusals(request_id)))
        return self.refusals(request_id)[0]

    async def up(self) -> None:
        await self.until(lambda: self.link is not None and self.link.line is Line.UP)

    def last(self, request_id: str) -> PaymentView | None:
        seen = [v for v in self.heard if isinstance(v, PaymentView) and v.request_id == request_id]
        return seen[-1] if seen else None

    def by_number(self, payment_no: str) -> PaymentView | None:
        seen = [v for v in self.heard if isinstance(v, PaymentView) and v.payment_no == payment_no]
        return seen[-1] if seen else None

    async def number_in(self, payment_no: str, *states: TerminalState, within_s: float = 120) -> PaymentView:
        def found() -> bool:
            seen = self.by_number(payment_no)
            return seen is not None and seen.state in states

        await self.until(found, within_s=within_s)
        seen = self.by_number(payment_no)
        assert seen is not None
        return seen

    @property
    def refunds(self) -> list[RefundView]:
        return [v for v in self.heard if isinstance(v, RefundView)]

    @property
    def rings(self) -> list[StorePaidView]:
        return [v for v in self.heard if isinstance(v, StorePaidView)]

    def refusals(self, request_id: str) -> list[Reason]:
        return [v.reason for v in self.heard if isinstance(v, CommandRefused) and v.request_id == request_id]

    @property
    def link(self) -> LinkView | None:
        seen = [v for v in self.heard if isinstance(v, LinkView)]
        return seen[-1] if seen else None


def at_the_counter(
    folder: Path, story: Callable[[Counter], Awaitable[None]], *, wall_error_ms: int = 0, opened: bool = True
) -> Counter:
    """Runs one story in virtual time and closes the till."""
    loop = VirtualTimeLoop()

    async def main() -> Counter:
        counter = Counter(folder, loop, wall_error_ms=wall_error_ms)
        if opened:
            await counter.open()
        await story(counter)
        await counter.close()
        return counter

    return run_virtual(main(), loop)
