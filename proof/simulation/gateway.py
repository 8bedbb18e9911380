"""The gateway in the world: the real one, over the real store on a real file, started again after each death.

Where it can die: see `proof.simulation.gateway_store` and `proof.simulation.gateway_line`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from random import Random
from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Engine, update
from starlette.applications import Starlette

from gateway.api.answers import Signer
from gateway.channels.account import ChannelAccount
from gateway.configure.faults import Faults
from gateway.configure.restored import restored_word
from gateway.configure.words import RestoredOrder, RestoredSaid
from gateway.core import Gateway
from gateway.jobs.restored import take_anchor
from gateway.keys import GatewayKeys
from gateway.proof_keys import ProofKeys, derived_proof_keys
from gateway.store.places import add_terminal
from gateway.store.runners import InlineStore
from gateway.store.tables import CHANNEL_ACCOUNTS
from gateway.store.units import StoreFailed, Tx
from gateway.system import SystemClock
from proof.asgi import ask
from proof.asked import Asked
from proof.simulation.calls import Call
from proof.simulation.faults import Clocks, Deaths, Disks
from proof.simulation.gateway_line import WalletLine
from proof.simulation.gateway_store import AnchorFile, SlowStore
from proof.simulation.leaps import Leaps
from proof.simulation.mortal import Mortal
from proof.simulation.network import Reply, Wire
from proof.simulation.odd_wallet import OddWallet
from proof.simulation.offline_kit import no_picture
from proof.simulation.processes import Process
from proof.simulation.signers import Signers
from proof.simulation.stage import STORE_ID, account_of
from proof.simulation.trace import Trace
from proof.wallets import GATEWAY_ORIGIN, notification_of
from protocol.chain import genesis
from protocol.signature import RequestParts
from sandbox.line import LineRequest
from sandbox.wallet import Outgoing

T = TypeVar("T")

_LONGEST_SLEEP_MS = 5_000


class SeededEntropy:
    """Chance under the seed; goes on over restarts, as the system's would."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def bytes(self, count: int) -> bytes:
        return self._chance.randbytes(count)


