"""What goes wrong in a world of the default mix: drawn from its seed, over all that there is.

Some seeds take one of the named profiles as it is; the others put their own together. A third of them have one kind of
trouble alone, because what is rare hides under what is frequent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Final

from proof.simulation.faults import (
    PHONES,
    PROFILES,
    PROOF_KEYS,
    RESTORES,
    ROGUE_ORDERS,
    STATIC,
    Clocks,
    Deaths,
    Disks,
    LineFaults,
    People,
    Profile,
    Selling,
    Span,
    Troubles,
)

MIX: Final = "mix"
NAMES: Final = (MIX, *PROFILES)
_NAMED: Final = ("calm", "clocks", "crash", "default", "late", "poison", "qr", "slow", "storm")
_NAMED_SHARE: Final = 0.35
#: Of the worlds that put their own together: so many sell without the line.
_OFFLINE_SHARE: Final = 0.4
#: Of all worlds: little else goes wrong than that the tills' lines are down.
_PURE_SHARE: Final = 0.15
#: Of all worlds: so many have a wallet that says odd things.
_ODD_SHARE: Final = 0.25
#: Of those that sell over the line: so many have a gateway whose clock leaps.
_LEAPS_SHARE: Final = 0.25
#: Of all worlds: in so many the gateway's database is put back, where nothing else forbids it.
_RESTORED_SHARE: Final = 0.12
#: Of all worlds: in so many the store has a printed QR.
_STATIC_SHARE: Final = 0.12
#: Of all worlds: in so many the gateway's disk is slow, where everything may go wrong, and so often.
_SLOW_DISK_SHARE: Final = 0.1
_SLOW_DISK: Final = 0.08
#: Beyond these a request may reach a wallet after everybody gave up: money that comes late is then a case.
_LATE_FROM_S: Final = 28.0


def profile_of(name: str, seed: int) -> Profile:
    """The profile of that name, or what the mix has for this seed."""
    if name != MIX:
        return PROFILES[name]
    mixed = _printed(_mixed(seed), Random(f"{seed}/{MIX}/static"))
    leaping = _leaping(_restored(mixed, Random(f"{seed}/{MIX}/restored")), Random(f"{seed}/{MIX}/leaps"))
    again = _again(_odd(leaping, Random(f"{seed}/{MIX}/odd")), Random(f"{seed}/{MIX}/again"))
    return _dawdling(again, Random(f"{seed}/{MIX}/slow disk"))


def _restored(profile: Profile, chance: Random) -> Profile:
    """In a few shops the gateway's database is put back. What it forgets is not told apart there from what another
    till with the same name did, from late money, or from a wallet that contradicts itself."""
    if chance.random() >= _RESTORED_SHARE or profile.faultless or profile.late_money or profile.selling.offline:
        return profile
    if profile.selling.static is not None:
        return profile
    troubles = replace(profile.troubles, forks=0.0, rogue=0.0, restores=RESTORES)
    return replace(profile, troubles=troubles, people=replace(profile.people, forged=0.0))


def _printed(profile: Profile, chance: Random) -> Profile:
    """On some counters stands a printed QR that passers-by pay."""
    if chance.random() >= _STATIC_SHARE or profile.faultless:
        return profile
    return replace(profile, selling=replace(profile.selling, static=STATIC))


def _again(profile: Profile, chance: Random) -> Profile:
    """In some shops the gateway does its transactions twice now and then: the first time did not count."""
    rate = chance.choice((0.0,) * 6 + (0.03, 0.5))
    return (
        profile if profile.faultless or not rate else replace(profile, disks=replace(profile.disks, gateway_again=rate))
    )


def _dawdling(profile: Profile, chance: Random) -> Profile:
    """In some shops the gateway's disk is slow, and others are done between two of its commits."""
    if chance.random() >= _SLOW_DISK_SHARE or profile.faultless or profile.disks.gateway_slow:
        return profile
    return replace(profile, disks=replace(profile.disks, gateway_slow=_SLOW_DISK))


