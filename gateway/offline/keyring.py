"""The life of the keys that sign proofs: made, current, retired, compromised. Pure: a ring in, a ring out.

Rules (SAFETY.md section 3, 6)
- A till holds the current and the next key. Rotation makes the next one current, so no till is surprised.
- A retired key still answers orders that name it for 90 days. A compromised one is refused before payment, and signs
  nothing more.
It must not know files.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec import Struct
from msgspec.structs import replace

from protocol.keys import private_key, public_text
from protocol.messages import ProofKey
from protocol.secret import Secret

RETIRED_GOOD_MS: Final = 90 * 86_400_000
_KIDS: Final = 256


class RingRefusal(StrEnum):
    UNKNOWN_KID = "unknown_kid"
    FULL = "full"  # every number is in use


class RingKey(Struct, frozen=True, kw_only=True):
    """`current_ms`: when it became the one that new orders name; None: it is still to come."""

    kid: int
    seed: Secret
    made_ms: int
    current_ms: int | None = None
    retired_ms: int | None = None
    compromised_ms: int | None = None

    @property
    def private(self) -> Ed25519PrivateKey:
        return private_key(self.seed)

    @property
    def public(self) -> ProofKey:
        return ProofKey(kid=self.kid, public_key=public_text(self.private))


class Ring(Struct, frozen=True, kw_only=True):
    """Oldest first. Exactly one key is current and exactly one is next, always."""

    keys: tuple[RingKey, ...]
    typed_code_key: Secret

    @property
    def current(self) -> RingKey:
        return next(key for key in self.keys if key.current_ms is not None and key.retired_ms is None)

    @property
    def next(self) -> RingKey:
        return next(key for key in self.keys if key.current_ms is None and key.compromised_ms is None)

    def find(self, kid: int) -> RingKey | None:
        return next((key for key in self.keys if key.kid == kid), None)

    def usable(self, kid: int, *, now_ms: int) -> RingKey | None:
        """The key, if an order may name it now."""
        key = self.find(kid)
        if key is None or key.compromised_ms is not None:
            return None
        return None if key.retired_ms is not None and now_ms >= key.retired_ms + RETIRED_GOOD_MS else key

    def signing(self, kid: int, *, now_ms: int) -> RingKey:
        """What signs the proof of an order that names this key: that key, or, if it may not sign any more, the current
        one, which the till may hold as its next."""
        return self.usable(kid, now_ms=now_ms) or self.current

    def offered(self, *, now_ms: int) -> tuple[ProofKey, ...]:
        """What a till is given: the current key, the next, then older ones that still count, the latest first."""
        older = [key for key in reversed(self.keys) if key.retired_ms is not None]
        good = [key for key in older if self.usable(key.kid, now_ms=now_ms) is not None]
        return tuple(key.public for key in (self.current, self.next, *good))


def new_ring(seeds: tuple[Secret, Secret], typed_code_key: Secret, *, now_ms: int) -> Ring:
    first, second = seeds
    current = RingKey(kid=1, seed=first, made_ms=now_ms, current_ms=now_ms)
    return Ring(keys=(current, RingKey(kid=2, seed=second, made_ms=now_ms)), typed_code_key=typed_code_key)


def rotated(ring: Ring, seed: Secret, *, now_ms: int) -> Ring | RingRefusal:
    """The next key is current from now on; `seed` makes the one after it."""
    ring = _forgotten(ring, now_ms=now_ms)
    kid = _free_kid(ring)
    if kid is None:
        return RingRefusal.FULL
    current, after = ring.current, ring.next
    keys = tuple(
        replace(key, retired_ms=now_ms) if key is current else replace(key, current_ms=now_ms) if key is after else key
        for key in ring.keys
    )
    return replace(ring, keys=(*keys, RingKey(kid=kid, seed=seed, made_ms=now_ms)))


def compromised(ring: Ring, kid: int, seed: Secret, *, now_ms: int) -> Ring | RingRefusal:
    """This key is no good any more, and never was a secret. A current one is replaced by the next at once."""
    key = ring.find(kid)
    if key is None:
        return RingRefusal.UNKNOWN_KID
    if key.compromised_ms is not None:
        return ring
    if key.retired_ms is not None:
        return _marked(ring, kid, now_ms=now_ms)
    if key is ring.current:
        after = rotated(ring, seed, now_ms=now_ms)
        return after if isinstance(after, RingRefusal) else _marked(after, kid, now_ms=now_ms)
    ring = _forgotten(ring, now_ms=now_ms)
    fresh = _free_kid(ring)
    if fresh is None:
        return RingRefusal.FULL
    marked = _marked(ring, kid, now_ms=now_ms)
    return replace(marked, keys=(*marked.keys, RingKey(kid=fresh, seed=seed, made_ms=now_ms)))


def _marked(ring: Ring, kid: int, *, now_ms: int) -> Ring:
    return replace(ring, keys=tuple(replace(k, compromised_ms=now_ms) if k.kid == kid else k for k in ring.keys))


def _forgotten(ring: Ring, *, now_ms: int) -> Ring:
    """Without what retired more than twice its good time ago: its number may be given again."""
    gone_ms = now_ms - 2 * RETIRED_GOOD_MS
    return replace(ring, keys=tuple(key for key in ring.keys if (_ended_ms(key) or now_ms) > gone_ms))


def _ended_ms(key: RingKey) -> int | None:
    return key.retired_ms if key.retired_ms is not None else key.compromised_ms


def _free_kid(ring: Ring) -> int | None:
    used = {key.kid for key in ring.keys}
    last = ring.keys[-1].kid
    return next((kid for step in range(1, _KIDS) if (kid := (last + step) % _KIDS) not in used), None)
