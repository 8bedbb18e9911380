"""Reads a gateway's database beside the process that holds it: a second connection that can change nothing.

It opens the file read-only and never checkpoints, so it needs no lock; it sees the latest commit.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from gateway.store.migrate import HEAD
from gateway.store.units import Tx

T = TypeVar("T")


class Unread(Exception):
    """The database cannot be read as it is; the text says what to do."""


def read_only(path: Path, unit: Callable[[Tx], T]) -> T:
    """Runs the unit in one short transaction. Raises Unread."""
    if not path.is_file():
        raise Unread(f"{path} does not exist; name the gateway's database with --database")
    address = f"file:{quote(str(path.absolute()))}?mode=ro"
    engine = create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA query_only=ON")
            if connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar_one_or_none() != HEAD:
                raise Unread(f"{path} is of another version; start the gateway of this program with it once")
            return unit(Tx(connection))
    except DBAPIError as error:
        raise Unread(f"{path} cannot be read: {type(error.orig).__name__}; is it a gateway's database?") from None
    finally:
        engine.dispose()
