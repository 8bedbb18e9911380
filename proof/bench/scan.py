"""Scan to wire: from the gun's last byte to the whole signed request at the other end, through the real parser, engine,
journal and line. The reference does what nobody can leave out: one durable insert and the same POST, unsigned."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from drivers.scanner.events import Scan
from drivers.scanner.parsers.line import Framing
from drivers.scanner.parsers.serial_stream import SerialStreamParser
from proof.bench.measure import Measured, interleaved
from proof.bench.sink import ARRIVED, KEYID, TERMINAL_ID
from protocol.auth_code import PaymentCode, classify_scan
from protocol.messages import Presented
from protocol.money import CNY, Money
from protocol.signature import RequestParts, ResponseParts
from sync.engine.model import Line, LinkView, Published, StartPayment
from sync.journal.journal import Journal
from sync.journal.room import Room
from sync.link.calls import Credentials
from sync.link.exchange import NoAnswer, NotSent, Timeouts
from sync.link.http import HttpExchange
from sync.ports import SystemClock, system_entropy
from sync.runner import Runner

BOUND = 2.0
_BODY = 330


class _Timed:
    """The real line; notes when each pay request was whole at the other end."""

    def __init__(self, inner: HttpExchange) -> None:
        self._inner = inner
        self.arrived: asyncio.Queue[int] = asyncio.Queue()

    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        answer = await self._inner(base_url, request, timeouts)
        if request.path == "/v1/payments" and isinstance(answer, ResponseParts):
            self.arrived.put_nowait(int(answer.headers[ARRIVED]))
        return answer


@contextmanager
def sink(seed: bytes) -> Generator[str, None, None]:
    """The far end, in a process of its own; its address."""
    with subprocess.Popen(
        (sys.executable, "-m", "proof.bench.sink", seed.hex()), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.terminate()


async def measure_scan(folder: Path, *, rounds: int) -> Measured:
    """Medians of `rounds` scans, the gun's bytes in one piece."""
    seed = os.urandom(32)
    with sink(seed) as url:
        journal = Journal.open(folder / "journal.db", terminal_id=TERMINAL_ID)
        with closing(journal), closing(_bare(folder / "bare.db")) as bare:
            async with HttpExchange() as http, httpx.AsyncClient(trust_env=False) as client:
                line, up = _Timed(http), asyncio.Event()
                runner = _runner(journal, folder, line, url, seed, up)
                running = asyncio.create_task(runner.run())
                await asyncio.wait_for(up.wait(), 10)
                parser = SerialStreamParser(device="bench", framing=Framing())

                async def ours() -> float:
                    began = time.monotonic_ns()
                    runner.submit(_sale(parser, code=_code()))
                    return (await asyncio.wait_for(line.arrived.get(), 10) - began) / 1e6

                async def reference() -> float:
                    began = time.monotonic_ns()
                    bare.execute("insert into entry (body) values (?)", ("x" * _BODY,))
                    answer = await client.post(f"{url}/reference", content=b"{" + b" " * _BODY + b"}")
                    return (int(answer.headers[ARRIVED]) - began) / 1e6

                ours_ms, reference_ms = await interleaved(ours, reference, rounds=rounds)
                runner.stop()
                await running
    return Measured(
        name="scan",
        reference="one durable insert in bare sqlite3, then the same httpx POST unsigned",
        ours_ms=ours_ms,
        reference_ms=reference_ms,
        bound=BOUND,
        rounds=rounds,
    )


def _runner(journal: Journal, folder: Path, line: _Timed, url: str, seed: bytes, up: asyncio.Event) -> Runner:
    def publish(view: Published) -> None:
        if isinstance(view, LinkView) and view.line is Line.UP:
            up.set()

    gateway_key = Ed25519PrivateKey.from_private_bytes(seed).public_key()
    return Runner(
        journal=journal,
        room=Room(folder, ballast_bytes=0),
        exchange=line,
        credentials=Credentials(
            terminal_id=TERMINAL_ID,
            gateway_url=url,
            key=Ed25519PrivateKey.generate(),
            gateway_keys={KEYID: gateway_key},
        ),
        clock=SystemClock(),
        entropy=system_entropy,
        publish=publish,
    )


def _code() -> bytes:
    return b"28" + b"%016d" % (int.from_bytes(os.urandom(6), "big") % 10**16) + b"\r"


def _sale(parser: SerialStreamParser, *, code: bytes) -> StartPayment:
    """What the app does with a gun's bytes while a sale waits."""
    now_ms = time.monotonic_ns() // 1_000_000
    scans = [event for event in parser.feed(code, now_ms) if isinstance(event, Scan)]
    assert len(scans) == 1, "one line is one scan"
    read = classify_scan(scans[0].text)
    assert isinstance(read, PaymentCode), "a payment code"
    return StartPayment(
        request_id=os.urandom(8).hex(),
        sale_id=None,
        order_no=None,
        amount=Money(1250, CNY),
        presented=Presented.CUSTOMER,
        auth_code=read.auth_code,
        subject="商品",
        operator="01",
        scanned_at_ms=now_ms,
    )


def _bare(path: Path) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = full")
    db.execute("create table entry (seq integer primary key, body text not null)")
    return db
