"""A till in the world: the real runner over its real journal file, and the screen that its cashier looks at.

The file outlives the process; what was on the screen is gone after a death, and the cashier looks again.
"""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from msgspec.structs import replace

from proof.simulation.failing_journal import FailingJournal
from proof.simulation.faults import Clocks, Deaths, Disks
from proof.simulation.mortal import Mortal
from proof.simulation.network import LineEnd, Reply, Serve, Wire
from proof.simulation.offline_kit import Means
from proof.simulation.processes import Process, outside
from proof.simulation.stage import Stage
from proof.simulation.till_evidence import TillFile, TillSight
from proof.simulation.trace import Trace
from protocol.money import Money
from protocol.numbers import TERMINAL_ID_BYTES, new_terminal_id
from protocol.signature import RequestParts, ResponseParts
from sync.engine.model import (
    Command,
    CommandRefused,
    LinkView,
    ListenToStore,
    PaymentView,
    ProofView,
    Published,
    RefundView,
    StorePaidView,
)
from sync.journal.room import Room
from sync.link.calls import Credentials
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from sync.runner import Runner

GATEWAY_URL = "http://127.0.0.1:8700"
_PLENTY = 1 << 40
#: A quarter of an hour, a daylight saving hour, a day, a battery that died in the drawer.
CLOCK_STEPS_MS = (-900_000, -61_000, 45_000, 600_000, 3_600_000, -3_600_000, 86_400_000, -820_000_000_000)