class GatewayHost(Mortal):
    """The machine on which the gateway runs. `engine`: over its database file; `qr_wallet`: who makes the QRs; None:
    they lead to the cashier page; `anchor`: the file beside the database, where its world puts a database back."""

    def __init__(
        self,
        *,
        engine: Engine,
        qr_wallet: str | None,
        keys: GatewayKeys,
        signers: Signers,
        chance: Random,
        deaths: Deaths,
        disks: Disks,
        clocks: Clocks,
        leaps: Leaps,
        now_ms: Callable[[], int],
        odd: OddWallet,
        wire: Wire,
        trace: Trace,
        committed: Callable[[], None],
        called: Callable[[Asked], Call],
        died: Callable[[], None],
        fell: Callable[[str, BaseException], None],
        anchor: AnchorFile | None = None,
    ) -> None:
        super().__init__(name="gateway", chance=chance, deaths=deaths, trace=self._note, fell=fell)
        self._engine = engine
        self._anchor = anchor
        self._qr_wallet = qr_wallet
        self._keys = keys
        self._signers = signers
        self._entropy = SeededEntropy(chance)
        self._now_ms = now_ms
        self._odd = odd
        self._wire = wire
        self._trace = trace
        self.committed = committed
        self._called = called
        self._died = died
        self._disks = disks
        self._clocks = clocks
        self._clock_off_ms = 0
        self.leaps = leaps
        #: Its file outlives the process.
        self.proof_keys: ProofKeys = derived_proof_keys(keys, self._entropy, now_ms=now_ms())
        #: Since when it serves without a break; None: it does not.
        self.up_since_ms: int | None = None
        self._gateway: Gateway | None = None
        self._clock: SystemClock | None = None
        self._page: Starlette | None = None

    def install(self, terminals: list[tuple[str, str]]) -> None:
        """Whose QRs the owner chose, and what the field agent activated: `(terminal_id, public key)`."""
        with self._engine.begin() as connection:
            tx = Tx(connection)
            if self._qr_wallet is not None:
                shown = CHANNEL_ACCOUNTS.c.account_id == account_of(self._qr_wallet, 0)
                connection.execute(update(CHANNEL_ACCOUNTS).where(shown).values(shown_default=1))
            for terminal_id, public_key in terminals:
                add_terminal(
                    tx,
                    terminal_id=terminal_id,
                    store_id=STORE_ID,
                    name=terminal_id[:4],
                    public_key=public_key,
                    head=genesis(terminal_id),
                    now_ms=self._now_ms(),
                )
        self._engine.dispose()

    def door(self, unit: Callable[[Tx], T]) -> T:
        """The owner's word, by a program of its own over the same file."""
        with self._engine.begin() as connection:
            return unit(Tx(connection))

    def says(self, order: RestoredOrder) -> RestoredSaid | Faults:
        """The owner's word about a restored backup, as `guitai gateway restored` brings it to a gateway that runs, or
        to its file."""
        clock, machine_ms = self._clock, self._now_ms() + self._clock_off_ms + self.leaps.off_ms
        now_ms = machine_ms if self._gateway is None or clock is None else clock.now_ms()
        said = self.door(lambda tx: restored_word(tx, order, now_ms=now_ms))
        if isinstance(said, Faults):
            return said
        answer, keys = said
        if self._gateway is not None:
            for key in keys:
                self._gateway.moved(key)
        self.committed()
        return answer

    async def serve(self, request: RequestParts) -> Reply | None:
        """One request as it arrives; None: the gateway cannot answer now."""
        gateway = self._gateway
        if gateway is None:
            return None
        answer = await gateway.service.handle(request, "127.0.0.1")
        return Reply(status=answer.status, headers=dict(answer.headers), body=answer.body)

    async def notify(self, outgoing: Outgoing) -> Reply | None:
        """One delivery of a wallet's notification as it arrives; None: the gateway cannot answer now."""
        gateway = self._gateway
        if gateway is None:
            return None
        channel, account, letter = notification_of(outgoing)
        answer = await gateway.callbacks.handle(channel, account, letter.headers, letter.body, "127.0.0.1")
        return Reply(status=answer.status, headers={"content-type": answer.content_type}, body=answer.body)

    async def open_page(self, request: LineRequest) -> Reply | None:
        """One request of a customer's phone for the cashier page as it arrives; None: nobody answers."""
        page = self._page
        if page is None:
            return None
        answer = await ask(page, request)
        cookies = [value for name, value in answer.headers if name == "set-cookie"]
        headers = {**dict(answer.headers), "set-cookie": "\n".join(cookies)}
        return Reply(status=answer.status, headers=headers, body=answer.body)

    async def run(self, process: Process) -> None:
        store = InlineStore(self._engine)
        process.on_death(self._engine.dispose)

        def exchange_for(account: ChannelAccount) -> WalletLine:
            return WalletLine(
                wire=self._wire,
                odd=self._odd,
                host=self,
                process=process,
                now_ms=self._now_ms,
                called=self._called,
                trace=self._note,
                account_id=account.id,
            )

        self._clock = SystemClock(
            wall_ns=lambda: (self._now_ms() + self._clock_off_ms + self.leaps.off_ms) * 1_000_000,
            steady_ns=lambda: self._now_ms() * 1_000_000,
        )
        anchor = None if self._anchor is None else self._anchor.opened(process)
        slow = SlowStore(store, self, process, anchor)
        try:
            if anchor is not None:
                await take_anchor(slow, anchor, self._clock, self._entropy)
        except StoreFailed:
            return  # it dies in a moment, see `SlowStore`, and starts again
        gateway = Gateway(
            store=slow,
            clock=self._clock,
            entropy=self._entropy,
            keys=self._keys,
            exchange_for=exchange_for,
            longest_sleep_ms=_LONGEST_SLEEP_MS,
            opener=self._signers.opener,
            read_key=self._signers.read_key,
            proof_keys=self.proof_keys,
            slow_hash=self._signers.slow_hash,
            draw=no_picture,
            public_url=GATEWAY_ORIGIN if self._qr_wallet is None else None,
        )
        try:
            await gateway.start()
        except StoreFailed:
            return
        self._gateway = gateway
        pages = [page for page in (gateway.page, gateway.offline_page) if page is not None]
        self._page = Starlette(routes=[route for page in pages for route in page.routes()]) if pages else None
        self.up_since_ms = self._now_ms()
        self.up.set()

    def signed(self, message: Struct, request: RequestParts) -> Reply | None:
        """A message in answer to a request, as if the gateway said it; None: it does not serve."""
        if self._gateway is None or self._clock is None:
            return None
        entropy = SeededEntropy(Random(request.headers["signature"]))
        signer = Signer(key=self._keys.http, keyid=self._keys.http_kid, clock=self._clock, entropy=entropy)
        said = signer.sign(message, request, status=200, content_type="application/json")
        return Reply(status=said.status, headers=dict(said.headers), body=said.body)

    def troubles(self) -> list[Coroutine[Any, Any, None]]:
        """Beside deaths: its clock is set."""
        return [self.misfortune(), self._clock_is_set(), self.leaps.happen()]

    def calm(self) -> None:
        super().calm()
        self.leaps.calm()

    def even_since_ms(self) -> int | None:
        """Since when it serves without a break, on a clock that did not leap; None: it does not."""
        return None if self.up_since_ms is None else max(self.up_since_ms, self.leaps.last_ms)

    def sign_with(self, keys: GatewayKeys) -> None:
        """From its next start on."""
        self._keys = keys

    def commit_fails(self) -> str | None:
        rate = self._disks.gateway_fails
        if self._calm or not rate or self.chance.random() >= rate:
            return None
        how = self.chance.choice(("lost", "kept"))
        self._note("disk_fails", how)
        self._trace.count(f"gateway_commit_fails_{how}")
        return how

    def is_undone(self) -> bool:
        rate = self._disks.gateway_again
        if self._calm or not rate or self.chance.random() >= rate:
            return False
        self._trace.count("gateway_did_it_again")
        return True

    async def _clock_is_set(self) -> None:
        """By what an administrator or a time server sets it by: never so far that it was simply wrong."""
        every = self._clocks.gateway_steps
        while every is not None:
            await asyncio.sleep(round(self.chance.uniform(*every), 3))
            if self._calm:
                return
            self._clock_off_ms = self.chance.choice((0, -90_000, -20_000, 15_000, 60_000, 100_000))
            self._note("clock_set", str(self._clock_off_ms))
            self._trace.count("gateway_clock_set")

    def went_down(self) -> None:
        self._gateway = None
        self._page = None
        self.up_since_ms = None
        self.leaps.while_down()
        self._died()

    def _note(self, what: str, about: str) -> None:
        self._trace.note(self._now_ms(), "gateway", what, about)
