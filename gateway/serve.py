"""`guitai gateway serve`: the real process around `gateway.core`. Ends within three seconds of SIGTERM; the next start
takes up all open work from the rows.

Plain http is for loopback only: beyond it, TLS is given by a proxy in front, and the gateway still listens on loopback.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import logging
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Final

import structlog
import uvicorn
from msgspec import Struct
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from starlette.routing import Route

from gateway.api.app import make_app
from gateway.api.limits import Limits
from gateway.api.operations import pages
from gateway.callbacks.gateway import KEPT_DAYS
from gateway.callbacks.routes import callback_routes
from gateway.channels.account import ChannelAccount
from gateway.channels.http import HttpExchange, line_of
from gateway.channels.port import BillKind
from gateway.configure.door import open_door
from gateway.configure.orders import OwnerOrders
from gateway.core import Gateway
from gateway.jobs.restored import take_anchor
from gateway.keys import load_keys
from gateway.proof_keys import load_proof_keys, proof_keys_path
from gateway.store.anchor import Anchor
from gateway.store.room import Room
from gateway.store.runners import ThreadedStore
from gateway.store.sqlite import FULL, DatabaseLock, open_sqlite, sqlite_path
from gateway.store.units import StoreFailed
from gateway.system import SystemClock, SystemEntropy, collect_seldom

_GRACE_S: Final = 2
#: How often the disk is looked at.
_ROOM_EVERY_S: Final = 5.0


class ServeError(Exception):
    """The gateway cannot serve like this; the text says what to change."""


class Ready(Struct, frozen=True, kw_only=True):
    """Where it serves. `url` is the public base; without one, the address that it listens on."""

    url: str
    host: str
    port: int
    root_fingerprint: str


class _Server(uvicorn.Server):
    """Leaves signals to us: they end the whole process in order, not the web server alone."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


def serve_forever(
    *,
    database: str,
    listen: str = "127.0.0.1:0",
    public_url: str | None = None,
    keys: Path | None = None,
    ready: Callable[[Ready], None] | None = None,
    qr_shown_ms: int = 120_000,
    callbacks_kept_days: int = KEPT_DAYS,
    limits: Limits | None = None,
) -> int:
    """Serves until SIGTERM or SIGINT (0) or until the store fails (1).

    Raises ServeError, DatabaseInUse, SchemaNewer, KeysUnreadable.
    """
    configure_logs()
    host, port = _address(listen)
    path = sqlite_path(database)
    lock = DatabaseLock(_made(path))
    try:
        return asyncio.run(
            _serve(
                path=path,
                host=host,
                port=port,
                public_url=public_url,
                keys=keys or path.with_name(path.name + ".keys"),
                ready=ready,
                qr_shown_ms=qr_shown_ms,
                callbacks_kept_days=callbacks_kept_days,
                limits=limits,
            )
        )
    finally:
        lock.release()


def _made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def print_ready(ready: Ready) -> None:
    """One JSON line on standard output."""
    line = {"gateway": ready.url, "host": ready.host, "port": ready.port, "root": ready.root_fingerprint}
    print(json.dumps(line), flush=True)  # noqa: T201 - this is the command's output


