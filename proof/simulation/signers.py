"""The signer port: with which keys a world's programs sign to each other, tills and gateway, gateway and wallets.

Real cryptography, or keyed hashes in its place (`proof.simulation.hashed_keys`): the same code signs and verifies with
either. Nothing that a world does may depend on which: a trace is the same.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from gateway.channels.account import ChannelAccount
from gateway.channels.port import Channel
from gateway.routing.accounts import Opener
from proof.simulation.hashed_keys import HashedPrivateKey, hashed_public, with_hashed_keys
from proof.simulation.typed_hash import cheap_hash
from proof.wallets import opened_once
from protocol.keys import read_public
from protocol.offline.typed_code import SlowHash, verifier
from sandbox.wallets import Merchants

#: Every world with such a seed runs with real cryptography.
REAL_EVERY: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Signers:
    """`merchants`: the simulated shop at each wallet; `opener`: its accounts as the gateway opens them;
    `slow_hash`: of typed codes."""

    real: bool
    merchants: Merchants
    make_key: Callable[[bytes], Ed25519PrivateKey]
    read_key: Callable[[str], Ed25519PublicKey | None]
    opener: Opener
    slow_hash: SlowHash


def real_signers(merchants: Merchants) -> Signers:
    return Signers(
        real=True,
        merchants=merchants,
        make_key=Ed25519PrivateKey.from_private_bytes,
        read_key=cache(read_public),
        opener=opened_once,
        slow_hash=verifier,
    )


def hashed_signers(merchants: Merchants) -> Signers:
    return Signers(
        real=False,
        merchants=with_hashed_keys(merchants),
        make_key=HashedPrivateKey,
        read_key=cache(hashed_public),
        opener=_opened_with_hashes,
        slow_hash=cheap_hash,
    )


@cache
def _opened_with_hashes(settings: str) -> tuple[ChannelAccount, Channel]:
    account, channel = opened_once(settings)
    return account, with_hashed_keys(channel)
