"""What can go wrong, how often, for how long: profiles as data. Rates are chances from 0 to 1, times are seconds.

A profile says nothing about what is right: the invariants are the same under each, except for the two promises that
hold only while nothing goes wrong (`faultless`) or while no request to the wallet can arrive after everybody gave up
(`late_money`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

Span = tuple[float, float]

#: refused and dns: nobody there; silent: no connection; mute: requests are lost; deaf: answers are; portal: another
#: answers; storm: a proxy's 5xx; busy: 429.
OUTAGES: Final = ("refused", "silent", "mute", "deaf", "portal", "storm", "busy", "dns")


@dataclass(frozen=True, slots=True, kw_only=True)
class LineFaults:
    """One line, per exchange; `outage` is a time in which nothing (or only a wrong answer) comes through, or only one
    way. `duplicate_delay`: how much later a copy arrives; `stray`: a request that arrives when nobody remembers it;
    `drip`: an answer whose bytes come one by one, the last of them a moment before the time is over."""

    delay: Span = (0.005, 0.06)
    refused: float = 0.0
    lost_request: float = 0.0
    lost_answer: float = 0.0
    duplicated: float = 0.0
    duplicate_delay: Span = (0.0, 2.0)
    stray: float = 0.0
    stray_delay: Span = (300.0, 7200.0)
    slow: float = 0.0
    slow_delay: Span = (0.5, 8.0)
    spoiled: float = 0.0
    drip: float = 0.0
    outage_every: Span | None = None
    outage_lasts: Span = (1.0, 40.0)
    outages: tuple[str, ...] = OUTAGES


@dataclass(frozen=True, slots=True, kw_only=True)
class Deaths:
    """Chance to die at each await that matters (before and after each exchange and commit); besides, a death at any
    moment, as often as `every` says; and how long it is down."""

    at_await: float = 0.0
    every: Span | None = None
    down: Span = (0.3, 20.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disks:
    """`till_fails`, `gateway_fails`: chance that a commit fails; half of them happened all the same. `gateway_again`:
    chance that what a transaction did is undone, for want of room, and done again; `gateway_slow`: that one takes long,
    and others are done before its caller goes on. `full_every`: a till's disk has no
    room for a while."""

    till_fails: float = 0.0
    gateway_fails: float = 0.0
    gateway_again: float = 0.0
    gateway_slow: float = 0.0
    full_every: Span | None = None
    full_lasts: Span = (2.0, 40.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clocks:
    """`till_off`: chance that a till starts on a wrong clock, or a dead one; `till_steps`, `gateway_steps`: how often a
    clock is set while the program runs (a daylight saving hour is one of the steps); `gateway_leaps`: how often the
    gateway's was plainly wrong, or is put right."""

    till_off: float = 0.0
    till_steps: Span | None = None
    gateway_steps: Span | None = None
    gateway_leaps: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restores:
    """The gateway's database is put back to an earlier copy of itself: the chance that it is, and that it is twice;
    when it is copied, how much later it is put back, and how long that takes: what had left for a wallet has arrived by
    then."""

    rate: float = 0.0
    again: float = 0.0
    copied: Span = (1.0, 90.0)
    lost: Span = (0.5, 60.0)
    down: Span = (30.0, 75.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """What befalls a whole shop: `power_cuts`: every till at once, and their clocks since boot begin again;
    `key_changes`: the gateway comes back signing with another key; `forks`: chance that a till's disk is restored from
    a copy or copied to a second machine; `poison`: chance of a row in the gateway's queue that cannot be worked;
    `rogue`: chance of a terminal whose program keeps none of the rules; `restores`: of the gateway's database."""

    power_cuts: Span | None = None
    key_changes: Span | None = None
    forks: float = 0.0
    poison: float = 0.0
    rogue: float = 0.0
    restores: Restores = Restores()


@dataclass(frozen=True, slots=True, kw_only=True)
class People:
    """Cashiers and customers. `hasty`: cancels at a drawn moment; `spiteful`: cancels the moment the money moves;
    `late_scan`: a customer scans a QR far too late; `twice`: pays the same QR again; `shares`: holds one code under two
    guns; `rivals`: a second customer, perhaps with another wallet, pays the same QR; `returns`: goods come back.
    `hard`: the sandbox's worst scripts; `forged`:
    notifications that say too much; `late`: how often those scripts whose money comes too late."""

    tills: tuple[int, int] = (1, 3)
    sales: tuple[int, int] = (3, 7)
    pause: Span = (0.5, 20.0)
    qr_share: float = 0.35
    plain_share: float = 0.45
    hasty: float = 0.3
    spiteful: float = 0.05
    shares: float = 0.05
    twice: float = 0.1
    late_scan: float = 0.1
    second_scan: float = 0.1
    rivals: float = 0.15
    returns: float = 0.25
    hard: bool = True
    late: int = 0
    forged: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Selling:
    """What a cashier does beside codes and QRs. `cash`: chance that a sale is paid in cash from the start; `second`: of
    a tender in cash where a wallet try is in doubt or given up; `offline`: tills have what they need to sell without
    the line, and this is the chance that one whose line is down does; `late`: of a customer who opens an ORDER when it
    is long over. `rogue_orders`: chance of a terminal that signs ORDERs as it likes; `proof_keys`: how often the keys
    that sign proofs change. `static`: until the next passer-by pays the printed QR on the counter; None: there is
    none."""

    cash: float = 0.0
    second: float = 0.0
    offline: float = 0.0
    late: float = 0.0
    rogue_orders: float = 0.0
    proof_keys: Span | None = None
    static: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """`phones`: the customers' own network; None: as bad as the tills' lines. `odd`: of how many orders and refunds a
    wallet says what its own books do not bear out."""

    name: str
    line: LineFaults = LineFaults()
    phones: LineFaults | None = None
    selling: Selling = Selling()
    wallet: LineFaults = LineFaults()
    callbacks: LineFaults = LineFaults()
    odd: float = 0.0
    till_deaths: Deaths = Deaths()
    gateway_deaths: Deaths = Deaths()
    people: People = People()
    disks: Disks = Disks()
    clocks: Clocks = Clocks()
    troubles: Troubles = Troubles()
    faultless: bool = False
    late_money: bool = False


_CALM: Final = Profile(
    name="calm",
    people=People(
        hasty=0.3, spiteful=0.1, shares=0.0, twice=0.0, late_scan=0.1, second_scan=0.1, rivals=0.2, hard=False
    ),
    faultless=True,
)
_DEFAULT: Final = Profile(
    name="default",
    line=LineFaults(
        refused=0.02,
        lost_request=0.04,
        lost_answer=0.05,
        duplicated=0.05,
        slow=0.06,
        spoiled=0.04,
        outage_every=(30.0, 240.0),
    ),
    wallet=LineFaults(
        refused=0.02,
        lost_request=0.03,
        lost_answer=0.05,
        duplicated=0.04,
        slow=0.08,
        slow_delay=(0.5, 25.0),
        spoiled=0.05,
        outage_every=(60.0, 300.0),
    ),
    callbacks=LineFaults(
        refused=0.05, lost_request=0.15, lost_answer=0.1, duplicated=0.3, slow=0.2, slow_delay=(0.5, 40.0), spoiled=0.05
    ),
    till_deaths=Deaths(at_await=0.006, every=(20.0, 400.0)),
    gateway_deaths=Deaths(at_await=0.0015, every=(60.0, 600.0), down=(0.3, 8.0)),
    clocks=Clocks(till_off=0.2),
)
_STORM: Final = Profile(
    name="storm",
    line=LineFaults(
        refused=0.08,
        lost_request=0.12,
        lost_answer=0.15,
        duplicated=0.15,
        slow=0.2,
        slow_delay=(0.5, 120.0),
        spoiled=0.12,
        outage_every=(15.0, 90.0),
        outage_lasts=(2.0, 120.0),
    ),
    wallet=LineFaults(
        refused=0.08,
        lost_request=0.1,
        lost_answer=0.15,
        duplicated=0.12,
        slow=0.2,
        slow_delay=(0.5, 90.0),
        spoiled=0.15,
        outage_every=(30.0, 120.0),
        outage_lasts=(2.0, 90.0),
    ),
    callbacks=LineFaults(
        refused=0.1, lost_request=0.3, lost_answer=0.2, duplicated=0.5, slow=0.4, slow_delay=(0.5, 300.0), spoiled=0.1
    ),
    till_deaths=Deaths(at_await=0.01),
    gateway_deaths=Deaths(at_await=0.003),
    people=People(hasty=0.5, late_scan=0.25, second_scan=0.25, pause=(0.2, 8.0), late=1),
    clocks=Clocks(till_off=0.4),
    late_money=True,
)
_CRASH: Final = Profile(
    name="crash",
    line=LineFaults(lost_answer=0.02, duplicated=0.02),
    wallet=LineFaults(lost_answer=0.02, duplicated=0.02),
    till_deaths=Deaths(at_await=0.05, down=(0.1, 10.0)),
    gateway_deaths=Deaths(at_await=0.01, down=(0.1, 6.0)),
)

_SLOW: Final = Profile(
    name="slow",
    line=LineFaults(lost_answer=0.1, duplicated=0.1, slow=0.5, slow_delay=(0.5, 14.0)),
    wallet=LineFaults(lost_answer=0.1, duplicated=0.1, slow=0.5, slow_delay=(0.5, 28.0)),
    till_deaths=Deaths(at_await=0.01, every=(2.0, 40.0), down=(0.1, 2.0)),
    gateway_deaths=Deaths(at_await=0.001, every=(30.0, 300.0), down=(0.1, 3.0)),
    people=People(pause=(0.2, 5.0), qr_share=0.2, plain_share=0.4, hasty=0.6),
    disks=Disks(gateway_slow=0.06),
)
# A request that reaches the wallet after its absence was proven, and before its code is too old: late money.
_LATE: Final = Profile(
    name="late",
    wallet=LineFaults(slow=0.3, slow_delay=(44.0, 58.0)),
    people=People(pause=(0.2, 4.0), plain_share=0.5, qr_share=0.2, hasty=0.5, late=3),
    late_money=True,
)

#: The same, and cash is taken where a try was given up, by a till that hears of late money when its line is back.
_HELD: Final = replace(
    _LATE,
    name="held",
    line=LineFaults(outage_every=(8.0, 25.0), outage_lasts=(60.0, 150.0)),
    selling=Selling(second=0.8),
)

#: One trouble alone: the gateway's clock is set, a row that cannot be worked, lines on which calls for QRs fail.
_CLOCKS: Final = replace(
    _SLOW,
    name="clocks",
    disks=Disks(),
    gateway_deaths=Deaths(),
    clocks=Clocks(till_off=0.3, till_steps=(10.0, 90.0), gateway_steps=(5.0, 25.0)),
)
#: The gateway's clock is plainly wrong now and then, also when its program starts.
_LEAPS: Final = replace(
    _SLOW,
    name="leaps",
    disks=Disks(),
    gateway_deaths=Deaths(every=(30.0, 200.0), down=(0.1, 5.0)),
    clocks=Clocks(gateway_leaps=(15.0, 120.0)),
)
#: A wallet that contradicts itself.
_ODD: Final = replace(
    _CALM,
    name="odd",
    odd=0.6,
    people=replace(_CALM.people, hasty=0.5, returns=0.7, qr_share=0.3, spiteful=0.2, rivals=0.4),
    faultless=False,
)
_POISON: Final = replace(_CALM, name="poison", troubles=Troubles(poison=1.0), faultless=False)
_QR: Final = Profile(
    name="qr",
    wallet=LineFaults(refused=0.3, lost_request=0.1, lost_answer=0.2),
    people=People(qr_share=1.0, plain_share=0.6, hasty=0.1, pause=(0.2, 4.0)),
)

_FORGED: Final = replace(_CALM, name="forged", people=replace(_CALM.people, forged=0.8, qr_share=0.1), faultless=False)

#: Lines of tills that are down for minutes, phones that are not: what is sold is sold without the line, or in cash.
CUT_LINE: Final = LineFaults(
    lost_answer=0.03,
    duplicated=0.05,
    slow=0.05,
    outage_every=(3.0, 15.0),
    outage_lasts=(60.0, 300.0),
)
#: Wherever ORDERs are sold, in so many of the worlds, and so often.
ROGUE_ORDERS: Final = 0.3
PROOF_KEYS: Final = (60.0, 900.0)
PHONES: Final = LineFaults(lost_request=0.02, lost_answer=0.04, duplicated=0.05, slow=0.1, slow_delay=(0.2, 4.0))
_OFFLINE: Final = Profile(
    name="offline",
    line=CUT_LINE,
    phones=PHONES,
    till_deaths=Deaths(every=(60.0, 600.0), down=(0.3, 10.0)),
    people=People(tills=(1, 3), sales=(5, 9), qr_share=0.2, plain_share=0.7, pause=(0.5, 10.0)),
    troubles=Troubles(forks=0.3),
    clocks=Clocks(till_off=0.25),
    selling=Selling(cash=0.05, second=0.3, offline=0.9, late=0.1, rogue_orders=ROGUE_ORDERS, proof_keys=PROOF_KEYS),
)
_CASH: Final = Profile(
    name="cash",
    line=LineFaults(lost_answer=0.1, slow=0.1, outage_every=(20.0, 90.0), outage_lasts=(5.0, 60.0)),
    till_deaths=Deaths(every=(60.0, 600.0)),
    people=People(hasty=0.6, plain_share=0.3, pause=(0.2, 5.0)),
    selling=Selling(cash=0.25, second=0.8),
)

#: The store has a printed QR, and its tills' programs and lines come and go.
STATIC: Final[Span] = (1.0, 40.0)
_STATIC: Final = Profile(
    name="static",
    line=LineFaults(lost_answer=0.1, duplicated=0.1, slow=0.1, outage_every=(20.0, 120.0), outage_lasts=(2.0, 60.0)),
    wallet=LineFaults(lost_answer=0.05, slow=0.1, slow_delay=(0.5, 12.0)),
    callbacks=LineFaults(lost_request=0.2, duplicated=0.2, slow=0.3, slow_delay=(0.5, 60.0)),
    till_deaths=Deaths(at_await=0.03, every=(20.0, 200.0), down=(0.1, 20.0)),
    gateway_deaths=Deaths(at_await=0.002, every=(60.0, 400.0), down=(0.3, 6.0)),
    people=People(sales=(1, 3), plain_share=0.6),
    disks=Disks(till_fails=0.03),
    selling=Selling(static=STATIC),
)

#: The gateway's database is put back to an earlier copy of itself, in the middle of ordinary troubles.
RESTORES: Final = Restores(rate=1.0, again=0.15)
_RESTORED: Final = Profile(
    name="restored",
    line=LineFaults(lost_answer=0.04, duplicated=0.03, slow=0.05, outage_every=(20.0, 120.0)),
    wallet=LineFaults(refused=0.02, lost_answer=0.05, duplicated=0.03, slow=0.1, slow_delay=(0.5, 12.0)),
    callbacks=LineFaults(lost_request=0.2, lost_answer=0.1, duplicated=0.2, slow=0.4, slow_delay=(0.5, 60.0)),
    till_deaths=Deaths(every=(60.0, 600.0), down=(0.3, 10.0)),
    gateway_deaths=Deaths(every=(60.0, 400.0), down=(0.3, 6.0)),
    people=People(sales=(5, 9), pause=(0.5, 12.0), qr_share=0.5, hasty=0.4, late_scan=0.3, rivals=0.3),
    troubles=Troubles(restores=RESTORES),
    selling=Selling(cash=0.05, second=0.3),
)

PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        p.name: p
        for p in (
            _DEFAULT,
            _CALM,
            _STORM,
            _CRASH,
            _SLOW,
            _LATE,
            _HELD,
            _CLOCKS,
            _LEAPS,
            _ODD,
            _POISON,
            _QR,
            _FORGED,
            _OFFLINE,
            _CASH,
            _RESTORED,
            _STATIC,
        )
    }
)
