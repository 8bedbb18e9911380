"""Runs the sandbox: binds its two ports, opens the virtual gun, serves until a signal, ends within two seconds.

Says where everything is in one JSON line, once it answers. Access logs stay off: a query string holds payment codes.
"""

import asyncio
import contextlib
import ipaddress
import json
import secrets
import signal
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from starlette.applications import Starlette

from sandbox.app import Parts, build_apps
from sandbox.clock import wall_clock_ms
from sandbox.courier import Courier
from sandbox.cut import CuttableHttp
from sandbox.gun_port import Gun
from sandbox.http import HttpLine
from sandbox.keys import fresh_keys, kept_keys
from sandbox.problems import SandboxError
from sandbox.tls import server_context
from sandbox.wallets import KEY_NAMES, make_wallets
from sandbox.wechat.merchant import KeyMode

DEFAULT_LISTEN = "127.0.0.1:8600"
_GRACE_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where a running sandbox is: its base URLs, the phone page, and the virtual gun's scanner URI. `tls`: the port
    that demands a client certificate."""

    sandbox: str
    tls: str
    phone: str
    gun: str | None

    def as_json(self) -> str:
        return json.dumps(asdict(self))


class _Server(uvicorn.Server):
    """Leaves signals to `serve`: uvicorn would raise them again at the end and turn a clean end into a killed one."""

    def __init__(self, config: uvicorn.Config, listener: socket.socket) -> None:
        super().__init__(config)
        self.listener = listener
        self.answering = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield


async def serve(
    listen: str,
    *,
    gun: bool,
    ready: Callable[[Serving], None],
    tls_listen: str | None = None,
    keys_folder: Path | None = None,
    stop: asyncio.Event | None = None,
    wechat_keys: KeyMode = KeyMode.SIDE_BY_SIDE,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`. `listen` is `host:port`; port 0 takes a free one. `tls_listen`: where
    a client certificate is demanded; not given, the next port if it is free, else any."""
    with contextlib.ExitStack() as undo:
        listener = undo.enter_context(_bind(listen))
        tls_listener = undo.enter_context(_bind_tls(listener, tls_listen))
        keys = await asyncio.to_thread(_keys, keys_folder)
        wallets = make_wallets(keys, random_bytes=secrets.token_bytes, now_ms=wall_clock_ms(), wechat_keys=wechat_keys)
        virtual_gun = undo.enter_context(_virtual_gun()) if gun else None
        serving = _serving(listener, tls_listener, virtual_gun)
        stopping = stop or asyncio.Event()
        undo.callback(_on_signals(stopping))
        async with (
            HttpLine() as line,
            _carried(Courier(wallets=wallets.by_name, line=line, clock=wall_clock_ms)) as courier,
        ):
            apps = build_apps(
                Parts(
                    wallets=wallets.by_name,
                    gun=virtual_gun,
                    clock=wall_clock_ms,
                    line=line,
                    courier=courier,
                    random_bytes=secrets.token_bytes,
                    tls_origin=serving.tls,
                )
            )
            servers = (
                _Server(_config(apps.plain), listener),
                _Server(_config(apps.tls, server_context(wallets.tls)), tls_listener),
            )
            await _until_stopped(servers, stopping, lambda: ready(serving))


def run_sandbox(
    listen: str = DEFAULT_LISTEN,
    *,
    gun: bool = False,
    tls_listen: str | None = None,
    keys_folder: Path | None = None,
    wechat_keys: KeyMode = KeyMode.SIDE_BY_SIDE,
) -> None:
    """What `guitai sandbox serve` does: prints one JSON line when ready, returns after a signal."""
    asyncio.run(
        serve(
            listen,
            gun=gun,
            tls_listen=tls_listen,
            keys_folder=keys_folder,
            ready=_print_ready,
            wechat_keys=wechat_keys,
        )
    )


def _print_ready(serving: Serving) -> None:
    print(serving.as_json(), flush=True)  # noqa: T201  (this line is the command's output)


async def _until_stopped(servers: tuple[_Server, ...], stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    serving = [asyncio.ensure_future(server.serve(sockets=[server.listener])) for server in servers]
    answering = asyncio.ensure_future(_all_answer(servers))
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((*serving, answering), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            ready()
            await asyncio.wait((*serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        answering.cancel()
        stopped.cancel()
        for server in servers:
            server.should_exit = True
        await asyncio.gather(*serving)


async def _all_answer(servers: tuple[_Server, ...]) -> None:
    for server in servers:
        await server.answering.wait()


@contextlib.asynccontextmanager
async def _carried(courier: Courier) -> AsyncGenerator[Courier, None]:
    """The courier, at work in the background."""
    running = asyncio.create_task(courier.run())
    try:
        yield courier
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def _config(app: Starlette, tls: ssl.SSLContext | None = None) -> uvicorn.Config:
    config = uvicorn.Config(
        app,
        http=CuttableHttp,
        ws="none",
        lifespan="off",
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_GRACE_S,
    )
    config.load()
    config.ssl = tls
    return config


def _on_signals(stopping: asyncio.Event) -> Callable[[], None]:
    """Sets the event on SIGTERM and SIGINT; gives the function that puts the old handlers back. Main thread only."""
    loop = asyncio.get_running_loop()
    undo: list[Callable[[], object]] = []
    for number in (signal.SIGTERM, signal.SIGINT):
        # Another thread may not handle signals, and Windows' loop cannot: there `stop` or the process's end does it.
        with contextlib.suppress(ValueError, RuntimeError, NotImplementedError):
            loop.add_signal_handler(number, stopping.set)
            undo.append(lambda number=number: loop.remove_signal_handler(number))

    def put_back() -> None:
        for step in undo:
            step()

    return put_back


@contextlib.contextmanager
def _virtual_gun() -> Generator[Gun, None, None]:
    try:
        from sandbox.gun import VirtualGun
    except ImportError as error:
        hint = "Start it without the gun, and read codes from the phone page with a camera or type them."
        raise SandboxError("no_pty", "This system has no pseudo-terminals, so no virtual gun.", hint) from error
    with contextlib.closing(VirtualGun(secrets.token_bytes)) as gun:
        yield gun


def _keys(folder: Path | None) -> Mapping[str, RSAPrivateKey]:
    return fresh_keys(KEY_NAMES) if folder is None else kept_keys(folder, KEY_NAMES)


def _bind_tls(plain: socket.socket, listen: str | None) -> socket.socket:
    """The port for client certificates: the one asked for, or one beside the plain port."""
    if listen is not None:
        return _bind(listen)
    host, port = plain.getsockname()[:2]
    try:
        return _bind(f"[{host}]:{port + 1}")
    except SandboxError:
        return _bind(f"[{host}]:0")


def _bind(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    hint = "Give it as HOST:PORT, for example 127.0.0.1:8600, or port 0 for a free one."
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SandboxError("bad_listen", f"{listen!r} is not an address to listen on.", hint)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, int(port)), family=family, backlog=128)
    except OSError as error:
        raise SandboxError("cannot_listen", f"Cannot listen on {listen}: {error.strerror}.", hint) from error


def _serving(plain: socket.socket, tls: socket.socket, gun: Gun | None) -> Serving:
    base = f"http://{_authority(plain)}"
    return Serving(
        sandbox=base, tls=f"https://{_authority(tls)}", phone=f"{base}/", gun=None if gun is None else gun.uri
    )


def _authority(listener: socket.socket) -> str:
    """Where this computer reaches it."""
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if ":" not in host else "::1"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
