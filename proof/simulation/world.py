"""One world: one seed, one profile, one clock. Tills, gateway, wallet and people live in it until they are done.

First faults are drawn and the people work; then the world becomes calm and everything has to come to rest within a
bound, with no human action. Every stream of chance has its own name, so that one more draw in one place moves no other.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.keys import GatewayKeys
from gateway.store.units import StoreFailed
from proof.asked import Asked
from proof.simulation.calls import Call
from proof.simulation.customers import Cashier
from proof.simulation.evidence import Evidence, GatewayFile, TillSight
from proof.simulation.faults import LineFaults, Profile
from proof.simulation.forging import forged_answer
from proof.simulation.gateway import GatewayHost, SeededEntropy
from proof.simulation.judge import Judge
from proof.simulation.mask import NOTHING, Mask
from proof.simulation.network import Forge, Reply, Serve, Wire, inside
from proof.simulation.outcome import Outcome, ends_of, timeline_of
from proof.simulation.phones import Phones
from proof.simulation.processes import MortalLoop, spawn_outside
from proof.simulation.rogue import Rogue
from proof.simulation.signers import REAL_EVERY
from proof.simulation.stage import START_MS, Stage
from proof.simulation.terminal import GATEWAY_URL, TillHost
from proof.simulation.trace import Trace
from proof.simulation.troubles import POISON, Misfortunes
from proof.wallets import Wallets
from protocol.keys import public_text
from protocol.numbers import TERMINAL_ID_BYTES, new_terminal_id
from protocol.secret import Secret
from protocol.signature import RequestParts
from sandbox.wallet import OrderMoney, Outgoing
from sandbox.wallets import Merchants, open_wallets
from sandbox.wechat.merchant import KeyMode
from sync.link.calls import Credentials

#: After the faults: a QR that was just shown (120 s), its confirmed close, an absence proof, and pauses that had grown.
REST_WITHIN_S: Final = 300.0
#: Late money is looked for until a day after the end.
LATE_MONEY_WITHIN_S: Final = 25 * 3600.0
_MOST_S: Final = 6 * 3600.0
_LOOK_EVERY_S: Final = 20.0
_IDLE_S: Final = 1.0
#: What is always under way on a line: polls that the gateway holds.
_POLLS: Final = 3
#: How far a clock that is being set may be from the true time.
_GATEWAY_SKEW_MS: Final = 200_000


def run_world(
    seed: int,
    profile: Profile,
    stage: Stage,
    *,
    real_crypto: bool = False,
    mask: Mask = NOTHING,
    keep_trace: Callable[[list[str]], None] | None = None,
) -> Outcome:
    """Runs one world from its beginning to its end. The same seed and profile give the same `trace`."""
    folder = stage.folder / f"{profile.name}-{seed}"
    folder.mkdir()
    try:
        with asyncio.Runner(loop_factory=MortalLoop) as runner:
            world = runner.run(_made(seed, mask.over(profile), stage, folder, real_crypto, mask))
            outcome = runner.run(world.live())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if keep_trace is not None:
        keep_trace(world.trace.lines)
    return outcome


async def _made(seed: int, profile: Profile, stage: Stage, folder: Path, real_crypto: bool, mask: Mask) -> World:
    return World(seed, profile, stage, folder, real_crypto=real_crypto, mask=mask)


class World:
    """See the module. Build it inside its loop."""

    def __init__(
        self, seed: int, profile: Profile, stage: Stage, folder: Path, *, real_crypto: bool, mask: Mask
    ) -> None:
        self.seed = seed
        self.profile = profile
        self.trace = Trace()
        self._loop = asyncio.get_running_loop()
        self._over = asyncio.Event()
        self._burying = False
        stage.fresh_gateway()
        self._stage = stage
        self._folder = folder
        self._mask = mask
        real = real_crypto or seed % REAL_EVERY == 0
        self._signers = stage.real if real else stage.hashed
        keys = self._gateway_keys()
        self._known_keys = {one.http_kid: one.http.public_key() for one in keys}
        made = open_wallets(self._merchants(), random_bytes=self.chance("wallet").randbytes)
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
            keys=keys[0],
            signers=self._signers,
            chance=self.chance("gateway"),
            deaths=profile.gateway_deaths,
            disks=profile.disks,
            clocks=profile.clocks,
            now_ms=self.now_ms,
            wallets=self.wallets,
            wire=self._wallet_line,
            trace=self.trace,
            committed=self._committed,
            called=self._channel_called,
            died=self._gateway_died,
            fell=self._fell,
        )
        self.tills = self._tills()
        rogue_id = new_terminal_id(self.chance("rogue terminal").randbytes(TERMINAL_ID_BYTES))
        rogue_key = self._signers.make_key(self.chance("rogue key").randbytes(32))
        devices = [(till.terminal_id, public_text(till.key)) for till in self.tills]
        self.gateway.install([*devices, (rogue_id, public_text(rogue_key))])
        self.judge = Judge(
            Evidence(
                gateway=GatewayFile(stage.gateway_path),
                tills={till.name: till.sight for till in self.tills},
                money=self.wallets.money,
                now_ms=self.now_ms,
                strict=not profile.late_money,
                faultless=profile.faultless,
                gateway_up_since=lambda: self.gateway.up_since_ms,
                skew_ms=_GATEWAY_SKEW_MS if profile.clocks.gateway_steps else 0,
            )
        )
        self._phones = Phones(
            wallets=self.wallets,
            wire=self._wire("phones", profile.line),
            serve=lambda request: self._at_gateway(lambda: self.gateway.open_page(request)),
            now_ms=self.now_ms,
        )
        self._cashiers = [self._cashier(till) for till in self.tills]
        self._extra: list[asyncio.Task[None]] = []
        self._misfortunes = Misfortunes(
            troubles=profile.troubles,
            chance_of=self.chance,
            gateway=self.gateway,
            gateway_path=stage.gateway_path,
            tills=tuple(self.tills),
            keys=keys,
            clone=self._clone,
            unruly=self.judge.evidence.unruly.add,
            note=self._befell,
        )
        if profile.troubles.rogue and self.chance("rogue at all").random() < profile.troubles.rogue:
            self._let_loose(
                Credentials(terminal_id=rogue_id, gateway_url=GATEWAY_URL, key=rogue_key, gateway_keys=self._known_keys)
            )
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
        background += [spawn_outside(it) for host in (self.gateway, *self.tills) for it in host.troubles()]
        background += [spawn_outside(it) for it in self._misfortunes.all()]
        background += [spawn_outside(self._customers_pay()), spawn_outside(self._time_passes())]
        self.gateway.start()
        for till in self.tills:
            till.start()
        try:
            await self._until(asyncio.ensure_future(self._day()), _MOST_S, "the_day_ends")
            if self.judge.first is None:
                await self._come_to_rest()
        finally:
            for task in background:
                task.cancel()
            await asyncio.gather(*background, return_exceptions=True)
            outcome = self._outcome()
            await self._bury()
        return outcome

    async def _day(self) -> None:
        """The people's work; a machine that was copied meanwhile has a cashier too."""
        await asyncio.gather(*(cashier.work() for cashier in self._cashiers))
        while not all(task.done() for task in self._extra):
            await asyncio.gather(*self._extra)

    async def _time_passes(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            self.judge.time_passed()
            self._stop_if_broken()

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
        self._misfortunes.calm()
        for host in (self.gateway, *self.tills):
            host.calm()
        lines = (self.profile.line, self.profile.wallet)
        slowest_s = max(line.slow_delay[1] for line in lines)
        if any(line.stray for line in lines):
            await self._strays_arrive()
        if await self._rests_within(REST_WITHIN_S + slowest_s, every_s=5.0):
            return
        if self.profile.late_money and self.judge.first is None:
            if await self._rests_within(LATE_MONEY_WITHIN_S, every_s=300.0):
                return
        self.judge.calm()

    async def _strays_arrive(self) -> None:
        """Requests that were lost for an hour arrive at last; nothing may come of them."""
        until = self._loop.time() + self.profile.line.stray_delay[1]
        while self._loop.time() < until:
            await asyncio.sleep(60.0)
            if all(line.under_way <= _POLLS for line in self._lines):
                return

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
            left_s = _IDLE_S if due_ms is None else min(_IDLE_S, max(0.001, (due_ms - self.now_ms()) / 1000))
            await asyncio.sleep(left_s)
            if due_ms is not None and due_ms <= self.now_ms():
                self.wallets.look()
            for wallet, outgoing in self.wallets.due_notifications():
                spawn_outside(self._deliver(wallet, outgoing))

    async def _deliver(self, wallet: str, outgoing: Outgoing) -> None:
        """One delivery of one notification, over a line as bad as the others; a wallet waits five seconds."""
        reply = await self._callback_line.exchange(
            f"notify {wallet}", self._at_gateway(lambda: self._notified(wallet, outgoing)), connect_s=2.0, read_s=5.0
        )
        answered = reply if isinstance(reply, Reply) else None
        self._note("notified", f"{wallet} {answered.status if answered is not None else reply}")
        self.wallets.notified(wallet, outgoing, answered)

    async def _notified(self, wallet: str, outgoing: Outgoing) -> Reply | None:
        self.judge.evidence.notified_ms[wallet] = self.now_ms()
        return await self.gateway.notify(outgoing)

    async def _bury(self) -> None:
        self._burying = True
        for host in (*self.tills, self.gateway):
            await host.bury()
        self.judge.evidence.gateway.close()
        for till in self.tills:
            till.sight.file.close()

    # --- what is told to the judge and the trace -----------------------------------------------------------------

    def _befell(self, what: str, about: str) -> None:
        self.trace.count(what)
        self._note(what, about)

    def _gateway_died(self) -> None:
        """Its open calls end with it, and what it remembered of codes: that key is never written down."""
        self.judge.evidence.calls.died(self.now_ms())
        self.judge.evidence.charged_with.clear()

    def _money_moved(self, out_trade_no: str, money: OrderMoney) -> None:
        self._note(
            "money", f"{out_trade_no} {money.state.value} captured={money.captured_fen} refunded={money.refunded_fen}"
        )
        self.judge.money_moved(out_trade_no)
        if money.captured_fen and not money.refunded_fen:
            for cashier in self._cashiers:
                cashier.money_moved(out_trade_no[:25])
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

    def _channel_called(self, asked: Asked) -> Call:
        call = self.judge.channel_called(asked)
        self._stop_if_broken()
        return call

    def _fell(self, who: str, error: BaseException) -> None:
        self._broken("no_program_falls_over", who, f"{type(error).__name__}: {error}")

    def _logged(self, event: str) -> None:
        if not self._burying and POISON not in event:
            self._broken("no_error_is_logged", "a log", event)

    def _unseen(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        # A store that failed ends the process: who waited for it then hears nothing more.
        if not self._burying and not isinstance(context.get("exception"), StoreFailed):
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
            timeline=() if violation is None else timeline_of(violation.about, self.trace, self.judge.evidence),
            orders=len({row.order_no for row in rows}),
            payments=sum(len(till.sight.file.payments()) for till in self.tills),
            paid=sum(1 for row in rows if row.state.value == "PAID"),
            virtual_s=self._loop.time(),
            deaths=self.gateway.deaths + sum(till.deaths for till in self.tills),
            checks=self.judge.checks,
            faults=dict(self.trace.counts),
            ends=ends_of(self.judge.evidence.rows.values()),
            trace=self.trace.digest(),
            real_crypto=self._signers.real,
            marks=dict(self.judge.marks.counts),
            sales=tuple((cashier.till_name, n) for cashier in self._cashiers for n in cashier.begun),
        )

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

    def _gateway_keys(self) -> list[GatewayKeys]:
        """One root for ever; the key that signs answers is one of three that the tills know."""
        entropy = SeededEntropy(self.chance("keys"))
        root = self._signers.make_key(entropy.bytes(32))
        return [GatewayKeys(http=self._signers.make_key(entropy.bytes(32)), root=root) for _ in range(3)]

    def _merchants(self) -> Merchants:
        """By which of its keys WeChat Pay signs to this shop; side by side, callbacks change it each time."""
        mode = self.chance("wechat keys").choice((*KeyMode, KeyMode.SIDE_BY_SIDE))
        made = self._signers.merchants
        return replace(made, wechat=replace(made.wechat, key_mode=mode))

    def _tills(self) -> list[TillHost]:
        count = self.chance("tills").randint(*self.profile.people.tills)
        return [self._till(f"till{number}") for number in range(1, count + 1)]

    def _till(self, name: str, twin: TillHost | None = None) -> TillHost:
        return TillHost(
            name=name,
            folder=self._folder / name,
            stage=self._stage,
            make_key=self._signers.make_key,
            chance=self.chance(name),
            deaths=self.profile.till_deaths,
            disks=self.profile.disks,
            clocks=self.profile.clocks,
            now_ms=self.now_ms,
            mono_ms=self.mono_ms,
            wire=self._wire(name, self.profile.line, forge=forged_answer),
            serve=self._serve,
            gateway_keys=self._known_keys,
            trace=self.trace,
            shown=self._shown,
            sent=self._sent,
            twin=twin,
            fell=self._fell,
        )

    def _cashier(self, till: TillHost) -> Cashier:
        def lend(name: str) -> Secret | None:
            """The code that is under another gun."""
            return next((c.code for c in self._cashiers if c.till_name != name and c.code is not None), None)

        return Cashier(
            till=till,
            wallets=self.wallets,
            phones=self._phones,
            people=self.profile.people,
            chance_of=lambda number: self.chance(f"people {till.name} {number}"),
            skipped=lambda number: (till.name, number) in self._mask.skipped,
            lend=lend,
            now_ms=self.now_ms,
            trace=self.trace,
        )

    def _clone(self, till: TillHost, copy: Path) -> None:
        """A second machine starts from a copy of a till's disk, and sells."""
        twin = self._till(f"{till.name}copy", twin=till)
        twin.start_from(copy)
        self.tills.append(twin)
        self.judge.evidence.tills[twin.name] = twin.sight
        twin.start()
        cashier = self._cashier(twin)
        self._cashiers.append(cashier)
        self._extra.append(spawn_outside(cashier.work()))

    def _let_loose(self, who: Credentials) -> None:
        evidence = self.judge.evidence
        evidence.unruly.add(who.terminal_id)
        rogue = Rogue(
            who=who,
            wire=self._wire("rogue", self.profile.line, forge=forged_answer),
            serve=self._serve,
            wallets=self.wallets,
            chance=self.chance("rogue"),
            now_ms=self.now_ms,
            sold=evidence.sale_of.__setitem__,
            broken=self._broken,
            others=lambda: [n for n, row in evidence.rows.items() if row.terminal_id != who.terminal_id],
        )
        self._extra.append(spawn_outside(rogue.work()))

    def _serve(self, request: RequestParts) -> Serve:
        async def serve() -> Reply | None:
            reply = await self.gateway.serve(request)
            if reply is not None and reply.status == 200:
                self.judge.answered(request)
            return reply

        return self._at_gateway(serve)

    def _at_gateway(self, work: Callable[[], Awaitable[Reply | None]]) -> Serve:
        return inside(lambda: self.gateway.process, work)
