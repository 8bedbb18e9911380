"""The callback gateway over a store in memory, with an account at each wallet, and letters as Alipay and UnionPay
write them. No wallet answers unless a test says how: what a notification alone does is what is seen."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar
from urllib.parse import urlencode

from sqlalchemy import insert

from gateway.callbacks.gateway import CallbackGateway
from gateway.callbacks.letter import sealed_about, unpacked
from gateway.channels.port import (
    ChannelRequest,
    ChannelResponse,
    Exchange,
    LineFault,
    NoAnswer,
    NotificationReply,
    NotSent,
)
from gateway.jobs.calls import ChannelCalls
from gateway.jobs.waiters import Waiters
from gateway.payments.values import ChannelOrder, Payment, PaymentKey, Refund
from gateway.routing.accounts import Accounts
from gateway.routing.choose import Candidate
from gateway.store import alarms, callbacks, payments, refunds, tasks
from gateway.store.callbacks import Callback
from gateway.store.runners import InlineStore
from gateway.store.sealing import Seal
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES, TERMINALS
from gateway.store.tasks import Task
from gateway.store.units import Tx
from proof.stores import empty_store
from proof.wallets import account_settings
from sandbox.wallets import open_wallets
from tests.contract.gateway.gateway_world import merchants
from tests.unit.gateway import channel_alipay_wallet as alipay
from tests.unit.gateway import channel_unionpay_wallet as unionpay
from tests.unit.gateway.payment_rows import KEY, order, payment

T = TypeVar("T")
NOW_MS = unionpay.NOW_MS
KEY_BYTES = bytes(range(32))
ACCOUNTS = {
    "a1": alipay.settings(id="a1"),
    "a2": alipay.settings(id="a2", seller_id="2088000000000002"),
    "u1": unionpay.settings(id="u1"),
    "w1": account_settings(
        next(one for one in open_wallets(merchants(), random_bytes=random.Random(1).randbytes) if one.name == "wechat"),
        account_id="w1",
        interval_ms=1_000,
    ),
    "broken": {"id": "broken", "channel": "alipay"},
}


class FixedClock:
    def __init__(self) -> None:
        self.at_ms = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms

    def even_since_ms(self) -> int:
        return NOW_MS


class CountingEntropy:
    """Never the same bytes twice."""

    def __init__(self) -> None:
        self._drawn = 0

    def bytes(self, count: int) -> bytes:
        self._drawn += 1
        return self._drawn.to_bytes(count)


class CallbackWorld:
    def __init__(self) -> None:
        self.clock = FixedClock()
        self.store = InlineStore(empty_store())
        self.store.run_now(_seed)
        self.line: Exchange = _no_line
        self.accounts = Accounts(lambda _account: self._call)
        self.accounts.load(
            [
                (
                    Candidate(account_id=name, merchant_id="m1", channel=str(held["channel"]), shown_default=False),
                    json.dumps(held),
                )
                for name, held in ACCOUNTS.items()
            ]
        )
        self.waiters = Waiters()
        self.calls = ChannelCalls(
            store=self.store,
            clock=self.clock,
            accounts=self.accounts,
            waiters=self.waiters,
            owner="test",
            heard=lambda _account, _verdict: None,
        )
        self.seal = Seal(KEY_BYTES, CountingEntropy())
        self.woken = 0
        self.gateway = CallbackGateway(calls=self.calls, seal=self.seal, wake=self._wake)

    async def _call(
        self, request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
    ) -> ChannelResponse | NotSent | NoAnswer:
        return await self.line(request, connect_timeout_ms=connect_timeout_ms, read_timeout_ms=read_timeout_ms)

    def _wake(self) -> None:
        self.woken += 1

    def put(self, row: Payment, sent: ChannelOrder) -> None:
        self.store.run_now(lambda tx: (payments.add(tx, row), payments.add_channel_order(tx, sent)))

    def put_refund(self, refund: Refund, *, captured_fen: int = 1250) -> None:
        def unit(tx: Tx) -> None:
            refunds.open_room(tx, refund.out_trade_no, captured_fen=captured_fen)
            assert refunds.reserve(tx, refund)

        self.store.run_now(unit)

    async def post(
        self, account: str, body: bytes, *, channel: str = "alipay", headers: Mapping[str, str] | None = None
    ) -> NotificationReply:
        return await self.gateway.handle(channel, account, headers or {}, body, "203.0.113.9")

    def payment(self, key: PaymentKey = KEY) -> Payment:
        found = self.store.run_now(lambda tx: payments.find(tx, key))
        assert found is not None
        return found

    def order(self) -> ChannelOrder:
        found = self.store.run_now(lambda tx: payments.order(tx, order().out_trade_no))
        assert found is not None
        return found

    def refund(self, refund_no: str) -> Refund:
        found = self.store.run_now(lambda tx: refunds.find(tx, refund_no))
        assert found is not None
        return found

    def kept(self, account: str = "a1") -> list[Callback]:
        return self.store.run_now(lambda tx: callbacks.of_account(tx, account))

    def outcomes(self, account: str = "a1") -> list[str]:
        return [row.outcome for row in self.kept(account)]

    def opened(self, row: Callback) -> tuple[dict[str, str], bytes]:
        about = sealed_about(row.channel, row.account_id, row.received_ms)
        return unpacked(self.seal.open(row.sealed, about=about))

    def alarms(self) -> dict[str, int]:
        return self.store.run_now(alarms.open_counts)

    def tasks(self) -> list[Task]:
        return self.store.run_now(lambda tx: tasks.due(tx, now_ms=2**60, limit=100))

    def timeline(self) -> list[str]:
        return [said.what for _, said in self.store.run_now(lambda tx: payments.events(tx, KEY))]


def in_callback_world(story: Callable[[CallbackWorld], Coroutine[Any, Any, T]]) -> T:
    async def played() -> T:
        world = CallbackWorld()
        try:
            return await story(world)
        finally:
            await world.store.aclose()

    return asyncio.run(played())


def alipay_form(**changes: str) -> dict[str, str]:
    """A payment of the order of `payment_rows`, before it is signed."""
    fields = {
        "notify_id": "2026112200222100005",
        "notify_type": "trade_status_sync",
        "notify_time": "2026-11-22 10:00:06",
        "app_id": "2021000000000001",
        "seller_id": "2088000000000001",
        "charset": "utf-8",
        "version": "1.0",
        "sign_type": "RSA2",
        "trade_no": "2026112222001432790585537960",
        "out_trade_no": order().out_trade_no,
        "trade_status": "TRADE_SUCCESS",
        "total_amount": "12.50",
        "gmt_payment": "2026-11-22 10:00:05",
        "subject": "早餐+豆浆=好",
    }
    return fields | changes


def alipay_letter(fields: Mapping[str, str]) -> bytes:
    """Signed as the wallet signs, by its rule written here once more, and url-encoded."""
    covered = sorted((k, v) for k, v in fields.items() if k not in ("sign", "sign_type") and v)
    text = "&".join(f"{name}={value}" for name, value in covered)
    return urlencode({**fields, "sign": alipay.signature(text.encode())}).encode()


def unionpay_letter(**changes: str) -> bytes:
    fields = unionpay.trade("00", **{"orderId": order().out_trade_no, "respCode": "00", **changes})
    del fields["origRespCode"], fields["origRespMsg"]
    return unionpay.notification(unionpay.sealed(fields)).body


def open_order(account: str = "a1", channel: str = "alipay") -> tuple[Payment, ChannelOrder]:
    """A payment whose order was sent a second ago."""
    row = payment(account_id=account, channel=channel, created_ms=NOW_MS - 2_000)
    sent = order(account_id=account, channel=channel, sent_ms=NOW_MS - 1_000, deadline_ms=NOW_MS + 44_000)
    return row, sent


async def _no_line(
    request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int
) -> ChannelResponse | NotSent | NoAnswer:
    return NoAnswer(LineFault.CUT)


def _seed(tx: Tx) -> None:
    connection = tx.connection
    connection.execute(insert(MERCHANTS), {"merchant_id": "m1", "name": "老王早餐"})
    connection.execute(insert(STORES), {"store_id": "s1", "merchant_id": "m1", "name": "一店"})
    rows = [
        {
            "account_id": name,
            "merchant_id": "m1",
            "channel": held["channel"],
            "shown_default": 0,
            "settings": json.dumps(held),
        }
        for name, held in ACCOUNTS.items()
    ]
    connection.execute(insert(CHANNEL_ACCOUNTS), rows)
    terminal = {
        "terminal_id": KEY.terminal_id,
        "store_id": "s1",
        "name": "1",
        "public_key": "k",
        "epoch": 1,
        "activated_ms": 0,
        "journal_seq": 0,
        "journal_head": "",
    }
    connection.execute(insert(TERMINALS), terminal)
