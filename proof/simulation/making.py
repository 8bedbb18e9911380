"""Makes what lives in a world: tills, cashiers, a rogue, the gateway's keys. Each draws from streams of its own.

`Around` is what a world gives them all: clock, chance, lines, and whom to tell.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from random import Random
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.keys import GatewayKeys
from proof.simulation.customers import Cashier
from proof.simulation.evidence import Evidence
from proof.simulation.faults import LineFaults, Profile
from proof.simulation.forging import forged_answer
from proof.simulation.gateway import GatewayHost
from proof.simulation.leaps import Leaps
from proof.simulation.mask import Mask
from proof.simulation.network import Forge, Serve, Wire
from proof.simulation.new_words import NewWords
from proof.simulation.odd_gateway import OddGateway
from proof.simulation.odd_wallet import OddWallet, answers_of
from proof.simulation.offline_kit import make_means
from proof.simulation.phones import Phones
from proof.simulation.rogue import Impatient, Returner, Rogue
from proof.simulation.side_desk import Shop, SideDesk
from proof.simulation.signers import Signers
from proof.simulation.stage import Stage
from proof.simulation.terminal import GATEWAY_URL, TillHost
from proof.simulation.till_evidence import TillSight
from proof.simulation.trace import Trace
from proof.wallets import Wallets
from protocol.numbers import TERMINAL_ID_BYTES, new_terminal_id
from protocol.secret import Secret
from protocol.signature import RequestParts
from sandbox.wallets import Merchants
from sandbox.wechat.merchant import KeyMode
from sync.engine.model import PaymentView, ProofView, RefundView
from sync.link.calls import Credentials

#: How many keys sign the gateway's answers in turn.
_HTTP_KEYS = 3
_ROGUES: Final[Mapping[str, type[Rogue]]] = {"rogue": Rogue, "impatient": Impatient, "returner": Returner}
#: Of the worlds in which money may come late.
_IMPATIENT: Final = 0.6
#: Of those in which something goes wrong at all.
_RETURNER: Final = 0.25


class MakeWire(Protocol):
    """A line of this name, as bad as its faults; `forge` where an impostor may sit on it."""

    def __call__(self, name: str, faults: LineFaults, *, forge: Forge | None = None) -> Wire: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Around:
    """See the module. `shown`, `sent` and `fell` tell the judge."""

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
    fell: Callable[[str, BaseException], None]


def gateway_keys(signers: Signers, chance: Random) -> list[GatewayKeys]:
    """One root for ever; the key that signs answers is one of three that the tills know."""
    root = signers.make_key(chance.randbytes(32))
    return [GatewayKeys(http=signers.make_key(chance.randbytes(32)), root=root) for _ in range(_HTTP_KEYS)]


def merchants_of(signers: Signers, chance: Random) -> Merchants:
    """By which of its keys WeChat Pay signs to this shop; side by side, callbacks change it each time."""
    mode = chance.choice((*KeyMode, KeyMode.SIDE_BY_SIDE))
    return replace(signers.merchants, wechat=replace(signers.merchants.wechat, key_mode=mode))


def qr_wallet_of(profile: Profile, chance: Random, wallets: Wallets) -> str | None:
    """A third of the shops show the wallets' own QRs, the others their page."""
    wallet = chance.choice((*sorted(wallets.by_name), *(None,) * 6))
    return None if profile.selling.offline else wallet  # only the page proves


def leaps(profile: Profile, chance: Random, now_ms: Callable[[], int], note: Callable[[str, str], None]) -> Leaps:
    """How the gateway's machine clock leaps."""
    return Leaps(
        every=profile.clocks.gateway_leaps,
        chance=chance,
        now_ms=now_ms,
        told=lambda by_ms: note("gateway_clock_leaps", str(by_ms)),
    )


