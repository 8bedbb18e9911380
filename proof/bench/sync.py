"""A long outage ends: queued entries synced by the real runner over real HTTP to the real gateway process.

Ours is the time from the start of the till to the last entry acknowledged: read from the journal, signed, sent,
verified, chained and kept at the gateway, and marked delivered, commit by commit. The reference is the same entries put
into a bare SQLite file of the gateway's table and pragmas, in the same batches: what nobody can leave out.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
import time
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Final

from gateway.keys import GatewayKeys, load_keys
from gateway.system import SystemEntropy
from proof.bench.flow import started
from proof.bench.ground import Till, make_database, new_tills
from proof.bench.measure import Measured, interleaved
from proof.bench.served import PLAIN
from proof.torture.programs import Program
from protocol.messages import JournalEntry, Presented
from protocol.numbers import NUMBER_BYTES, new_number
from protocol.states import GatewayState
from sync.engine.model import LinkView, Published
from sync.engine.statements import (
    AnyStatement,
    CashTaken,
    PaymentAcked,
    PaymentObserved,
    PaymentSettled,
    PaymentStarted,
)
from sync.journal.journal import Journal
from sync.journal.room import Room
from sync.link.calls import Credentials
from sync.link.http import HttpExchange
from sync.ports import SystemClock, system_entropy
from sync.runner import Runner

#: Signing, HTTP, two chains and two journals stand against one insert.
BOUND: Final = 80.0
#: What one delivery carries.
_BATCH: Final = 200
_WITHIN_S: Final = 120.0
_AT_ONCE: Final = 500
_TABLE: Final = (
    "create table journal_entries (terminal_id text not null, seq bigint not null, kind text not null, "
    "at_ms bigint not null, body text not null, hash text not null, received_ms bigint not null, withheld text, "
    "primary key (terminal_id, seq))"
)


async def measure_sync(folder: Path, *, rounds: int, entries: int = 5_000) -> Measured:
    """Medians of `rounds` queues of `entries` entries, each of a till of its own."""
    with ExitStack() as ended:
        wallet = started(ended, Program("wallet", "proof.bench.wallet", (), log_folder=folder))
        tills, database = new_tills(rounds + 1), folder / "gateway.db"
        await asyncio.to_thread(make_database, database, tills, wallet.said)
        keys = load_keys(database.with_name(database.name + ".keys"), SystemEntropy())
        gateway = started(ended, Program("gateway", "proof.bench.served", (PLAIN, str(database)), log_folder=folder))
        url = str(gateway.said["gateway"])
        bare = ended.enter_context(closing(_bare(folder / "bare.db")))
        left = list(tills)
        queue: list[tuple[str, tuple[JournalEntry, ...]]] = []

        async def ours() -> float:
            till = left.pop()
            journal = Journal.open(folder / f"{till.account_id}.db", terminal_id=till.terminal_id)
            with closing(journal):
                _fill(journal, entries)
                queue.append((till.terminal_id, journal.entries_after(0, limit=entries, max_bytes=2**40)))
                return await _synced(journal, till, url, keys, folder)

        async def reference() -> float:
            terminal_id, found = queue.pop()
            began = time.perf_counter()
            _append(bare, terminal_id, found)
            return (time.perf_counter() - began) * 1000

        ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds, warm=1)
    return Measured(
        name="sync",
        reference="the same entries in the same batches into bare sqlite3, same table and pragmas",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
        reported={"entries": entries, "entries_per_s": round(entries / ours_ms * 1000, 1)},
    )


async def _synced(journal: Journal, till: Till, url: str, keys: GatewayKeys, folder: Path) -> float:
    """Milliseconds from the till's start to an empty queue."""
    done = asyncio.Event()

    def publish(told: Published) -> None:
        if isinstance(told, LinkView) and told.unsent == 0:
            done.set()

    began = time.perf_counter()
    async with HttpExchange() as exchange:
        runner = Runner(
            journal=journal,
            room=Room(folder, ballast_bytes=0, floor_bytes=0),
            exchange=exchange,
            credentials=Credentials(
                terminal_id=till.terminal_id,
                gateway_url=url,
                key=till.key,
                gateway_keys={keys.http_kid: keys.http.public_key()},
            ),
            clock=SystemClock(),
            entropy=system_entropy,
            publish=publish,
        )
        running = asyncio.create_task(runner.run())
        async with asyncio.timeout(_WITHIN_S):
            await done.wait()
        took_ms = (time.perf_counter() - began) * 1000
        runner.stop()
        await running
    return took_ms


def _fill(journal: Journal, count: int) -> None:
    """Days of an outage: wallet orders from before it, and cash."""
    statements: list[AnyStatement] = []
    while len(statements) < count:
        statements += _order()
    for at in range(0, count, _AT_ONCE):
        journal.append(statements[at : min(at + _AT_ONCE, count)], at_ms=time.time_ns() // 1_000_000)


def _order() -> list[AnyStatement]:
    """A wallet order's four entries and a tender in cash."""
    order_no, cash_no, sale_id = (new_number(os.urandom(NUMBER_BYTES)) for _ in range(3))
    number = f"{order_no}-1"
    return [
        CashTaken(
            payment_no=f"{cash_no}-1", order_no=cash_no, sale_id=cash_no, amount_fen=1250, currency="CNY",
            received_fen=2000, change_fen=750, operator="01", offline=True,
        ),
        PaymentStarted(
            payment_no=number, order_no=order_no, n=1, sale_id=sale_id, amount_fen=1250, currency="CNY",
            presented=Presented.CUSTOMER, subject="商品", operator="01",
        ),
        PaymentObserved(payment_no=number, said_by="G1", gateway_state=GatewayState.SENT, state_seq=1),
        PaymentSettled(payment_no=number, said_by="G1", paid=True, state_seq=2, channel="alipay"),
        PaymentAcked(payment_no=number, said_by="G1", state_seq=2),
    ]  # fmt: skip


def _bare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode = wal", "synchronous = full", "foreign_keys = on"):
        db.execute(f"pragma {pragma}")
    db.execute(_TABLE)
    return db


def _append(db: sqlite3.Connection, terminal_id: str, entries: tuple[JournalEntry, ...]) -> None:
    for at in range(0, len(entries), _BATCH):
        rows = [
            (terminal_id, entry.seq, entry.kind, entry.at_ms, entry.body, entry.hash, entry.at_ms, None)
            for entry in entries[at : at + _BATCH]
        ]
        db.execute("begin immediate")
        db.executemany("insert into journal_entries values (?, ?, ?, ?, ?, ?, ?, ?)", rows)
        db.execute("commit")
