"""What all worlds of one run share because making it is slow and its content does not matter: the wallets' RSA keys, an
empty migrated gateway database, and a folder in memory."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from gateway.store.sqlite import open_sqlite
from sandbox.keys import fresh_keys
from sandbox.wallets import KEY_NAMES

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own is made in it


@dataclass(kw_only=True)
class Stage:
    """`on_error` hears each log record of level error; the world that runs sets it."""

    folder: Path
    empty_gateway: Path
    keys: Mapping[str, RSAPrivateKey]
    on_error: Callable[[str], None]


@contextmanager
def stage() -> Generator[Stage, None, None]:
    """Builds it and takes it away again, with the logging configuration as it was."""
    folder = Path(tempfile.mkdtemp(prefix="guitai-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    before = structlog.get_config()
    try:
        empty = folder / "empty.db"
        open_sqlite(empty).dispose()
        made = Stage(folder=folder, empty_gateway=empty, keys=fresh_keys(KEY_NAMES), on_error=lambda _: None)

        def listen(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
            if method in ("error", "critical", "exception"):
                made.on_error(" ".join(f"{name}={value}" for name, value in event.items()))
            raise structlog.DropEvent

        structlog.configure(processors=[listen], logger_factory=structlog.ReturnLoggerFactory())
        yield made
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder, ignore_errors=True)