def _odd(profile: Profile, chance: Random) -> Profile:
    """Of some shops one wallet contradicts itself now and then."""
    plain = profile.faultless or profile.troubles.restores.rate
    return profile if plain or chance.random() >= _ODD_SHARE else replace(profile, odd=0.4)


def _leaping(profile: Profile, chance: Random) -> Profile:
    """In some shops the gateway's clock is plainly wrong now and then; not where ORDERs are dated by it."""
    plain = profile.faultless or profile.troubles.restores.rate
    if chance.random() >= _LEAPS_SHARE or plain or profile.selling.offline:
        return profile
    every = chance.choice(((15.0, 90.0), (40.0, 300.0)))
    return replace(profile, clocks=replace(profile.clocks, gateway_leaps=every))


def _mixed(seed: int) -> Profile:
    without_line = Random(f"{seed}/{MIX}/offline").random()
    if without_line < _PURE_SHARE:
        return PROFILES["offline"]
    chance = Random(f"{seed}/{MIX}")
    if chance.random() < _NAMED_SHARE:
        return PROFILES[chance.choice(_NAMED)]
    drawn = _drawn(chance, forged=Random(f"{seed}/{MIX}/forged").choice((0.0,) * 5 + (0.4,)))
    drip = Random(f"{seed}/{MIX}/drip").choice((0.0,) * 7 + (0.03, 0.2))
    drawn = replace(drawn, line=replace(drawn.line, drip=drip), wallet=replace(drawn.wallet, drip=drip))
    return _selling(drawn, Random(f"{seed}/{MIX}/selling"))


def _selling(profile: Profile, chance: Random) -> Profile:
    """Cash in some shops; in others a till's own line is down for minutes, and its customers' phones are not."""
    cash = chance.choice((0.0, 0.0, 0.1, 0.25))
    second = chance.choice((0.0, 0.4, 0.8))
    if chance.random() >= _OFFLINE_SHARE:
        return replace(profile, selling=Selling(cash=cash / 2, second=second / 2))
    line = replace(
        profile.line,
        outage_every=chance.choice(((2.0, 6.0), (3.0, 15.0))),
        outage_lasts=chance.choice(((40.0, 200.0), (100.0, 400.0))),
    )
    return replace(
        profile,
        line=line,
        phones=chance.choice((PHONES, LineFaults())),
        troubles=replace(profile.troubles, forks=max(profile.troubles.forks, chance.choice((0.0, 0.0, 0.0, 1.0)))),
        selling=Selling(
            cash=cash / 2,
            second=second,
            offline=chance.choice((0.6, 0.95)),
            late=chance.choice((0.0, 0.1, 0.2)),
            rogue_orders=ROGUE_ORDERS,
            proof_keys=PROOF_KEYS,
        ),
    )


def _drawn(chance: Random, *, forged: float) -> Profile:
    few = chance.random() < 0.33
    often = 0.12 if few else 0.45

    def some(rate: float = 1.0) -> bool:
        return chance.random() < often * rate

    line, wallet = _line(chance, some), _line(chance, some)
    callbacks = _callbacks(chance)
    late = chance.choice((0, 0, 0, 1))
    return Profile(
        name=MIX,
        line=line,
        wallet=wallet,
        callbacks=callbacks,
        till_deaths=_deaths(chance, (20.0, 400.0)) if some() else Deaths(),
        gateway_deaths=_deaths(chance, (40.0, 600.0)) if some(0.8) else Deaths(),
        people=_people(chance, late=late, forged=forged),
        disks=Disks(
            till_fails=chance.choice((0.01, 0.05)) if some() else 0.0,
            gateway_fails=chance.choice((0.001, 0.004)) if some(0.7) else 0.0,
            full_every=(20.0, 120.0) if some() else None,
        ),
        clocks=Clocks(
            till_off=chance.choice((0.3, 1.0)) if some() else 0.0,
            till_steps=(10.0, 120.0) if some() else None,
            gateway_steps=(10.0, 90.0) if some() else None,
        ),
        troubles=Troubles(
            power_cuts=(40.0, 300.0) if some(0.7) else None,
            key_changes=(30.0, 200.0) if some(0.7) else None,
            forks=1.0 if some(0.6) else 0.0,
            poison=1.0 if some(0.6) else 0.0,
            rogue=1.0 if some() else 0.0,
        ),
        late_money=late > 0 or _may_come_late(wallet),
    )


