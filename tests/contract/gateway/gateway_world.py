"""The whole gateway on a virtual clock against the simulated wallets' real logic: no socket, no thread, no waiting.

Faults are given per verb (`pay`, `create`, `query`, `cancel`, `close`, `refund` ...) as a list that is used up call by
call; `None` stands for "as it should be". Notifications are delivered with `in_world(..., notify=True)` only.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import Engine, insert

from gateway.channels.port import ChannelRequest, ChannelResponse, LineFault, NoAnswer, NotSent
from gateway.core import Gateway
from gateway.keys import GatewayKeys, make_keys
from gateway.payments.values import PaymentKey
from gateway.ports import Clock
from gateway.store import alarms, ledger, payments, places
from gateway.store.runners import InlineStore
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES
from gateway.store.units import Tx
from proof.asked import asked
from proof.stores import empty_store
from proof.virtual_time import VirtualTimeLoop, run_virtual
from proof.wallets import Wallets, account_settings, notification_of, opened_once
from protocol.keys import device_keyid, public_text, read_public
from protocol.messages import (
    AckRequest,
    ActivationAnswer,
    ActivationRequest,
    CancelRequest,
    PaymentRequest,
    PaymentStatus,
    Presented,
    Problem,
    decode,
    encode,
)
from protocol.numbers import new_activation_code, new_number, read_payment_no
from protocol.secret import Secret
from protocol.signature import RequestParts, ResponseParts, Verified, journal_header, sign_request, verify_response
from sandbox.keys import fresh_keys
from sandbox.scripts import Script, parse_script
from sandbox.wallet import MoneyState
from sandbox.wallets import KEY_NAMES, Merchants, make_merchants, open_wallets

T = TypeVar("T")
START_MS = 1_800_000_000_000
#: The account of merchant `m1` at each wallet.
ACCOUNT_IDS = {"alipay": "a1", "wechat": "w1", "unionpay": "u1"}
HOST = "127.0.0.1:8700"


@cache
def merchants() -> Merchants:
    """The simulated shop at each wallet, for all worlds: its keys and certificates take longer than most stories."""
    return make_merchants(fresh_keys(KEY_NAMES), now_ms=START_MS)


class SeededEntropy:
    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)


class LoopClock:
    """Wall time that follows the loop; `offset_ms` may be moved."""

    def __init__(self, loop: VirtualTimeLoop) -> None:
        self._loop = loop
        self.offset_ms = START_MS

    def now_ms(self) -> int:
        return self.offset_ms + round(self._loop.time() * 1000)

    def even_since_ms(self) -> int:
        return START_MS


@dataclass(frozen=True)
class Fault:
    """`lose`: before or after the wallet acted, or not sent at all; `html`: an answer that is none; `late_s`: slow."""

    lose: str = ""
    html: bool = False
    late_s: float = 0.0
    answer_late_s: float = 0.0


@dataclass
class Line:
    """The line from gateway to wallets, with faults and a log of what went over it: (ms, verb, number)."""

    clock: LoopClock
    wallets: Wallets
    faults: dict[str, list[Fault | None]] = field(default_factory=dict[str, "list[Fault | None]"])
    always: Fault | None = None
    sent: list[tuple[int, str, str]] = field(default_factory=list[tuple[int, str, str]])
    after_call: Callable[[], Coroutine[Any, Any, None]] | None = None

    async def __call__(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        about = asked(request)
        planned = self.faults.get(about.verb.value, [])
        fault = (planned.pop(0) if planned else self.always) or Fault()
        if fault.lose == "not_sent":
            return NotSent(LineFault.CONNECT_FAILED)
        self.sent.append((self.clock.now_ms(), about.verb.value, about.number))
        try:
            async with asyncio.timeout(read_timeout_ms / 1000):
                return await self._exchange(request, fault)
        except TimeoutError:
            return NoAnswer(LineFault.READ_TIMEOUT)

    async def _exchange(self, request: ChannelRequest, fault: Fault) -> ChannelResponse | NoAnswer:
        await asyncio.sleep(0.02 + fault.late_s)
        if fault.lose == "before":
            return NoAnswer(LineFault.CUT)
        reply = self.wallets.serve(request)
        if self.after_call is not None:
            await self.after_call()
        await asyncio.sleep(0.02 + fault.answer_late_s)
        if fault.lose == "after" or reply is None:
            return NoAnswer(LineFault.CUT)
        if fault.html:
            return ChannelResponse(status=200, headers={"content-type": "text/html"}, body=b"<html>portal</html>")
        return reply


class World:
    """One gateway, every wallet, and tills. `restart()` kills the gateway as a power cut does and starts it anew.

    `wallet`: whose codes `show_code` gives, and who makes the QRs.
    """

    def __init__(
        self, loop: VirtualTimeLoop, *, qr_shown_ms: int = 120_000, interval_ms: int = 3_000, wallet: str = "alipay"
    ) -> None:
        self.loop = loop
        self.clock = LoopClock(loop)
        #: The gateway machine's own.
        self.gateway_clock: Clock = self.clock
        self.entropy = SeededEntropy(7)
        made = open_wallets(merchants(), random_bytes=self.entropy.bytes)
        self.wallets = Wallets(made, now_ms=self.clock.now_ms)
        self.wallet = wallet
        self.disk_full = False
        self._news = asyncio.Event()
        self.line = Line(clock=self.clock, wallets=self.wallets)
        self.keys: GatewayKeys = make_keys(self.entropy)
        self.engine: Engine = empty_store()
        self.store = InlineStore(self.engine)
        self.qr_shown_ms = qr_shown_ms
        accounts = [
            account_settings(one, account_id=ACCOUNT_IDS[name], interval_ms=interval_ms)
            for name, one in self.wallets.by_name.items()
        ]
        self.store.run_now(lambda tx: seed_places(tx, *accounts, qr_wallet=wallet))
        self.gateway = self._new_gateway()

    def _new_gateway(self) -> Gateway:
        return Gateway(
            store=self.store,
            clock=self.gateway_clock,
            entropy=self.entropy,
            keys=self.keys,
            exchange_for=lambda _account: self.line,
            qr_shown_ms=self.qr_shown_ms,
            longest_sleep_ms=600_000,
            opener=opened_once,
            full=lambda: self.disk_full,
        )

    async def restart(self, down_s: float = 0.0) -> None:
        await self.gateway.aclose()
        await asyncio.sleep(down_s)
        self.gateway = self._new_gateway()
        await self.gateway.start()

    def activation_code(self, uses: int = 1, days: int = 1, store_id: str = "s1") -> str:
        code = new_activation_code(self.entropy.bytes(8))
        expires_ms = self.clock.now_ms() + days * 86_400_000
        self.store.run_now(lambda tx: seed_code(tx, code, uses=uses, expires_ms=expires_ms, store_id=store_id))
        return code

    async def till(self, store_id: str = "s1") -> Till:
        till = Till(world=self)
        await till.activate(self.activation_code(store_id=store_id))
        return till

    def show_code(self, script: str) -> str:
        return self.wallets.show_code(self.wallet, script_of(script))

    def scan(self, qr: str, script: str) -> None:
        assert self.wallets.scan(qr, script_of(script)) is not None, "no wallet's QR"
        self._news.set()

    async def deliver(self) -> None:
        """Hands over the notifications that are due now."""
        for name, outgoing in self.wallets.due_notifications():
            channel, account, letter = notification_of(outgoing)
            reply = await self.gateway.callbacks.handle(channel, account, letter.headers, letter.body, "127.0.0.1")
            self.wallets.notified(name, outgoing, reply)

    async def _after_call(self) -> None:
        """A call may have made something due, now or later."""
        await self.deliver()
        self._news.set()

    async def notifications(self) -> None:
        """Delivers for ever; `in_world(..., notify=True)` runs it."""
        self.line.after_call = self._after_call
        while True:
            self._news.clear()
            await self.deliver()
            due_ms = self.wallets.next_event_ms()
            left_s = 600.0 if due_ms is None else max(0.001, (due_ms - self.clock.now_ms()) / 1000)
            try:
                async with asyncio.timeout(min(left_s, 600.0)):
                    await self._news.wait()
            except TimeoutError:
                continue

    def money(self, status: PaymentStatus) -> tuple[int, int, MoneyState | None]:
        """(captured, refunded, state) of all channel orders of the payment's order."""
        orders = [o for o in self.wallets.orders() if o.out_trade_no.startswith(status.order_no)]
        state = orders[-1].state if orders else None
        return sum(o.captured_fen for o in orders), sum(o.refunded_fen for o in orders), state

    def timeline(self, status: PaymentStatus) -> list[str]:
        key = PaymentKey(terminal_id=status.terminal_id, order_no=status.order_no, n=status.n)
        return [said.what for _, said in self.store.run_now(lambda tx: payments.events(tx, key))]

    def alarms(self) -> dict[str, int]:
        return self.store.run_now(alarms.open_counts)

    def ledger_agrees(self) -> None:
        """Zero-sum; what each channel account owes is what its wallet holds; nothing is left in suspense."""
        assert self.store.run_now(ledger.unbalanced) == []
        sums = self.store.run_now(ledger.balances)
        for name, account_id in ACCOUNT_IDS.items():
            if name in self.wallets.by_name:
                orders = self.wallets.by_name[name].orders(self.clock.now_ms())
                kept = sum(order.captured_fen - order.refunded_fen for order in orders)
                assert sums.get(f"receivable:{account_id}", 0) == kept, name
        assert sums.get("suspense:m1", 0) == 0


