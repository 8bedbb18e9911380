"""The gateway's store in memory, empty and migrated, for as many worlds as are played in one process.

Migrating takes longer than most stories, and so does compiling each statement for another engine. So the schema is made
once and copied, and an engine whose store was closed serves the next world: its connection is a new one.
"""

from __future__ import annotations

from functools import cache

from sqlalchemy import Engine, event

from gateway.store.sqlite import open_sqlite

_idle: list[Engine] = []


def empty_store() -> Engine:
    """A database of its own. Disposing of the engine, as the store does at its end, gives it back."""
    if _idle:
        return _idle.pop()
    engine = open_sqlite(None, content=_migrated())

    def given_back(disposed: Engine) -> None:
        if disposed not in _idle:
            _idle.append(disposed)

    event.listen(engine, "engine_disposed", given_back)
    return engine


@cache
def _migrated() -> bytes:
    """What the schema is after all migrations."""
    engine = open_sqlite(None)
    connection = engine.raw_connection()
    try:
        driver = connection.driver_connection
        assert driver is not None, "it is open"
        content: bytes = driver.serialize()
    finally:
        connection.close()
        engine.dispose()
    return content