class _Clock:
    """A shop PC's clock: since boot it is right; on the wall it is what it is, and it may be set at any time."""

    def __init__(self, now_ms: Callable[[], int], mono_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._mono_ms = mono_ms
        self.off_ms = 0
        self.booted_ms = 0

    def mono_ms(self) -> int:
        return self._mono_ms() - self.booted_ms

    def wall_ms(self) -> int:
        return self._now_ms() + self.off_ms

    def slept_ms(self) -> int:
        return 0


class Screen:
    """What the cashier can see. `changed` is replaced at each picture, so that people can wait for the next one."""

    def __init__(self) -> None:
        self.payments: dict[str, PaymentView] = {}
        self.refused: dict[str, CommandRefused] = {}
        self.proofs: dict[str, ProofView] = {}
        self._changed = asyncio.Event()

    def show(self, view: PaymentView | ProofView | CommandRefused) -> None:
        if isinstance(view, PaymentView):
            self.payments[view.payment_no] = view
        elif isinstance(view, ProofView):
            self.proofs[view.request_id] = view
        else:
            self.refused[view.request_id] = view
        self.wake()

    def clear(self) -> None:
        """The program died: the screen is black."""
        self.payments, self.refused, self.proofs = {}, {}, {}
        self.wake()

    def wake(self) -> None:
        changed, self._changed = self._changed, asyncio.Event()
        changed.set()

    async def change(self, within_s: float) -> bool:
        """Waits for the next picture; False when nothing changed in that time."""
        changed = self._changed
        try:
            async with asyncio.timeout(within_s):
                await changed.wait()
        except TimeoutError:
            return False
        return True


class TillHost(Mortal):
    """One till with its folder. `shown`, `sent` and `compared` (a typed code, right before) tell the judge; `twin`:
    whose identity this machine copied; `means`: what it needs to sell without the line; `rang`: tells that it rings for
    the store's static QR; None: nobody listens for that."""

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        stage: Stage,
        make_key: Callable[[bytes], Ed25519PrivateKey],
        chance: Random,
        deaths: Deaths,
        disks: Disks,
        clocks: Clocks,
        now_ms: Callable[[], int],
        mono_ms: Callable[[], int],
        wire: Wire,
        serve: Callable[[RequestParts], Serve],
        gateway_keys: Mapping[str, Ed25519PublicKey],
        trace: Trace,
        shown: Callable[[TillSight, PaymentView | RefundView | ProofView], None],
        sent: Callable[[TillSight, RequestParts], None],
        compared: Callable[[TillSight, int, int], None],
        twin: TillHost | None = None,
        means: Means | None = None,
        fell: Callable[[str, BaseException], None],
        rang: Callable[[TillSight, StorePaidView], None] | None = None,
    ) -> None:
        super().__init__(name=name, chance=chance, deaths=deaths, trace=self._note, fell=fell)
        folder.mkdir()
        self._folder = folder
        self._journal_path = folder / "journal.db"
        stage.fresh_journal(self._journal_path)
        self._disks = disks
        self._clocks = clocks
        self.clock = _Clock(now_ms, mono_ms)
        self._full = False
        self._now_ms = now_ms
        self._mono_ms = mono_ms
        self._wire = wire
        self._serve = serve
        self._trace = trace
        self._shown = shown
        self._sent = sent
        self._compared = compared
        self.terminal_id = twin.terminal_id if twin else new_terminal_id(chance.randbytes(TERMINAL_ID_BYTES))
        self.key = twin.key if twin else make_key(chance.randbytes(32))
        self.means = means
        self._is_copy = twin is not None
        self.who = Credentials(
            terminal_id=self.terminal_id,
            gateway_url=GATEWAY_URL,
            key=self.key,
            gateway_keys=gateway_keys,
            epoch=twin.who.epoch if twin else 1,
        )
        self.sight = TillSight(name=name, terminal_id=self.terminal_id, file=TillFile(self._journal_path))
        self.sight.anchored = None if means is None else means.anchor.read
        self.screen = Screen()
        self.link: LinkView | None = None
        self._runner: Runner | None = None
        self._rang = rang

    def submit(self, command: Command) -> bool:
        """The cashier presses something; False when the program is not running."""
        if self._runner is None:
            return False
        self.sight.presses(command)
        self._runner.submit(command)
        return True

    async def run(self, process: Process) -> None:
        journal = FailingJournal.open(self._journal_path, terminal_id=self.terminal_id).fails_by(self._disk_fails)
        process.on_death(journal.close)
        if self._clocks.till_off:
            wrong = not self._calm and self.chance.random() < self._clocks.till_off
            self.clock.off_ms = self.chance.choice(CLOCK_STEPS_MS) if wrong else 0
        runner = Runner(
            journal=journal,
            room=Room(self._folder, ballast_bytes=0, free=lambda _: 0 if self._full else _PLENTY),
            exchange=_Line(self, process),
            credentials=self.who,
            clock=self.clock,
            entropy=self.chance.randbytes,
            publish=lambda view: self._publish(process, view),
            offline=None if self.means is None else self.means.of_epoch(self.who.epoch, self._compares),
        )
        self._runner = runner
        self.sight.up_since_ms = self._now_ms()
        self.up.set()
        self.screen.wake()
        if self._rang is not None:
            self.sight.rung.clear()
            runner.submit(ListenToStore())
        await runner.run()

    def _compares(self, code: str, *, terminal_id: str, epoch: int, index: int) -> str:
        """The hash of a typed code is made when it is compared, and only then."""
        assert self.means is not None, "who compares codes has a kit"
        self._compared(self.sight, epoch, index)
        return self.means.slow_hash(code, terminal_id=terminal_id, epoch=epoch, index=index)

    # --- what befalls its machine --------------------------------------------------------------------------------

    def troubles(self) -> list[Coroutine[Any, Any, None]]:
        """Beside deaths: its disk runs full and has room again, its clock is set."""
        return [self.misfortune(), self._runs_full(), self._clock_is_set()]

    def calm(self) -> None:
        super().calm()
        self._full = False

    def power_cut(self) -> None:
        """Everything at once, and the clock since boot begins again."""
        if self.process is not None:
            self.die(self.process)
        self.clock.booted_ms = self._mono_ms()

    def copy_disk(self, to: Path) -> None:
        """A whole copy of the journal, as a backup or a disk image has it."""
        if self.means is not None:
            self.means.is_copied()
        to.unlink(missing_ok=True)
        with closing(sqlite3.connect(self._journal_path)) as mine, closing(sqlite3.connect(to)) as copy:
            mine.backup(copy)

    def activated_again(self, epoch: int) -> None:
        """Its program starts anew under its next epoch."""
        self.who = replace(self.who, epoch=epoch)
        self.start_again()

    def start_again(self) -> None:
        if self.process is not None:
            self.die(self.process)

    def start_from(self, copy: Path) -> None:
        """Its journal is replaced by an older copy: what happened since is unknown to it."""
        if self.process is not None:
            self.die(self.process)
        sold = self._sold_without_line()
        self.sight.file.close()
        for end in ("", "-wal", "-shm"):
            self._journal_path.with_name(self._journal_path.name + end).unlink(missing_ok=True)
        shutil.copyfile(copy, self._journal_path)
        self.sight.forget()
        self.sight.agreed = not self._is_copy and sold == self._sold_without_line()

    def _sold_without_line(self) -> set[tuple[str, bool]]:
        """Its ORDERs, and whether their proofs were taken: what no older disk may forget."""
        held = {number: record.offline for number, record in self.sight.file.payments().items()}
        return {(number, part.proof is not None) for number, part in held.items() if part is not None}

    def _disk_fails(self) -> str | None:
        if self._calm:
            return None
        if self._full:
            return "full"
        if self._disks.till_fails and self.chance.random() < self._disks.till_fails:
            how = self.chance.choice(("lost", "kept"))
            self._note("disk_fails", how)
            self._trace.count(f"commit_fails_{how}")
            return how
        return None

    async def _runs_full(self) -> None:
        every = self._disks.full_every
        while every is not None:
            await asyncio.sleep(round(self.chance.uniform(*every), 3))
            if self._calm:
                return
            self._full = True
            self._note("disk_full", "")
            self._trace.count("disk_full")
            await asyncio.sleep(round(self.chance.uniform(*self._disks.full_lasts), 3))
            self._full = False

    async def _clock_is_set(self) -> None:
        every = self._clocks.till_steps
        while every is not None:
            await asyncio.sleep(round(self.chance.uniform(*every), 3))
            if self._calm:
                return
            self.clock.off_ms = self.chance.choice((0, *CLOCK_STEPS_MS))
            self._note("clock_set", str(self.clock.off_ms))
            self._trace.count("clock_set")

    def went_down(self) -> None:
        self._runner = None
        self.sight.up_since_ms, self.sight.unsent_fen, self.sight.line = None, None, None
        self.link = None
        self.screen.clear()

    async def exchange(self, process: Process, request: RequestParts, timeouts: Timeouts) -> Reply | LineEnd:
        """One request on the wire: the process may die right before it, and right after the answer."""
        await self.await_point(process)
        about = f"{request.method} {request.path}{'?' + request.query if request.query else ''}"
        self._sent(self.sight, request)
        reply = await self._wire.exchange(
            about, self._serve(request), connect_s=timeouts.connect_ms / 1000, read_s=timeouts.read_ms / 1000
        )
        whole = reply.body if isinstance(reply, Reply) and reply.true else None
        self.sight.heard(request, whole=whole, at_ms=self._now_ms())
        if isinstance(reply, Reply) and reply.status == 200 and reply.true and request.path == "/v1/journal":
            self.sight.agreed = True
        self._note(f"line_{reply.status if isinstance(reply, Reply) else reply.value}", about)
        await self.await_point(process)
        return reply

    def _publish(self, process: Process, view: Published) -> None:
        if process.dead:
            return
        if isinstance(view, LinkView):
            self.link = view
            self.sight.unsent_fen, self.sight.line = view.unsent_fen, view.line
            return
        if isinstance(view, RefundView):
            self._note("shows_refund", f"{view.refund_no} {view.state} {view.reason or ''}".rstrip())
            self._shown(self.sight, view)
            return
        if isinstance(view, StorePaidView):
            assert self._rang is not None, "nobody listens for that here"
            if self._dies_here():
                # The power goes between the journal and the bell.
                asyncio.get_running_loop().call_soon(self.die, process, context=outside())
                return
            self._note("rings", f"{view.payment_no} {view.amount.fen}")
            self._rang(self.sight, view)
            return
        if isinstance(view, PaymentView):
            kind = view.proof.kind if view.proof else "cash" if view.cash else ""
            self._note("shows", f"{view.payment_no} {view.state} {view.reason or ''} {kind}".rstrip())
            self._shown(self.sight, view)
        elif isinstance(view, ProofView):
            self._note("reads", f"{view.payment_no} {view.request_id} {view.accepted} {view.reason}")
            self._shown(self.sight, view)
        else:
            self._note("refuses", f"{view.request_id} {view.reason}")
            self.sight.refuses(view)
        self.screen.show(view)
        if self._dies_here():
            asyncio.get_running_loop().call_soon(self.die, process, context=outside())

    def _dies_here(self) -> bool:
        return not self._calm and self.chance.random() < self._deaths.at_await

    def _note(self, what: str, about: str) -> None:
        self._trace.note(self._now_ms(), self.name, what, about)


class _Line:
    """`sync.link.exchange.Exchange` over the world's network."""

    def __init__(self, till: TillHost, process: Process) -> None:
        self._till = till
        self._process = process

    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        reply = await self._till.exchange(self._process, request, timeouts)
        match reply:
            case Reply():
                return ResponseParts(status=reply.status, headers=reply.headers, body=reply.body)
            case LineEnd.REFUSED | LineEnd.NO_NAME | LineEnd.CONNECT_TIMEOUT:
                return NotSent(detail=reply.value)
            case LineEnd.CUT | LineEnd.READ_TIMEOUT:
                return NoAnswer(detail=reply.value)


async def find_started(till: TillHost, request_id: str, seen: set[str], amount: Money) -> PaymentView | None:
    """The payment that a cashier's command started, found again after a crash; None when there is none. `seen`: the
    numbers that were there before."""
    screen, patience = till.screen, 40
    while patience:
        if request_id in screen.refused:
            return None
        for view in screen.payments.values():
            new = view.cash is None and view.payment_no not in seen and view.amount == amount
            if view.request_id == request_id or new:
                return view
        patience -= 1
        if not await screen.change(5.0) and till.up.is_set():
            return None
    return None
