"""Puts the demo together and takes it apart: sandbox, gateway, shop, activated till, cashier app."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from guitai.demo.children import Child, end, guitai_command, start
from guitai.demo.setting import STORE_ID, document, merchants_of_sandbox
from guitai.exits import CommandStop, Exit
from protocol.activation import ActivationTicket
from protocol.reasons import Reason
from protocol.secret import Secret

_USES = 1_000
_POLL_S = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """Where everything is. `scanner` is the URI that the app reads; the code may be used again and again here."""

    gateway: str
    sandbox: str
    phone: str
    scanner: str
    data_dir: str
    activation_code: str

    def as_json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


@contextmanager
def demo_folder(asked: Path | None) -> Generator[Path]:
    """The folder given, kept; or a temporary one, gone afterwards."""
    if asked is not None:
        try:
            asked.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CommandStop(
                Exit.DATA,
                reason=Reason.FOLDER_UNREADABLE,
                message=f"{asked} cannot be used as a folder: {error.strerror}.",
                hint="Choose another place with --data-dir, or leave it out.",
            ) from None
        yield asked
        return
    with tempfile.TemporaryDirectory(prefix="guitai-demo-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """A running sandbox and gateway with one configured store, and a code that activates tills there."""

    gateway: str
    sandbox: str
    phone: str
    scanner: str
    activation_code: str


def play(folder: Path, *, offscreen: bool, ready: Callable[[Ready], None]) -> None:
    """Runs until a signal or until one of the processes ends (closing the app ends the demo)."""
    stop = _stop_on_signals()
    children: list[Child] = []
    try:
        ready(_open(folder, children, offscreen=offscreen))
        while not stop.wait(_POLL_S):
            if any(child.process.poll() is not None for child in children):
                return
    finally:
        end(list(reversed(children)))


def open_shop(folder: Path, children: list[Child], *, gateway_listen: str | None = None) -> Shop:
    """Starts sandbox and gateway; what was started is in `children`, whatever happens.

    The wallets must know where to send notifications before the gateway starts, so its port is chosen first
    (`gateway_listen` None: a free one). Its own address is the base of QR links too.
    """
    listen = gateway_listen or _free_address()
    gateway_url = f"http://{listen}"
    logs, database = folder / "logs", folder / "gateway" / "gateway.db"
    logs.mkdir(exist_ok=True)
    database.parent.mkdir(exist_ok=True)
    sandbox = start("sandbox", _sandbox_arguments(folder / "sandbox-keys"), log_folder=logs, env=os.environ)
    children.append(sandbox)
    merchants = merchants_of_sandbox(str(sandbox.said["sandbox"]))
    code = _configure(folder, database, document(merchants, gateway_url=gateway_url))
    gateway = start("gateway", _gateway_arguments(database, listen, gateway_url), log_folder=logs, env=os.environ)
    children.append(gateway)
    return Shop(
        gateway=str(gateway.said["gateway"]),
        sandbox=str(sandbox.said["sandbox"]),
        phone=str(sandbox.said["phone"]),
        scanner=str(sandbox.said["gun"]),
        activation_code=code,
    )


def _open(folder: Path, children: list[Child], *, offscreen: bool) -> Ready:
    till = folder / "till"
    shop = open_shop(folder, children, gateway_listen=_gateway_address(till))
    _activate(till, shop.gateway, shop.activation_code)
    screen = ["--offscreen"] if offscreen else []
    arguments = ["terminal", "--data-dir", str(till), "--scanner", shop.scanner, "--announce", *screen]
    from sync.anchor_places import STATE_FOLDER

    # What the till keeps outside its data folder goes with the demo's.
    env = {**os.environ, STATE_FOLDER: str(folder / "state")}
    children.append(start("terminal", arguments, log_folder=folder / "logs", env=env))
    return Ready(
        gateway=shop.gateway,
        sandbox=shop.sandbox,
        phone=shop.phone,
        scanner=shop.scanner,
        data_dir=str(till),
        activation_code=shop.activation_code,
    )


def _gateway_address(till: Path) -> str | None:
    """In a folder that was kept, the one that its till knows; None: any free port."""
    from sync.folder import Folder

    folder = Folder(till)
    return urlsplit(folder.read_identity().gateway_url).netloc if folder.activated else None


def _free_address() -> str:
    """A port that nobody listened on just now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"127.0.0.1:{listener.getsockname()[1]}"


def _gateway_arguments(database: Path, listen: str, url: str) -> list[str]:
    return [
        "gateway", "serve", "--database", str(database), "--listen", listen, "--public-url", url, "--announce",
    ]  # fmt: skip


def _sandbox_arguments(keys: Path) -> list[str]:
    return ["sandbox", "serve", "--listen", "127.0.0.1:0", "--gun", "--keys", str(keys)]


def _configure(folder: Path, database: Path, toml: str) -> str:
    """Applies the shop's file and makes the demo's activation code, with the commands that everybody uses."""
    file = folder / "demo.toml"
    file.touch(mode=0o600)
    file.write_text(toml, encoding="utf-8")
    _run("gateway", "apply", str(file), "--database", str(database), "--json")
    made = _run(
        "gateway", "activation-code", "--store", STORE_ID, "--uses", str(_USES), "--days", "7",
        "--database", str(database), "--json",
    )  # fmt: skip
    code: str = json.loads(made.splitlines()[-1])["code"]
    return code


def _run(*arguments: str) -> str:
    done = subprocess.run(guitai_command(*arguments), capture_output=True, text=True, encoding="utf-8", check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise CommandStop(
            Exit.USAGE,
            reason=Reason.INTERNAL,
            message=f"Setting the demo up failed at `{' '.join(arguments[:2])}`: {said[-1] if said else ''}",
        )
    return done.stdout


def _activate(till: Path, gateway_url: str, code: str) -> None:
    """Binds the till, unless this folder is one already (a demo folder that was kept)."""
    from sync.folder import Folder
    from sync.till import activate_folder

    if Folder(till).activated:
        return
    activate_folder(till, gateway_url=gateway_url, ticket=ActivationTicket(code=Secret(code)), device_name="demo")


def _stop_on_signals() -> threading.Event:
    stop = threading.Event()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, on_signal)
    return stop