@dataclass
class Till:
    """Signs and verifies as a terminal does, without a socket. `journal`: how far its chain goes, if it says so."""

    world: World
    key: Ed25519PrivateKey = field(init=False)
    keyid: str = ""
    skew_s: int = 0
    journal: tuple[int, str] | None = None
    trusted: dict[str, Ed25519PublicKey] = field(default_factory=dict[str, Ed25519PublicKey])

    def __post_init__(self) -> None:
        self.key = Ed25519PrivateKey.from_private_bytes(self.world.entropy.bytes(32))

    def signed(self, method: str, path: str, body: bytes = b"", query: str = "") -> RequestParts:
        headers = {"content-type": "application/json"} if body else {}
        if self.journal is not None:
            headers["guitai-journal"] = journal_header(*self.journal)
        parts = RequestParts(method=method, authority=HOST, path=path, query=query, headers=headers, body=body)
        signed = sign_request(
            parts,
            key=self.key,
            keyid=self.keyid or device_keyid(public_text(self.key)),
            created_s=self.world.clock.now_ms() // 1000 + self.skew_s,
            nonce=self.world.entropy.bytes(16),
        )
        return RequestParts(method=method, authority=HOST, path=path, query=query, headers=signed, body=body)

    async def send(self, request: RequestParts, remote: str = "127.0.0.1") -> ResponseParts:
        response = await self.world.gateway.service.handle(request, remote)
        if self.trusted:
            verdict = verify_response(response, request=request, find_key=self.trusted.get)
            assert isinstance(verdict, Verified), verdict
        return response

    async def call(self, method: str, path: str, body: bytes = b"", query: str = "") -> PaymentStatus | Problem:
        return read(await self.send(self.signed(method, path, body, query)))

    async def activate(self, code: str, *, terminal_id: str | None = None) -> ActivationAnswer:
        """`terminal_id`: who this device says that it is already."""
        request = ActivationRequest(
            code=code, public_key=public_text(self.key), device_name="", terminal_id=terminal_id
        )
        response = await self.send(self.signed("POST", "/v1/terminals/activate", encode(request)))
        answer = decode(ActivationAnswer, response.body)
        for entry in answer.keys:
            public = read_public(entry.public_key)
            assert public is not None
            self.trusted[entry.kid] = public
        self.keyid = answer.terminal_id
        return answer

    def payment(
        self,
        auth_code: str | None,
        *,
        amount_fen: int = 1250,
        order_no: str | None = None,
        sale_id: str | None = None,
        n: int = 1,
    ) -> PaymentRequest:
        return PaymentRequest(
            payment_no=f"{order_no or new_number(self.world.entropy.bytes(15))}-{n}",
            sale_id=sale_id or new_number(self.world.entropy.bytes(15)),
            amount_fen=amount_fen,
            currency="CNY",
            presented=Presented.MERCHANT if auth_code is None else Presented.CUSTOMER,
            subject="早餐",
            operator="01",
            expires=self.world.clock.now_ms() + 15_000,
            auth_code=None if auth_code is None else Secret(auth_code),
        )

    async def pay(self, request: PaymentRequest) -> PaymentStatus | Problem:
        return await self.call("POST", "/v1/payments", encode(request))

    async def ask(self, payment_no: str, wait: int = 0, after: int | None = None) -> PaymentStatus | Problem:
        query = f"wait={wait}" + ("" if after is None else f"&after={after}")
        return await self.call("GET", f"/v1/payments/{payment_no}", query=query)

    async def cancel(self, payment_no: str, amount_fen: int = 1250) -> PaymentStatus | Problem:
        body = encode(CancelRequest(amount_fen=amount_fen, operator="01"))
        return await self.call("POST", f"/v1/payments/{payment_no}/cancel", body)

    async def ack(self, status: PaymentStatus) -> PaymentStatus | Problem:
        body = encode(AckRequest(state=status.state, state_seq=status.state_seq))
        return await self.call("POST", f"/v1/payments/{status.payment_no}/ack", body)

    async def final(self, payment_no: str, seconds: float = 600) -> tuple[PaymentStatus, float]:
        """The final status, and how many (virtual) seconds it took from now."""
        began = self.world.loop.time()
        status = status_of(await self.ask(payment_no))
        while self.world.loop.time() - began < seconds:
            status = status_of(await self.ask(payment_no, wait=25))
            if status.state.final:
                return status, self.world.loop.time() - began
        raise AssertionError(f"not settled after {seconds} s: {self.world.timeline(status)}")

    async def shown(self, request: PaymentRequest) -> PaymentStatus:
        """The status once its QR is there."""
        status = await self.pay(request)
        assert isinstance(status, PaymentStatus), status
        while status.qr is None:
            later = await self.ask(request.payment_no, wait=25, after=status.state_seq)
            assert isinstance(later, PaymentStatus), later
            status = later
        return status


