"""Gets an order done whether a gateway runs or not, and never with two processes writing one database.

Takes the database's lock and does it itself; when the lock is held, asks at the door of who holds it. Both may change
while it tries (a gateway that is just starting or ending), so it tries for a few seconds.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from enum import StrEnum
from pathlib import Path
from typing import Final

from sqlalchemy.exc import DBAPIError

from gateway.configure.faults import one_fault
from gateway.configure.knock import Silence, call_door
from gateway.configure.orders import OwnerOrders
from gateway.configure.words import MOST_BYTES, ApplyOrder, Order, Refused, Said, write_line
from gateway.keys import load_keys
from gateway.proof_keys import load_proof_keys, proof_keys_path
from gateway.store.runners import InlineStore
from gateway.store.sqlite import DatabaseInUse, DatabaseLock, open_sqlite
from gateway.store.units import StoreFailed
from gateway.system import SystemClock, SystemEntropy

_PATIENCE_S: Final = 8.0
_PAUSE_S: Final = 0.1


class Unreached(StrEnum):
    """Nobody could be asked."""

    HELD = "held"  # the database is held by a process that does not answer at its door
    CUT = "cut"  # asked, but the answer was lost: whether it was done is not known


def keys_path(database: Path) -> Path:
    return database.with_name(database.name + ".keys")


def perform(database: Path, order: Order, *, url: str | None = None, keys: Path | None = None) -> Said | Unreached:
    """Does the order on this database file. `url`: where terminals reach the gateway, when none runs that knows it.

    Raises SchemaNewer, KeysUnreadable, StoreFailed, OSError as the database and the key file do.
    """
    if len(write_line(order)) > MOST_BYTES - 1_024:
        return Refused(faults=one_fault("the file", "", f"is larger than {MOST_BYTES // 1024} KiB with its keys"))
    database.parent.mkdir(parents=True, exist_ok=True)
    until_s = time.monotonic() + _PATIENCE_S
    while True:
        try:
            lock = DatabaseLock(database)
        except DatabaseInUse:
            answer = call_door(database, order)
            if answer is Silence.CUT:
                return Unreached.CUT
            if not isinstance(answer, Silence):
                return answer
        else:
            try:
                return asyncio.run(_alone(database, order, url=url, keys=keys or keys_path(database)))
            finally:
                lock.release()
        if time.monotonic() > until_s:
            return Unreached.HELD
        time.sleep(_PAUSE_S)


async def _alone(database: Path, order: Order, *, url: str | None, keys: Path) -> Said:
    clock, entropy = SystemClock(), SystemEntropy()
    planned_only = isinstance(order, ApplyOrder) and order.dry_run
    try:
        # A plan makes no database: where none is, it is compared with an empty one.
        store = InlineStore(open_sqlite(None if planned_only and not database.exists() else database))
    except (DBAPIError, sqlite3.Error) as error:
        raise StoreFailed(str(error.orig if isinstance(error, DBAPIError) else error)) from None
    try:
        orders = OwnerOrders(
            store=store,
            clock=clock,
            entropy=entropy,
            root_fingerprint="" if url is None else load_keys(keys, entropy).root_kid,
            url=url,
            page_url=url,
            proof_keys=lambda: load_proof_keys(proof_keys_path(keys), entropy, now_ms=clock.now_ms()),
        )
        return await orders.do(order)
    finally:
        await store.aclose()
