"""A database that a gateway finds at its start: merchants, each with its store, one till and one account at the wallet.

Many accounts, as an aggregator has: each has a line and a token bucket of its own.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace
from sqlalchemy import insert

from gateway.channels.port import OrderKind
from gateway.jobs.keeping import keep_new
from gateway.jobs.schedule import Pace
from gateway.payments.admit import new_payment, send
from gateway.payments.values import PaymentKey, Step
from gateway.store import places
from gateway.store.runners import InlineStore
from gateway.store.sqlite import open_sqlite
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES
from gateway.store.units import Tx
from proof.bench.wallet import AMOUNT_FEN, APP_ID
from protocol.chain import genesis
from protocol.keys import public_text
from protocol.messages import PaymentRequest, Presented
from protocol.numbers import NUMBER_BYTES, TERMINAL_ID_BYTES, new_number, new_out_trade_no, new_terminal_id

#: More than any benchmark here calls.
CALLS_PER_SECOND: Final = 5_000
INTERVAL_MS: Final = 1_000
_OPEN_FOR_MS: Final = 3_600_000
_PACE: Final = Pace(query_interval_ms=INTERVAL_MS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Till:
    """`account_id`: where its payments go."""

    terminal_id: str
    account_id: str
    key: Ed25519PrivateKey = field(repr=False)


def new_tills(count: int) -> tuple[Till, ...]:
    return tuple(
        Till(
            terminal_id=new_terminal_id(os.urandom(TERMINAL_ID_BYTES)),
            account_id=f"account{number}",
            key=Ed25519PrivateKey.generate(),
        )
        for number in range(count)
    )


def account_settings(account_id: str, wallet: Mapping[str, Any]) -> str:
    """`wallet`: what the wallet said when it was ready."""
    return json.dumps(
        {
            "id": account_id,
            "channel": "alipay",
            "base_url": f"http://127.0.0.1:{wallet['port']}/gateway.do",
            "app_id": APP_ID,
            "private_key": wallet["private_key"],
            "wallet_public_key": wallet["wallet_public_key"],
            "min_query_interval_ms": INTERVAL_MS,
            "calls_per_second": CALLS_PER_SECOND,
        }
    )


def make_database(path: Path, tills: Sequence[Till], wallet: Mapping[str, Any], *, open_payments: int = 0) -> None:
    """`open_payments`: scanned just now, unpaid, and polled for an hour."""
    store = InlineStore(open_sqlite(path))
    store.run_now(lambda tx: seed(tx, tills, wallet))
    now_ms = time.time_ns() // 1_000_000
    store.run_now(lambda tx: _seed_open(tx, tills, open_payments, now_ms=now_ms))
    asyncio.run(store.aclose())


def seed(tx: Tx, tills: Sequence[Till], wallet: Mapping[str, Any]) -> None:
    for till in tills:
        merchant, store = f"merchant-{till.account_id}", f"store-{till.account_id}"
        tx.connection.execute(insert(MERCHANTS), {"merchant_id": merchant, "name": "商户"})
        tx.connection.execute(insert(STORES), {"store_id": store, "merchant_id": merchant, "name": "门店"})
        account = {
            "account_id": till.account_id,
            "merchant_id": merchant,
            "channel": "alipay",
            "shown_default": 1,
            "settings": account_settings(till.account_id, wallet),
        }
        tx.connection.execute(insert(CHANNEL_ACCOUNTS), account)
        places.add_terminal(
            tx,
            terminal_id=till.terminal_id,
            store_id=store,
            name="till",
            public_key=public_text(till.key),
            head=genesis(till.terminal_id),
            now_ms=0,
        )


def _seed_open(tx: Tx, tills: Sequence[Till], count: int, *, now_ms: int) -> None:
    """Spread over one interval, as scans are."""
    for number in range(count):
        till = tills[number % len(tills)]
        sent_ms = now_ms - number * INTERVAL_MS // count
        keep_new(tx, _opened(till, sent_ms), lambda _account: _PACE, now_ms=sent_ms)


def _opened(till: Till, sent_ms: int) -> Step:
    order_no = new_number(os.urandom(NUMBER_BYTES))
    request = PaymentRequest(
        payment_no=f"{order_no}-1",
        sale_id=new_number(os.urandom(NUMBER_BYTES)),
        amount_fen=AMOUNT_FEN,
        currency="CNY",
        presented=Presented.CUSTOMER,
        subject="商品",
        operator="01",
        expires=sent_ms + _OPEN_FOR_MS,
    )
    step = send(
        new_payment(request, PaymentKey(terminal_id=till.terminal_id, order_no=order_no, n=1), now_ms=sent_ms),
        account_id=till.account_id,
        channel="alipay",
        kind=OrderKind.CODE,
        out_trade_no=new_out_trade_no(order_no, 0),
        open_for_ms=_OPEN_FOR_MS,
        now_ms=sent_ms,
    )
    assert step.order is not None, "what is sent has an order"
    return replace(step, order=replace(step.order, open_calls=0, call_closed_ms=sent_ms))
