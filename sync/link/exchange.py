"""The port between signed messages and a network: one request out, one response or the honest absence of one back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from protocol.signature import RequestParts, ResponseParts


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeouts:
    """Each bound by itself; `total_ms` bounds all of it, a slow drip of bytes included."""

    connect_ms: int
    write_ms: int
    read_ms: int
    total_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """Connecting or the TLS handshake failed: not one byte of the request was written."""

    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoAnswer:
    """Anything else that is not a whole response: the request may have arrived."""

    detail: str


class Exchange(Protocol):
    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        """Never raises for what a network does. `base_url` is `scheme://authority`."""
        ...
