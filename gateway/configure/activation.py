"""A new activation code: 60 random bits for one store, good for 1 to 7 days. Only its digest is kept."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from gateway.configure.faults import Fault, Faults, one_fault
from gateway.store import places
from gateway.store.units import Tx
from protocol.numbers import new_activation_code
from protocol.secret import Secret

#: Random bytes behind a code.
CODE_BYTES: Final = 8
MOST_DAYS: Final = 7
MOST_USES: Final = 1_000
_DAY_MS: Final = 86_400_000


class NewCode(Struct, frozen=True, kw_only=True):
    """Shown once, then nobody knows it but who wrote it down."""

    code: Secret
    store_id: str
    uses: int
    expires_ms: int


def create_code(
    tx: Tx, *, store_id: str, uses: int, days: int, now_ms: int, random: bytes, terminal_id: str | None = None
) -> NewCode | Faults:
    """Keeps a new code. `random`: CODE_BYTES bytes that nobody can guess. `terminal_id`: good for this till only."""
    faults = _wrong_numbers(uses=uses, days=days)
    if faults:
        return Faults(faults=faults)
    if not places.store_exists(tx, store_id):
        return one_fault("activation code", "store", "no store has this id; apply a file that names it first")
    code = new_activation_code(random)
    expires_ms = now_ms + days * _DAY_MS
    kept = places.ActivationCode(store_id=store_id, uses_left=uses, expires_ms=expires_ms, terminal_id=terminal_id)
    places.add_activation_code(tx, digest=places.code_digest(code), code=kept)
    return NewCode(code=Secret(code), store_id=store_id, uses=uses, expires_ms=expires_ms)


def _wrong_numbers(*, uses: int, days: int) -> tuple[Fault, ...]:
    limits = (("uses", uses, MOST_USES), ("days", days, MOST_DAYS))
    return tuple(
        Fault(where="activation code", key=key, hint=f"must be from 1 to {most}")
        for key, value, most in limits
        if not 1 <= value <= most
    )