def status_of(status: PaymentStatus | Problem) -> PaymentStatus:
    assert isinstance(status, PaymentStatus), status
    return status


def problem_of(status: PaymentStatus | Problem) -> Problem:
    assert isinstance(status, Problem), status
    return status


def read(response: ResponseParts) -> PaymentStatus | Problem:
    return decode(PaymentStatus, response.body) if response.status == 200 else decode(Problem, response.body)


def number_of(request: PaymentRequest) -> str:
    number = read_payment_no(request.payment_no)
    assert number is not None
    return number.order_no


def in_world(
    story: Callable[[World], Coroutine[Any, Any, T]],
    *,
    qr_shown_ms: int = 120_000,
    interval_ms: int = 3_000,
    wallet: str = "alipay",
    notify: bool = False,
) -> T:
    """Plays one story to its end in virtual time."""
    loop = VirtualTimeLoop()

    async def played() -> T:
        world = World(loop, qr_shown_ms=qr_shown_ms, interval_ms=interval_ms, wallet=wallet)
        await world.gateway.start()
        delivering = asyncio.create_task(world.notifications()) if notify else None
        try:
            return await story(world)
        finally:
            if delivering is not None:
                delivering.cancel()
                await asyncio.gather(delivering, return_exceptions=True)
            await world.gateway.aclose()
            await world.store.aclose()

    return run_virtual(played(), loop)


