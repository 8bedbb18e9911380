"""What the gateway takes from the world besides its store and the wallets' lines: the time and chance.

A simulation gives its own. Nothing else in the gateway reads a clock or draws a random byte.
"""

from __future__ import annotations

from typing import Protocol


class Clock(Protocol):
    def now_ms(self) -> int:
        """Unix milliseconds, UTC."""
        ...

    def even_since_ms(self) -> int:
        """Since when the time has flowed without a leap, in its own milliseconds: the start of the process, or the last
        moment at which a wrong clock was put right. What lies before it is no measure of how much time has passed."""
        ...


class Entropy(Protocol):
    def bytes(self, count: int) -> bytes:
        """`count` bytes that nobody can guess."""
        ...
