"""What all worlds of one process share because making it is slow and its content does not matter: the wallets' keys
and certificates, the shop's accounts, an empty migrated gateway database with the shop in it, an empty journal, one
engine (statements are compiled once for all worlds), and a folder in memory."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Generator, Mapping, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any, Final

import structlog
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from sqlalchemy import Engine, event, insert

from gateway.store.sqlite import open_sqlite
from gateway.store.tables import CHANNEL_ACCOUNTS, MERCHANTS, STORES
from proof.simulation.signers import Signers, hashed_signers, real_signers
from proof.wallets import account_settings
from sandbox.keys import fresh_keys
from sandbox.wallet import SimulatedWallet
from sandbox.wallets import KEY_NAMES, make_merchants, open_wallets
from sync.journal.connection import open_writing

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - a fresh folder of our own is made in it

#: 2026-01-05 09:00 in Beijing. Every world begins then.
START_MS: Final = 1_767_574_800_000
MERCHANT_ID: Final = "m1"
STORE_ID: Final = "s1"
#: How many accounts the shop has at each wallet: routing has a choice.
ACCOUNTS_EACH: Final = 2
QUERY_INTERVAL_MS: Final = 3_000

#: The wallets' RSA keys as PEM, by name: what one process hands to another.
KeyTexts = Mapping[str, bytes]


@dataclass(kw_only=True)
class Stage:
    """`on_error` hears each log record of level error; the world that runs sets it. One world runs at a time."""

    folder: Path
    empty_gateway: Path
    empty_journal: Path
    gateway_path: Path
    engine: Engine
    hashed: Signers
    real: Signers
    on_error: Callable[[str], None]
    worlds: int = 0

    def __post_init__(self) -> None:
        event.listen(self.engine, "do_connect", self._connects)

    def _connects(self, _dialect: object, _record: object, where: list[str], _options: object) -> None:
        """One engine, so that statements are compiled once, over the database of the world that runs."""
        where[0] = str(self.gateway_path)

    def fresh_gateway(self) -> None:
        """An empty database, at a path of its own: a connection that an earlier world forgot takes the files beside its
        database away when it is collected, by their names."""
        self.engine.dispose()
        for end in ("", "-wal", "-shm", ".anchor"):
            self.gateway_path.with_name(self.gateway_path.name + end).unlink(missing_ok=True)
        self.worlds += 1
        self.gateway_path = self.folder / f"gateway-{self.worlds}.db"
        shutil.copyfile(self.empty_gateway, self.gateway_path)

    def fresh_journal(self, path: Path) -> None:
        """An empty journal, as a till's first start makes it."""
        shutil.copyfile(self.empty_journal, path)
        path.chmod(0o600)


def make_key_texts() -> KeyTexts:
    """Fresh RSA keys for all wallets: a second of work, once for all processes of a run."""
    return {
        name: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, key in fresh_keys(KEY_NAMES).items()
    }


@contextmanager
def stage(keys: KeyTexts | None = None) -> Generator[Stage, None, None]:
    """Builds it and takes it away again, with the logging configuration as it was."""
    folder = Path(tempfile.mkdtemp(prefix="guitai-simulation-", dir=_MEMORY if _MEMORY.is_dir() else None))
    before = structlog.get_config()
    try:
        merchants = make_merchants(_read(keys or make_key_texts()), now_ms=START_MS)
        empty = folder / "empty.db"
        _make_gateway(empty, open_wallets(merchants, random_bytes=bytes))
        journal = folder / "empty-journal.db"
        open_writing(journal).close()
        place = folder / "gateway.db"
        shutil.copyfile(empty, place)
        made = Stage(
            folder=folder,
            empty_gateway=empty,
            empty_journal=journal,
            gateway_path=place,
            engine=open_sqlite(place),
            hashed=hashed_signers(merchants),
            real=real_signers(merchants),
            on_error=lambda _: None,
        )

        def listen(_logger: object, method: str, event: MutableMapping[str, Any]) -> str:
            if method in ("error", "critical", "exception"):
                made.on_error(" ".join(f"{name}={value}" for name, value in event.items()))
            raise structlog.DropEvent

        structlog.configure(
            processors=[listen],
            logger_factory=structlog.ReturnLoggerFactory(),
            wrapper_class=structlog.make_filtering_bound_logger("error"),
        )
        yield made
    finally:
        structlog.configure(**before)
        shutil.rmtree(folder, ignore_errors=True)


def account_of(wallet: str, number: int) -> str:
    """The id of the shop's accounts at a wallet."""
    return f"sim-{wallet}-{number}"


def _make_gateway(path: Path, wallets: tuple[SimulatedWallet, ...]) -> None:
    """What the owner applied."""
    engine = open_sqlite(path)
    with engine.begin() as connection:
        connection.execute(insert(MERCHANTS), {"merchant_id": MERCHANT_ID, "name": "柜台演示"})
        connection.execute(insert(STORES), {"store_id": STORE_ID, "merchant_id": MERCHANT_ID, "name": "一店"})
        for wallet, number in product(wallets, range(ACCOUNTS_EACH)):
            account_id = account_of(wallet.name, number)
            settings = account_settings(wallet, account_id=account_id, interval_ms=QUERY_INTERVAL_MS)
            row = {
                "account_id": account_id,
                "merchant_id": MERCHANT_ID,
                "channel": wallet.name,
                "shown_default": 0,
                "settings": json.dumps(settings),
            }
            connection.execute(insert(CHANNEL_ACCOUNTS), row)
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()


def _read(keys: KeyTexts) -> Mapping[str, RSAPrivateKey]:
    """Our own keys, which need no check: that takes most of the time of loading one."""
    read = {name: load_pem_private_key(pem, None, unsafe_skip_rsa_key_validation=True) for name, pem in keys.items()}
    return {name: key for name, key in read.items() if isinstance(key, RSAPrivateKey)}