def _line(chance: Random, some: Callable[[float], bool]) -> LineFaults:
    if not some(1.3):
        return LineFaults()
    lost = chance.choice((0.0, 0.02, 0.05, 0.15, 0.3))
    return LineFaults(
        refused=chance.choice((0.0, 0.02, 0.1)),
        lost_request=lost / 2,
        lost_answer=lost / 2,
        duplicated=chance.choice((0.0, 0.05, 0.2, 0.5)),
        duplicate_delay=chance.choice(((0.0, 0.05), (0.0, 2.0), (0.0, 20.0))),
        slow=chance.choice((0.0, 0.05, 0.3)),
        slow_delay=chance.choice(((0.05, 1.0), (0.5, 8.0), (0.5, 25.0))),
        spoiled=chance.choice((0.0, 0.05, 0.15)),
        stray=chance.choice((0.0,) * 9 + (0.02,)),
        outage_every=chance.choice((None, (30.0, 240.0), (10.0, 60.0))),
        outage_lasts=chance.choice(((1.0, 10.0), (1.0, 40.0), (20.0, 120.0))),
    )


def _callbacks(chance: Random) -> LineFaults:
    """Notifications come well, badly, or not at all."""
    return chance.choice(
        (
            LineFaults(),
            LineFaults(lost_request=1.0),
            LineFaults(lost_request=0.15, lost_answer=0.15, duplicated=0.5, slow=0.3, slow_delay=(0.5, 60.0)),
            LineFaults(slow=1.0, slow_delay=(0.5, 90.0), duplicated=0.3, duplicate_delay=(0.0, 120.0), spoiled=0.2),
        )
    )


def _deaths(chance: Random, every: Span) -> Deaths:
    return chance.choice(
        (
            Deaths(at_await=chance.choice((0.002, 0.01, 0.03)), down=(0.1, 10.0)),
            Deaths(every=every),
            Deaths(at_await=0.003, every=(2.0, 60.0), down=(0.1, 2.0)),
        )
    )


def _people(chance: Random, *, late: int, forged: float) -> People:
    return People(
        tills=chance.choice(((1, 1), (1, 3), (2, 3))),
        sales=(4, 9),
        pause=chance.choice(((0.2, 3.0), (0.2, 8.0), (0.5, 20.0))),
        qr_share=chance.choice((0.15, 0.35, 0.6)),
        plain_share=chance.choice((0.3, 0.5, 0.75)),
        hasty=chance.choice((0.1, 0.3, 0.6)),
        spiteful=chance.choice((0.0, 0.1, 0.5)),
        shares=chance.choice((0.0, 0.1)),
        twice=chance.choice((0.0, 0.2)),
        late_scan=chance.choice((0.05, 0.25)),
        second_scan=chance.choice((0.05, 0.25)),
        rivals=chance.choice((0.0, 0.2, 0.5)),
        returns=chance.choice((0.1, 0.4)),
        late=late,
        forged=forged,
    )


def _may_come_late(wallet: LineFaults) -> bool:
    slowest_s = wallet.slow_delay[1] if wallet.slow else 0.0
    again_s = wallet.duplicate_delay[1] if wallet.duplicated else 0.0
    return bool(wallet.stray) or max(slowest_s, again_s) > _LATE_FROM_S
