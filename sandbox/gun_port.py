"""What the control calls and the phone page ask of a scan gun, so that they need no pseudo-terminal to exist."""

from enum import Enum
from typing import Protocol


class Hold(Enum):
    SENT = "sent"
    """The bytes are on the line."""
    LINE_FULL = "line_full"
    """Nobody takes the bytes away."""


class Gun(Protocol):
    @property
    def uri(self) -> str:
        """The scanner URI under which a till finds this gun."""
        ...

    async def hold(self, code: str) -> Hold:
        """Scans a code."""
        ...
