"""One world: one seed, one profile, one clock. Tills, gateway, wallet and people live in it until they are done.

First faults are drawn and the people work; then the world becomes calm and everything has to come to rest within a
bound, with no human action. Every stream of chance has its own name, so that one more draw in one place moves no other.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.keys import GatewayKeys
from proof.asked import Asked
from proof.simulation.customers import Cashier
from proof.simulation.evidence import Evidence, GatewayFile, TillSight
from proof.simulation.faults import LineFaults, Profile
from proof.simulation.gateway import GatewayHost, SeededEntropy
from proof.simulation.judge import Judge, Violation
from proof.simulation.network import Forge, Reply, Serve, Wire, inside
from proof.simulation.phones import Phones
from proof.simulation.processes import MortalLoop, spawn_outside
from proof.simulation.signers import REAL_EVERY
from proof.simulation.stage import START_MS, Stage
from proof.simulation.terminal import TillHost
from proof.simulation.trace import Trace
from proof.wallets import Wallets
from protocol.keys import public_text
from protocol.signature import RequestParts
from sandbox.wallet import OrderMoney, Outgoing
from sandbox.wallets import open_wallets

#: After the faults: a QR that was just shown (120 s), its confirmed close, an absence proof, and pauses that had grown.
REST_WITHIN_S: Final = 300.0
#: Late money is looked for until a day after the end.
LATE_MONEY_WITHIN_S: Final = 25 * 3600.0
_MOST_S: Final = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of one world."""

    seed: int
    profile: str
    violation: Violation | None
    timeline: tuple[str, ...]
    orders: int
    payments: int
    paid: int
    virtual_s: float
    deaths: int
    checks: int
    faults: dict[str, int]
    ends: dict[str, int]
    trace: str


def run_world(
    seed: int,
    profile: Profile,
    stage: Stage,
    *,
    real_crypto: bool = False,
    keep_trace: Callable[[list[str]], None] | None = None,
) -> Outcome:
    """Runs one world from its beginning to its end. The same seed and profile give the same `trace`."""
    folder = stage.folder / f"{profile.name}-{seed}"
    folder.mkdir()
    try:
        with asyncio.Runner(loop_factory=MortalLoop) as runner:
            world = runner.run(_made(seed, profile, stage, folder, real_crypto))
            outcome = runner.run(world.live())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if keep_trace is not None:
        keep_trace(world.trace.lines)
    return outcome


async def _made(seed: int, profile: Profile, stage: Stage, folder: Path, real_crypto: bool) -> World:
    return World(seed, profile, stage, folder, real_crypto=real_crypto)