def configure_logs() -> None:
    """Structured lines on standard error. Bodies, queries and headers are never logged."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
    )


async def _serve(
    *,
    path: Path,
    host: str,
    port: int,
    public_url: str | None,
    keys: Path,
    ready: Callable[[Ready], None] | None,
    qr_shown_ms: int,
    callbacks_kept_days: int,
    limits: Limits | None,
) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    failures: list[StoreFailed] = []

    def failed(error: StoreFailed) -> None:
        failures.append(error)
        loop.call_soon_threadsafe(stop.set)

    clock, entropy = SystemClock(), SystemEntropy()
    room = Room(path)
    anchor = Anchor(path)
    store = ThreadedStore(_opened(path, room), on_failed=failed, make_room=room.release, committed=anchor.write)
    room.fill()
    await _take_anchor(store, anchor, clock, entropy)
    exchanges: list[HttpExchange] = []

    def exchange_for(account: ChannelAccount) -> HttpExchange:
        exchanges.append(line_of(account))
        return exchanges[-1]

    proof_keys = load_proof_keys(proof_keys_path(keys), entropy, now_ms=clock.now_ms())
    gateway = Gateway(
        store=store,
        clock=clock,
        entropy=entropy,
        keys=load_keys(keys, entropy),
        exchange_for=exchange_for,
        qr_shown_ms=qr_shown_ms,
        callbacks_kept_days=callbacks_kept_days,
        public_url=public_url,
        bill_kinds=tuple(BillKind),
        proof_keys=proof_keys,
        beside=asyncio.to_thread,
        owner=f"gateway-{os.getpid()}-{entropy.bytes(4).hex()}",
        full=room.full,
        limits=limits,
    )
    listener = _listener(host, port)
    bound = int(listener.getsockname()[1])
    server = _Server(
        uvicorn.Config(
            make_app(gateway.service, pages(gateway, clock), _open_routes(gateway)),
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=30,
        )
    )
    await gateway.start()
    collect_seldom()
    for number in (signal.SIGTERM, signal.SIGINT):
        _on_signal(loop, number, stop)
    url = public_url or f"http://{_shown_host(host)}:{bound}"
    orders = OwnerOrders(
        store=store,
        clock=clock,
        entropy=entropy,
        root_fingerprint=gateway.keys.root_kid,
        url=url,
        page_url=public_url,
        applied=gateway.load_accounts,
        moved=gateway.moved,
        proof_keys=lambda: proof_keys,
    )
    door = await open_door(path, orders.do, entropy)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopped = asyncio.create_task(stop.wait())
    watching = asyncio.create_task(_watch(room))
    if ready is not None:
        ready(Ready(url=url, host=host, port=bound, root_fingerprint=gateway.keys.root_kid))
    await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
    gateway.hold_nobody()
    watching.cancel()
    await _end(server, serving, stopped)
    await asyncio.gather(watching, return_exceptions=True)
    await door.aclose()
    await gateway.aclose()
    for exchange in exchanges:
        await exchange.aclose()
    await store.aclose()
    anchor.close()
    for error in failures:
        structlog.get_logger("gateway").error("stopped", reason=str(error))
    return 1 if failures else 0


def _opened(path: Path, room: Room) -> Engine:
    """On a full disk the ballast makes room: nothing new begins then, but what is open is settled."""
    try:
        return open_sqlite(path)
    except (sqlite3.OperationalError, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        if getattr(cause, "sqlite_errorcode", None) not in FULL or not room.release():
            raise
        return open_sqlite(path)


async def _take_anchor(store: ThreadedStore, anchor: Anchor, clock: SystemClock, entropy: SystemEntropy) -> None:
    """Finds out whether the database is a backup. Raises ServeError."""
    try:
        how = await take_anchor(store, anchor, clock, entropy)
    except OSError as error:
        await store.aclose()
        hint = f"{anchor.path} cannot be written ({error.strerror}); it must lie beside the database"
        raise ServeError(hint) from None
    if how is not None:
        hint = "what was done after the backup is not here; see `guitai gateway restored list`"
        structlog.get_logger("gateway").error("restored from a backup", how=how, hint=hint)


async def _watch(room: Room) -> None:
    """Makes the ballast again once there is room, and says when payments are refused for want of it."""
    log, refused = structlog.get_logger("gateway"), False
    while True:
        await asyncio.to_thread(room.fill)
        if room.full() is not refused:
            refused = not refused
            (log.error if refused else log.info)("disk full: no new payments" if refused else "disk has room again")
        await asyncio.sleep(_ROOM_EVERY_S)


def _open_routes(gateway: Gateway) -> list[Route]:
    """What wallets and phones call."""
    shown = [page.routes() for page in (gateway.page, gateway.offline_page) if page is not None]
    return [*callback_routes(gateway.callbacks), *(route for routes in shown for route in routes)]


async def _end(server: uvicorn.Server, serving: asyncio.Task[None], stopped: asyncio.Task[bool]) -> None:
    server.should_exit = True
    stopped.cancel()
    done, _ = await asyncio.wait({serving}, timeout=_GRACE_S)
    if not done:
        serving.cancel()
    await asyncio.gather(serving, stopped, return_exceptions=True)


def _on_signal(loop: asyncio.AbstractEventLoop, number: signal.Signals, stop: asyncio.Event) -> None:
    try:
        loop.add_signal_handler(number, stop.set)
    except NotImplementedError:  # Windows: asyncio has no signal handlers there
        signal.signal(number, lambda _number, _frame: loop.call_soon_threadsafe(stop.set))


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not port.isdigit() or int(port) > 65_535:
        raise ServeError(f"--listen {listen}: give HOST:PORT, for example 127.0.0.1:8700")
    if not _is_loopback(host):
        raise ServeError(f"--listen {listen}: plain http is for loopback only; put a TLS proxy in front")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _shown_host(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise ServeError(f"cannot listen on {host}:{port}: {error.strerror}; is another gateway running?") from None
    listener.listen(256)
    return listener
