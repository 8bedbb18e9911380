"""The port between signed messages and a network: one request out, one response or the honest absence of one back."""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct

from protocol.signature import RequestParts, ResponseParts


class Timeouts(Struct, frozen=True, kw_only=True):
    """Each bound by itself; `total_ms` bounds all of it, a slow drip of bytes included."""

    connect_ms: int
    write_ms: int
    read_ms: int
    total_ms: int


class NotSent(Struct, frozen=True, kw_only=True):
    """Connecting or the TLS handshake failed: not one byte of the request was written."""

    detail: str


class NoAnswer(Struct, frozen=True, kw_only=True):
    """Anything else that is not a whole response: the request may have arrived."""

    detail: str


class Exchange(Protocol):
    async def __call__(
        self, base_url: str, request: RequestParts, timeouts: Timeouts
    ) -> ResponseParts | NotSent | NoAnswer:
        """Never raises for what a network does. `base_url` is `scheme://authority`."""
        ...