class World:
    """See the module. Build it inside its loop."""

    def __init__(self, seed: int, profile: Profile, stage: Stage, folder: Path, *, real_crypto: bool) -> None:
        self.seed = seed
        self.profile = profile
        self.trace = Trace()
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._burying = False
        stage.fresh_gateway()
        self._stage = stage
        self._signers = stage.real if real_crypto or seed % REAL_EVERY == 0 else stage.hashed
        entropy = SeededEntropy(self.chance("keys"))
        keys = GatewayKeys(
            http=self._signers.make_key(entropy.bytes(32)), root=self._signers.make_key(entropy.bytes(32))
        )
        made = open_wallets(self._signers.merchants, random_bytes=self.chance("wallet").randbytes)
        self.wallets = Wallets(made, now_ms=self.now_ms, watch=self._money_moved)
        self._lines: list[Wire] = []
        self._wallet_line = self._wire("wallet", profile.wallet)
        self._callback_line = self._wire("callbacks", profile.callbacks)
        # A third of the shops show the wallets' own QRs, the others their page.
        qr_wallet = self.chance("qr").choice((*sorted(self.wallets.by_name), *(None,) * 6))
        self.gateway = GatewayHost(
            engine=stage.engine,
            path=stage.gateway_path,
            texts=stage.texts,
            qr_wallet=qr_wallet,
            keys=keys,
            signers=self._signers,
            chance=self.chance("gateway"),
            deaths=profile.gateway_deaths,
            now_ms=self.now_ms,
            wallets=self.wallets,
            wire=self._wallet_line,
            trace=self.trace,
            committed=self._committed,
            called=self._channel_called,
            fell=self._fell,
        )
        self.tills = self._tills(folder, keys)
        self.gateway.install([(till.terminal_id, public_text(till.key)) for till in self.tills])
        self.judge = Judge(
            Evidence(
                gateway=GatewayFile(stage.gateway_path),
                tills={till.name: till.sight for till in self.tills},
                money=self.wallets.money,
                now_ms=self.now_ms,
                strict=not profile.late_money,
                faultless=profile.faultless,
            )
        )
        phones = Phones(
            wallets=self.wallets,
            wire=self._wire("phones", profile.line),
            serve=lambda request: self._at_gateway(lambda: self.gateway.open_page(request)),
            now_ms=self.now_ms,
        )
        self._cashiers = [
            Cashier(
                till=till,
                wallets=self.wallets,
                phones=phones,
                people=profile.people,
                chance=self.chance(f"people {till.name}"),
                now_ms=self.now_ms,
                mono_ms=self.mono_ms,
                trace=self.trace,
            )
            for till in self.tills
        ]
        stage.on_error = self._logged
        self._loop.set_exception_handler(self._unseen)

    # --- time and chance -----------------------------------------------------------------------------------------

    def mono_ms(self) -> int:
        return round(self._loop.time() * 1000)

    def now_ms(self) -> int:
        return START_MS + self.mono_ms()

    def chance(self, name: str) -> Random:
        """A stream of its own. A text seed is hashed with SHA-512: nothing depends on PYTHONHASHSEED."""
        return Random(f"{self.seed}/{self.profile.name}/{name}")

    # --- from beginning to end -----------------------------------------------------------------------------------

    async def live(self) -> Outcome:
        background: list[asyncio.Task[None]] = [spawn_outside(line.weather()) for line in self._lines]
        background += [spawn_outside(host.misfortune()) for host in (self.gateway, *self.tills)]
        background.append(spawn_outside(self._customers_pay()))
        self.gateway.start()
        for till in self.tills:
            till.start()
        try:
            await self._until(asyncio.gather(*(cashier.work() for cashier in self._cashiers)), _MOST_S, "the_day_ends")
            if self.judge.first is None:
                await self._come_to_rest()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            outcome = self._outcome()
            await self._bury()
        return outcome

    async def _until(self, work: asyncio.Future[Any], within_s: float, what: str) -> None:
        """Waits for the work, the first violation, or too long."""
        over = asyncio.ensure_future(self._over.wait())
        done, _ = await asyncio.wait({work, over}, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        over.cancel()
        if work in done:
            work.result()
            return
        work.cancel()
        if self.judge.first is None:
            self._broken(what, "the world", f"not within {within_s:.0f} s")

    async def _come_to_rest(self) -> None:
        self._note("calm", "")
        for line in self._lines:
            line.calm()
        for host in (self.gateway, *self.tills):
            host.calm()
        slowest_s = max(self.profile.line.slow_delay[1], self.profile.wallet.slow_delay[1])
        if await self._rests_within(REST_WITHIN_S + slowest_s, every_s=5.0):
            return
        if self.profile.late_money and self.judge.first is None:
            if await self._rests_within(LATE_MONEY_WITHIN_S, every_s=300.0):
                return
        self.judge.calm()

    async def _rests_within(self, within_s: float, *, every_s: float) -> bool:
        until = self._loop.time() + within_s
        while self._loop.time() < until and self.judge.first is None:
            await asyncio.sleep(every_s)
            if self.judge.at_rest():
                return self.judge.first is None
        return False

    async def _customers_pay(self) -> None:
        """Customers pay, and trades end, by time alone: the judge is told at that very moment."""
        while True:
            due_ms = self.wallets.next_event_ms()
            left_s = 1.0 if due_ms is None else min(1.0, max(0.001, (due_ms - self.now_ms()) / 1000))
            await asyncio.sleep(left_s)
            if due_ms is not None and due_ms <= self.now_ms():
                self.wallets.look()
            for wallet, outgoing in self.wallets.due_notifications():
                spawn_outside(self._deliver(wallet, outgoing))

    async def _deliver(self, wallet: str, outgoing: Outgoing) -> None:
        """One delivery of one notification, over a line as bad as the others; a wallet waits five seconds."""
        reply = await self._callback_line.exchange(
            f"notify {wallet}", self._at_gateway(lambda: self.gateway.notify(outgoing)), connect_s=2.0, read_s=5.0
        )
        answered = reply if isinstance(reply, Reply) else None
        self._note("notified", f"{wallet} {answered.status if answered is not None else reply}")
        self.wallets.notified(wallet, outgoing, answered)

    async def _bury(self) -> None:
        self._burying = True
        for host in (*self.tills, self.gateway):
            await host.bury()
        self.judge.evidence.gateway.close()
        for till in self.tills:
            till.sight.file.close()

    # --- what is told to the judge and the trace -----------------------------------------------------------------

    def _money_moved(self, out_trade_no: str, money: OrderMoney) -> None:
        self._note(
            "money", f"{out_trade_no} {money.state.value} captured={money.captured_fen} refunded={money.refunded_fen}"
        )
        self.judge.money_moved(out_trade_no)
        self._stop_if_broken()

    def _committed(self) -> None:
        before = self.judge.evidence.rows
        self.judge.committed()
        for number, row in self.judge.evidence.rows.items():
            if number not in before or before[number].state is not row.state:
                self._note("row", f"{number} {row.state} {row.proof or ''}".rstrip())
        self._stop_if_broken()

    def _shown(self, till: TillSight, view: Any) -> None:
        self.judge.shown(till, view)
        self._stop_if_broken()

    def _sent(self, till: TillSight, request: RequestParts) -> None:
        self.judge.sent(till, request)
        self._stop_if_broken()

    def _channel_called(self, asked: Asked) -> None:
        self.judge.channel_called(asked)
        self._stop_if_broken()

    def _fell(self, who: str, error: BaseException) -> None:
        self._broken("no_program_falls_over", who, f"{type(error).__name__}: {error}")

    def _logged(self, event: str) -> None:
        if not self._burying:
            self._broken("no_error_is_logged", "a log", event)

    def _unseen(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if not self._burying:
            self._broken("no_error_goes_unseen", "a task", f"{context.get('message')}: {context.get('exception')!r}")

    def _broken(self, invariant: str, about: str, what: str) -> None:
        self.judge.broken(invariant, about, what)
        self._stop_if_broken()

    def _stop_if_broken(self) -> None:
        if self.judge.first is not None:
            self._over.set()

    def _note(self, what: str, about: str) -> None:
        self.trace.note(self.now_ms(), "world", what, about)

    def _outcome(self) -> Outcome:
        violation = self.judge.first
        rows = self.judge.evidence.rows.values()
        return Outcome(
            seed=self.seed,
            profile=self.profile.name,
            violation=violation,
            timeline=() if violation is None else self._timeline(violation.about),
            orders=len({row.order_no for row in rows}),
            payments=sum(len(till.sight.file.payments()) for till in self.tills),
            paid=sum(1 for row in rows if row.state.value == "PAID"),
            virtual_s=self._loop.time(),
            deaths=self.gateway.deaths + sum(till.deaths for till in self.tills),
            checks=self.judge.checks,
            faults=dict(self.trace.counts),
            ends=self._ends(),
            trace=self.trace.digest(),
        )

    def _ends(self) -> dict[str, int]:
        """How payments ended: shows which rare paths were reached at all."""
        ends: Counter[str] = Counter()
        for row in self.judge.evidence.rows.values():
            ends[row.state.value if row.proof is None else row.proof.value] += 1
            if row.late is not None:
                ends[f"late money {row.late.value}"] += 1
        return dict(ends)

    def _timeline(self, about: str) -> tuple[str, ...]:
        """All that is known of an order: the world's lines, the gateway's and the tills' own records."""
        order_no = about[:25] if len(about) >= 25 else ""
        if not order_no:
            return tuple(self.trace.lines[-60:])
        lines = [line for line in self.trace.lines if order_no in line or " dies " in line or " starts " in line]
        lines += [f"gateway file: {event}" for event in self.judge.evidence.gateway.events(order_no)]
        for till in self.tills:
            numbers = [number for number in till.sight.views if number.startswith(order_no)]
            lines += [f"{till.name} file: {entry}" for n in numbers for entry in till.sight.file.entries(n)]
        return tuple(lines[-200:])

    # --- how it is built -----------------------------------------------------------------------------------------

    def _wire(self, name: str, faults: LineFaults, *, forge: Forge | None = None) -> Wire:
        def note(what: str, about: str) -> None:
            self.trace.count(what)
            self.trace.note(self.now_ms(), "network", what, about)

        wire = Wire(
            name=name,
            faults=faults,
            chance=self.chance(f"line {name}"),
            note=note,
            forge=forge,
        )
        self._lines.append(wire)
        return wire

    def _tills(self, folder: Path, keys: GatewayKeys) -> list[TillHost]:
        tills: list[TillHost] = []
        for number in range(1, self.chance("tills").randint(*self.profile.people.tills) + 1):
            name = f"till{number}"
            till = TillHost(
                name=name,
                folder=folder / name,
                stage=self._stage,
                make_key=self._signers.make_key,
                chance=self.chance(name),
                deaths=self.profile.till_deaths,
                clock_off=self.profile.clock_off,
                now_ms=self.now_ms,
                mono_ms=self.mono_ms,
                wire=self._wire(name, self.profile.line),
                serve=self._serve,
                gateway_keys={keys.http_kid: keys.http.public_key()},
                trace=self.trace,
                shown=self._shown,
                sent=self._sent,
                fell=self._fell,
            )
            tills.append(till)
        return tills

    def _serve(self, request: RequestParts) -> Serve:
        return self._at_gateway(lambda: self.gateway.serve(request))

    def _at_gateway(self, work: Callable[[], Awaitable[Reply | None]]) -> Serve:
        return inside(lambda: self.gateway.process, work)
