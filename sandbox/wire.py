"""What a simulated wallet is given and what it gives back, as plain values.

A wallet's logic never sees a socket: a web server, or a simulation with a virtual clock, hands it the parts of one HTTP
request and carries out what comes back: an answer, or a connection cut without one. Must not know: any web framework.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

RandomBytes: TypeAlias = Callable[[int], bytes]
"""Gives that many random bytes. `secrets.token_bytes` in a running sandbox, a seeded source in a simulation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpRequestParts:
    """One request as it came over the wire. Query and body hold a payment code, so they stay out of repr."""

    method: str
    path: str = ""
    """As sent, still percent-encoded."""
    query: bytes = b""
    """The raw query string, still percent-encoded, without the question mark."""
    body: bytes = b""
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By lower-case name."""

    def __repr__(self) -> str:
        return (
            f"HttpRequestParts({self.method} {self.path}, query={len(self.query)} bytes, body={len(self.body)} bytes)"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """Beside the content type: signatures of the answer, for example."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutConnection:
    """Close the connection without a single byte of answer."""

    after_effect: bool
    """Whether the wallet had already acted on the request. For whoever watches a simulation; the caller cannot know."""


Reply: TypeAlias = Answer | CutConnection


def random_digits(random_bytes: RandomBytes, count: int) -> str:
    """`count` decimal digits. Sixteen bytes more than needed keep the bias of the modulo far below notice."""
    number = int.from_bytes(random_bytes(count + 16), "big") % 10**count
    return f"{number:0{count}d}"


def random_text(random_bytes: RandomBytes, count: int, alphabet: str) -> str:
    """`count` characters of the alphabet."""
    number = int.from_bytes(random_bytes(count + 16), "big")
    chosen: list[str] = []
    for _ in range(count):
        number, index = divmod(number, len(alphabet))
        chosen.append(alphabet[index])
    return "".join(chosen)