def seed_places(tx: Tx, *accounts: dict[str, object], qr_wallet: str = "alipay") -> None:
    """One merchant `m1`, one store `s1` and its accounts; and another merchant `m2` without any."""
    connection = tx.connection
    connection.execute(
        insert(MERCHANTS), [{"merchant_id": "m1", "name": "老王早餐"}, {"merchant_id": "m2", "name": "别家"}]
    )
    connection.execute(
        insert(STORES),
        [
            {"store_id": "s1", "merchant_id": "m1", "name": "一店"},
            {"store_id": "s2", "merchant_id": "m2", "name": "别店"},
        ],
    )
    for settings in accounts:
        row = {
            "account_id": settings.get("id", "a1"),
            "merchant_id": "m1",
            "channel": settings.get("channel", "alipay"),
            "shown_default": int(settings.get("channel", "alipay") == qr_wallet),
            "settings": json.dumps(settings),
        }
        connection.execute(insert(CHANNEL_ACCOUNTS), row)


def seed_code(tx: Tx, code: str, *, uses: int, expires_ms: int, store_id: str = "s1") -> None:
    held = places.ActivationCode(store_id=store_id, uses_left=uses, expires_ms=expires_ms)
    places.add_activation_code(tx, digest=places.code_digest(code), code=held)


def script_of(text: str) -> Script:
    script = parse_script(text)
    assert script is not None, text
    return script
