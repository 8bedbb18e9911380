"""A shop in one process on a virtual clock whose files are recorded: the real gateway over its real store, a real till
over its real journal, the simulated wallets, phones at the cashier page. Its lines are good unless a scene says so.

`proof.power.scenes` plays in it what the drawn worlds of the simulation never or rarely reach.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from random import Random
from typing import Any, Final, TypeVar

from starlette.applications import Starlette

from gateway.channels.port import BillKind, ChannelRequest, ChannelResponse, LineFault, NoAnswer
from gateway.configure.orders import OwnerOrders
from gateway.configure.words import ApplyOrder, CodeMade, CodeOrder, Order, Planned, Refused, Said
from gateway.core import Gateway
from gateway.keys import make_keys
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from proof.asgi import ask
from proof.asked import asked
from proof.power.props import (
    START_MS,
    DrawnEntropy,
    GatewayClock,
    MemoryAnchor,
    Sight,
    credentials_of,
    script_of,
    shop_document,
    wallet_keys,
)
from proof.power.twisted import Twists
from proof.virtual_time import VirtualClock, VirtualTimeLoop, run_virtual
from proof.wallets import GATEWAY_ORIGIN, Wallets, notification_of
from protocol.activation import ActivationTicket
from protocol.keys import b64url, private_key, terminal_keyid
from protocol.messages import Presented
from protocol.money import CNY, Money
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, sign_request
from sandbox.following import follow
from sandbox.line import LineAnswer, LineRequest
from sandbox.wallet_browser import WalletBrowser
from sandbox.wallets import make_wallets
from sync.activate import activate
from sync.engine.model import (
    CancelPayment,
    Command,
    PaymentView,
    StartPayment,
    StartRefund,
)
from sync.folder import Folder, TerminalIdentity
from sync.journal.journal import Journal
from sync.journal.room import Room
from sync.link.exchange import NoAnswer as Cut
from sync.link.exchange import Timeouts
from sync.offline_desk import OfflineMeans
from sync.runner import Runner

T = TypeVar("T")
GATEWAY_URL: Final = "http://127.0.0.1:8700"
STORE_ID: Final = "s1"
_PLENTY: Final = 1 << 40


class Shop:
    """Build it inside its loop. `folder`: where the two databases lie."""

    def __init__(self, folder: Path, loop: VirtualTimeLoop, seed: int) -> None:
        self.loop = loop
        self.folder = folder
        self.chance = Random(f"shop {seed}")
        self.clock = GatewayClock(loop)
        self.entropy = DrawnEntropy(self.chance)
        self.twists = Twists()
        made = make_wallets(wallet_keys(), random_bytes=self.chance.randbytes, now_ms=START_MS)
        self.wallets = Wallets(made.by_name.values(), now_ms=self.clock.now_ms)
        self.keys = make_keys(self.entropy)
        #: By how much a wallet's answers come late, by the verb of the call.
        self.slow: dict[str, float] = {}
        #: Verbs of calls that never reach a wallet: something else answers.
        self.unserved: set[str] = set()
        self.till_line_is_cut = False
        #: Of which requests' paths the till's line carries those that have this part.
        self.till_line_takes = ""
        self.wallets_notify = True
        self._news = asyncio.Event()
        self.store = InlineStore(open_sqlite(folder / "gateway.db"))
        self.gateway = self._gateway()
        self.sight = Sight(payments={}, refunds={}, refused={}, rung=[], proofs={})
        self.till_folder = Folder(folder / "till")
        self._anchor = MemoryAnchor()
        self._pressed = 0
        self._background: list[asyncio.Task[Any]] = []
        self.till: Runner | None = None
        self.journal: Journal | None = None

    def _gateway(self) -> Gateway:
        return Gateway(
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            keys=self.keys,
            exchange_for=lambda _account: self._wallet_line,
            opener=self.twists.opener,
            public_url=GATEWAY_ORIGIN,
            bill_kinds=tuple(BillKind),
            callbacks_kept_days=1,
            longest_sleep_ms=600_000,
        )

    async def open(self) -> None:
        """Everything from an empty folder to a till that sells."""
        for name, with_routes in (("一店", False), ("一店", True), ("老店", True)):
            await self.apply(name, with_routes=with_routes)
        await self.gateway.start()
        self._background.append(asyncio.ensure_future(self._notifications()))
        await self.activate(self.till_folder)
        await self.start_till()

    async def apply(
        self, store: str, *, with_routes: bool = True, qr_wallet: str | None = None, late_money: str = "hold"
    ) -> None:
        """The owner's file. `qr_wallet`: whose own QR is shown instead of the page's."""
        document = shop_document(
            self.wallets, store, with_routes=with_routes, qr_wallet=qr_wallet, late_money=late_money
        )
        said = await self.owner(ApplyOrder(toml=document))
        assert isinstance(said, Planned), said

    async def activate(self, folder: Folder, code: str | None = None) -> TerminalIdentity:
        """With a fresh code of the store, or one for this till."""
        if code is None:
            made = await self.owner(CodeOrder(store=STORE_ID))
            assert isinstance(made, CodeMade), made
            code = made.code
        return await activate(
            folder,
            gateway_url=GATEWAY_URL,
            ticket=ActivationTicket(code=Secret(code)),
            device_name="1",
            exchange=self._till_line,
            clock=VirtualClock(self.loop, wall_start_ms=START_MS),
            entropy=self.chance.randbytes,
        )

    async def start_till(self) -> None:
        who = self.till_folder.read_identity()
        self.journal = Journal.open(self.till_folder.journal, terminal_id=who.terminal_id)
        self.till = Runner(
            journal=self.journal,
            room=Room(self.till_folder.path, ballast_bytes=0, free=lambda _: _PLENTY),
            exchange=self._till_line,
            credentials=credentials_of(self.till_folder),
            clock=VirtualClock(self.loop, wall_start_ms=START_MS),
            entropy=self.chance.randbytes,
            publish=self.sight.publish,
            offline=OfflineMeans(
                epoch=who.epoch,
                key=private_key(self.till_folder.offline_key(lambda: Secret(b64url(self.chance.randbytes(32))))),
                anchor=self._anchor,
            ),
        )
        self._running = asyncio.ensure_future(self.till.run())
        await self.until(lambda: self.sight.link is not None and self.sight.link.last_contact_ms is not None)

    async def stop_till(self) -> None:
        assert self.till is not None, "it was started"
        assert self.journal is not None, "it was started"
        self.till.stop()
        await self._running
        self.journal.close()
        self.till, self.journal = None, None

    async def restart_gateway(self) -> None:
        """As after a kill: what was under way is taken up from the rows."""
        await self.gateway.aclose()
        self.gateway = self._gateway()
        await self.gateway.start()

    async def close(self) -> None:
        if self.till is not None:
            await self.stop_till()
        for task in self._background:
            task.cancel()
        await asyncio.gather(*self._background, return_exceptions=True)
        await self.gateway.aclose()
        await self.store.aclose()

    async def owner(self, order: Order) -> Said | Refused:
        orders = OwnerOrders(
            store=self.store,
            clock=self.clock,
            entropy=self.entropy,
            root_fingerprint=self.keys.root_kid,
            proof_keys=lambda: self.gateway.proof_keys,
            url=GATEWAY_URL,
            page_url=GATEWAY_ORIGIN,
            applied=self.gateway.load_accounts,
            moved=self.gateway.moved,
        )
        return await orders.do(order)

    async def sell(
        self,
        script: str = "pay",
        *,
        wallet: str = "alipay",
        fen: int = 1250,
        shows_qr: bool = False,
        code: str | None = None,
    ) -> PaymentView:
        """Presses collect, and gives the first view of the payment."""
        request_id = self.collect(script, wallet=wallet, fen=fen, shows_qr=shows_qr, code=code)
        view = await self.view_of(request_id)
        if shows_qr:
            await self.until(lambda: self.sight.payments[view.payment_no].qr is not None)
        return self.sight.payments[view.payment_no]

    def collect(
        self,
        script: str = "pay",
        *,
        wallet: str = "alipay",
        fen: int = 1250,
        shows_qr: bool = False,
        code: str | None = None,
    ) -> str:
        """Presses collect. Gives the number of the command."""
        request_id = self.next_request()
        shown = None if shows_qr else Secret(code or self.wallets.show_code(wallet, script_of(script)))
        self.submit(
            StartPayment(
                request_id=request_id,
                sale_id=None,
                order_no=None,
                amount=Money(fen, CNY),
                presented=Presented.MERCHANT if shows_qr else Presented.CUSTOMER,
                auth_code=shown,
                subject="早餐",
                operator="01",
                scanned_at_ms=round(self.loop.time() * 1000),
            )
        )
        return request_id

    def next_request(self) -> str:
        self._pressed += 1
        return str(self._pressed)

    def submit(self, command: Command) -> None:
        assert self.till is not None, "it was started"
        self.till.submit(command)

    def mono_ms(self) -> int:
        return round(self.loop.time() * 1000)

    async def view_of(self, request_id: str) -> PaymentView:
        """The first view of what a command began."""
        await self.until(lambda: self._view_of(request_id) is not None or request_id in self.sight.refused)
        view = self._view_of(request_id)
        assert view is not None, self.sight.refused[request_id].reason
        return view

    def ended(self, request_id: str) -> bool:
        view = self._view_of(request_id)
        return view is not None and view.state.final

    def _view_of(self, request_id: str) -> PaymentView | None:
        return next((view for view in self.sight.payments.values() if view.request_id == request_id), None)

    async def settled(self, view: PaymentView, within_s: float = 900.0) -> PaymentView:
        await self.until(lambda: self.sight.payments[view.payment_no].state.final, within_s)
        return self.sight.payments[view.payment_no]

    def cancel(self, view: PaymentView) -> None:
        self.submit(CancelPayment(payment_no=view.payment_no, operator="01"))

    async def give_back(self, view: PaymentView, fen: int) -> None:
        """Presses refund and waits for its end."""
        before, request_id = len(self.sight.refunds), self.next_request()
        self.submit(
            StartRefund(request_id=request_id, order_no=view.order_no, amount=Money(fen, CNY), note="", operator="01")
        )
        await self.until(lambda: len(self.sight.refunds) > before or request_id in self.sight.refused)
        await self.until(lambda: all(refund.state.final for refund in self.sight.refunds.values()), 7_200.0)

    async def phone_pays(
        self, qr: str, *, wallet: str = "alipay", script: str = "pay", fen: int | None = None
    ) -> WalletBrowser:
        """The phone that the customer holds afterwards."""
        browser = self.browser(wallet, script)
        await follow(browser, qr, amount_fen=fen)
        self._news.set()
        return browser

    def browser(self, wallet: str, script: str = "pay") -> WalletBrowser:
        return WalletBrowser(
            wallet=self.wallets.by_name[wallet],
            customer=f"{wallet} customer",
            script=script_of(script),
            line=self,
            clock=self.clock.now_ms,
        )

    async def send(self, request: LineRequest, *, timeout_s: float) -> LineAnswer | None:
        """`sandbox.line.Line` of every phone."""
        del timeout_s
        page, offline = self.gateway.page, self.gateway.offline_page
        assert page is not None
        assert offline is not None
        answer = await ask(Starlette(routes=[*page.routes(), *offline.routes()]), request)
        return LineAnswer(status=answer.status, headers=answer.headers, body=answer.body)

    async def call(self, method: str, path: str, body: bytes) -> ResponseParts:
        """One request that the till's engine would not make, signed by the till."""
        who = self.till_folder.read_identity()
        headers = {"content-type": "application/json"} if body else {}
        parts = RequestParts(method=method, authority="127.0.0.1:8700", path=path, query="", headers=headers, body=body)
        signed = sign_request(
            parts,
            key=private_key(self.till_folder.read_device_key()),
            keyid=terminal_keyid(who.terminal_id, who.epoch),
            created_s=self.clock.now_ms() // 1000,
            nonce=self.chance.randbytes(16),
        )
        request = RequestParts(method=method, authority=parts.authority, path=path, query="", headers=signed, body=body)
        return await self.gateway.service.handle(request, "127.0.0.1")

    async def until(self, done: Callable[[], bool], within_s: float = 900.0) -> None:
        """Waits in virtual time."""
        ends_s = self.loop.time() + within_s
        while not done():
            assert self.loop.time() < ends_s, "the scene never came to its end"
            await asyncio.sleep(0.05)

    async def _till_line(self, base_url: str, request: RequestParts, timeouts: Timeouts) -> ResponseParts | Cut:
        del base_url, timeouts
        await asyncio.sleep(0.01)
        if self.till_line_is_cut or self.till_line_takes not in request.path:
            return Cut(detail="cut")
        return await self.gateway.service.handle(request, "127.0.0.1")

    async def _wallet_line(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NoAnswer:
        del connect_timeout_ms
        await asyncio.sleep(0.02)
        verb = asked(request).verb.value
        if verb in self.unserved:
            return ChannelResponse(status=200, headers={"content-type": "text/html"}, body=b"<html>portal</html>")
        answer = self.wallets.serve(request)
        self._news.set()
        late_s = self.slow.get(verb, 0.0)
        await asyncio.sleep(min(late_s, read_timeout_ms / 1000))
        if late_s * 1000 >= read_timeout_ms:
            return NoAnswer(LineFault.READ_TIMEOUT)
        return NoAnswer(LineFault.CUT) if answer is None else answer

    async def _notifications(self) -> None:
        while True:
            self._news.clear()
            self.wallets.look()
            for name, outgoing in self.wallets.due_notifications() if self.wallets_notify else ():
                channel, account, letter = notification_of(outgoing)
                reply = await self.gateway.callbacks.handle(channel, account, letter.headers, letter.body, "127.0.0.1")
                self.wallets.notified(name, outgoing, reply)
            due_ms = self.wallets.next_event_ms()
            left_s = 600.0 if due_ms is None else max(0.01, (due_ms - self.clock.now_ms()) / 1000)
            left_s = left_s if self.wallets_notify else 5.0
            try:
                async with asyncio.timeout(min(left_s, 600.0)):
                    await self._news.wait()
            except TimeoutError:
                continue


def in_shop(story: Callable[[Shop], Coroutine[Any, Any, T]], folder: Path, *, seed: int) -> T:
    """Plays a story in a shop that was opened in the folder."""
    loop = VirtualTimeLoop()

    async def played() -> T:
        shop = Shop(folder, loop, seed)
        await shop.open()
        try:
            return await story(shop)
        finally:
            await shop.close()

    return run_virtual(played(), loop)
