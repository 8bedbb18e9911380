"""The life of the keys that sign proofs, in a world: two that were retired long ago, a next one that takes over, one
that others have got. The gateway's ring is the real one; the owner's words about it fall at drawn moments.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random
from typing import Final, Protocol

from msgspec.structs import replace

from gateway.offline.keyring import Ring, RingKey
from proof.simulation.evidence_side import SideEvidence
from proof.simulation.faults import Profile
from proof.simulation.gateway import GatewayHost
from protocol.keys import b64url
from protocol.secret import Secret

_DAY_MS: Final = 86_400_000
#: An order may name a key for ninety days after it was retired.
TOO_OLD_KID, OLD_KID = 251, 252
_RETIRED_DAYS: Final = {TOO_OLD_KID: 91, OLD_KID: 89}
_KEY_BYTES: Final = 32


class Here(Protocol):
    """What a world gives: its profile, its streams of chance, its clock."""

    @property
    def profile(self) -> Profile: ...
    @property
    def chance(self) -> Callable[[str], Random]: ...
    @property
    def now_ms(self) -> Callable[[], int]: ...


class KeyLife:
    """See the module. `side` hears which keys there are, and which are no good."""

    def __init__(self, gateway: GatewayHost, side: SideEvidence, here: Here, note: Callable[[str, str], None]) -> None:
        self._keys = gateway.proof_keys
        self._side = side
        self._now_ms = here.now_ms
        self._note = note
        self._chance = here.chance("proof keys")
        self._every = here.profile.selling.proof_keys if here.profile.selling.offline else None
        self._calm = False
        self._keys.ring = _aged(self._keys.ring, self._chance, now_ms=self._now_ms())
        side.bad_keys.add(TOO_OLD_KID)
        self._tell()

    def calm(self) -> None:
        self._calm = True

    async def changes(self) -> None:
        """Mostly the next key takes over; now and then one is known to others, from then on it is good for nothing."""
        while self._every is not None:
            await asyncio.sleep(round(self._chance.uniform(*self._every), 3))
            if self._calm:
                return
            if self._chance.random() < 0.7:
                refused = self._keys.rotate(now_ms=self._now_ms())
                assert refused is None, "there are numbers left"
                self._note("proof_key_rotated", str(self._keys.ring.current.kid))
                self._tell()
            else:
                self.spoil(self._chance.choice([key.kid for key in self._keys.ring.keys]))

    def spoil(self, kid: int) -> None:
        """Others have got this key."""
        refused = self._keys.compromise(kid, now_ms=self._now_ms())
        assert refused is None, "there are numbers left"
        self._side.bad_keys.add(kid)
        self._note("proof_key_known", str(kid))
        self._tell()

    def _tell(self) -> None:
        for key in self._keys.ring.keys:
            self._side.keys[key.kid] = key.private.public_key()


def _aged(ring: Ring, chance: Random, *, now_ms: int) -> Ring:
    """The ring of a gateway that has been here for long."""
    old = tuple(
        RingKey(
            kid=kid,
            seed=Secret(b64url(chance.randbytes(_KEY_BYTES))),
            made_ms=now_ms - 200 * _DAY_MS,
            current_ms=now_ms - 190 * _DAY_MS,
            retired_ms=now_ms - days * _DAY_MS,
        )
        for kid, days in _RETIRED_DAYS.items()
    )
    return replace(ring, keys=(*old, *ring.keys))
