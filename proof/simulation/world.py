"""One world: one seed, one profile, one clock. Tills, gateway, wallet and people live in it until they are done.

First faults are drawn and the people work; then the world becomes calm and everything has to come to rest within a
bound, with no human action. Every stream of chance has its own name, so that one more draw in one place moves no other.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from gateway.store.units import StoreFailed
from proof.asked import Asked
from proof.simulation.calls import Call
from proof.simulation.customers import Cashier
from proof.simulation.faults import LineFaults, Profile
from proof.simulation.forging import forged_wallet_answer
from proof.simulation.invariants_begun import Handed
from proof.simulation.making import Around, gateway_keys, make_cashier, make_till, merchants_of
from proof.simulation.making_gateway import make_gateway, make_judge, odd_gateway, qr_wallet_of
from proof.simulation.mask import Mask
from proof.simulation.network import Forge, Reply, Serve, Wire, inside
from proof.simulation.outcome import Outcome, outcome_of
from proof.simulation.persons import Persons
from proof.simulation.phones import Phones, customers_pay
from proof.simulation.processes import running_loop, spawn_outside
from proof.simulation.resting import Resting
from proof.simulation.signers import REAL_EVERY
from proof.simulation.stage import START_MS, Stage
from proof.simulation.static_qr import passers_by
from proof.simulation.strangers import make_rogues, strangers
from proof.simulation.terminal import TillHost
from proof.simulation.till_evidence import TillSight
from proof.simulation.trace import Trace
from proof.simulation.troubles import POISON, Misfortunes
from proof.wallets import Wallets, notification_of
from protocol.keys import public_text
from protocol.signature import RequestParts
from sandbox.wallet import OrderMoney, Outgoing
from sandbox.wallets import open_wallets
from sync.engine.model import PaymentView, ProofView, RefundView, StorePaidView

_MOST_S: Final = 6 * 3600.0
_LOOK_EVERY_S: Final = 20.0


class World:
    """See the module. Build it inside its loop."""

    def __init__(
        self, seed: int, profile: Profile, stage: Stage, folder: Path, *, real_crypto: bool, mask: Mask
    ) -> None:
        self.seed = seed
        self.profile = profile
        self.trace = Trace()
        self._loop = running_loop()
        self._over = asyncio.Event()
        self._burying = False
        stage.fresh_gateway()
        real = real_crypto or seed % REAL_EVERY == 0
        self._signers = stage.real if real else stage.hashed
        keys = gateway_keys(self._signers, self.chance("keys"))
        self._known_keys = {one.http_kid: one.http.public_key() for one in keys}
        merchants = merchants_of(self._signers, self.chance("wechat keys"))
        made = open_wallets(merchants, random_bytes=self.chance("wallet").randbytes)
        self.wallets = Wallets(made, now_ms=self.now_ms, watch=self._money_moved)
        self._lines: list[Wire] = []
        self._wallet_line = self._wire("wallet", profile.wallet, forge=forged_wallet_answer)
        self._wallet_line.swaps = False
        self._callback_line = self._wire("callbacks", profile.callbacks)
        self._around = Around(
            profile=profile,
            stage=stage,
            signers=self._signers,
            mask=mask,
            folder=folder,
            known_keys=self._known_keys,
            wallets=self.wallets,
            trace=self.trace,
            chance=self.chance,
            now_ms=self.now_ms,
            mono_ms=self.mono_ms,
            wire=self._wire,
            serve=self._serve,
            shown=self._shown,
            sent=self._sent,
            compared=self._compared,
            fell=self._fell,
            rang=self._rang,
        )
        self.gateway = make_gateway(
            self._around,
            keys=keys[0],
            qr_wallet=qr_wallet_of(profile, self.chance("qr"), self.wallets),
            merchants=merchants,
            evidence=lambda: self.judge.evidence,
            note=self._befell,
            wire=self._wallet_line,
            committed=self._committed,
            called=self._channel_called,
            died=self._gateway_died,
        )
        count = self.chance("tills").randint(*profile.people.tills)
        self.tills = [make_till(self._around, f"till{number}") for number in range(1, count + 1)]
        of_nobody = strangers(self._around)
        # A till that never speaks would be waited for when the gateway's database was put back.
        others = () if profile.troubles.restores.rate else of_nobody.values()
        devices = [*(till.who for till in self.tills), *others]
        self.gateway.install([(who.terminal_id, public_text(who.key)) for who in devices])
        self.judge = make_judge(self._around, self.tills, self.gateway)
        self._odd_gateway = odd_gateway(self._around, self.gateway, self.judge.evidence)
        self._phones = Phones(
            wallets=self.wallets,
            wire=self._wire("phones", profile.phones or profile.line),
            serve=lambda request: self._at_gateway(lambda: self.gateway.open_page(request)),
            now_ms=self.now_ms,
            paying=self.judge.side.paying,
            handed=self._handed,
        )
        self._cashiers: list[Cashier] = []
        self._cashiers += [make_cashier(self._around, till, self._phones, self._cashiers) for till in self.tills]
        self._extra: list[asyncio.Task[None]] = []
        self._misfortunes = Misfortunes(
            troubles=profile.troubles,
            chance_of=self.chance,
            gateway=self.gateway,
            gateway_path=stage.gateway_path,
            tills=tuple(self.tills),
            keys=keys,
            clone=self._clone,
            unruly=self._around.unruly.add,
            note=self._befell,
        )
        self._persons = Persons(
            self._around,
            gateway=self.gateway,
            tills=self.tills,
            judge=self.judge,
            committed=self._committed,
            note=self._befell,
        )
        key_life = self._persons.key_life
        rogues = make_rogues(
            self._around, of_nobody, self._phones, self.gateway, key_life, self.judge.evidence, self._broken
        )
        self._extra += [spawn_outside(rogue.work()) for rogue in rogues]
        self._extra += [spawn_outside(it) for it in passers_by(self._around, self.gateway, self._phones, self._broken)]
        stage.on_error = self._logged
        self._loop.set_exception_handler(self._unseen)

    # --- time and chance -----------------------------------------------------------------------------------------

    def mono_ms(self) -> int:
        return self._loop.time_ms()

    def now_ms(self) -> int:
        return START_MS + self._loop.time_ms()

    def chance(self, name: str) -> Random:
        """A stream of its own. A text seed is hashed with SHA-512: nothing depends on PYTHONHASHSEED."""
        return Random(f"{self.seed}/{self.profile.name}/{name}")

    # --- from beginning to end -----------------------------------------------------------------------------------

    async def live(self) -> Outcome:
        background: list[asyncio.Task[None]] = [spawn_outside(line.weather()) for line in self._lines]
        background += [spawn_outside(it) for host in (self.gateway, *self.tills) for it in host.troubles()]
        background += [spawn_outside(it) for it in self._misfortunes.all()]
        background += [
            spawn_outside(customers_pay(self.wallets, self.now_ms, self._deliver)),
            spawn_outside(self._time_passes()),
            *(spawn_outside(it) for it in self._persons.come()),
        ]
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
        for troublesome in (*self._lines, self._misfortunes, self._persons, self.gateway, *self.tills):
            troublesome.calm()
        await Resting(judge=self.judge, profile=self.profile, lines=self._lines, busy=self._is_busy).come()

    def _is_busy(self) -> bool:
        return self._persons.needed or any(cashier.side.busy for cashier in self._cashiers)

    async def _deliver(self, wallet: str, outgoing: Outgoing) -> None:
        """One delivery of one notification, over a line as bad as the others; a wallet waits five seconds."""
        serve = self._at_gateway(lambda: self._notified(wallet, outgoing))
        reply = await self._callback_line.exchange(f"notify {wallet}", serve, connect_s=2.0, read_s=5.0)
        answered = reply if isinstance(reply, Reply) else None
        self._note("notified", f"{wallet} {answered.status if answered is not None else reply}")
        self.wallets.notified(wallet, outgoing, answered)

    async def _notified(self, wallet: str, outgoing: Outgoing) -> Reply | None:
        self.judge.evidence.notified_ms[wallet] = self.now_ms()
        reply = await self.gateway.notify(outgoing)
        if reply is not None:
            self.judge.side.notice_answered(wallet, notification_of(outgoing)[1], reply)
            self._stop_if_broken()
        return reply

    async def _bury(self) -> None:
        self._burying = True
        for host in (*self.tills, self.gateway):
            await host.bury()
        self.judge.evidence.gateway.close()
        self.judge.evidence.side.close()
        self.judge.evidence.restored.close()
        if self.judge.static is not None:
            self.judge.static.close()
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
        after = self.judge.evidence.rows
        for number, row in after.items() if after is not before else ():
            if number not in before or before[number].state is not row.state:
                self._note("row", f"{number} {row.state} {row.proof or ''}".rstrip())
        self._stop_if_broken()

    def _shown(self, till: TillSight, view: PaymentView | RefundView | ProofView) -> None:
        if isinstance(view, ProofView):
            self.judge.side.read(till, view)
        elif isinstance(view, PaymentView) and view.cash is not None:
            self.judge.side.cash(till, view)
        else:
            self.judge.shown(till, view)
        self._stop_if_broken()

    def _handed(self, moment: Handed) -> None:
        self.judge.side.handed(moment)
        self._stop_if_broken()

    def _rang(self, till: TillSight, view: StorePaidView) -> None:
        assert self.judge.static is not None, "tills listen where there is a printed QR"
        self.judge.static.rang(till, view)
        self._stop_if_broken()

    def _sent(self, till: TillSight, request: RequestParts) -> None:
        self.judge.sent(till, request)
        self._stop_if_broken()

    def _compared(self, till: TillSight, epoch: int, index: int) -> None:
        self.judge.side.compared(till, epoch, index)
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
        return outcome_of(
            seed=self.seed,
            profile=self.profile.name,
            judge=self.judge,
            trace=self.trace,
            deaths=self.gateway.deaths + sum(till.deaths for till in self.tills),
            virtual_s=self._loop.time(),
            real_crypto=self._signers.real,
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

    def _clone(self, till: TillHost, copy: Path) -> None:
        """A second machine starts from a copy of a till's disk, and sells; often before its line was ever up."""
        twin = make_till(self._around, f"{till.name}copy", twin=till)
        twin.start_from(copy)
        dark = self.profile.selling.offline and self.chance("dark copy").random() < 0.7
        spawn_outside(self._lines[-1].weather(first=self.profile.line.outage_lasts if dark else None))
        self.tills.append(twin)
        self.judge.evidence.tills[twin.name] = twin.sight
        twin.start()
        cashier = make_cashier(self._around, twin, self._phones, self._cashiers)
        self._cashiers.append(cashier)
        self._extra.append(spawn_outside(cashier.work()))

    def _serve(self, request: RequestParts) -> Serve:
        async def serve() -> Reply | None:
            before = self.judge.side.as_it_is()
            reply = await self.gateway.serve(request)
            if reply is not None and reply.status == 200:
                self.judge.answered(request)
            elif reply is not None:
                self.judge.side.refused(request, reply.body, before)
                self._stop_if_broken()
            return reply and self._odd_gateway.spoken(request, reply)

        return self._at_gateway(serve)

    def _at_gateway(self, work: Callable[[], Awaitable[Reply | None]]) -> Serve:
        return inside(lambda: self.gateway.process, work)
