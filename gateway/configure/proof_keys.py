"""The owner's word about the keys that sign proofs, as an order at the door: list, rotate, "this one is no secret"."""

from __future__ import annotations

from typing import Final, assert_never

from gateway.configure.faults import Faults, one_fault
from gateway.configure.words import ProofKeysAction, ProofKeySaid, ProofKeysOrder, ProofKeysSaid
from gateway.offline.keyring import Ring, RingKey, RingRefusal
from gateway.proof_keys import ProofKeys

_HINTS: Final = {
    RingRefusal.UNKNOWN_KID: "no proof key has this number; `guitai gateway proof-keys list` shows them",
    RingRefusal.FULL: "every number is in use; keys that retired long ago free theirs after half a year",
}


def proof_keys_word(keys: ProofKeys, order: ProofKeysOrder, *, now_ms: int) -> ProofKeysSaid | Faults:
    """Does it, durably, and says how the keys stand afterwards."""
    match order.action:
        case ProofKeysAction.LIST:
            return _said(keys.ring, done=False)
        case ProofKeysAction.ROTATE:
            refusal = keys.rotate(now_ms=now_ms)
        case ProofKeysAction.COMPROMISE:
            refusal = keys.compromise(order.kid, now_ms=now_ms)
        case _:
            assert_never(order.action)
    return _said(keys.ring, done=True) if refusal is None else one_fault("proof key", str(order.kid), _HINTS[refusal])


def _said(ring: Ring, *, done: bool) -> ProofKeysSaid:
    return ProofKeysSaid(
        keys=tuple(
            ProofKeySaid(
                kid=key.kid,
                state=_state(ring, key),
                made_ms=key.made_ms,
                retired_ms=key.retired_ms,
                compromised_ms=key.compromised_ms,
            )
            for key in ring.keys
        ),
        done=done,
    )


def _state(ring: Ring, key: RingKey) -> str:
    if key.compromised_ms is not None:
        return "compromised"
    if key is ring.current:
        return "current"
    return "next" if key is ring.next else "retired"
