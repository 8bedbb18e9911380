"""Runs the sandbox: binds the address, opens the virtual gun, serves until a signal, ends within two seconds.

Says where everything is in one JSON line, once it answers. Access logs stay off: a query string holds payment codes.
"""

import asyncio
import contextlib
import ipaddress
import json
import secrets
import signal
import socket
from collections.abc import Callable, Generator
from dataclasses import asdict, dataclass
from pathlib import Path

import uvicorn

from sandbox.alipay.merchant import Merchant
from sandbox.alipay.server import AlipayServer
from sandbox.app import build_app
from sandbox.clock import wall_clock_ms
from sandbox.codes import CodeBook
from sandbox.cut import CuttableHttp
from sandbox.gun_port import Gun
from sandbox.keys import kept_merchant, new_merchant
from sandbox.phone import Phone
from sandbox.problems import SandboxError

DEFAULT_LISTEN = "127.0.0.1:8600"
_GRACE_S = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """Where a running sandbox is: its base URL, the phone page, and the virtual gun's scanner URI."""

    sandbox: str
    phone: str
    gun: str | None

    def as_json(self) -> str:
        return json.dumps(asdict(self))


class _Server(uvicorn.Server):
    """Leaves signals to `serve`: uvicorn would raise them again at the end and turn a clean end into a killed one."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
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
    keys_folder: Path | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serves until SIGTERM, SIGINT or `stop`. `listen` is `host:port`; port 0 takes a free one."""
    with contextlib.ExitStack() as undo:
        listener = undo.enter_context(_bind(listen))
        merchant = await asyncio.to_thread(_merchant, keys_folder)
        virtual_gun = undo.enter_context(_virtual_gun()) if gun else None
        codes = CodeBook(secrets.token_bytes)
        alipay = AlipayServer(merchant=merchant, codes=codes, random_bytes=secrets.token_bytes)
        phone = Phone(codes=codes, alipay=alipay)
        app = build_app(alipay=alipay, phone=phone, gun=virtual_gun, clock=wall_clock_ms)
        server = _Server(
            uvicorn.Config(
                app,
                http=CuttableHttp,
                ws="none",
                lifespan="off",
                log_level="warning",
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        stopping = stop or asyncio.Event()
        undo.callback(_on_signals(stopping))
        await _until_stopped(server, listener, stopping, lambda: ready(_serving(listener, virtual_gun)))


def run_sandbox(listen: str = DEFAULT_LISTEN, *, gun: bool = False, keys_folder: Path | None = None) -> None:
    """What `guitai sandbox serve` does: prints one JSON line when ready, returns after a signal."""
    asyncio.run(serve(listen, gun=gun, keys_folder=keys_folder, ready=_print_ready))


def _print_ready(serving: Serving) -> None:
    print(serving.as_json(), flush=True)  # noqa: T201  (this line is the command's output)


async def _until_stopped(
    server: _Server, listener: socket.socket, stopping: asyncio.Event, ready: Callable[[], None]
) -> None:
    serving = asyncio.ensure_future(server.serve(sockets=[listener]))
    answering = asyncio.ensure_future(server.answering.wait())
    stopped = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((serving, answering), return_when=asyncio.FIRST_COMPLETED)
        if answering.done():
            ready()
        await asyncio.wait((serving, stopped), return_when=asyncio.FIRST_COMPLETED)
    finally:
        answering.cancel()
        stopped.cancel()
        server.should_exit = True
        await serving


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


def _merchant(keys_folder: Path | None) -> Merchant:
    return new_merchant() if keys_folder is None else kept_merchant(keys_folder)


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


def _serving(listener: socket.socket, gun: Gun | None) -> Serving:
    host, port = listener.getsockname()[:2]
    if ipaddress.ip_address(host).is_unspecified:
        host = "127.0.0.1" if ":" not in host else "::1"
    base = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    return Serving(sandbox=base, phone=f"{base}/", gun=None if gun is None else gun.uri)
