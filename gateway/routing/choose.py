"""The choice itself, pure: which of a merchant's channel accounts takes a payment, and every reason.

Rules
- An account of another wallet than the code's is never a candidate; nor is one that cannot do the page, for the page.
- Then the first rule that matches narrows (`gateway.routing.rules`). A wallet's own QR is made, without a rule, by the
  account marked for it.
- Passed over, while another is left: where this order's request never left; outside service hours; broken; probed.
- Of the rest: the cheapest, then the steadiest, then the one that serves longest, then as listed.
- When all would be passed over, the least bad is tried all the same: a shop must sell. It is said.
- It is made before the channel order and never again for it. A second account can only come with another payment of the
  order, and that is admitted only when the first is proven not paid (`gateway.payments.admit`).
Nothing found is an answer: the till is told `no_channel`, nothing is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Final

from msgspec import Struct

from gateway.routing.health import HealthState
from gateway.routing.rules import AccountTerms, Mode, RouteRequest, Rule, RuleOrder, matches

_NO_TERMS: Final = AccountTerms()


class Candidate(Struct, frozen=True, kw_only=True):
    """One channel account of a merchant. `shown_default`: it makes the QRs of the wallets themselves."""

    account_id: str
    merchant_id: str
    channel: str
    shown_default: bool
    terms: AccountTerms = _NO_TERMS


class Standing(Struct, frozen=True, kw_only=True):
    """An account as it stands at the moment of the choice. `probing`: another payment probes it.

    `unsteady`: the share of faults in tenths. `marked`: it makes the QRs of the wallets themselves.
    """

    account_id: str
    channel: str
    marked: bool = False
    pages: bool = False
    terms: AccountTerms = _NO_TERMS
    state: HealthState = HealthState.CLOSED
    probing: bool = False
    unsteady: int = 0


class Why(StrEnum):
    """Closed list. First those that pass an account over, then those that name what decided."""

    OTHER_WALLET = "other_wallet"
    NO_PAGE = "no_page"
    NOT_IN_RULE = "not_in_rule"
    NOT_MARKED = "not_marked"
    NEVER_LEFT = "never_left"
    OUT_OF_HOURS = "out_of_hours"
    BROKEN = "broken"
    BEING_PROBED = "being_probed"
    # about a rule, by its id
    RULE = "rule"
    RULE_HAS_NONE = "rule_has_none"
    # about the account that was chosen
    MARKED = "marked"
    ONLY_ONE = "only_one"
    PAYER_KNOWN = "payer_known"  # the page's payer signed in to this account
    CHEAPEST = "cheapest"
    STEADIEST = "steadiest"
    SERVES_LONGEST = "serves_longest"
    LISTED_FIRST = "listed_first"
    LEAST_BAD = "least_bad"
    PROBE = "probe"
    NOTHING_FITS = "nothing_fits"


#: In the order in which they are asked.
_CRITERIA: Final = (Why.CHEAPEST, Why.STEADIEST, Why.SERVES_LONGEST)


class RouteReason(Struct, frozen=True, kw_only=True):
    """`about`: an account's or a rule's id."""

    why: Why
    about: str = ""


class Decision(Struct, frozen=True, kw_only=True):
    """`chosen` None: no account fits. `standings`: everything that was looked at, so that it can be decided again."""

    request: RouteRequest
    standings: tuple[Standing, ...]
    chosen: Standing | None
    reasons: tuple[RouteReason, ...]

    @property
    def cost_fen(self) -> int:
        """What the chosen account will charge for it, by its terms."""
        return 0 if self.chosen is None else self.chosen.terms.estimate_fen(self.request.amount_fen)

    @property
    def probe(self) -> bool:
        """It is the one payment that finds out whether a broken account works again."""
        return self.chosen is not None and self.chosen.state is HealthState.HALF_OPEN


def choose(request: RouteRequest, standings: Sequence[Standing], rules: Sequence[Rule]) -> Decision:
    """`standings`: the merchant's own accounts. `rules`: as they are tried (`in_order`)."""
    said: list[RouteReason] = []
    fit = _passed(standings, said, _unfit(request))
    narrowed, rule = _ruled(request, fit, rules, said)
    usable = _passed(narrowed, said, _unusable(request))
    if usable:
        chosen = _best(request, usable, rule, said)
    elif narrowed:
        chosen = min(narrowed, key=lambda s: _badness(request, s))
        said.append(RouteReason(why=Why.LEAST_BAD, about=chosen.account_id))
    else:
        chosen = None
        said.append(RouteReason(why=Why.NOTHING_FITS))
    if chosen is not None and chosen.state is HealthState.HALF_OPEN:
        said.append(RouteReason(why=Why.PROBE, about=chosen.account_id))
    return Decision(request=request, standings=tuple(standings), chosen=chosen, reasons=tuple(said))


