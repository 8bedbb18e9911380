"""Builds the gateway of a world, what is odd about it and about its wallets, and the judge over its files."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random

from gateway.keys import GatewayKeys
from proof.asked import Asked
from proof.simulation.calls import Call
from proof.simulation.evidence import Evidence, GatewayFile
from proof.simulation.evidence_side import SideEvidence, SideFile
from proof.simulation.faults import Profile
from proof.simulation.gateway import GatewayHost
from proof.simulation.gateway_store import AnchorFile
from proof.simulation.judge import Judge
from proof.simulation.leaps import Leaps
from proof.simulation.making import Around
from proof.simulation.network import Wire
from proof.simulation.new_words import NewWords
from proof.simulation.odd_gateway import OddGateway
from proof.simulation.odd_wallet import OddWallet, answers_of
from proof.simulation.restored_evidence import RestoredEvidence, RestoredFile
from proof.simulation.terminal import TillHost
from proof.wallets import Wallets
from sandbox.wallets import Merchants

#: How far a clock that is being set may be from the true time.
_GATEWAY_SKEW_MS = 200_000
#: How long a slow disk takes for a commit.
_SLOW_S = (0.05, 2.0)


def make_gateway(
    around: Around,
    *,
    keys: GatewayKeys,
    qr_wallet: str | None,
    merchants: Merchants,
    evidence: Callable[[], Evidence],
    note: Callable[[str, str], None],
    wire: Wire,
    committed: Callable[[], None],
    called: Callable[[Asked], Call],
    died: Callable[[], None],
) -> GatewayHost:
    """`wire`: to the wallets, whose `merchants` these are; the rest tells the judge."""
    profile = around.profile
    odd = _odd_wallet(around, merchants, evidence=evidence, note=note)
    gateway = GatewayHost(
        engine=around.stage.engine,
        qr_wallet=qr_wallet,
        keys=keys,
        signers=around.signers,
        chance=around.chance("gateway"),
        deaths=profile.gateway_deaths,
        disks=profile.disks,
        clocks=profile.clocks,
        leaps=_leaps(around, note),
        now_ms=around.now_ms,
        odd=odd,
        wire=wire,
        trace=around.trace,
        committed=committed,
        called=called,
        died=died,
        fell=around.fell,
        anchor=AnchorFile(around.stage.gateway_path) if profile.troubles.restores.rate else None,
    )
    rate, slow = profile.disks.gateway_slow, around.chance("gateway/slow")
    if rate:
        gateway.dawdles = lambda: round(slow.uniform(*_SLOW_S), 3) if slow.random() < rate else 0.0
    return gateway


def make_judge(around: Around, tills: Sequence[TillHost], gateway: GatewayHost) -> Judge:
    """Over the files of this world, which are there already."""
    profile, path = around.profile, around.stage.gateway_path
    judge = Judge(
        Evidence(
            gateway=GatewayFile(path),
            tills={till.name: till.sight for till in tills},
            money=around.wallets.money,
            now_ms=around.now_ms,
            strict=not profile.late_money,
            faultless=profile.faultless,
            gateway_up_since=gateway.even_since_ms,
            leaps=gateway.leaps,
            unruly=around.unruly,
            side=SideEvidence(file=SideFile(path)),
            restored=RestoredEvidence(file=RestoredFile(path) if profile.troubles.restores.rate else None),
            skew_ms=_GATEWAY_SKEW_MS if profile.clocks.gateway_steps else 0,
        )
    )
    if profile.selling.static is not None:
        judge.watches_static_qr(path)
    return judge


def qr_wallet_of(profile: Profile, chance: Random, wallets: Wallets) -> str | None:
    """A third of the shops show the wallets' own QRs, the others their page."""
    wallet = chance.choice((*sorted(wallets.by_name), *(None,) * 6))
    return None if profile.selling.offline or profile.selling.static else wallet  # only the page proves


def _leaps(around: Around, note: Callable[[str, str], None]) -> Leaps:
    """How the gateway's machine clock leaps."""
    return Leaps(
        every=around.profile.clocks.gateway_leaps,
        chance=around.chance("gateway leaps"),
        now_ms=around.now_ms,
        told=lambda by_ms: note("gateway_clock_leaps", str(by_ms)),
    )


def _odd_wallet(
    around: Around,
    merchants: Merchants,
    *,
    evidence: Callable[[], Evidence],
    note: Callable[[str, str], None],
) -> OddWallet:
    """All wallets, one of which may say odd things; the judge is told what the gateway must note."""
    rate = around.profile.odd
    return OddWallet(
        rate=rate,
        key=merchants.alipay.wallet_key,
        chance_of=around.chance,
        serve=answers_of(around.wallets),
        words=NewWords(rate=rate / 2, merchants=merchants, chance_of=around.chance, note=note),
        is_paid=lambda number: evidence().is_paid(number),
        contradicted=lambda number: evidence().contradict(number),
        note=note,
    )


def odd_gateway(around: Around, gateway: GatewayHost, evidence: Evidence) -> OddGateway:
    """What a gateway says that is not so. The opposite of what is final is told where every journal can note it."""
    profile, disks = around.profile, around.profile.disks
    noted = not disks.till_fails and disks.full_every is None and not profile.selling.offline

    def heard_seq(number: str) -> int:
        seen = (till.file.payments().get(number) for till in evidence.tills.values())
        return min((record.state_seq for record in seen if record is not None), default=-1)

    odd = OddGateway(
        rate=profile.odd / 4,
        opposite=profile.odd / 4 if noted else 0.0,
        chance_of=around.chance,
        sign=gateway.signed,
        unpaid=lambda number: evidence.kept_of(number) == 0,
        heard_seq=heard_seq,
        note=lambda what, about: around.trace.note(around.now_ms(), "world", what, about),
    )
    evidence.opposites = odd.opposites
    for till in evidence.tills.values():
        till.opposites = odd.opposites
    return odd
