"""The cheap side of the slow hash: typed codes are hashed slowly on purpose, sixty-four for each kit.

A hash of the same inputs stands in for it here, so that every line of the programs that makes, keeps and compares
verifiers still runs; every fiftieth seed, and `--real-crypto`, take the real one.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

_VERIFIER_BYTES: Final = 16


def cheap_hash(code: str, *, terminal_id: str, epoch: int, index: int) -> str:
    """`protocol.offline.typed_code.verifier` without its time."""
    place = f"{terminal_id}/{epoch}/{index}".encode()
    return blake2b(code.encode(), key=place, digest_size=_VERIFIER_BYTES).hexdigest()