_Ground = Callable[[Standing], Why | None]


def _passed(standings: Sequence[Standing], said: list[RouteReason], ground: _Ground) -> list[Standing]:
    """Those without a ground against them; of the others the ground is said."""
    left: list[Standing] = []
    for standing in standings:
        why = ground(standing)
        if why is None:
            left.append(standing)
        else:
            said.append(RouteReason(why=why, about=standing.account_id))
    return left


def _unfit(request: RouteRequest) -> _Ground:
    def ground(standing: Standing) -> Why | None:
        if request.wallet is not None and standing.channel != request.wallet:
            return Why.OTHER_WALLET
        if request.mode is Mode.PAGE and not standing.pages:
            return Why.NO_PAGE
        return None

    return ground


def _unusable(request: RouteRequest) -> _Ground:
    def ground(standing: Standing) -> Why | None:
        if standing.account_id in request.not_sent:
            return Why.NEVER_LEFT
        if standing.terms.minutes_left(request.moment) == 0:
            return Why.OUT_OF_HOURS
        if standing.state is HealthState.OPEN:
            return Why.BROKEN
        if standing.state is HealthState.HALF_OPEN and standing.probing:
            return Why.BEING_PROBED
        return None

    return ground


def _ruled(
    request: RouteRequest, fit: list[Standing], rules: Sequence[Rule], said: list[RouteReason]
) -> tuple[list[Standing], Rule | None]:
    """What the first rule that matches leaves, in its own order. A rule without an account for this is passed over."""
    by_id = {standing.account_id: standing for standing in fit}
    for rule in rules:
        if not matches(rule, request):
            continue
        named = [
            by_id[account]
            for account in rule.accounts
            if account in by_id and (not rule.wallets or by_id[account].channel in rule.wallets)
        ]
        if not named:
            said.append(RouteReason(why=Why.RULE_HAS_NONE, about=rule.id))
            continue
        said.append(RouteReason(why=Why.RULE, about=rule.id))
        others = [standing for standing in fit if standing not in named]
        said += [RouteReason(why=Why.NOT_IN_RULE, about=standing.account_id) for standing in others]
        return named, rule
    marked = [standing for standing in fit if standing.marked]
    if request.mode is Mode.MERCHANT and marked:
        others = [standing for standing in fit if not standing.marked]
        said += [RouteReason(why=Why.NOT_MARKED, about=standing.account_id) for standing in others]
        said += [RouteReason(why=Why.MARKED, about=standing.account_id) for standing in marked]
        return marked, None
    return fit, None


def _best(request: RouteRequest, usable: list[Standing], rule: Rule | None, said: list[RouteReason]) -> Standing:
    """Criterion after criterion until one is left; the one that decided is said."""
    pool, decided = usable, Why.ONLY_ONE
    if rule is None or rule.order is RuleOrder.COST:
        for why in _CRITERIA:
            pool, more = _least(request, pool, why), len(pool)
            if len(pool) < more:
                decided = why
    if len(pool) > 1:
        decided = Why.LISTED_FIRST
    said.append(RouteReason(why=decided, about=pool[0].account_id))
    return pool[0]


def _least(request: RouteRequest, pool: list[Standing], criterion: Why) -> list[Standing]:
    worth = [_worth(request, standing, criterion) for standing in pool]
    least = min(worth)
    return [standing for standing, its in zip(pool, worth, strict=True) if its == least]


def _worth(request: RouteRequest, standing: Standing, criterion: Why) -> int:
    """The less the better."""
    match criterion:
        case Why.CHEAPEST:
            return standing.terms.cost_millionths(request.amount_fen)
        case Why.STEADIEST:
            return standing.unsteady
        case _:
            return -standing.terms.minutes_left(request.moment)


def _badness(request: RouteRequest, standing: Standing) -> tuple[bool, bool, bool, int, int]:
    """Where a request never left is a better try than a wallet that is asleep or known to be broken."""
    return (
        standing.state is HealthState.OPEN,
        standing.terms.minutes_left(request.moment) == 0,
        standing.account_id in request.not_sent,
        standing.unsteady,
        standing.terms.cost_millionths(request.amount_fen),
    )
