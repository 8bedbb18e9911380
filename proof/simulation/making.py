"""Makes what lives in a world: tills, cashiers, a rogue, the gateway's keys. Each draws from streams of its own.

`Around` is what a world gives them all: clock, chance, lines, and whom to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.keys import GatewayKeys
from proof.simulation.customers import Cashier
from proof.simulation.faults import LineFaults, Profile
from proof.simulation.forging import forged_answer
from proof.simulation.mask import Mask
from proof.simulation.network import Forge, Serve, Wire
from proof.simulation.offline_kit import make_means
from proof.simulation.phones import Phones
from proof.simulation.shop import Shop
from proof.simulation.side_desk import SideDesk
from proof.simulation.signers import Signers
from proof.simulation.stage import Stage
from proof.simulation.terminal import TillHost
from proof.simulation.till_evidence import TillSight
from proof.simulation.trace import Trace
from proof.wallets import Wallets
from protocol.secret import Secret
from protocol.signature import RequestParts
from sandbox.wallets import Merchants
from sandbox.wechat.merchant import KeyMode
from sync.engine.model import PaymentView, ProofView, RefundView, StorePaidView

#: How many keys sign the gateway's answers in turn.
_HTTP_KEYS = 3
_LAST_MOMENT = 0.6


class MakeWire(Protocol):
    """A line of this name, as bad as its faults; `forge` where an impostor may sit on it."""

    def __call__(self, name: str, faults: LineFaults, *, forge: Forge | None = None) -> Wire: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """See the module. `shown`, `sent`, `compared`, `fell` and `rang` tell the judge; `unruly`: the terminals for
    which a person is needed from now on."""

    profile: Profile
    stage: Stage
    signers: Signers
    mask: Mask
    folder: Path
    known_keys: Mapping[str, Ed25519PublicKey]
    wallets: Wallets
    trace: Trace
    chance: Callable[[str], Random]
    now_ms: Callable[[], int]
    mono_ms: Callable[[], int]
    wire: MakeWire
    serve: Callable[[RequestParts], Serve]
    shown: Callable[[TillSight, PaymentView | RefundView | ProofView], None]
    sent: Callable[[TillSight, RequestParts], None]
    compared: Callable[[TillSight, int, int], None]
    fell: Callable[[str, BaseException], None]
    rang: Callable[[TillSight, StorePaidView], None]
    unruly: set[str] = field(default_factory=set[str])


def gateway_keys(signers: Signers, chance: Random) -> list[GatewayKeys]:
    """One root for ever; the key that signs answers is one of three that the tills know."""
    root = signers.make_key(chance.randbytes(32))
    return [GatewayKeys(http=signers.make_key(chance.randbytes(32)), root=root) for _ in range(_HTTP_KEYS)]


def merchants_of(signers: Signers, chance: Random) -> Merchants:
    """By which of its keys WeChat Pay signs to this shop; side by side, callbacks change it each time."""
    mode = chance.choice((*KeyMode, KeyMode.SIDE_BY_SIDE))
    return replace(signers.merchants, wechat=replace(signers.merchants.wechat, key_mode=mode))


def make_till(around: Around, name: str, twin: TillHost | None = None) -> TillHost:
    profile = around.profile
    means = None
    if profile.selling.offline:
        copied = twin.means if twin is not None else None
        means = make_means(name, around.chance(f"order key {name}"), copied, around.signers.slow_hash)
    return TillHost(
        name=name,
        folder=around.folder / name,
        stage=around.stage,
        make_key=around.signers.make_key,
        chance=around.chance(name),
        deaths=profile.till_deaths,
        disks=profile.disks,
        clocks=profile.clocks,
        now_ms=around.now_ms,
        mono_ms=around.mono_ms,
        wire=around.wire(name, profile.line, forge=forged_answer),
        serve=around.serve,
        gateway_keys=around.known_keys,
        trace=around.trace,
        shown=around.shown,
        sent=around.sent,
        compared=around.compared,
        twin=twin,
        means=means,
        fell=around.fell,
        rang=around.rang if profile.selling.static else None,
    )


def make_cashier(around: Around, till: TillHost, phones: Phones, others: Sequence[Cashier]) -> Cashier:
    """`others`: all cashiers of the shop; a customer may hold one code under two guns, or another till's proof."""

    def lend(name: str) -> Secret | None:
        return next((one.code for one in others if one.till_name != name and one.code is not None), None)

    def foreign() -> list[str]:
        return [text for one in others if one.till_name != till.name for text in one.side.proofs]

    shop = Shop(
        phones=phones,
        wallets=sorted(around.wallets.by_name),
        people=around.profile.people,
        selling=around.profile.selling,
        now_ms=around.now_ms,
        trace=around.trace,
        unruly=around.unruly.add,
        folder=around.folder,
    )
    return Cashier(
        till=till,
        wallets=around.wallets,
        phones=phones,
        people=around.profile.people,
        chance_of=lambda number: around.chance(f"people {till.name} {number}"),
        skipped=lambda number: (till.name, number) in around.mask.skipped,
        lend=lend,
        presses=around.chance(f"presses {till.name}"),
        returning=around.chance(f"returning {till.name}"),
        typing=around.chance(f"typing {till.name}"),
        # Where the gateway's disk is slow a customer may come between its question and what follows from it.
        last_moment=_LAST_MOMENT if around.profile.disks.gateway_slow else 0.0,
        side=SideDesk(
            till,
            shop,
            chance_of=lambda number: around.chance(f"side {till.name} {number}"),
            habit_of=lambda number: around.chance(f"habits {till.name} {number}"),
            foreign=foreign,
        ),
        now_ms=around.now_ms,
        trace=around.trace,
    )
