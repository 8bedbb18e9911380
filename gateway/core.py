"""The gateway put together over its ports: store, clock, chance, the lines to the wallets. No web server, no signals.

The serving process and a simulation build the same thing: `Gateway(...)`, `await start()`, `await service.handle(...)`,
`await aclose()`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.api.activating import ActivationCalls
from gateway.api.answers import Signer
from gateway.api.journals import JournalCalls
from gateway.api.limits import Limits
from gateway.api.offline_kit import Beside, KitCalls, at_once
from gateway.api.paying import PaymentCalls
from gateway.api.refunding import RefundCalls
from gateway.api.service import GatewayService
from gateway.api.static_paid import StaticPaidCalls
from gateway.bills.desk import BillDesk
from gateway.callbacks.gateway import KEPT_DAYS, CallbackGateway
from gateway.cashier_page.offline_page import OfflinePage
from gateway.cashier_page.page import CashierPage
from gateway.cashier_page.proof_view import Draw, qr_path
from gateway.channels.port import BillKind
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.desk import Desk
from gateway.jobs.refund_desk import RefundDesk
from gateway.jobs.schedule import QR_SHOWN_MS
from gateway.jobs.scheduler import Scheduler
from gateway.jobs.shop_pages import ShopPages
from gateway.jobs.waiters import Waiters
from gateway.keys import GatewayKeys
from gateway.payments.values import Alarm, AlarmKind, PaymentKey
from gateway.ports import Clock, Entropy
from gateway.proof_keys import ProofKeys, derived_proof_keys
from gateway.routing.accounts import Accounts, ExchangeFor, Opener, open_settings
from gateway.routing.choose import Candidate
from gateway.routing.health_book import HealthBook
from gateway.routing.router import Router
from gateway.routing.rules import AccountTerms
from gateway.store import alarms, guards, payments, places, routes, tasks
from gateway.store.sealing import Seal, lasting_key, seal_key
from gateway.store.units import Store, StoreFailed, Tx
from protocol.keys import read_public
from protocol.offline.typed_code import SlowHash, verifier


def _never() -> bool:
    """Where nobody watches the disk."""
    return False


class Gateway:
    """One gateway over one store. `qr_shown_ms` is how long a QR is shown; `public_url` is the base of QR links (None:
    the wallets' own QRs are shown); `bill_kinds` are the bills that are fetched, `callbacks_kept_days` is how long
    notifications are kept; `owner` names this process's leases; `full`: its disk takes no new payment now; `limits` are
    the paces of whoever calls; `proof_keys` sign offline orders' proofs (None: they follow from the root key); `beside`
    runs slow hashes, `slow_hash` makes one, `draw` draws proofs' QRs; `opener` and `read_key` load the keys of accounts
    and of terminals."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        keys: GatewayKeys,
        exchange_for: ExchangeFor,
        qr_shown_ms: int = QR_SHOWN_MS,
        longest_sleep_ms: int = 1_000,
        public_url: str | None = None,
        bill_kinds: tuple[BillKind, ...] = (),
        callbacks_kept_days: int = KEPT_DAYS,
        owner: str = "gateway",
        opener: Opener = open_settings,
        full: Callable[[], bool] = _never,
        limits: Limits | None = None,
        proof_keys: ProofKeys | None = None,
        beside: Beside = at_once,
        slow_hash: SlowHash = verifier,
        draw: Draw = qr_path,
        read_key: Callable[[str], Ed25519PublicKey | None] = read_public,
    ) -> None:
        self.store = store
        self.keys = keys
        self.proof_keys = proof_keys or derived_proof_keys(keys, entropy, now_ms=clock.now_ms())
        self.accounts = Accounts(exchange_for, opener)
        health = HealthBook()
        self.router = Router(self.accounts, health)
        self._clock = clock
        self._waiters = Waiters()
        self._background: set[asyncio.Task[None]] = set()
        self._loop_task: asyncio.Task[None] | None = None
        self._log = structlog.get_logger("gateway")
        calls = ChannelCalls(
            store=store,
            clock=clock,
            accounts=self.accounts,
            waiters=self._waiters,
            owner=owner,
            heard=lambda account_id, verdict: health.heard(account_id, verdict, clock.now_ms()),
        )
        refunds = RefundDesk(calls=calls)
        seal = Seal(seal_key(keys), entropy)
        bill_calls = ChannelCalls(
            store=store, clock=clock, accounts=self.accounts, waiters=self._waiters, owner=owner, heard=_untold
        )
        self.bills = BillDesk(calls=bill_calls, seal=seal, kinds=bill_kinds)
        self._desk = desk = Desk(calls=calls, refunds=refunds, bills=self.bills, qr_shown_ms=qr_shown_ms)
        shop_pages = ShopPages(accounts=self.accounts, entropy=entropy, public_url=public_url, shown_for_ms=qr_shown_ms)
        self.scheduler = Scheduler(store=store, clock=clock, calls=calls, desk=desk, longest_sleep_ms=longest_sleep_ms)
        self.callbacks = CallbackGateway(
            calls=calls, seal=seal, wake=self.scheduler.wake, kept_days=callbacks_kept_days
        )
        #: None: nobody could reach a page.
        self.page: CashierPage | None = None
        self.offline_page: OfflinePage | None = None
        if public_url is not None:
            self.page = CashierPage(
                calls=calls,
                router=self.router,
                shop_pages=shop_pages,
                entropy=entropy,
                process_key=entropy.bytes(32),
                mark_key=lasting_key(keys, "cashier-page-payers"),
                wake=self.scheduler.wake,
                full=full,
            )
            self.offline_page = OfflinePage(
                calls=calls,
                router=self.router,
                shop_pages=shop_pages,
                entropy=entropy,
                process_key=entropy.bytes(32),
                mark_key=lasting_key(keys, "cashier-page-payers"),
                wake=self.scheduler.wake,
                proof_keys=self.proof_keys,
                full=full,
                draw=draw,
            )
        self.service = GatewayService(
            store=store,
            clock=clock,
            signer=Signer(key=keys.http, keyid=keys.http_kid, clock=clock, entropy=entropy),
            root_signer=Signer(key=keys.root, keyid=keys.root_kid, clock=clock, entropy=entropy),
            paying=PaymentCalls(
                store=store,
                clock=clock,
                router=self.router,
                shop_pages=shop_pages,
                desk=desk,
                waiters=self._waiters,
                spawn=self._spawn,
                wake=self.scheduler.wake,
                mark_key=entropy.bytes(32),
                full=full,
            ),
            refunding=RefundCalls(
                store=store,
                clock=clock,
                pace_of=calls.pace_of,
                waiters=self._waiters,
                wake=self.scheduler.wake,
            ),
            static_paid=StaticPaidCalls(store=store, clock=clock, waiters=self._waiters),
            activating=ActivationCalls(store=store, clock=clock, entropy=entropy, keys=keys),
            journals=JournalCalls(store=store, clock=clock, pace_of=calls.pace_of),
            limits=limits or Limits(),
            kits=KitCalls(
                store=store,
                clock=clock,
                proof_keys=self.proof_keys,
                base_url=shop_pages.public_url,
                beside=beside,
                slow_hash=slow_hash,
            ),
            read_key=read_key,
        )

    async def start(self) -> None:
        """Takes up what an earlier process left, then begins the schedule."""
        await self.store.run(self._recover)
        await self.load_accounts()
        await self.callbacks.start()
        await self.bills.start()
        self._loop_task = asyncio.create_task(self.scheduler.run())
        self._loop_task.add_done_callback(_told)

    async def load_accounts(self) -> None:
        """Reads channel accounts and routing again: at start, and after the owner applied a file."""
        rows = await self.store.run(places.accounts)
        terms = await self.store.run(routes.terms)
        rules, zones = await self.store.run(lambda tx: (routes.rules(tx), routes.zones(tx)))
        pairs = [
            (
                Candidate(
                    account_id=row.account_id,
                    merchant_id=row.merchant_id,
                    channel=row.channel,
                    shown_default=row.shown_default,
                    terms=terms.get(row.account_id, AccountTerms()),
                ),
                row.settings,
            )
            for row in rows
        ]
        self.accounts.load(pairs)
        self.router.load(rules, zones)
        self.service.forget_terminals()
        await self.store.run(self._name_broken)
        self.scheduler.wake()

    def moved(self, key: PaymentKey) -> None:
        """A person's word changed a payment: who waits for it is told, and what is due now is done."""
        self._waiters.wake(key)
        self.scheduler.wake()

    def hold_nobody(self) -> None:
        """The process is about to end: whoever waits for a change is answered with what is known now."""
        self._waiters.close()

    async def aclose(self) -> None:
        """Stops at once. Whatever was under way is taken up from its rows by the next process."""
        if self._loop_task is not None:
            self._loop_task.cancel()
            await asyncio.gather(self._loop_task, return_exceptions=True)
        await self.scheduler.aclose()
        for page in (self.page, self.offline_page):
            if page is not None:
                await page.aclose()
        for running in tuple(self._background):
            running.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(self._run(work))
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    async def _run(self, work: Awaitable[None]) -> None:
        try:
            await work
        except StoreFailed:
            return  # the store has told the process to end
        self.scheduler.wake()

    def _recover(self, tx: Tx) -> None:
        now_ms = self._clock.now_ms()
        payments.close_open_calls(tx, now_ms=now_ms)
        payments.bring_back(tx, now_ms=now_ms, longest_ms=self._desk.longest_shown_ms)
        tasks.free_all(tx)
        tasks.look_again(tx, now_ms=now_ms)
        guards.forget_marks(tx)

    def _name_broken(self, tx: Tx) -> None:
        now_ms = self._clock.now_ms()
        for account in self.accounts.candidates:
            alarms.close_alarm(tx, AlarmKind.CHANNEL_ACCOUNT, about=account.account_id, now_ms=now_ms)
        for account_id, hint in self.accounts.broken.items():
            alarm = Alarm(kind=AlarmKind.CHANNEL_ACCOUNT, detail=hint)
            alarms.raise_alarm(tx, alarm, about=account_id, now_ms=now_ms)


def _untold(_account_id: str, _verdict: object) -> None:
    """A bill that does not come says nothing of how well an account takes payments."""


def _told(task: asyncio.Task[None]) -> None:
    """The loop ends by cancellation or because the store failed, which ends the process by itself."""
    if not task.cancelled() and not isinstance(task.exception(), StoreFailed | None):
        structlog.get_logger("gateway").error("the schedule stopped", error=repr(task.exception()))
