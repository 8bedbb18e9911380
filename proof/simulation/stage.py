"""What all worlds of one run share because making it is slow and its content does not matter: the wallets' RSA keys, an
empty migrated gateway database, one engine for the place where each world's copy of it lies (statements are compiled
once for all worlds), and a folder in memory."""

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
from sqlalchemy import Engine

from gateway.store.sqlite import open_sqlite
from sandbox.keys import fresh_keys
from sandbox.wallets import KEY_NAMES

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own is made in it


@dataclass(kw_only=True)
class Stage:
    """`on_error` hears each log record of level error; the world that runs sets it. One world runs at a time."""

    folder: Path
    empty_gateway: Path
    gateway_path: Path
    engine: Engine
    keys: Mapping[str, RSAPrivateKey]
    on_error: Callable[[str], None]

    def fresh_gateway(self) -> None:
        """An empty database at `gateway_path`, whatever an earlier world left there."""
        self.engine.dispose()
        for end in ("-wal", "-shm"):
            self.gateway_path.with_name(self.gateway_path.name + end).unlink(missing_ok=True)
        shutil.copyfile(self.empty_gateway, self.gateway_path)


@contextmanager
def stage() -> Generator[Stage, None, None]:
    """Builds it and takes it away again, with the logging configuration as it was."""
    folder = Path(tempfile.mkdtemp(prefix="guitai-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    before = structlog.get_config()
    try:
        empty = folder / "empty.db"
        open_sqlite(empty).dispose()
        place = folder / "gateway.db"
        shutil.copyfile(empty, place)
        engine = open_sqlite(place)
        made = Stage(
            folder=folder,
            empty_gateway=empty,
            gateway_path=place,
            engine=engine,
            keys=fresh_keys(KEY_NAMES),
            on_error=lambda _: None,
        )

        def listen(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
            if method in ("error", "critical", "exception"):
                made.on_error(" ".join(f"{name}={value}" for name, value in event.items()))
            raise structlog.DropEvent

        structlog.configure(processors=[listen], logger_factory=structlog.ReturnLoggerFactory())
        yield made
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder, ignore_errors=True)
