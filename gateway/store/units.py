"""Units of work: plain functions over one transaction, and the promise that their result comes after COMMIT.

Rules
- A unit that raises is rolled back alone; units that share a transaction with it are not touched.
- Any database trouble but a broken constraint is `StoreFailed`: what was committed is unknown (facts: a failed sync may
  still have written). The store answers nothing more; the process ends, and the next one reads what is there.
It must not know what units do.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class StoreFailed(Exception):
    """The database did not do what it was told. The process must end: what was committed is unknown."""

    def __init__(self, hint: str) -> None:
        super().__init__(f"the database failed: {hint}; the gateway stops and reads the truth at its next start")
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Tx:
    """One transaction, given to a unit. Do not keep it."""

    connection: Connection


class Store(Protocol):
    def run(self, unit: Callable[[Tx], T]) -> Awaitable[T]:
        """Runs the unit in a transaction; resolves after COMMIT. Raises what the unit raised, or StoreFailed."""
        ...

    async def aclose(self) -> None: ...
