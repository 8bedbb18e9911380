"""Savepoints under one name: their statements are always the same, so neither we nor the database prepare them anew.

A savepoint hides an outer one of the same name until it is over, as SQL says. It must not know why one is begun.
"""

from __future__ import annotations

from typing import Final, Self

from sqlalchemy import Connection

_BEGIN: Final = "SAVEPOINT unit"
_RELEASE: Final = "RELEASE SAVEPOINT unit"
_ROLLBACK: Final = "ROLLBACK TO SAVEPOINT unit"


class Savepoint:
    """Begun by `begin`; over after `commit` or `rollback`, one of which is called before anything outer ends."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def begin(cls, connection: Connection) -> Self:
        connection.exec_driver_sql(_BEGIN)
        return cls(connection)

    def commit(self) -> None:
        self._connection.exec_driver_sql(_RELEASE)

    def rollback(self) -> None:
        self._connection.exec_driver_sql(_ROLLBACK)
        self._connection.exec_driver_sql(_RELEASE)
