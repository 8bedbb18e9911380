"""New activation codes: 60 random bits, good for one store, for 1 to 7 days, kept as a digest only."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.configure.reading import ConfigurationError
from gateway.ports import Clock, Entropy
from gateway.store import places
from gateway.store.units import Tx
from protocol.numbers import new_activation_code
from protocol.secret import Secret

_DAY_MS: Final = 86_400_000
MOST_DAYS: Final = 7
MOST_USES: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCode:
    """Shown once. `root_fingerprint` goes into the QR form."""

    code: Secret
    store_id: str
    uses: int
    expires_ms: int


def making_code(*, store_id: str, uses: int, days: int, clock: Clock, entropy: Entropy) -> Callable[[Tx], NewCode]:
    """A unit that makes a code. Raises ConfigurationError."""
    if not 1 <= uses <= MOST_USES:
        raise ConfigurationError(f"uses: must be from 1 to {MOST_USES}")
    if not 1 <= days <= MOST_DAYS:
        raise ConfigurationError(f"days: must be from 1 to {MOST_DAYS}")

    def unit(tx: Tx) -> NewCode:
        if not places.store_exists(tx, store_id):
            raise ConfigurationError(f"store {store_id}: is not known; apply a file that names it first")
        code = new_activation_code(entropy.bytes(8))
        expires_ms = clock.now_ms() + days * _DAY_MS
        places.add_activation_code(
            tx,
            digest=places.code_digest(code),
            code=places.ActivationCode(store_id=store_id, uses_left=uses, expires_ms=expires_ms),
        )
        return NewCode(code=Secret(code), store_id=store_id, uses=uses, expires_ms=expires_ms)

    return unit