def odd_wallet(
    profile: Profile,
    merchants: Merchants,
    wallets: Wallets,
    *,
    chance_of: Callable[[str], Random],
    evidence: Callable[[], Evidence],
    note: Callable[[str, str], None],
) -> OddWallet:
    """All wallets, one of which may say odd things; the judge is told what the gateway must note."""
    return OddWallet(
        rate=profile.odd,
        key=merchants.alipay.wallet_key,
        chance_of=chance_of,
        serve=answers_of(wallets),
        words=NewWords(rate=profile.odd / 2, merchants=merchants, chance_of=chance_of, note=note),
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


def make_till(around: Around, name: str, twin: TillHost | None = None) -> TillHost:
    profile = around.profile
    means = None
    if profile.selling.offline:
        means = make_means(name, around.chance(f"order key {name}"), twin.means if twin is not None else None)
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
        twin=twin,
        means=means,
        fell=around.fell,
    )


def make_cashier(around: Around, till: TillHost, phones: Phones, others: Sequence[Cashier]) -> Cashier:
    """`others`: all cashiers of the shop; a customer may hold one code under two guns, or another till's proof."""

    def lend(name: str) -> Secret | None:
        return next((one.code for one in others if one.till_name != name and one.code is not None), None)

    def foreign() -> list[str]:
        return [text for one in others if one.terminal_id != till.terminal_id for text in one.side.proofs]

    shop = Shop(
        phones=phones,
        wallets=sorted(around.wallets.by_name),
        people=around.profile.people,
        selling=around.profile.selling,
        now_ms=around.now_ms,
        trace=around.trace,
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
        side=SideDesk(
            till, shop, chance_of=lambda number: around.chance(f"side {till.name} {number}"), foreign=foreign
        ),
        now_ms=around.now_ms,
        trace=around.trace,
    )


def strangers(around: Around) -> dict[str, Credentials]:
    """Terminals of the shop that no cashier stands at, by the name of their chance."""
    return {name: _stranger(around, name) for name in _ROGUES}


def _stranger(around: Around, name: str) -> Credentials:
    return Credentials(
        terminal_id=new_terminal_id(around.chance(f"{name} terminal").randbytes(TERMINAL_ID_BYTES)),
        gateway_url=GATEWAY_URL,
        key=around.signers.make_key(around.chance(f"{name} key").randbytes(32)),
        gateway_keys=around.known_keys,
    )


def make_rogues(
    around: Around, who: Mapping[str, Credentials], evidence: Evidence, broken: Callable[[str, str, str], None]
) -> list[Rogue]:
    """Those that are at work in this world. People look after what their terminals leave behind."""
    profile = around.profile
    rates = {
        "rogue": profile.troubles.rogue,
        "impatient": _IMPATIENT if profile.late_money else 0.0,
        "returner": 0.0 if profile.faultless else _RETURNER,
    }
    rogues: list[Rogue] = []
    for name, kind in _ROGUES.items():
        if rates[name] and around.chance(f"{name} at all").random() < rates[name]:
            mine = who[name].terminal_id
            evidence.unruly.add(mine)
            rogues.append(
                kind(
                    who=who[name],
                    wire=around.wire(name, around.profile.line, forge=forged_answer),
                    serve=around.serve,
                    wallets=around.wallets,
                    chance=around.chance(name),
                    now_ms=evidence.gateway_ms,
                    sold=evidence.sale_of.__setitem__,
                    broken=broken,
                    others=partial(_others, evidence, mine),
                    refunds=partial(_refunds, evidence, mine),
                )
            )
    return rogues


def _others(evidence: Evidence, terminal_id: str) -> list[str]:
    """Payments of other terminals."""
    return [number for number, row in evidence.rows.items() if row.terminal_id != terminal_id]


def _refunds(evidence: Evidence, terminal_id: str) -> list[tuple[str, str]]:
    """Refunds of other terminals, with their payments."""
    orders = evidence.orders
    return [
        (orders[refund.out_trade_no].payment_no, number)
        for number, refund in evidence.refunds.items()
        if refund.terminal_id != terminal_id and refund.out_trade_no in orders
    ]
