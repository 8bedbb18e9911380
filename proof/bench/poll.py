"""Polling: 1,000 open payments asked about each second over real HTTP with signatures, the wallet elsewhere; and the
schedule alone with the call stubbed, 10,000 of them.

Ours is how long after its time the 99th of 100 tasks was taken; the reference is the second that it has. How many were
taken in a second is reported: when that is less than what is due, everything is late.
"""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles
from typing import Final, cast

from gateway.channels.account import ChannelAccount
from gateway.channels.port import (
    Channel,
    ChannelRequest,
    ChannelResponse,
    ChannelTraits,
    OrderRef,
    Pending,
    PreparedCall,
    QueryVerdict,
)
from gateway.core import Gateway
from gateway.keys import make_keys
from gateway.routing.accounts import open_settings
from gateway.store.runners import ThreadedStore
from gateway.store.sqlite import open_sqlite
from gateway.system import SystemClock, SystemEntropy, collect_seldom
from proof.bench.cores import shared_out
from proof.bench.flow import cpu_by_part, marked, started
from proof.bench.ground import INTERVAL_MS, make_database, new_tills
from proof.bench.measure import Measured
from proof.bench.served import METERED, noted
from proof.torture.programs import Program

BOUND: Final = 1.0
_TILLS: Final = 8
#: The start makes everything due at once; this is over when the clock starts.
_SETTLE_S: Final = 5.0


async def measure_poll(folder: Path, *, rounds: int, orders: int = 1_000, settle_s: float = _SETTLE_S) -> Measured:
    """`rounds` seconds of polling `orders` open payments, each once a second."""
    mine, others = shared_out()
    with ExitStack() as ended:
        wallet = started(ended, Program("wallet", "proof.bench.wallet", others, log_folder=folder))
        database = folder / "gateway.db"
        await asyncio.to_thread(make_database, database, new_tills(_TILLS), wallet.said, open_payments=orders)
        arguments = (METERED, str(database), *mine)
        gateway = started(ended, Program("gateway", "proof.bench.served", arguments, log_folder=folder))
        await asyncio.sleep(settle_s)
        before, began = marked(gateway), time.perf_counter()
        await asyncio.sleep(rounds)
        after, took_s = marked(gateway), time.perf_counter() - began
    lags_ms: Sequence[int] = after["lags_ms"]
    cpu_us = cpu_by_part(before, after, max(1, len(lags_ms)))
    shares = {f"{part}_cpu_us": round(cpu, 1) for part, cpu in cpu_us.items()}
    return _measured("poll", lags_ms, took_s, orders=orders, rounds=rounds, more=shares)


async def measure_schedule(folder: Path, *, rounds: int, orders: int = 10_000, settle_s: float = _SETTLE_S) -> Measured:
    """`rounds` seconds of the schedule over `orders` open payments; the wallet's answer is there at once."""
    tills, lags_ms = new_tills(_TILLS), list[int]()
    database = folder / "gateway.db"
    with ExitStack() as ended:
        wallet = started(ended, Program("wallet", "proof.bench.wallet", (), log_folder=folder))
        await asyncio.to_thread(make_database, database, tills, wallet.said, open_payments=orders)
    entropy = SystemEntropy()
    store = ThreadedStore(open_sqlite(database))
    gateway = Gateway(
        store=store,
        clock=SystemClock(),
        entropy=entropy,
        keys=make_keys(entropy),
        exchange_for=lambda _account: _at_once,
        opener=_open_waiting,
    )
    with ExitStack() as ended:
        ended.callback(noted(lags_ms))
        ended.callback(gc.set_threshold, *gc.get_threshold())
        try:
            await gateway.start()
            collect_seldom()
            await asyncio.sleep(settle_s)
            lags_ms.clear()
            began, cpu_ns = time.perf_counter(), time.process_time_ns()
            await asyncio.sleep(rounds)
            took_s, taken = time.perf_counter() - began, list(lags_ms)
            cpu_us = (time.process_time_ns() - cpu_ns) / 1000 / max(1, len(taken))
        finally:
            await gateway.aclose()
            await store.aclose()
    return _measured("schedule", taken, took_s, orders=orders, rounds=rounds, more={"cpu_us": round(cpu_us, 1)})


def _measured(
    name: str, lags_ms: Sequence[int], took_s: float, *, orders: int, rounds: int, more: dict[str, float]
) -> Measured:
    if len(lags_ms) < 2:
        raise RuntimeError("nothing was polled")
    cuts = quantiles(lags_ms, n=100)
    return Measured(
        name=name,
        reference=f"the second that each of {orders} open payments has; ours is the lag's 99th percentile",
        ours_ms=cuts[98],
        reference_ms=float(INTERVAL_MS),
        bound=BOUND,
        rounds=rounds,
        reported={
            "open_payments": orders,
            "lag_p50_ms": round(cuts[49], 1),
            "taken_per_s": round(len(lags_ms) / took_s, 1),
            **more,
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Waiting:
    """A channel whose customer never pays: nothing is signed or sent. The schedule asks for nothing else of it."""

    traits: ChannelTraits

    def query(self, _ref: OrderRef, *, now_ms: int) -> PreparedCall[QueryVerdict]:
        return PreparedCall(request=_NOTHING, read=_pending, connect_timeout_ms=now_ms, read_timeout_ms=now_ms)


_NOTHING: Final = ChannelRequest(method="POST", url="", headers={}, body=b"")
_ANSWER: Final = ChannelResponse(status=200, headers={}, body=b"")


def _pending(_response: ChannelResponse) -> QueryVerdict:
    return Pending(payer_prompted=True)


async def _at_once(request: ChannelRequest, *, connect_timeout_ms: int, read_timeout_ms: int) -> ChannelResponse:
    assert request is _NOTHING, "the stub's own call"
    assert connect_timeout_ms == read_timeout_ms, "which has no limits of its own"
    return _ANSWER


def _open_waiting(settings: str) -> tuple[ChannelAccount, Channel]:
    account, channel = open_settings(settings)
    return account, cast("Channel", _Waiting(traits=channel.traits))
