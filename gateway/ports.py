"""What the gateway takes from the world besides its store and the wallets' lines: the time and chance.

A simulation gives its own. Nothing else in the gateway reads a clock or draws a random byte.
"""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes:
        """`count` bytes that nobody can guess."""
        ...
