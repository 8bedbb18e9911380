"""Savepoints under one name: their statements are always the same, so neither we nor the database prepare them anew.

A savepoint hides an outer one of the same name until it is over, as SQL says. It must not know why one is begun.
"""

from __future__ import annotations

from typing import Final, Self

from gateway.store.units import Tx

BEGIN: Final = "SAVEPOINT unit"
RELEASE: Final = "RELEASE SAVEPOINT unit"
ROLLBACK: Final = "ROLLBACK TO SAVEPOINT unit"


class Savepoint:
    """Begun by `begin`; over after `commit` or `rollback`, one of which is called before anything outer ends."""

    def __init__(self, tx: Tx) -> None:
        self._tx = tx

    @classmethod
    def begin(cls, tx: Tx) -> Self:
        tx.say(BEGIN)
        return cls(tx)

    def commit(self) -> None:
        self._tx.say(RELEASE)

    def rollback(self) -> None:
        self._tx.say(ROLLBACK)
        self._tx.say(RELEASE)
